/*
 * word.c - encoded words, RFC 2047.
 *
 * A header is ASCII by birth. What else is in it travels as encoded words:
 *
 *     =?koi8-r?B?8NLJ18XU?=       =?utf-8*en?Q?caf=C3=A9?=
 *       charset, encoding, text      with a language, RFC 2231 section 5
 *
 * An encoded word is short, so a long text is several, with folds between them
 * that do not count. Some senders cut in the middle of a character: so the
 * octets of neighbours in the same charset are joined first, and converted
 * after that. Start reading at word_decode(), at the end.
 * TUTORIAL.md, chapter 4.
 */
#include "word.h"
#include "base64.h"
#include "charset.h"

#include <ctype.h>
#include <stdlib.h>

enum {
    /* RFC 2047 section 2 says 75, but senders do not always count. This is
     * also how far we search for the end of a word. */
    ENCODED_WORD_MAX = 2048,
    /* Words of one text for which a charset is opened: that costs time. */
    CHARSETS_MAX = 64,
};

struct encoded_word {
    struct slice charset, encoding, text;
    size_t length; /* of all of it */
};

/* ---- One word ----------------------------------------------------------- */

/* Cut *rest after the next "?". False if there is none. */
static bool cut(struct slice *rest, struct slice *before)
{
    *before = slice_first(*rest, slice_find(*rest, '?'));
    *rest = slice_from(*rest, before->size + 1);
    return rest->size > 0;
}

/* encoded-word = "=?" charset ["*" language] "?" encoding "?" text "?=". There
 * should be no blank in it, and no fold, but senders fold where they like. */
static bool parse_word(struct slice in, struct encoded_word *word)
{
    struct slice rest = slice_from(slice_first(in, ENCODED_WORD_MAX), 2);
    struct slice before;

    if (!slice_starts_with(in, "=?") || !cut(&rest, &word->charset) ||
        !cut(&rest, &word->encoding))
        return false;
    word->charset =
        slice_trim(slice_first(word->charset, slice_find(word->charset, '*')));
    word->encoding = slice_trim(word->encoding);
    if (word->charset.size == 0 ||
        !(slice_is(word->encoding, "B") || slice_is(word->encoding, "Q")))
        return false;
    word->text = rest;
    do { /* a "?" in the text is wrong, but no reason to give up */
        if (!cut(&rest, &before))
            return false;
        if (before.size > 1 && before.data[before.size - 1] == '=' &&
            isspace(before.data[before.size - 2]))
            return false; /* the next word begins here: this was not closed */
    } while (rest.data[0] != '=');
    word->text.size = (size_t)(rest.data - 1 - word->text.data);
    word->length = (size_t)(rest.data + 1 - in.data);
    return true;
}

size_t word_length(struct slice in)
{
    struct encoded_word word;

    return parse_word(in, &word) ? word.length : 0;
}

int word_hex(struct slice in)
{
    if (in.size < 2 || !isxdigit(in.data[0]) || !isxdigit(in.data[1]))
        return -1;
    return (int)strtol((char[]){(char)in.data[0], (char)in.data[1], '\0'}, NULL,
                       16);
}

void word_unescape(struct slice in, char escape, struct text *octets)
{
    while (in.size > 0) {
        unsigned char c = in.data[0];
        int octet = c == escape ? word_hex(slice_from(in, 1)) : -1;

        if (octet >= 0)
            text_add_char(octets, (unsigned char)octet);
        else if (c != '\n')
            text_add_char(octets, c == '_' && escape == '=' ? ' ' : c);
        in = slice_from(in, octet >= 0 ? 3 : 1);
    }
}

/* Append the octets of a word: of "B", RFC 2047 4.1, or of "Q", 4.2. */
static void decode(const struct encoded_word *word, struct text *octets)
{
    unsigned char out[ENCODED_WORD_MAX];
    struct base64 state = {0};

    if (slice_is(word->encoding, "Q"))
        word_unescape(word->text, '=', octets);
    else
        text_add(octets,
                 (struct slice){out, base64_decode(&state, word->text, out)});
}

/* ---- A text with words in it -------------------------------------------- */

/* Convert the octets of neighbours, if there are any. */
static void end_run(struct slice *charset, struct text *octets,
                    struct text *text)
{
    if (charset->data)
        charset_to_text(*charset, text_slice(octets), text);
    charset->data = NULL;
    octets->size = 0;
}

/* Append as much of in as is certainly no encoded word, less a line end at its
 * start: that unfolds it. Returns the rest. */
static struct slice take_plain(struct slice in, struct text *text)
{
    size_t length = 1;

    while (length < in.size && in.data[length] != '=' &&
           !isspace(in.data[length]))
        length++;
    charset_to_text(slice_of("utf-8"),
                    slice_from(slice_first(in, length), in.data[0] == '\n'),
                    text);
    return slice_from(in, length);
}

void word_decode(struct slice in, struct text *text)
{
    struct slice charset = {NULL, 0}; /* of the word before; none: NULL */
    struct text octets;
    struct encoded_word word;
    unsigned opened = 0;

    octets.size = 0;
    while (in.size > 0 && text->size < TEXT_SIZE) {
        /* blanks between two words do not count */
        struct slice next = charset.data ? slice_trim_start(in) : in;
        bool is_word = parse_word(next, &word);
        bool same =
            is_word && charset.data && slice_same(charset, word.charset);

        if (same || (is_word && opened++ < CHARSETS_MAX &&
                     charset_is_known(word.charset))) {
            if (!same)
                end_run(&charset, &octets, text);
            charset = word.charset;
            decode(&word, &octets);
            in = slice_from(next, word.length);
        } else {
            end_run(&charset, &octets, text);
            in = take_plain(in, text);
        }
    }
    end_run(&charset, &octets, text);
}
