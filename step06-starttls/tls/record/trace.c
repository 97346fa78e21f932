/*
 * trace.c - a TLS connection told line by line, for people.
 *
 * The names are those of RFC 8446 and of the registries at IANA. No decision
 * depends on them.
 * TUTORIAL.md, chapter 6.8.
 */
#include "trace.h"

#include <stdarg.h>
#include <stdio.h>

static const struct name content_type_names[] = {
    {20, "change_cipher_spec"}, {21, "alert"}, {22, "handshake"},
    {23, "application_data"},   {0, NULL},
};

const struct name alert_names[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {0, NULL},
};

const char *name_of(const struct name *names, unsigned number)
{
    for (; names->name; names++)
        if (names->number == number)
            return names->name;
    if (number >> 8 == (number & 0xff) && (number & 0x0f) == 0x0a)
        return "GREASE";
    return "unknown";
}

void trace(const struct trace *to, const char *format, ...)
{
    char text[TRACE_LINE_SIZE] = "TLS ";
    va_list arguments;

    if (!to->line)
        return;
    va_start(arguments, format);
    vsnprintf(text + 4, sizeof text - 4, format, arguments);
    va_end(arguments);
    to->line(text);
}

void trace_record(const struct trace *to, char from, unsigned type, size_t size,
                  bool is_protected)
{
    if (to->line)
        trace(to, "%c record: %s, %zu byte%s%s", from,
              name_of(content_type_names, type), size, size == 1 ? "" : "s",
              is_protected ? ", protected" : "");
}

void trace_alert(const struct trace *to, char from, unsigned alert)
{
    if (to->line)
        trace(to, "%c alert: %s(%u)", from, name_of(alert_names, alert), alert);
}
