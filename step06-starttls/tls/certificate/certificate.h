#ifndef CERTIFICATE_H
#define CERTIFICATE_H

/*
 * certificate.h - the certificate that the server shows, and the private key
 * that proves it to be the server's own.
 * TUTORIAL.md, chapter 6.7.
 */

#include "../exchange/p256.h"
#include "../hash/sha256.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CREDENTIALS_FILE_MAX = 65535, /* bytes of a PEM file */
    CREDENTIALS_LINE_SIZE = 512
};

struct credentials {
    /*
     * The certificate_list of the Certificate message (RFC 8446 4.4.2), as it
     * goes out. For each certificate, the server's own first: its size in three
     * bytes, the certificate, and two zero bytes: no extensions. From malloc().
     */
    unsigned char *chain;
    size_t chain_size;

    unsigned char private_key[P256_KEY_SIZE];

    /*
     * What to publish in the DNS as "TLSA 3 1 1" (RFC 6698 2.1), in hex: the
     * SHA-256 of the certificate's SubjectPublicKeyInfo. The same key in a new
     * certificate has the same one.
     */
    char tlsa[2 * SHA256_SIZE + 1];

    /*
     * What a person should know, but need not stop the server: a line about the
     * certificate, that it is for another time or for another purpose, and one
     * about who can read or change the key. Empty if there is nothing to say.
     */
    char chain_warning[CREDENTIALS_LINE_SIZE];
    char key_warning[CREDENTIALS_LINE_SIZE];
};

/*
 * Load the certificate chain and its private key from two PEM files, which may
 * be one and the same. The key has to be on P-256, in the form "EC PRIVATE KEY"
 * (RFC 5915) or "PRIVATE KEY" (PKCS#8, RFC 5958), not encrypted, and to belong
 * to the first certificate. Of the certificates after that one only the outline
 * is looked at; signatures are the client's business.
 *
 * False if something is wrong: then error[0..error_size) has one line that
 * names the file and the fault, and there is nothing to free. If true, the
 * caller ends with credentials_free().
 */
bool credentials_load(struct credentials *credentials, const char *chain_path,
                      const char *key_path, char *error, size_t error_size);

/* Wipe the key and free the chain. */
void credentials_free(struct credentials *credentials);

#endif
