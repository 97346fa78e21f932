#ifndef LEAF_H
#define LEAF_H

/*
 * leaf.h - what a server needs to know of its own certificate.
 * TUTORIAL.md, chapter 6.7.
 */

#include "../exchange/p256.h"
#include "der.h"

struct leaf {
    struct bytes public_key_info; /* the whole element, where it was read */
    unsigned char public_key[P256_PUBLIC_KEY_SIZE];
    char not_before[16], not_after[16]; /* YYYYMMDDHHMMSSZ in UTC */
    bool signs;                         /* KeyUsage: digitalSignature */
    bool serves; /* ExtendedKeyUsage: for a server of TLS */
};

/*
 * Read the content of a Certificate. signs and serves are true if no extension
 * says otherwise. NULL, or what is wrong: not valid DER, or a key not on P-256.
 */
const char *leaf_read(struct leaf *leaf, struct bytes certificate);

/*
 * Write to line[0..size) what there is to say about a certificate from the file
 * at path that need not stop the server: it is not for now, or not for servers.
 * Empty if there is nothing.
 */
void leaf_warn(const struct leaf *leaf, const char *path, char *line,
               size_t size);

/* OBJECT IDENTIFIER of the curve P-256, as a whole element. */
extern const char prime256v1[];

/* Take an AlgorithmIdentifier off *in. NULL if it says an EC key on P-256, else
 * what is wrong. */
const char *read_algorithm(struct bytes *in);

extern const char bad_der[], rsa_key[], not_ec[], not_p256[];

#endif
