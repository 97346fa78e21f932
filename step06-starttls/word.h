/* word.h - encoded words, RFC 2047. See word.c. TUTORIAL.md, chapter 4. */
#ifndef WORD_H
#define WORD_H

#include "text.h"

/*
 * Append to text what in stands for, as UTF-8: unfolded, encoded words decoded,
 * octets that are not UTF-8 as U+FFFD. Encoded words that are broken, or in a
 * character set that is not known, stay as they are. RFC 2047 section 6.
 */
void word_decode(struct slice in, struct text *text);

/* The length of the encoded word that in begins with; 0 if that is none. */
size_t word_length(struct slice in);

/* The value of a hexadecimal digit, or -1. */
int word_hex(unsigned char c);

#endif
