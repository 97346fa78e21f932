/*
 * text.h - room for text that is made from the message.
 *
 * What has to be put together anew, such as a decoded subject, goes into a
 * struct text. It has a fixed size: what does not fit is cut off, and a
 * stranger cannot make this program take more memory. TUTORIAL.md, chapter 4.
 */
#ifndef TEXT_H
#define TEXT_H

#include "slice.h"

enum { TEXT_SIZE = 8192 }; /* octets of one field that are shown */

struct text {
    size_t size;
    char data[TEXT_SIZE];
};

/* Text as a slice, for who reads it. Valid as long as the text. */
struct slice text_slice(const struct text *text);

/* Append, as far as there is room. */
void text_add(struct text *text, const void *data, size_t size);
void text_add_char(struct text *text, char c);

#endif
