#ifndef TRACE_H
#define TRACE_H

/*
 * trace.h - what happens in a TLS connection, told line by line to whoever
 * wants to watch (`smtpd -v`): records, messages, alerts and the key schedule
 * under the names of RFC 8446. Never a secret: that is what keylog.h is for.
 *
 *     TLS < ...   the client sent it          TLS > ...   we sent it
 *     TLS   ...   a field of the message      TLS = ...   computed by us
 * TUTORIAL.md, chapter 6.8.
 */

#include <stdbool.h>
#include <stddef.h>

enum { TRACE_LINE_SIZE = 2048 }; /* what is longer is cut off */

/* Where the lines go. line is NULL if nobody watches: all functions here then
 * return at once. A line has no line end, and only printable ASCII in it. */
struct trace {
    void (*line)(const char *line);
};

/* One line, as printf(3) would write it. */
void trace(const struct trace *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A record of size bytes of content; `from` is '<' or '>'. */
void trace_record(const struct trace *to, char from, unsigned type, size_t size,
                  bool is_protected);

void trace_alert(const struct trace *to, char from, unsigned alert);

/* A table of numbers and their names, ended by a name of NULL. */
struct name {
    unsigned number;
    const char *name;
};

extern const struct name alert_names[];

/*
 * The name of number in names; "GREASE" for the values that clients make up
 * so that servers stay used to unknown ones (RFC 8701); else "unknown".
 */
const char *name_of(const struct name *names, unsigned number);

#endif
