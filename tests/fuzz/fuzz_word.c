/*
 * fuzz_word.c - any octets as encoded words, and as text in any charset.
 *
 * What comes out must be UTF-8. The first line of the input is the name of a
 * charset for the rest; a text that is converted in small pieces must come out
 * as the same text that is converted at once. Where octets are wrong that is
 * asked of UTF-8 alone, which is ours: how an iconv with a state finds its way
 * back depends on where a piece ended.
 */
#define _POSIX_C_SOURCE 200809L
#include "charset.h"
#include "utf8.h"
#include "word.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* A text that is full may end inside a character. */
static void must_be_utf8(struct slice text)
{
    bool full = text.size == TEXT_SIZE;

    while (text.size > 0) {
        bool valid;
        size_t length = utf8_length(text.data, text.size, &valid);

        must(length > 0 && length <= text.size);
        must(valid || (full && text.size < 4));
        text = slice_from(text, length);
    }
}

/* All of in, in pieces of step octets, as a program that reads a file does. */
static void convert_in_pieces(struct slice name, struct slice in, size_t step,
                              struct text *text)
{
    struct charset charset;
    struct slice piece = {in.data, 0};
    const unsigned char *end = in.data + in.size;

    charset_open(&charset, name);
    for (bool last = false; !last;) {
        char out[CHARSET_PIECE];
        size_t n, left = (size_t)(end - piece.data);

        piece.size = piece.size + step < left ? piece.size + step : left;
        last = piece.size == left;
        while ((n = charset_convert(&charset, &piece, out, last)))
            text_add(text, (struct slice){(unsigned char *)out, n});
    }
    iconv_close(charset.iconv);
}

static bool has_replacement(struct slice text)
{
    for (; text.size > 0; text = slice_from(text, 1))
        if (slice_starts_with(text, "\xEF\xBF\xBD"))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {data, size}, name;
    struct text text, again;

    text.size = again.size = 0;
    word_decode(in, &text);
    must_be_utf8(text_slice(&text));

    if (!slice_line(&in, &name))
        return 0;
    name = slice_trim(name);
    text.size = 0;
    if (!charset_is_known(name))
        return 0;
    charset_to_text(name, in, &text);
    must_be_utf8(text_slice(&text));
    if (!slice_is(name, "utf-8") && has_replacement(text_slice(&text)))
        return 0;
    convert_in_pieces(name, in, 1 + size % 7, &again);
    must(text.size == TEXT_SIZE || text.size == again.size);
    must(memcmp(text.data, again.data,
                text.size < again.size ? text.size : again.size) == 0);
    return 0;
}
