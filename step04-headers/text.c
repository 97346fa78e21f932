/*
 * text.c - room for text that is made from the message. See text.h.
 * TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "text.h"

#include <string.h>

struct slice text_slice(const struct text *text)
{
    return (struct slice){(const unsigned char *)text->data, text->size};
}

void text_add(struct text *text, const void *data, size_t size)
{
    size_t room = TEXT_SIZE - text->size;

    if (size > room)
        size = room;
    if (size > 0)
        memcpy(text->data + text->size, data, size);
    text->size += size;
}

void text_add_char(struct text *text, char c)
{
    text_add(text, &c, 1);
}
