/*
 * show.c - the handshake, shown to people.
 *
 * All that comes from the client is shown as numbers with their names, in
 * hexadecimal, or with everything escaped that is not plain ASCII: what a
 * stranger sends must never reach a terminal as it is. Start reading at
 * trace_client_hello().
 * TUTORIAL.md, chapter 6.10.
 */
#include "show.h"

#include "names.h"

#include <stdarg.h>
#include <stdio.h>

enum { BYTES_SHOWN = 32 };

/* A line that grows, until it is full. */
struct line {
    char text[TRACE_LINE_SIZE];
    size_t used;
};

static void add(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    size_t left = sizeof line->text - line->used;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(line->text + line->used, left, format, arguments);
    va_end(arguments);
    if (size > 0)
        line->used += (size_t)size < left ? (size_t)size : left - 1;
}

/* --- Fields -------------------------------------------------------------- */

static void add_hex(struct line *line, struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size && i < BYTES_SHOWN; i++)
        add(line, "%02x", bytes.data[i]);
    if (bytes.size > BYTES_SHOWN)
        add(line, "... (%zu bytes)", bytes.size);
}

/* Numbers by their names; in a KeyShareEntry a vector follows each. */
static void add_list(struct line *line, const struct name *names,
                     struct bytes list, bool is_key_share)
{
    struct reader reader = reader_start(list);
    const char *comma = "";

    while (reader.left > 0) {
        unsigned number = reader_u16(&reader);

        add(line, "%s0x%04x %s", comma, number, name_of(names, number));
        if (is_key_share)
            add(line, " (%zu bytes)", reader_vector(&reader, 0, 65535).size);
        comma = ", ";
    }
}

void trace_message(const struct trace *to, char from, unsigned type,
                   size_t size)
{
    if (to->line)
        trace(to, "%c %s, %zu bytes", from, name_of(handshake_type_names, type),
              size);
}

void trace_bytes(const struct trace *to, const char *field, struct bytes bytes)
{
    struct line line = {.used = 0};

    if (!to->line)
        return;
    add_hex(&line, bytes);
    trace(to, "  %s: %s", field, line.text);
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
    {EXTENSION_KEY_SHARE, group_names, 65535},
};

/* The text after the lengths: RFC 6066 3 (one name), RFC 7301 3.1 (several).
 * Printable ASCII is shown as it is, all else in the form \x1b. */
static void add_names(struct line *line, struct bytes data, size_t skipped)
{
    for (size_t i = skipped; i < data.size; i++) {
        unsigned char byte = data.data[i];

        if (byte > ' ' && byte <= '~' && byte != '\\')
            add(line, "%c", byte);
        else
            add(line, "\\x%02x", byte);
    }
}

static void add_content(struct line *line, unsigned type, struct bytes data)
{
    struct reader reader = reader_start(data);

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (lists[i].type == type) {
            add_list(line, lists[i].names,
                     reader_vector(&reader, 0, lists[i].ceiling),
                     type == EXTENSION_KEY_SHARE);
            return;
        }
    }
    if (type == EXTENSION_SERVER_NAME)
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
    struct line line;

    if (!to->line)
        return;
    line.used = 0;
    trace(to, "  legacy_version: 0x%04x %s", hello->legacy_version,
          name_of(version_names, hello->legacy_version));
    trace_bytes(to, "random", hello->random);
    trace_bytes(to, "legacy_session_id", hello->legacy_session_id);
    add_list(&line, suite_names, hello->cipher_suites, false);
    trace(to, "  cipher_suites: %s", line.text);
    while (reader.left > 0) {
        unsigned type = reader_u16(&reader);
        struct bytes data = reader_vector(&reader, 0, 65535);

        line.used = 0;
        line.text[0] = '\0';
        add_content(&line, type, data);
        trace(to, "  %s(%u): %s", name_of(extension_names, type), type,
              line.text);
    }
}
