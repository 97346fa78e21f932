/* utf8.h - UTF-8, RFC 3629. TUTORIAL.md, chapter 2. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Look at the octets at[0..size), size > 0. If they start with a well-formed
 * character: its length, and *valid is true. Otherwise *valid is false, and the
 * length is that of the part which can belong to no character, at least 1.
 */
size_t utf8_length(const unsigned char *at, size_t size, bool *valid);

/*
 * True for a character that has no business in a line of text: a control
 * character, or one that changes the direction of the text around it, with
 * which "exe.fdp" can be made to look like "pdf.exe".
 */
bool utf8_is_harmful(const unsigned char *at, size_t length);

#endif
