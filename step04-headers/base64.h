/* base64.h - base64, RFC 4648 and RFC 2045 6.8. TUTORIAL.md, chapter 4. */
#ifndef BASE64_H
#define BASE64_H

#include "text.h"

/* Start with all members 0. */
struct base64 {
    unsigned bits;  /* what has been read and not yet written */
    unsigned count; /* how many bits of that there are: 0, 2, 4 or 6 */
};

/*
 * Decode in, which may be any piece of the text, into out, which has room for
 * as many octets. Returns how many it wrote. Junk is passed over, as RFC 2045
 * demands; "=" ends a group of four, and a new one may follow.
 */
size_t base64_decode(struct base64 *state, struct slice in, unsigned char *out);

#endif
