/* charset.h - any character set to UTF-8. See charset.c. TUTORIAL.md, ch. 4. */
#ifndef CHARSET_H
#define CHARSET_H

#include "text.h"

#include <iconv.h>

enum { CHARSET_PIECE = 12288 /* octets that are made at once, at most */ };

struct charset {
    iconv_t iconv; /* to UTF-8; to be closed with iconv_close() */
    size_t unit;   /* octets to pass over where one cannot be read */
    bool wrong;    /* not all could be converted so far */
};

/* Get ready to convert from the character set of that name. False if it is not
 * known: the text is then read as UTF-8. */
bool charset_open(struct charset *charset, struct slice name);

/*
 * Convert *in to UTF-8 and move *in past what was converted. Returns the octets
 * in out; 0 when *in is used up. The start of a character at its end is kept
 * for the next call, unless this is the last piece. What is wrong becomes
 * U+FFFD.
 */
size_t charset_convert(struct charset *charset, struct slice *in,
                       char out[CHARSET_PIECE], bool last);

bool charset_is_known(struct slice name);

/* Convert all of in and append it to text. */
void charset_to_text(struct slice name, struct slice in, struct text *text);

#endif
