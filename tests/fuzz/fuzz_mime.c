/*
 * fuzz_mime.c - any octets as a message: the tree, the names, the contents.
 *
 * Beside what the sanitizers find: a parent comes before its children, and a
 * file name made of what a stranger wrote leads nowhere else.
 */
#define _POSIX_C_SOURCE 200809L
#include "extract.h"
#include "mime.h"
#include "report_parts.h"
#include "utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void must_be_safe(const char *name)
{
    size_t length = strlen(name);

    must(length > 0 && name[0] != '.' && length < EXTRACT_NAME_SIZE);
    for (size_t i = 0; i < length;) {
        const unsigned char *at = (const unsigned char *)name + i;
        bool valid;
        size_t n = utf8_length(at, length - i, &valid);

        must(valid && !utf8_is_harmful(at, n) && *at != '/' && *at != '\\');
        i += n;
    }
}

static void try_part(const struct mime *mime, int index)
{
    const struct part *part = &mime->parts[index];
    char number[MIME_NUMBER_SIZE];
    struct extract extract;

    must((index == 0) == !part->parent && part->parent < part &&
         part->depth <= MIME_DEPTH_MAX);
    mime_number(part, number);
    must(strlen(number) < sizeof number);
    if (part->kind != PART_LEAF)
        return;
    must(extract_part(part, -1, &extract));
    must_be_safe(extract.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct mime *mime = calloc(1, sizeof *mime);
    struct slice message = {data, size};

    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    must(mime && nowhere);
    mime_parse(mime, message);
    must(mime->count <= MIME_PARTS_MAX);
    for (int i = 0; i < mime->count; i++)
        try_part(mime, i);
    mime_free(mime);
    free(mime);
    report_parts(nowhere, message, "name", NULL);
    return 0;
}
