/*
 * word.c - encoded words, RFC 2047.
 *
 * A header is ASCII by birth. What else is in it travels as encoded words:
 *
 *     =?koi8-r?B?8NLJ18XU?=       =?utf-8*en?Q?caf=C3=A9?=
 *       charset, encoding, text      with a language, RFC 2231 section 5
 *
 * An encoded word is short, so a long text is several, with folds between them
 * that do not count. Some senders cut between them in the middle of a
 * character: so the octets of neighbours with one charset are put together
 * first, and converted then. Start reading at word_decode(), at the end.
 * TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "word.h"
#include "base64.h"
#include "charset.h"

#include <ctype.h>

enum {
    /* RFC 2047 section 2 says 75, but senders do not always count. It is
     * also how far the end of a word is looked for. */
    ENCODED_WORD_MAX = 2048,
    /* Of one text; more than TEXT_SIZE octets need. A charset costs time. */
    WORDS_MAX = 256,
};

struct encoded_word {
    struct slice whole, charset, encoded_text;
    bool base64; /* else "Q" */
};

/* Neighbours in one charset, from the start of the first one on. */
struct run {
    struct slice charset, whole;
    struct text octets;
};

int word_hex(unsigned char c)
{
    if (isdigit(c))
        return c - '0';
    c = (unsigned char)tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cut *rest behind the next "?". False if there is none. */
static bool cut_at_question_mark(struct slice *rest, struct slice *before)
{
    size_t end = slice_find(*rest, '?');

    if (end == rest->size)
        return false;
    *before = slice_first(*rest, end);
    *rest = slice_from(*rest, end + 1);
    return true;
}

/* True if what is before a "?" ends in a blank and "=": the next encoded word
 * begins there, and the one before was never closed. */
static bool starts_word(struct slice before)
{
    struct slice last = slice_from(before, before.size - 1);

    return before.size > 1 && slice_is(last, "=") &&
           slice_trim(slice_first(before, before.size - 1)).size <
               before.size - 1;
}

/* encoded-word = "=?" charset ["*" language] "?" encoding "?" text "?=", of
 * which the first two octets have been seen. There should be no blank in it,
 * and no fold, but senders fold where they like. */
static bool parse_word(struct slice in, struct encoded_word *word)
{
    struct slice rest = slice_from(slice_first(in, ENCODED_WORD_MAX), 2);
    struct slice encoding, text_start, before;

    if (!cut_at_question_mark(&rest, &word->charset) ||
        !cut_at_question_mark(&rest, &encoding))
        return false;
    word->charset = slice_first(word->charset, slice_find(word->charset, '*'));
    word->charset = slice_trim(word->charset);
    encoding = slice_trim(encoding);
    word->base64 = slice_is(encoding, "B");
    if (word->charset.size == 0 || !(word->base64 || slice_is(encoding, "Q")))
        return false;
    text_start = rest;
    do { /* a "?" in the text is wrong, but no reason to give up */
        if (!cut_at_question_mark(&rest, &before) || starts_word(before))
            return false;
    } while (!slice_starts_with(rest, "="));
    word->encoded_text =
        slice_first(text_start, (size_t)(rest.data - text_start.data) - 1);
    word->whole = slice_first(in, (size_t)(rest.data - in.data) + 1);
    return true;
}

size_t word_length(struct slice in)
{
    struct encoded_word word;

    if (!slice_starts_with(in, "=?") || !parse_word(in, &word))
        return 0;
    return word.whole.size;
}

/* The "Q" encoding, RFC 2047 4.2; of a fold the blank stays. */
static void decode_q(struct slice in, struct text *octets)
{
    for (size_t i = 0; i < in.size; i++) {
        bool room = i + 2 < in.size;
        int high = room ? word_hex(in.data[i + 1]) : -1;
        int low = room ? word_hex(in.data[i + 2]) : -1;

        if (in.data[i] == '=' && high >= 0 && low >= 0) {
            text_add_char(octets, (char)(high << 4 | low));
            i += 2;
        } else if (in.data[i] != '\n') {
            text_add_char(octets, in.data[i] == '_' ? ' ' : (char)in.data[i]);
        }
    }
}

/* The "B" encoding, RFC 2047 4.1; junk is passed over, as in a body. */
static void decode_b(struct slice in, struct text *octets)
{
    unsigned char out[ENCODED_WORD_MAX];
    struct base64 state = {0};

    text_add(octets, out, base64_decode(&state, in.data, in.size, out));
}

/* Add a word to the run. */
static void extend_run(struct run *run, const struct encoded_word *word)
{
    if (word->base64)
        decode_b(word->encoded_text, &run->octets);
    else
        decode_q(word->encoded_text, &run->octets);
    if (run->whole.size == 0) {
        run->whole.data = word->whole.data;
        run->charset = word->charset;
    }
    run->whole.size =
        (size_t)(word->whole.data + word->whole.size - run->whole.data);
}

/* Text that is not encoded: unfold it, which is to leave the line ends out. */
static void add_plain(struct slice in, struct text *text)
{
    static const struct slice utf8 = {NULL, 0};
    struct slice line;

    while (slice_line(&in, &line)) {
        if (line.data[line.size - 1] == '\n')
            line.size--;
        charset_to_text(utf8, line, text);
    }
}

/* Convert a run and start the next one. */
static void end_run(struct run *run, struct text *text)
{
    if (run->whole.size > 0 &&
        !charset_to_text(run->charset, text_slice(&run->octets), text))
        add_plain(run->whole, text); /* as it was */
    run->whole.size = run->octets.size = 0;
}

/* The length of what is certainly not the start of an encoded word. */
static size_t plain_length(struct slice in)
{
    size_t length = 1;

    while (length < in.size && in.data[length] != '=' &&
           in.data[length] != ' ' && in.data[length] != '\n' &&
           in.data[length] != '\t')
        length++;
    return length;
}

void word_decode(struct slice in, struct text *text)
{
    struct run run;
    struct encoded_word word;
    unsigned words = 0;

    run.whole.size = run.octets.size = 0;
    while (in.size > 0 && text->size < TEXT_SIZE) {
        bool continues = run.whole.size > 0; /* then blanks do not count */
        struct slice next = continues ? slice_trim_start(in) : in;

        if (slice_starts_with(next, "=?") && words++ < WORDS_MAX &&
            parse_word(next, &word)) {
            if (continues && !slice_same(run.charset, word.charset))
                end_run(&run, text);
            extend_run(&run, &word);
            in = slice_from(next, word.whole.size);
            continue;
        }
        end_run(&run, text);
        add_plain(slice_first(in, plain_length(in)), text);
        in = slice_from(in, plain_length(in));
    }
    end_run(&run, text);
}
