/*
 * try.h - bytes in hexadecimal, for the programs here.
 *
 * Each of them is linked with one folder of step06-starttls/tls and the folders
 * before it, and no other: "make try-hash" builds and runs build/try/hash.
 * What they print can be checked with other programs; each says with which.
 */
#ifndef TRY_H
#define TRY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read hexadecimal digits into bytes[0..size); returns how many bytes. */
static inline size_t unhex(unsigned char *bytes, size_t size, const char *text)
{
    size_t count = 0;
    unsigned byte;

    while (count < size && sscanf(text, "%2x", &byte) == 1) {
        bytes[count++] = (unsigned char)byte;
        text += strspn(text, " \n");
        text += strlen(text) < 2 ? strlen(text) : 2;
    }
    return count;
}

static inline void show(const char *name, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    printf("%-20s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

static inline void expect(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "not as expected: %s\n", what);
        exit(1);
    }
}

#endif
