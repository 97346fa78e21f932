/*
 * parameter.c - parameters of a field, RFC 2045 5.1 and RFC 2231.
 *
 *     name=report.pdf                   plain
 *     name="a report.pdf"               quoted
 *     name*=utf-8''%D0%B0.pdf           in a charset: RFC 2231 section 4
 *     name*0="a long "; name*1="name"   in sections: RFC 2231 section 3
 *     name*0*=utf-8''%D0; name*1*=%B0   both
 *
 * The sections may come in any order. They are gathered first, as slices, and
 * put together then. Start reading at parameter_find(), at the end.
 * TUTORIAL.md, chapter 5.
 */
#define _POSIX_C_SOURCE 200809L
#include "parameter.h"
#include "charset.h"
#include "header.h"
#include "word.h"

#include <ctype.h>
#include <string.h>

enum { SECTIONS_MAX = 64 /* more than TEXT_SIZE octets need */ };

/* A value as it stands in the field. */
struct section {
    struct slice raw; /* with quotes, if it has them; .data NULL: not there */
    bool encoded;     /* percent-encoded */
};

/* All that was found under one name. */
struct found {
    struct section plain; /* name= */
    struct section whole; /* name*= */
    struct section sections[SECTIONS_MAX];
};

struct slice parameter_token(struct slice *rest)
{
    size_t length = 0;
    struct slice token;

    header_skip_cfws(rest, NULL);
    while (length < rest->size && rest->data[length] > ' ' &&
           !strchr("()<>@,;:\\\"/[]?=", rest->data[length]))
        length++;
    token = slice_first(*rest, length);
    *rest = slice_from(*rest, length);
    header_skip_cfws(rest, NULL);
    return token;
}

/* A name of a file, which often has blanks and parentheses in it, and should
 * have quotes then. */
static bool is_file_name(struct slice parameter)
{
    return slice_starts_with(parameter, "filename") ||
           slice_starts_with(parameter, "name");
}

/* value = token / quoted-string. A token ends at a blank; but the name of a
 * file goes on up to ";". An encoded word may have one in it. */
static struct slice take_value(struct slice *rest, bool file_name)
{
    struct slice start = *rest, value;
    struct text ignored;
    size_t end = 0;

    ignored.size = 0;
    if (slice_starts_with(start, "\"")) {
        header_quoted_string(rest, &ignored);
        return slice_first(start, start.size - rest->size);
    }
    if (file_name)
        end = word_length(start);
    while (end < start.size && start.data[end] != ';' &&
           (file_name || !isspace(start.data[end])))
        end++;
    value = slice_first(start, end);
    *rest = slice_from(start, end);
    return slice_trim(value);
}

/* Remember a value, if it belongs to name. suffix: what is behind the name,
 * "" or "*" or "*1" or "*1*". Of values that come twice the first counts. */
static void note(struct found *found, struct slice suffix, struct slice value)
{
    struct section *section = &found->plain;
    bool encoded = false;
    size_t number = 0;

    if (suffix.size > 1 && suffix.data[suffix.size - 1] == '*') {
        encoded = true;
        suffix.size--;
    }
    if (slice_is(suffix, "*")) {
        section = &found->whole;
        encoded = true;
    } else if (suffix.size > 0) {
        for (size_t i = 1; i < suffix.size && number < SECTIONS_MAX; i++) {
            if (!isdigit(suffix.data[i]))
                return;
            number = number * 10 + (suffix.data[i] - (size_t)'0');
        }
        if (number >= SECTIONS_MAX)
            return;
        section = &found->sections[number];
    }
    if (!section->raw.data)
        *section = (struct section){value, encoded};
}

/* Gather what the field says about name. */
static void gather(struct slice field, const char *name, struct found *found)
{
    memset(found, 0, sizeof(*found));
    while (field.size > 0) {
        struct slice token = parameter_token(&field), suffix, value;
        bool file_name = is_file_name(token);

        if (!slice_starts_with(field, "=")) { /* a type, or a ";", or junk */
            field = slice_from(field, token.size == 0);
            continue;
        }
        field = slice_trim_start(slice_from(field, 1));
        if (!file_name)
            header_skip_cfws(&field, NULL);
        value = take_value(&field, file_name);
        suffix = slice_from(token, strlen(name));
        if (slice_starts_with(token, name) &&
            (suffix.size == 0 || suffix.data[0] == '*'))
            note(found, suffix, value);
    }
}

/* ---- Values ------------------------------------------------------------- */

/* A value without quotes. */
static void unquote(struct slice raw, struct text *text)
{
    text->size = 0;
    if (slice_starts_with(raw, "\""))
        header_quoted_string(&raw, text);
    else
        text_add(text, raw.data, raw.size);
}

/* ext-octet = "%" 2HEXDIG */
static void decode_percent(struct slice in, struct text *octets)
{
    for (size_t i = 0; i < in.size; i++) {
        bool room = i + 2 < in.size;
        int high = room ? word_hex(in.data[i + 1]) : -1;
        int low = room ? word_hex(in.data[i + 2]) : -1;
        bool encoded = in.data[i] == '%' && high >= 0 && low >= 0;

        text_add_char(octets,
                      encoded ? (char)(high << 4 | low) : (char)in.data[i]);
        i += encoded ? 2 : 0;
    }
}

/* initial = [charset] "'" [language] "'"; cut it off *value */
static struct slice take_charset(struct slice *value)
{
    struct slice charset = slice_first(*value, slice_find(*value, '\''));
    struct slice language = slice_from(*value, charset.size + 1);
    size_t end = slice_find(language, '\'');

    if (end == language.size)
        return slice_first(*value, 0);
    *value = slice_from(language, end + 1);
    return charset;
}

/* Put the sections together, as octets, from the first one on: that is number
 * 0, but some senders count from 1. The charset goes to *charset. */
static void join(const struct section *sections, size_t count,
                 struct text *octets, struct text *charset)
{
    struct text value;
    size_t first = !sections[0].raw.data && count > 1;

    for (size_t i = first; i < count && sections[i].raw.data; i++) {
        struct slice rest;
        unquote(sections[i].raw, &value);
        rest = text_slice(&value);
        if (!sections[i].encoded) {
            text_add(octets, rest.data, rest.size);
            continue;
        }
        if (i == first) {
            struct slice name = take_charset(&rest);
            text_add(charset, name.data, name.size);
        }
        decode_percent(rest, octets);
    }
}

/* Append the value of name as it stands there. False if there is none. */
static bool find(struct slice field, const char *name, struct text *octets,
                 struct text *charset)
{
    struct found found;

    gather(field, name, &found);
    if (found.whole.raw.size > 0)
        join(&found.whole, 1, octets, charset);
    else if (found.sections[0].raw.data || found.sections[1].raw.data)
        join(found.sections, SECTIONS_MAX, octets, charset);
    else
        join(&found.plain, 1, octets, charset);
    return found.whole.raw.size > 0 || found.sections[0].raw.data ||
           found.sections[1].raw.data || found.plain.raw.data;
}

bool parameter_find(struct slice field, const char *name, struct text *text)
{
    struct text charset;

    charset.size = 0;
    return find(field, name, text, &charset);
}

bool parameter_file_name(struct slice field, const char *name,
                         struct text *text)
{
    struct text octets, charset, value;

    octets.size = charset.size = value.size = 0;
    if (!find(field, name, &octets, &charset))
        return false;
    if (charset.size == 0 ||
        !charset_to_text(text_slice(&charset), text_slice(&octets), &value))
        value = octets;
    word_decode(text_slice(&value), text);
    return true;
}
