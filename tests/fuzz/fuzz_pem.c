/*
 * fuzz_pem.c - any text as PEM.
 *
 * A block that can be decoded, encoded again and decoded again gives the same
 * bytes; and the base64 of both texts is the same but for white space, as there
 * is one way only to write it.
 */
#include "certificate/pem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The next character that is not white space; -1 at the end. */
static int next(const char **at, const char *end)
{
    while (*at < end && strchr(" \t\n\v\f\r", **at) != NULL)
        (*at)++;
    return *at < end ? *(*at)++ : -1;
}

static void must_be_alike(const struct pem *a, const struct pem *b)
{
    const char *x = a->base64, *y = b->base64;
    int c;

    do {
        c = next(&x, a->base64 + a->base64_size);
        must(c == next(&y, b->base64 + b->base64_size));
    } while (c != -1);
}

static void there_and_back(const struct pem *block, size_t room)
{
    unsigned char *bytes = malloc(room + 1), *again = malloc(room + 1);
    char *text = malloc(2 * room + 200);
    const char *at = text;
    size_t size, size_again;
    struct pem copy;

    must(bytes != NULL && again != NULL && text != NULL);
    if (pem_decode(block, bytes, room, &size)) {
        must(pem_encode("A KIND", bytes, size, text, 2 * room + 200));
        must(pem_next(&at, "KIND", &copy) && pem_is(&copy, "A KIND"));
        must(strcmp(at, "A KIND-----\n") == 0);
        must_be_alike(block, &copy);
        must(pem_decode(&copy, again, size, &size_again));
        must(size == size_again && memcmp(bytes, again, size) == 0);
        must(size == 0 || !pem_decode(&copy, again, size - 1, &size_again));
    }
    free(bytes);
    free(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct pem block;

    must(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';

    /* As a file, and as what might stand between two lines of one. */
    for (const char *at = text; pem_next(&at, "", &block);) {
        must(block.label >= text && at <= text + strlen(text));
        must(block.base64 + block.base64_size <= at);
        there_and_back(&block, block.base64_size);
    }
    block = (struct pem){text, 0, text, size};
    there_and_back(&block, size);
    free(text);
    return 0;
}
