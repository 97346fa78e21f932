/* word.h - encoded words, RFC 2047. See word.c. TUTORIAL.md, chapter 4. */
#ifndef WORD_H
#define WORD_H

#include "text.h"

/*
 * Append to text what in stands for, as UTF-8: unfolded, encoded words decoded,
 * octets that are not UTF-8 as U+FFFD. Encoded words in a character set that is
 * not known stay as they are. RFC 2047 section 6.
 */
void word_decode(struct slice in, struct text *text);

/* The length of the encoded word that in begins with; 0 if there is none. */
size_t word_length(struct slice in);

/* The octet that the two hexadecimal digits at the start of in stand for; -1 if
 * there are none. */
int word_hex(struct slice in);

/* Append in with its escaped octets decoded: "=41" in an encoded word, where
 * "_" is a blank, or "%41" in a parameter. A fold leaves its blank. */
void word_unescape(struct slice in, char escape, struct text *octets);

#endif
