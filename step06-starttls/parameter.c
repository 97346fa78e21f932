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
#include "parameter.h"
#include "charset.h"
#include "header.h"
#include "word.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { SECTIONS_MAX = 64 /* more than real names need */ };

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

/* The name of a file often has blanks and parentheses in it, and no quotes. */
static bool is_file_name(struct slice parameter)
{
    return slice_starts_with(parameter, "filename") ||
           slice_starts_with(parameter, "name");
}

/*
 * value = token / quoted-string. A token ends at a blank; but the name of a
 * file, which should have quotes if there are blanks in it, goes on up to ";".
 * An encoded word may have a ";" in it.
 */
static struct slice take_value(struct slice *rest, bool file_name)
{
    struct slice start = *rest;
    struct text ignored;
    size_t end;

    ignored.size = 0;
    if (slice_starts_with(start, "\"")) {
        header_quoted_string(rest, &ignored);
        return slice_first(start, start.size - rest->size);
    }
    end = file_name ? word_length(start) : 0;
    while (end < start.size && start.data[end] != ';' &&
           (file_name || !isspace(start.data[end])))
        end++;
    *rest = slice_from(start, end);
    return slice_trim(slice_first(start, end));
}

/* Remember a value. suffix: what is after the name, "" or "*" or "*1" or "*1*".
 * If the same comes twice, the first counts. */
static void note(struct found *found, struct slice suffix, struct slice value)
{
    char text[8] = "", star = '*', more;
    struct section *section = NULL;
    bool whole = slice_is(suffix, "*");
    unsigned number;
    int count;

    if (suffix.size >= sizeof(text))
        return;
    if (suffix.size > 0)
        memcpy(text, suffix.data, suffix.size);
    count = sscanf(text, "*%2u%c%c", &number, &star, &more);
    if (whole || suffix.size == 0)
        section = whole ? &found->whole : &found->plain;
    else if ((count == 1 || count == 2) && star == '*' && number < SECTIONS_MAX)
        section = &found->sections[number];
    if (section && !section->raw.data)
        *section = (struct section){value, whole || count == 2};
}

/* Gather what the field says about name. */
static void gather(struct slice field, const char *name, struct found *found)
{
    memset(found, 0, sizeof(*found));
    while (field.size > 0) {
        struct slice token = parameter_token(&field), value;
        bool file_name = is_file_name(token);

        if (!slice_starts_with(field, "=")) { /* a type, or a ";", or junk */
            field = slice_from(field, token.size == 0);
            continue;
        }
        field = slice_trim_start(slice_from(field, 1));
        if (!file_name)
            header_skip_cfws(&field, NULL);
        value = take_value(&field, file_name);
        if (slice_starts_with(token, name))
            note(found, slice_from(token, strlen(name)), value);
    }
}

/* ---- Values ------------------------------------------------------------- */

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

/* Append the octets of the sections up to the first that is not there. Returns
 * the charset that the first one names. */
static struct slice join(const struct section *sections, size_t count,
                         struct text *octets)
{
    struct slice charset = {NULL, 0};

    for (size_t i = 0; i < count && sections[i].raw.data; i++) {
        struct slice raw = sections[i].raw;
        bool quoted = slice_starts_with(raw, "\"");

        if (quoted && !sections[i].encoded) {
            header_quoted_string(&raw, octets);
            continue;
        }
        if (quoted) /* against the rules, but seen */
            raw = slice_from(slice_first(raw, raw.size - 1), 1);
        if (sections[i].encoded && i == 0)
            charset = take_charset(&raw);
        if (sections[i].encoded)
            word_unescape(raw, '%', octets);
        else
            text_add(octets, raw);
    }
    return charset;
}

bool parameter_find(struct slice field, const char *name, struct text *text)
{
    struct found found;
    const struct section *sections = &found.plain;
    struct slice charset;
    struct text octets, value;
    size_t count = 1;

    gather(field, name, &found);
    if (found.whole.raw.size > 0) {
        sections = &found.whole;
    } else if (found.sections[0].raw.data || found.sections[1].raw.data) {
        sections = &found.sections[!found.sections[0].raw.data];
        count = SECTIONS_MAX - 1; /* some senders count from 1 */
    }
    octets.size = value.size = 0;
    charset = join(sections, count, &octets);
    if (is_file_name(slice_of(name))) {
        charset_to_text(charset, text_slice(&octets), &value);
        word_decode(text_slice(&value), text);
    } else {
        text_add(text, text_slice(&octets));
    }
    return sections->raw.data;
}
