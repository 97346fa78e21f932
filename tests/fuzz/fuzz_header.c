/*
 * fuzz_header.c - any octets as the header of a message (steps 4 and later).
 *
 * Beside what the sanitizers find: each call moves on and stays inside its
 * input, and a date that is shown has the form it must have.
 */
#define _POSIX_C_SOURCE 200809L
#include "address.h"
#include "date.h"
#include "header.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void must_be_inside(struct slice inner, struct slice outer)
{
    must(inner.size == 0 ||
         (inner.data >= outer.data &&
          inner.data + inner.size <= outer.data + outer.size));
}

static void try_value(struct slice value)
{
    static struct text text;

    text.size = 0;
    address_list(value, &text);
    must(text.size <= TEXT_SIZE);
    text.size = 0;
    date_utc(value, &text);
    must(text.size == 0 || (text.size == strlen("2026-11-22T06:22:36Z") &&
                            text.data[4] == '-' && text.data[19] == 'Z'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice message = {data, size}, rest = message;
    struct field field;

    for (size_t before = size; header_next(&rest, &field); before = rest.size) {
        must(rest.size < before);
        must(field.name.size > 0);
        must_be_inside(field.value, message);
        try_value(field.value);
    }
    must_be_inside(rest, message);
    try_value(message);
    return 0;
}
