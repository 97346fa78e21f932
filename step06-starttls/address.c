/*
 * address.c - lists of addresses, RFC 5322 3.4.
 *
 *     Pete <pete@silly.test>, "Smith, A." <a@b.c>, c@d.e (Old Style),
 *     Friends: x@y.z, <@route:u@v.w>;
 *
 * What stands before "<" is a name, and what stands alone is an address, but
 * which of the two it is shows only later: so it is collected as both. Start
 * reading at address_next(), at the end. TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "address.h"
#include "charset.h"
#include "header.h"
#include "word.h"

#include <string.h>

enum { ROUTE_MAX = 512 /* how far the end of a route is looked for */ };

/* What has been seen of one mailbox. */
struct pieces {
    struct text phrase;  /* the words, as a name */
    struct text bare;    /* the words, as an address: no blanks */
    struct text comment; /* the last one */
    struct text angle;   /* what is between "<" and ">" */
    bool has_angle;
    bool several; /* words that no address has side by side */
};

static bool is_special(unsigned char c)
{
    return c == ',' || c == ';' || c == ':' || c == '<' || c == '>' ||
           c == '"' || c == '(' || c == ' ' || c == '\t' || c == '\n';
}

/* The length of the atom, or of several with dots and "@" between them; of one
 * octet that has no business here. An encoded word may be glued to it. */
static size_t atom_length(struct slice rest)
{
    bool literal = false; /* [IPv6:::1], RFC 5321 4.1.3 */
    size_t length = 0;

    for (; length < rest.size; length++) {
        unsigned char c = rest.data[length];
        if ((is_special(c) && !(c == ':' && literal)) ||
            (length > 0 && slice_starts_with(slice_from(rest, length), "=?")))
            break;
        literal = c == '[' || (literal && c != ']');
    }
    return length > 0 ? length : 1;
}

/* Take a quoted-string for both: a name without quotes, an address with. */
static void take_quoted(struct slice *rest, struct pieces *pieces)
{
    struct slice start = *rest;

    header_quoted_string(rest, &pieces->phrase);
    text_add(&pieces->bare, start.data, (size_t)(rest->data - start.data));
}

/* True if a blank between what is in text and the octet c parts two words. It
 * may stand around a dot or an "@", RFC 5322 4.4, and says nothing there. */
static bool parts_words(const struct text *text, unsigned char c)
{
    return text->size > 0 && !strchr(".@", text->data[text->size - 1]) &&
           c != '.' && c != '@';
}

/* obs-route = "@" domain *( "," "@" domain ) ":"; to be ignored */
static void skip_route(struct slice *rest)
{
    struct slice start = slice_first(*rest, ROUTE_MAX);
    size_t colon = slice_find(start, ':');

    if (slice_starts_with(start, "@") && colon < slice_find(start, '>'))
        *rest = slice_from(*rest, colon + 1);
}

/* angle-addr = "<" [obs-route] addr-spec ">" */
static void take_angle(struct slice *rest, struct pieces *pieces)
{
    pieces->has_angle = true;
    pieces->angle.size = 0;
    *rest = slice_from(*rest, 1);
    skip_route(rest);
    for (;;) {
        size_t before = rest->size;
        struct slice start;
        struct text ignored;

        header_skip_cfws(rest, NULL);
        if (rest->size == 0 || rest->data[0] == '>' || rest->data[0] == ',')
            break;
        if (rest->size < before && parts_words(&pieces->angle, rest->data[0]))
            text_add_char(&pieces->angle, ' '); /* two words are not one */
        start = *rest;
        if (start.data[0] == '<') { /* as in <<a@b>> */
            pieces->angle.size = 0;
            *rest = slice_from(start, 1);
            continue;
        }
        ignored.size = 0;
        if (start.data[0] == '"')
            header_quoted_string(rest, &ignored);
        else
            *rest = slice_from(start, atom_length(start));
        text_add(&pieces->angle, start.data, (size_t)(rest->data - start.data));
    }
    if (slice_starts_with(*rest, ">"))
        *rest = slice_from(*rest, 1);
}

/* An address has no encoded words in it: RFC 2047 section 5 (3). Decoded, one
 * could look like two. But a sender without any address has maybe a name. */
static void add_spec(struct slice spec, bool bare, struct text *text)
{
    static const struct slice utf8 = {NULL, 0};

    if (bare && slice_find(spec, '@') == spec.size)
        word_decode(spec, text);
    else
        charset_to_text(utf8, spec, text);
}

/* The name and the address, from what was seen. False if that was nothing. */
static bool settle(const struct pieces *pieces, struct address *address)
{
    const struct text *spec = pieces->has_angle ? &pieces->angle
                              : pieces->several ? &pieces->phrase
                                                : &pieces->bare;
    const struct text *name = pieces->has_angle && pieces->phrase.size > 0
                                  ? &pieces->phrase
                                  : &pieces->comment;

    address->name.size = address->spec.size = 0;
    if (!pieces->has_angle && spec->size == 0)
        return false;
    word_decode(slice_trim(text_slice(name)), &address->name);
    add_spec(text_slice(spec), !pieces->has_angle, &address->spec);
    return true;
}

static void start(struct pieces *pieces)
{
    pieces->phrase.size = pieces->bare.size = 0;
    pieces->comment.size = pieces->angle.size = 0;
    pieces->has_angle = pieces->several = false;
}

/* One word of a mailbox; a blank before it is a blank in the name. An encoded
 * word is one word even with a comma in it: RFC 2047 5 (3) forbids that, and
 * senders do it. */
static void take_word(struct slice *rest, struct pieces *pieces, bool blank)
{
    size_t length;

    if (blank && pieces->phrase.size > 0)
        text_add_char(&pieces->phrase, ' ');
    if (blank && parts_words(&pieces->bare, rest->data[0]))
        pieces->several = true;
    if (rest->data[0] == '"') {
        take_quoted(rest, pieces);
        return;
    }
    length = word_length(*rest);
    if (length == 0)
        length = atom_length(*rest);
    text_add(&pieces->phrase, rest->data, length);
    text_add(&pieces->bare, rest->data, length);
    *rest = slice_from(*rest, length);
}

bool address_next(struct slice *rest, struct address *address)
{
    struct pieces pieces;

    start(&pieces);
    while (rest->size > 0) {
        size_t before = rest->size;
        unsigned char c;

        header_skip_cfws(rest, &pieces.comment);
        if (rest->size == 0)
            break;
        c = rest->data[0];
        if (c == '<') {
            take_angle(rest, &pieces);
        } else if (c == ',' || c == ';') {
            *rest = slice_from(*rest, 1);
            if (settle(&pieces, address))
                return true;
            start(&pieces);
        } else if (c == '>') { /* of nothing that is open */
            *rest = slice_from(*rest, 1);
        } else if (c == ':') { /* what was before is the name of a group */
            *rest = slice_from(*rest, 1);
            start(&pieces);
        } else {
            take_word(rest, &pieces, rest->size != before);
        }
    }
    return settle(&pieces, address);
}
