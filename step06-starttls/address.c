/*
 * address.c - lists of addresses, RFC 5322 3.4.
 *
 *     Pete <pete@silly.test>, "Smith, A." <a@b.c>, c@d.e (Old Style),
 *     Friends: x@y.z, <@route:u@v.w>;
 *
 * What comes before "<" is a name, and what comes alone is an address, but
 * only later it turns out which of the two it is: so it is kept as both. Start
 * reading at address_list(), at the end. TUTORIAL.md, chapter 4.
 */
#include "address.h"
#include "charset.h"
#include "header.h"
#include "word.h"

#include <string.h>

/* What has been read of one mailbox. */
struct mailbox {
    struct text phrase;  /* the words, as a name: those before "<" */
    struct text spec;    /* the words, as an address: only those after "<", as
                            soon as there is one */
    struct text comment; /* the last one */
    bool angle, inside;  /* there was a "<"; and no ">" yet */
};

static void start(struct mailbox *mailbox)
{
    mailbox->phrase.size = mailbox->spec.size = mailbox->comment.size = 0;
    mailbox->angle = mailbox->inside = false;
}

/* The length of the word that in starts with: an encoded word (with signs in it
 * that RFC 2047 5 (3) forbids: senders do it), or an atom, or several with dots
 * and "@" between them, up to an encoded word that is glued to it. */
static size_t word_size(struct slice in)
{
    bool literal = false; /* [IPv6:::1], RFC 5321 4.1.3 */
    size_t length = word_length(in);

    if (length > 0)
        return length;
    do {
        unsigned char c = in.data[length++];
        literal = c == '[' || (literal && c != ']');
    } while (length < in.size &&
             (!strchr("<>,;:\"( \t\n", in.data[length]) ||
              (in.data[length] == ':' && literal)) &&
             !slice_starts_with(slice_from(in, length), "=?"));
    return length;
}

/* One word of a mailbox; blank: a blank came before it. It is kept in the name,
 * and in the address too, where two words must not become one; but around a dot
 * or an "@" it means nothing, RFC 5322 4.4. */
static void take_word(struct slice *rest, struct mailbox *mailbox, bool blank)
{
    struct text *spec = &mailbox->spec, ignored;
    struct text *phrase = mailbox->angle ? &ignored : &mailbox->phrase;
    struct slice word = *rest;

    ignored.size = 0;
    if (blank && phrase->size > 0)
        text_add_char(phrase, ' ');
    if (word.data[0] == '"') {
        header_quoted_string(rest, phrase);
        word.size -= rest->size;
    } else {
        word.size = word_size(word);
        text_add(phrase, word);
        *rest = slice_from(*rest, word.size);
    }
    if (mailbox->angle && !mailbox->inside)
        return;
    if (blank && spec->size > 0 && !strchr(".@", word.data[0]) &&
        !strchr(".@", spec->data[spec->size - 1]))
        text_add_char(spec, ' ');
    text_add(spec, word);
}

/* A name with a character in it that is special in a list is quoted, so that no
 * name can look like one more address. RFC 5322 3.2.4. */
static void add_name(struct slice name, struct text *out)
{
    bool quote = false;

    for (const char *special = "()<>[]:;@\\,\""; *special; special++)
        quote = quote || slice_find(name, *special) < name.size;
    text_add(out, slice_of(quote ? "\"" : ""));
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            text_add_char(out, '\\');
        text_add_char(out, name.data[i]);
    }
    text_add(out, slice_of(quote ? "\"" : ""));
}

/*
 * Append what was read, as "name <address>". An address has no encoded words in
 * it, RFC 2047 5 (3): decoded, one could look like two. But lone words, with no
 * address at all, may be a name.
 */
static void add_mailbox(const struct mailbox *mailbox, struct text *out)
{
    struct slice spec = text_slice(&mailbox->spec);
    bool lone = !mailbox->angle && mailbox->comment.size == 0 &&
                slice_find(spec, '@') == spec.size;
    bool named = lone || (mailbox->angle && mailbox->phrase.size > 0);
    struct text name;

    name.size = 0;
    word_decode(text_slice(named ? &mailbox->phrase : &mailbox->comment),
                &name);
    text_add(out, slice_of(out->size > 0 ? ", " : ""));
    add_name(text_slice(&name), out);
    if (!lone) {
        text_add(out, slice_of(name.size > 0 ? " <" : ""));
        charset_to_text(slice_of("utf-8"), spec, out);
        text_add(out, slice_of(name.size > 0 ? ">" : ""));
    }
    if (out->size == TEXT_SIZE) /* an address cut short must look cut short */
        memcpy(out->data + TEXT_SIZE - 3, "...", 3);
}

void address_list(struct slice value, struct text *out)
{
    struct mailbox mailbox;
    struct text *spec = &mailbox.spec;

    start(&mailbox);
    for (bool more = true; more && out->size < TEXT_SIZE;) {
        bool route = mailbox.inside && spec->size > 0 && spec->data[0] == '@';
        size_t before = value.size;
        unsigned char c;

        header_skip_cfws(&value, mailbox.inside ? NULL : &mailbox.comment);
        more = value.size > 0;
        c = more ? value.data[0] : '\0';
        if (c == '<') {
            mailbox.angle = mailbox.inside = true;
            spec->size = 0;
        } else if (c == '>') {
            mailbox.inside = false;
        } else if (c == ':' && route) { /* to be ignored, RFC 5322 4.4 */
            spec->size = 0;
        } else if (c == ':' && !mailbox.inside) { /* the name of a group */
            start(&mailbox);
        } else if (!more || (c == ',' && !route) ||
                   (c == ';' && !mailbox.inside)) {
            if (mailbox.angle || spec->size > 0)
                add_mailbox(&mailbox, out);
            start(&mailbox);
        } else if (c != ',') {
            take_word(&value, &mailbox, value.size != before);
            continue;
        }
        value = slice_from(value, 1);
    }
}
