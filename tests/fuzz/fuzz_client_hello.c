/*
 * fuzz_client_hello.c - any octets as the body of a ClientHello (step 6).
 *
 * Beside what the sanitizers find: what is chosen was offered and lies inside
 * the message, the trace has only printable ASCII in it, and a ClientHello is
 * its own valid answer to a HelloRetryRequest only if it has one share.
 */
#include "handshake/client_hello.h"
#include "handshake/show.h"
#include "record/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void must_be_printable(const char *line)
{
    must(strncmp(line, "TLS ", 4) == 0);
    for (; *line; line++)
        must(*line >= ' ' && *line <= '~');
}

static void must_be_inside(struct bytes inner, struct bytes outer)
{
    must(inner.data >= outer.data &&
         inner.data + inner.size <= outer.data + outer.size);
}

static void try_choice(const struct client_hello *hello, struct bytes message)
{
    unsigned char digest[SHA256_SIZE];
    enum alert alert;

    must(hello->suite && hello->suite->aead && hello->group);
    must(hello->inner_limit >= 64 && hello->inner_limit <= RECORD_INNER_MAX);
    if (hello->share.data)
        must_be_inside(hello->share, message);
    client_hello_fingerprint(hello, digest);
    alert = client_hello_check_retry(hello, digest, hello->group, true);
    must(alert == ALERT_NONE || alert == ALERT_ILLEGAL_PARAMETER);
    must(alert != ALERT_NONE || hello->share.data);
    digest[0] ^= 1;
    must(client_hello_check_retry(hello, digest, hello->group, true) ==
         ALERT_ILLEGAL_PARAMETER);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct trace trace = {must_be_printable};
    unsigned char *copy = malloc(size + 1); /* a byte too far is seen */
    struct bytes message = {copy + 1, size};
    struct client_hello hello;
    enum alert alert;

    must(copy != NULL);
    if (size > 0)
        memcpy(copy + 1, data, size);
    alert = client_hello_parse(&hello, message);
    must(alert == ALERT_NONE || alert == ALERT_DECODE_ERROR ||
         alert == ALERT_ILLEGAL_PARAMETER);
    if (alert == ALERT_NONE) {
        must_be_inside(hello.random, message);
        must_be_inside(hello.legacy_session_id, message);
        trace_client_hello(&trace, &hello);
        if (client_hello_choose(&hello) == ALERT_NONE)
            try_choice(&hello, message);
    }
    free(copy);
    return 0;
}
