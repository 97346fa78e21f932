/*
 * fuzz_der.c - any octets as DER.
 *
 * The first octet of the input says which tag is asked for. There is one way
 * only to write a value in DER, so whatever is read has to come out the same
 * when it is written again; and what is inside is read in the same manner, down
 * to a depth that this loop decides and not the input.
 */
#include "certificate/der.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* The element that stood in before[0..) is the one that der_put() writes. */
static void must_be_written_alike(const unsigned char *before, unsigned tag,
                                  struct bytes content)
{
    static unsigned char buffer[65536 + 4];
    struct writer out = writer_start(buffer, sizeof buffer);

    der_put(&out, tag, content.data, content.size);
    must(out.failed == (content.size > 65535));
    if (!out.failed)
        must(content.data + content.size == before + out.used &&
             memcmp(before, buffer, out.used) == 0);
}

static void must_be_an_integer(struct bytes number)
{
    static unsigned char buffer[65536 + 4];
    struct writer out = writer_start(buffer, sizeof buffer);
    struct bytes in, content;

    if (number.size == 0 || number.size > 60000)
        return;
    der_put_integer(&out, number.data, number.size);
    in = (struct bytes){buffer, out.used};
    must(!out.failed && der_read(&in, DER_INTEGER, &content) && in.size == 0);
    must(content.size > 0 && content.data[0] < 0x80);
    must(content.size == 1 || content.data[0] != 0 || content.data[1] >= 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned tag = data[0];
    struct bytes in = {data + 1, size - 1}, content;

    must_be_an_integer(in);
    for (int depth = 0; depth < 8 && in.size > 0; depth++) {
        struct bytes before = in;
        if (!der_read(&in, tag, &content)) {
            must(in.data == before.data && in.size == before.size);
            must(!der_read_optional(&in, tag, &content) ||
                 (before.data[0] != tag && content.size == 0));
            return 0;
        }
        must(in.data + in.size == before.data + before.size);
        must(content.data + content.size == in.data);
        must_be_written_alike(before.data, tag, content);
        in = content;
        if (in.size > 0)
            tag = in.data[0];
    }
    return 0;
}
