/*
 * ct_certificate.c - does a private key keep its secret on its way to its file
 * and back?
 *
 * Built with -DCT_CHECK and run under valgrind, as ct_curves.c says, with the
 * folders of step06-starttls/tls up to certificate.
 *
 * Base64 is the point of it: the usual table of 64 characters, indexed with six
 * bits of the key, would be reported here. What becomes public, and is
 * unmarked, is where the key ends and what it is wrapped in, not what it is.
 */
#define _POSIX_C_SOURCE 200809L

#include "bytes/bytes.h"
#include "certificate/certificate.h"
#include "certificate/credentials_make.h"
#include "certificate/der.h"
#include "certificate/pem.h"
#include "certificate/self_signed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "ct_certificate: %s\n", what);
    exit(2);
}

/* Secret bytes to text, secret text to bytes: for each form of the end. */
static void check_pem(size_t size)
{
    unsigned char bytes[200], again[200];
    char text[600];
    struct pem block;
    size_t at = 0, size_again;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 151 + size);
    secret_mark(bytes, size);
    expect(pem_encode("SECRET", bytes, size, text, sizeof text), "no room");

    /* The base64 of it: of every 3 bytes 4 characters, of every 64 a line. */
    at = strlen("-----BEGIN SECRET-----\n");
    block = (struct pem){NULL, 0, text + at, (size + 2) / 3 * 4};
    block.base64_size += (block.base64_size + 63) / 64;
    expect(pem_decode(&block, again, sizeof again, &size_again), "not base64");
    expect(size == size_again, "another size");
    secret_unmark(bytes, size);
    secret_unmark(again, size);
    expect(memcmp(bytes, again, size) == 0, "other bytes");
}

/* As the server does it when it starts for the first time. */
static void check_files(const char *directory)
{
    static const char *const names[] = {"mx.example.org"};
    struct credentials credentials;
    char chain[200], key[200], error[600];

    snprintf(chain, sizeof chain, "%s/chain.pem", directory);
    snprintf(key, sizeof key, "%s/key.pem", directory);
    expect(credentials_make(chain, key, names, 1, error, sizeof error),
           "not made");
    expect(credentials_load(&credentials, chain, key, error, sizeof error),
           "not loaded");
    credentials_free(&credentials);
    unlink(chain);
    unlink(key);
}

int main(void)
{
    char directory[] = "/tmp/ct_certificate.XXXXXX";

    for (size_t size = 0; size < 150; size++)
        check_pem(size);
    expect(mkdtemp(directory) != NULL, "no directory");
    check_files(directory);
    rmdir(directory);
    puts("ct_certificate: done");
    return 0;
}
