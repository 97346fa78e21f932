/*
 * text.c - pieces of text. See text.h for the idea. TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "text.h"
#include "utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct slice slice_of(const char *string)
{
    return (struct slice){(const unsigned char *)string, strlen(string)};
}

struct slice slice_from(struct slice slice, size_t offset)
{
    if (offset > slice.size)
        offset = slice.size;
    if (offset > 0) /* the pointer of an empty slice may be NULL */
        slice.data += offset;
    slice.size -= offset;
    return slice;
}

struct slice slice_first(struct slice slice, size_t size)
{
    return (struct slice){slice.data, size < slice.size ? size : slice.size};
}

struct slice slice_trim_start(struct slice slice)
{
    while (slice.size > 0 && isspace(slice.data[0]))
        slice = slice_from(slice, 1);
    return slice;
}

struct slice slice_trim(struct slice slice)
{
    slice = slice_trim_start(slice);
    while (slice.size > 0 && isspace(slice.data[slice.size - 1]))
        slice.size--;
    return slice;
}

bool slice_same(struct slice a, struct slice b)
{
    if (a.size != b.size || a.size == 0)
        return a.size == b.size;
    return strncasecmp((const char *)a.data, (const char *)b.data, a.size) == 0;
}

bool slice_is(struct slice slice, const char *string)
{
    return slice_same(slice, slice_of(string));
}

bool slice_starts_with(struct slice slice, const char *string)
{
    return slice_is(slice_first(slice, strlen(string)), string);
}

size_t slice_find(struct slice slice, char c)
{
    const unsigned char *found =
        slice.size > 0 ? memchr(slice.data, c, slice.size) : NULL;

    return found ? (size_t)(found - slice.data) : slice.size;
}

bool slice_line(struct slice *rest, struct slice *line)
{
    *line = slice_first(*rest, slice_find(*rest, '\n') + 1);
    *rest = slice_from(*rest, line->size);
    return line->size > 0;
}

/* ---- Text that is made -------------------------------------------------- */

struct slice text_slice(const struct text *text)
{
    return (struct slice){text->data, text->size};
}

void text_add(struct text *text, struct slice slice)
{
    slice = slice_first(slice, TEXT_SIZE - text->size);
    if (slice.size > 0)
        memcpy(text->data + text->size, slice.data, slice.size);
    text->size += slice.size;
}

void text_add_char(struct text *text, unsigned char c)
{
    text_add(text, (struct slice){&c, 1});
}

void text_show(FILE *out, struct slice slice)
{
    while (slice.size > 0) {
        bool valid;
        size_t length = utf8_length(slice.data, slice.size, &valid);

        if (slice.data[0] == '\t')
            fputc(' ', out);
        else if (valid && !utf8_is_harmful(slice.data, length))
            fwrite(slice.data, 1, length, out);
        else
            for (size_t i = 0; i < length; i++)
                fprintf(out, "\\x%02x", slice.data[i]);
        slice = slice_from(slice, length);
    }
}
