/*
 * slice.h - a piece of the message, and room for text made from it.
 *
 * The message is mapped into memory, and nothing of it is copied: a field, a
 * parameter, the body of a part are slices of it, a pointer and a length. What
 * has to be put together anew (a decoded subject) goes into a struct text,
 * which has a fixed size: what does not fit is cut off. TUTORIAL.md, chapter 4.
 */
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
    const unsigned char *at;
    size_t size;
};

enum { TEXT_SIZE = 8192 }; /* octets of one field that are shown */

struct text {
    size_t size;
    char at[TEXT_SIZE];
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

/* Text as a slice, for who reads it. Valid as long as the text. */
struct slice text_slice(const struct text *text);

/* Append, as far as there is room. */
void text_add(struct text *text, const void *data, size_t size);
void text_add_char(struct text *text, char c);

#endif
