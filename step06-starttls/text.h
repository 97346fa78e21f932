/*
 * text.h - pieces of text: of the message, and made from it.
 *
 * The message is mapped into memory, and nothing of it is copied: a field, a
 * parameter, the body of a part are slices of it, a pointer and a length. data
 * is NULL if the thing is absent; if it is there but empty, only size is 0.
 *
 * What has to be put together anew, such as a decoded subject, goes into a
 * struct text. It has a fixed size: what does not fit is cut off, and a
 * stranger cannot make this program take more memory. TUTORIAL.md, chapter 4.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TEXT_SIZE = 16384 }; /* octets of one field that are shown */

struct slice {
    const unsigned char *data;
    size_t size;
};

struct text {
    size_t size;
    unsigned char data[TEXT_SIZE];
};

struct slice slice_of(const char *string);

/* The slice that starts offset octets later; the first size octets. */
struct slice slice_from(struct slice slice, size_t offset);
struct slice slice_first(struct slice slice, size_t size);

/* Without blanks and line ends at the start; at both ends. */
struct slice slice_trim_start(struct slice slice);
struct slice slice_trim(struct slice slice);

/* Compare, ignoring case. */
bool slice_same(struct slice a, struct slice b);
bool slice_is(struct slice slice, const char *string);
bool slice_starts_with(struct slice slice, const char *string);

/* The offset of the first octet that is c; slice.size if there is none. */
size_t slice_find(struct slice slice, char c);

/* Cut the first line off *rest, with its LF. False at the end. */
bool slice_line(struct slice *rest, struct slice *line);

/* Text as a slice, valid as long as the text. */
struct slice text_slice(const struct text *text);

/* Append, as far as there is room. */
void text_add(struct text *text, struct slice slice);
void text_add_char(struct text *text, unsigned char c);

/* Print what a stranger wrote: all that a terminal would obey, and all that is
 * not UTF-8, as \xNN; a tab as a blank. */
void text_show(FILE *out, struct slice slice);

#endif
