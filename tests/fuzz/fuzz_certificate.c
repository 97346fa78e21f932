/*
 * fuzz_certificate.c - any octets as a certificate and a key.
 *
 * The first octet is the size of the key's DER, and the second says in which of
 * the two forms it is; its DER and that of the certificate follow. This driver
 * makes PEM of them, as octets that are changed in base64 lead nowhere. Either
 * the files are refused with a line that names one of them and nothing is left
 * behind, or the chain is what TLS sends: sizes and certificates.
 */
#define _POSIX_C_SOURCE 200809L
#include "certificate/certificate.h"
#include "certificate/pem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* A PEM file without a name of its own, filled anew each time. */
static void put(int file, const char *label, const uint8_t *data, size_t size,
                char path[64])
{
    static char text[40000];

    must(pem_encode(label, data, size, text, sizeof text));
    must(ftruncate(file, 0) == 0);
    must(pwrite(file, text, strlen(text), 0) == (ssize_t)strlen(text));
    snprintf(path, 64, "/dev/fd/%d", file);
}

static void must_be_a_chain(const unsigned char *chain, size_t size)
{
    must(size > 0);
    while (size > 0) {
        must(size >= 5);
        size_t length = (size_t)chain[0] << 16 | chain[1] << 8 | chain[2];
        must(length > 0 && length <= size - 5);
        must(chain[3] == 0x30);
        must(chain[3 + length] == 0 && chain[4 + length] == 0);
        chain += 5 + length;
        size -= 5 + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int chain_file = -1, key_file = -1;
    struct credentials credentials, empty = {0};
    char chain[64], key[64], error[200] = "";
    size_t key_size;

    if (size < 2 || size > 20000 || (key_size = data[0]) > size - 2)
        return 0;
    if (chain_file < 0) {
        chain_file = fileno(tmpfile());
        key_file = fileno(tmpfile());
    }
    put(key_file, data[1] % 2 ? "PRIVATE KEY" : "EC PRIVATE KEY", data + 2,
        key_size, key);
    put(chain_file, "CERTIFICATE", data + 2 + key_size, size - 2 - key_size,
        chain);
    if (credentials_load(&credentials, chain, key, error, sizeof error)) {
        must_be_a_chain(credentials.chain, credentials.chain_size);
        must(strlen(credentials.tlsa) == 64);
        credentials_free(&credentials);
    } else {
        must(strncmp(error, chain, strlen(chain)) == 0 ||
             strncmp(error, key, strlen(key)) == 0);
        must(strchr(error, '\n') == NULL);
    }
    must(memcmp(&credentials, &empty, sizeof empty) == 0);
    return 0;
}
