#ifndef PEM_H
#define PEM_H

/*
 * pem.h - PEM, bytes as text that survives mail and clipboards (RFC 7468).
 *
 *     -----BEGIN CERTIFICATE-----
 *     MIIBuTCCAV+gAwIBAgIQ...            base64, in lines
 *     -----END CERTIFICATE-----
 *
 * A file may hold several such blocks, and anything else around them. The label
 * ("CERTIFICATE") says what the bytes are.
 * TUTORIAL.md, chapter 6.7.
 */

#include <stdbool.h>
#include <stddef.h>

/* A block found in a text; both are slices of that text. */
struct pem {
    const char *label;
    size_t label_size;
    const char *base64;
    size_t base64_size;
};

/*
 * Find the next block in a NUL-terminated text whose label ends in kind: "EC
 * PRIVATE KEY" is a kind of "PRIVATE KEY". *text moves past it. What is in
 * the block is not looked at yet. False if there is no such block; *text is
 * then after the last one of any kind, and block->label is NULL, unless one
 * more begins there that does not end.
 */
bool pem_next(const char **text, const char *kind, struct pem *block);

/* Has the block exactly this label? */
bool pem_is(const struct pem *block, const char *label);

/*
 * Decode the base64 of a block to out[0..*size), at most out_size bytes. False
 * if it isn't base64 (RFC 4648 section 4, and white space), or is too large;
 * then out may hold a part of it. Not constant time: see pem.c.
 */
bool pem_decode(const struct pem *block, unsigned char *out, size_t out_size,
                size_t *size);

/*
 * Write data[0..size) as a block to text, NUL-terminated. False if that takes
 * more than text_size bytes. Not constant time either.
 */
bool pem_encode(const char *label, const unsigned char *data, size_t size,
                char *text, size_t text_size);

#endif
