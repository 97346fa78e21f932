/*
 * trace.c - a TLS connection told line by line, for people.
 *
 * All that comes from the client is shown as numbers with their names, in
 * hexadecimal, or with everything escaped that is not plain ASCII: what a
 * stranger sends must never reach a terminal as it is. Start reading at
 * trace_client_hello().
 * TUTORIAL.md, chapter 6.8.
 */
#include "trace.h"

#include "../handshake/client_hello.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    LINE_SIZE = 2048, /* what is longer is cut off */
    BYTES_SHOWN = 32,
};

/* A line that grows. */
struct line {
    char text[LINE_SIZE];
    size_t used;
};

static void add_arguments(struct line *line, const char *format,
                          va_list arguments)
{
    size_t left = sizeof line->text - line->used;
    int size = vsnprintf(line->text + line->used, left, format, arguments);

    if (size > 0)
        line->used += (size_t)size < left ? (size_t)size : left - 1;
}

static void add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    add_arguments(line, format, arguments);
    va_end(arguments);
}

static void finish(const struct trace *to, const struct line *line)
{
    to->line(to->context, line->text);
}

void trace(const struct trace *to, const char *format, ...)
{
    struct line line;
    va_list arguments;

    if (!to->line)
        return;
    line.used = 0;
    add(&line, "TLS ");
    va_start(arguments, format);
    add_arguments(&line, format, arguments);
    va_end(arguments);
    finish(to, &line);
}

void trace_record(const struct trace *to, char from, enum content_type type,
                  size_t size, bool is_protected)
{
    if (to->line)
        trace(to, "%c record: %s, %zu byte%s%s", from,
              name_of(content_type_names, type), size, size == 1 ? "" : "s",
              is_protected ? ", protected" : "");
}

void trace_message(const struct trace *to, char from, unsigned type,
                   size_t size)
{
    if (to->line)
        trace(to, "%c %s, %zu bytes", from, name_of(handshake_type_names, type),
              size);
}

void trace_alert(const struct trace *to, char from, unsigned alert)
{
    if (to->line)
        trace(to, "%c alert: %s(%u)", from, name_of(alert_names, alert), alert);
}

/* --- Fields -------------------------------------------------------------- */

static void add_hex(struct line *line, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size && i < BYTES_SHOWN; i++)
        add(line, "%02x", bytes.data[i]);
    if (bytes.size > BYTES_SHOWN)
        add(line, "... (%zu bytes)", bytes.size);
}

static void add_list(struct line *line, const struct name *names,
                     struct slice list)
{
    struct reader reader = reader_start(list);
    const char *comma = "";

    while (reader.left > 0) {
        unsigned number = reader_u16(&reader);

        add(line, "%s0x%04x %s", comma, number, name_of(names, number));
        comma = ", ";
    }
}

/* Printable ASCII as it is, all else as \x1b. */
static void add_escaped(struct line *line, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = bytes.data[i];

        if (byte > ' ' && byte <= '~' && byte != '\\')
            add(line, "%c", byte);
        else
            add(line, "\\x%02x", byte);
    }
}

void trace_bytes(const struct trace *to, const char *field, struct slice bytes)
{
    struct line line;

    if (!to->line)
        return;
    line.used = 0;
    add(&line, "TLS   %s: ", field);
    add_hex(&line, bytes);
    finish(to, &line);
}

void trace_list(const struct trace *to, const char *field,
                const struct name *names, struct slice list)
{
    struct line line;

    if (!to->line)
        return;
    line.used = 0;
    add(&line, "TLS   %s: ", field);
    add_list(&line, names, list);
    finish(to, &line);
}

/* --- Extensions of a ClientHello ----------------------------------------- */

/* Those that are a list of numbers which have names. */
static const struct {
    unsigned type;
    const struct name *names;
    size_t ceiling;
} lists[] = {
    {EXTENSION_SUPPORTED_GROUPS, group_names, 65535},
    {EXTENSION_SIGNATURE_ALGORITHMS, signature_names, 65534},
    {EXTENSION_SUPPORTED_VERSIONS, version_names, 254},
    {EXTENSION_SIGNATURE_ALGORITHMS_CERT, signature_names, 65534},
};

/* KeyShareEntry client_shares<0..2^16-1>: each group, and how long the share */
static void add_key_share(struct line *line, struct slice data)
{
    struct reader reader = reader_start(data);
    const char *comma = "";

    reader = reader_start(reader_vector(&reader, 0, 65535));
    while (reader.left > 0) {
        unsigned group = reader_u16(&reader);
        struct slice share = reader_vector(&reader, 0, 65535);

        add(line, "%s0x%04x %s (%zu bytes)", comma, group,
            name_of(group_names, group), share.size);
        comma = ", ";
    }
}

/* The text behind the lengths: RFC 6066 3 (one name), RFC 7301 3.1 (several) */
static void add_names(struct line *line, struct slice data, size_t skipped)
{
    struct reader reader = reader_start(data);

    reader_bytes(&reader, skipped);
    add_escaped(line, (struct slice){reader.next, reader.left});
}

static void add_content(struct line *line, unsigned type, struct slice data)
{
    struct reader reader = reader_start(data);

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i].type == type) {
            add_list(line, lists[i].names,
                     reader_vector(&reader, 0, lists[i].ceiling));
            return;
        }
    }
    if (type == EXTENSION_KEY_SHARE)
        add_key_share(line, data);
    else if (type == EXTENSION_SERVER_NAME)
        add_names(line, data, 2 + 1 + 2);
    else if (type == EXTENSION_ALPN)
        add_names(line, data, 2 + 1);
    else
        add_hex(line, data);
}

void trace_client_hello(const struct trace *to,
                        const struct client_hello *hello)
{
    struct reader reader = reader_start(hello->extensions);

    if (!to->line)
        return;
    trace(to, "  legacy_version: 0x%04x %s", hello->legacy_version,
          name_of(version_names, hello->legacy_version));
    trace_bytes(to, "random", hello->random);
    trace_bytes(to, "legacy_session_id", hello->legacy_session_id);
    trace_list(to, "cipher_suites", suite_names, hello->cipher_suites);
    while (reader.left > 0) {
        unsigned type = reader_u16(&reader);
        struct slice data = reader_vector(&reader, 0, 65535);
        struct line line;

        line.used = 0;
        add(&line, "TLS   %s(%u): ", name_of(extension_names, type), type);
        add_content(&line, type, data);
        finish(to, &line);
    }
}
