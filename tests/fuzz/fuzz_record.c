/*
 * fuzz_record.c - any octets from a TLS client (step 6), in two ways.
 *
 * The first octet of the input chooses. Either all the rest is what a client
 * sends to a server that expects a handshake. Or the connection stands already,
 * and the rest is a list of commands: an octet that says what to do, two with a
 * length, and so many octets. With the client's keys in our hands here, they
 * get to where a stranger's octets can't: behind the authentication.
 *
 * Beside what the sanitizers find: no more comes out than went in, the record
 * layer gives back what was sent in order, and after an error nothing moves.
 */
#include "bytes/bytes.h"
#include "handshake/handshake.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int getentropy(void *buffer, size_t size);

enum { STREAM_MAX = 1 << 20 };

/* What the client sends, and how much of it one read gives. */
struct stream {
    unsigned char *bytes;
    size_t size, used, piece;
};

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* In place of the system's: the same run for the same input. */
int getentropy(void *buffer, size_t size)
{
    memset(buffer, 7, size);
    return 0;
}

static ssize_t stream_read(void *context, void *buffer, size_t size)
{
    struct stream *stream = context;
    size_t left = stream->size - stream->used;

    must(size > 0);
    if (size > left)
        size = left;
    if (size > stream->piece)
        size = stream->piece;
    memcpy(buffer, stream->bytes + stream->used, size);
    stream->used += size;
    return (ssize_t)size;
}

static bool stream_write(void *context, const void *buffer, size_t size)
{
    const unsigned char *record = buffer;

    (void)context;
    must(size >= 5 && record[0] >= 20 && record[0] <= 23 && record[1] == 3);
    return true;
}

static void ignore(const char *line)
{
    for (; *line; line++)
        must(*line >= ' ' && *line <= '~');
}

static struct credentials *credentials(void)
{
    static unsigned char chain[] = {0, 0, 1, 'x', 0, 0};
    static struct credentials credentials = {.chain = chain,
                                             .chain_size = sizeof(chain)};

    memset(credentials.private_key, 1, sizeof(credentials.private_key));
    return &credentials;
}

/* --- Commands: the client's side of a connection that stands ------------- */

static void put(struct stream *stream, const void *bytes, size_t size)
{
    if (size > STREAM_MAX - stream->size)
        size = STREAM_MAX - stream->size;
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

/* A record with this TLSInnerPlaintext, whatever it is. */
static void put_protected(struct stream *stream, struct record_keys *keys,
                          const unsigned char *inner, size_t size)
{
    unsigned char *record = malloc(5 + size + AEAD_TAG_SIZE);
    unsigned char nonce[AEAD_NONCE_SIZE];
    size_t length = size + AEAD_TAG_SIZE;

    must(record != NULL);
    record[0] = 23;
    record[1] = record[2] = 3;
    record[3] = (unsigned char)(length >> 8);
    record[4] = (unsigned char)length;
    record_nonce(keys, nonce);
    keys->aead->seal(&keys->key, nonce, record, 5, inner, size, record + 5);
    keys->sequence++;
    put(stream, record, 5 + length);
    free(record);
}

static void put_content(struct stream *stream, struct record_keys *keys,
                        unsigned char type, const unsigned char *content,
                        size_t size)
{
    unsigned char *inner = malloc(size + 1);

    must(inner != NULL);
    if (size > 0)
        memcpy(inner, content, size);
    inner[size] = type;
    put_protected(stream, keys, inner, size + 1);
    free(inner);
}

static void put_key_update(struct stream *stream, struct record_keys *keys,
                           unsigned char *secret, unsigned char request)
{
    const unsigned char message[] = {24, 0, 0, 1, request};
    struct record_layer *other = calloc(1, sizeof(*other));

    must(other != NULL);
    put_content(stream, keys, 22, message, sizeof(message));
    next_traffic_secret(secret);
    protect_with_secret(other, READING, keys->aead, secret);
    *keys = other->reading;
    free(other);
}

/* Turn the input into the client's records. Gives how much of them is data. */
static size_t follow(struct stream *stream, struct record_keys *keys,
                     unsigned char *secret, const uint8_t *data, size_t size)
{
    size_t given = 0;

    while (size >= 3) {
        size_t length = (size_t)data[1] << 8 | data[2];
        unsigned command = data[0];

        data += 3;
        size -= 3;
        if (length > size)
            length = size;
        if (command % 8 == 0)
            put(stream, data, length);
        else if (command % 8 == 1)
            put_protected(stream, keys, data, length);
        else if (command % 8 == 2)
            put_key_update(stream, keys, secret, command >> 4);
        else
            put_content(stream, keys, command % 8 < 6 ? 23 : 19 + command % 8,
                        data, length);
        given += length;
        data += length;
        size -= length;
    }
    return given;
}

static void try_connection(struct tls *tls, struct tls_io io,
                           struct stream *stream, const uint8_t *data,
                           size_t size)
{
    static const struct cipher_suite suites[] = {
        {0x1303, NULL, &aead_chacha20_poly1305},
        {0x1301, NULL, &aead_aes128_gcm}};
    unsigned char secret[SHA256_SIZE] = {1}, buffer[1000];
    size_t given, came = 0;
    ssize_t n;

    tls->suite = &suites[data[0] >> 7];
    tls->unread.size = 0;
    tls->key_update_owed = tls->closed = tls->over = false;
    memcpy(tls->client_secret, secret, sizeof(secret));
    memcpy(tls->server_secret, secret, sizeof(secret));
    record_init(&tls->records, io, (struct trace){ignore});
    protect_with_secret(&tls->records, READING, tls->suite->aead, secret);
    protect_with_secret(&tls->records, WRITING, tls->suite->aead, secret);
    struct record_keys keys = tls->records.reading;
    given = follow(stream, &keys, secret, data + 1, size - 1);
    while ((n = tls_read(tls, buffer, sizeof(buffer))) > 0) {
        came += (size_t)n;
        must(tls_write(tls, buffer, (size_t)n) != tls->over);
    }
    must(came <= given);
    must(n == 0 ? tls->closed : errno == EPROTO);
    must(tls_read(tls, buffer, 1) == n);
    tls_close(tls);
    must(!tls_write(tls, "x", 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_config config = {
        .credentials = credentials(), .trace = {ignore}, .keylog_fd = -1};
    struct stream stream = {.bytes = malloc(STREAM_MAX)};
    struct tls_io io = {&stream, stream_read, stream_write};
    struct tls *tls = malloc(sizeof(*tls));

    must(tls && stream.bytes);
    if (size > 0) {
        stream.piece = data[0] & 2 ? 1 : STREAM_MAX;
        if (data[0] & 1) {
            try_connection(tls, io, &stream, data, size);
        } else {
            put(&stream, data + 1, size - 1);
            if (tls_accept(tls, &config, io))
                abort(); /* nobody can guess Finished */
        }
    }
    free(tls);
    free(stream.bytes);
    return 0;
}
