/*
 * slice.c - a piece of the message. See slice.h for the idea. TUTORIAL.md,
 * chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "slice.h"

#include <string.h>
#include <strings.h>

struct slice slice_from(struct slice slice, size_t offset)
{
    if (offset == 0) /* as in an empty slice, whose pointer may be NULL */
        return slice;
    if (offset > slice.size)
        offset = slice.size;
    return (struct slice){slice.data + offset, slice.size - offset};
}

struct slice slice_first(struct slice slice, size_t size)
{
    return (struct slice){slice.data, size < slice.size ? size : slice.size};
}

bool slice_line(struct slice *rest, struct slice *line)
{
    size_t lf = slice_find(*rest, '\n');

    *line = slice_first(*rest, lf + 1);
    *rest = slice_from(*rest, line->size);
    return line->size > 0;
}

static bool is_blank(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct slice slice_trim_start(struct slice slice)
{
    while (slice.size > 0 && is_blank(slice.data[0]))
        slice = slice_from(slice, 1);
    return slice;
}

struct slice slice_trim(struct slice slice)
{
    slice = slice_trim_start(slice);
    while (slice.size > 0 && is_blank(slice.data[slice.size - 1]))
        slice.size--;
    return slice;
}

/* The pointers of empty slices may be NULL, and strncasecmp() wants none. */
static bool same(struct slice a, const void *b, size_t size)
{
    return size == 0 || strncasecmp((const char *)a.data, b, size) == 0;
}

bool slice_starts_with(struct slice slice, const char *string)
{
    size_t length = strlen(string);

    return slice.size >= length && same(slice, string, length);
}

bool slice_is(struct slice slice, const char *string)
{
    return slice.size == strlen(string) && slice_starts_with(slice, string);
}

bool slice_same(struct slice a, struct slice b)
{
    return a.size == b.size && same(a, b.data, a.size);
}

size_t slice_find(struct slice slice, char c)
{
    const unsigned char *found =
        slice.size > 0 ? memchr(slice.data, c, slice.size) : NULL;

    return found ? (size_t)(found - slice.data) : slice.size;
}
