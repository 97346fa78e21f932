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

#include "../bytes/wire.h"
#include "alert.h"
#include "names.h"

/* Where the lines go. line is NULL if nobody watches: all functions here then
 * return at once. A line has no line end, and only printable ASCII in it. */
struct trace {
    void (*line)(void *context, const char *line);
    void *context;
};

struct client_hello;

/* One line, as printf(3) would write it. */
void trace(const struct trace *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A record of size bytes of content; `from` is '<' or '>'. */
void trace_record(const struct trace *to, char from, enum content_type type,
                  size_t size, bool is_protected);

/* A handshake message of size bytes, its header included. */
void trace_message(const struct trace *to, char from, unsigned type,
                   size_t size);

void trace_alert(const struct trace *to, char from, unsigned alert);

/* A field of a message: its bytes in hexadecimal, at most 32 of them. */
void trace_bytes(const struct trace *to, const char *field, struct slice bytes);

/* A field which is a list of uint16, by their names. */
void trace_list(const struct trace *to, const char *field,
                const struct name *names, struct slice list);

/* All fields and extensions of a ClientHello that was parsed. */
void trace_client_hello(const struct trace *to,
                        const struct client_hello *hello);

#endif
