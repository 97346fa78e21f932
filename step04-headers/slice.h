/*
 * slice.h - a piece of memory that belongs to somebody else.
 *
 * The message is mapped into memory, and nothing of it is copied: a field, a
 * parameter, the body of a part are slices of it, a pointer and a length. data
 * is NULL if the thing is absent; if it is there but empty, only size is 0.
 * TUTORIAL.md, chapter 4.
 */
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
    const unsigned char *data;
    size_t size;
};

/* The slice that starts at the first octet of slice, offset octets later. */
struct slice slice_from(struct slice slice, size_t offset);

/* The first size octets of slice. */
struct slice slice_first(struct slice slice, size_t size);

/* Cut the first line off *rest, with its LF. False at the end. */
bool slice_line(struct slice *rest, struct slice *line);

/* Without blanks and line ends at both ends; at the start only. */
struct slice slice_trim(struct slice slice);
struct slice slice_trim_start(struct slice slice);

/* Compare with a string, in any case. */
bool slice_is(struct slice slice, const char *string);
bool slice_starts_with(struct slice slice, const char *string);

/* Compare two slices, in any case. */
bool slice_same(struct slice a, struct slice b);

/* The offset of the first octet that is c; slice.size if there is none. */
size_t slice_find(struct slice slice, char c);

#endif
