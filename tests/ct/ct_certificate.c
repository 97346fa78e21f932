/*
 * ct_certificate.c - does a private key keep its secret while its certificate
 * is made, and when it is loaded?
 *
 * Built with -DCT_CHECK and run under valgrind, as ct_curves.c says, with the
 * folders of step06-starttls/tls up to certificate.
 *
 * What becomes public, and is unmarked, is what goes to the file, as its owner
 * may read it, and where the key ends and what it is wrapped in. The base64 of
 * that file is no secret here: pem.c says why.
 */
#define _POSIX_C_SOURCE 200809L

#include "bytes/bytes.h"
#include "certificate/certificate.h"
#include "certificate/credentials_make.h"

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

    expect(mkdtemp(directory) != NULL, "no directory");
    check_files(directory);
    rmdir(directory);
    puts("ct_certificate: done");
    return 0;
}
