/*
 * ct_negative.c - would we notice? Code that is not constant time, on purpose.
 *
 * Built like the other programs here, and run under valgrind as
 *
 *     valgrind --error-exitcode=1 build/ct_negative branch
 *
 * and with `index` and with `early` in place of `branch`: each must end with
 * status 1. With `clean`, which does the work of `early` as it should be done,
 * it must end with status 0.
 */
#include "bytes/bytes.h"
#include "exchange/random.h"
#include "schedule/key_schedule.h"

#include <stdio.h>
#include <string.h>

/* if (secret) */
static unsigned branch(const unsigned char *secret)
{
    return secret[0] & 1 ? (unsigned)puts("odd") : 1;
}

/* table[secret] */
static unsigned lookup(const unsigned char *secret)
{
    static volatile unsigned char table[256];

    return table[secret[0]];
}

/* A comparison of MACs that ends at the first byte which differs. */
static unsigned early(const unsigned char *secret)
{
    static volatile unsigned char received[SHA256_SIZE];

    for (size_t i = 0; i < SHA256_SIZE; i++)
        if (received[i] != secret[i])
            return (unsigned)i;
    return SHA256_SIZE;
}

/* The same, as it should be. */
static unsigned clean(const unsigned char *secret)
{
    static const unsigned char received[SHA256_SIZE];

    return bytes_equal_ct(received, secret, SHA256_SIZE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        unsigned (*code)(const unsigned char *secret);
    } tries[] = {{"branch", branch},
                 {"index", lookup},
                 {"early", early},
                 {"clean", clean}};
    unsigned char random[SHA256_SIZE], secret[SHA256_SIZE];

    /* A secret as the handshake has them: derived from one, not marked by us.
     */
    random_bytes(random, sizeof random);
    derive_secret(random, "c hs traffic", random, secret);
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++)
        if (argc == 2 && strcmp(argv[1], tries[i].name) == 0) {
            volatile unsigned result = tries[i].code(secret);

            (void)result;
            return 0;
        }
    fprintf(stderr, "usage: ct_negative branch|index|early|clean\n");
    return 2;
}
