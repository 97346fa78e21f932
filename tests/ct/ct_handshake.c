/*
 * ct_handshake.c - is a whole TLS connection constant time?
 *
 * The server of step 6 runs here against a small client in the same process: a
 * handshake with each suite and group, with and without a HelloRetryRequest,
 * then data, KeyUpdates and an end, and handshakes with a wrong Finished and a
 * wrong tag. Built with -DCT_CHECK and run under valgrind, as bytes.h says:
 *
 *     cc -DCT_CHECK -gdwarf-4 -O2 -I step06-starttls/tls \
 *        -o build/ct_handshake tests/ct/ct_handshake.c \
 *        $(find step06-starttls/tls -name '*.c')
 *     valgrind --error-exitcode=1 build/ct_handshake
 *
 * Nothing is marked here but the private key: all other secrets are born inside
 * of the server. The client computes the same ones from its own private key,
 * which is not marked, so its side is silent. There is no thread: the client
 * acts when the server wants to read and there is nothing to be read.
 */
#include "bytes/bytes.h"
#include "exchange/p256.h"
#include "exchange/x25519.h"
#include "handshake/handshake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_SIZE = 65536 };

enum fault { NO_FAULT, WRONG_FINISHED, WRONG_TAG };

struct client {
    /* What this client does. */
    unsigned suite, group, share_group;
    const struct aead *aead;
    enum fault fault;

    int step;
    unsigned char private_key[32];
    struct sha256 transcript;
    unsigned char server_secret[32], client_secret[32], secret[32];
    struct record_layer out; /* only to write records with */
    unsigned char sent[STREAM_SIZE], came[STREAM_SIZE];
    size_t sent_size, sent_used, came_size, came_used;
};

static void expect(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "ct_handshake: %s\n", what);
    exit(2);
}

static bool collect(void *context, const void *bytes, size_t size)
{
    struct client *client = context;

    expect(client->sent_size + size <= STREAM_SIZE, "too much to send");
    memcpy(client->sent + client->sent_size, bytes, size);
    client->sent_size += size;
    return true;
}

static void send_record(struct client *client, enum content_type type,
                        const void *bytes, size_t size)
{
    record_append(&client->out, type, bytes, size);
    record_flush(&client->out);
}

/* --- ClientHello --------------------------------------------------------- */

static void put_list(struct writer *writer, unsigned type, size_t length_size,
                     unsigned number)
{
    size_t extension, list;

    writer_u16(writer, type);
    extension = writer_open(writer, 2);
    list = writer_open(writer, length_size);
    writer_u16(writer, number);
    writer_close(writer, list, length_size);
    writer_close(writer, extension, 2);
}

static void put_share(struct writer *writer, const struct client *client)
{
    unsigned char share[SHARE_SIZE_MAX];
    size_t extension, list;

    writer_u16(writer, EXTENSION_KEY_SHARE);
    extension = writer_open(writer, 2);
    list = writer_open(writer, 2);
    if (client->share_group == GROUP_X25519)
        x25519_base(share, client->private_key);
    else if (client->share_group == GROUP_SECP256R1)
        p256_public_key(share, client->private_key);
    if (client->share_group != 0) {
        size_t size = client->share_group == GROUP_X25519
                          ? X25519_SIZE
                          : P256_PUBLIC_KEY_SIZE;
        writer_u16(writer, client->share_group);
        writer_u16(writer, (unsigned)size);
        writer_bytes(writer, share, size);
    }
    writer_close(writer, list, 2);
    writer_close(writer, extension, 2);
}

static void send_client_hello(struct client *client)
{
    unsigned char buffer[512], zeros[32] = {0};
    struct writer writer = writer_start(buffer, sizeof buffer);
    size_t body, extensions;

    writer_u8(&writer, HANDSHAKE_CLIENT_HELLO);
    body = writer_open(&writer, 3);
    writer_u16(&writer, VERSION_TLS_1_2);
    writer_bytes(&writer, zeros, 32);
    writer_u8(&writer, 0);
    writer_u16(&writer, 2);
    writer_u16(&writer, client->suite);
    writer_u8(&writer, 1);
    writer_u8(&writer, 0);
    extensions = writer_open(&writer, 2);
    put_list(&writer, EXTENSION_SUPPORTED_VERSIONS, 1, VERSION_TLS_1_3);
    put_list(&writer, EXTENSION_SIGNATURE_ALGORITHMS, 2,
             SIGNATURE_ECDSA_SECP256R1_SHA256);
    put_list(&writer, EXTENSION_SUPPORTED_GROUPS, 2, client->group);
    put_share(&writer, client);
    writer_close(&writer, extensions, 2);
    writer_close(&writer, body, 3);
    expect(!writer.failed, "ClientHello");
    sha256_update(&client->transcript, buffer, writer.used);
    send_record(client, CONTENT_HANDSHAKE, buffer, writer.used);
}

/* --- The server's answers ------------------------------------------------ */

/* The next record that came, without its header. */
static struct bytes next_record(struct client *client)
{
    unsigned char *header = client->came + client->came_used;
    size_t size = (size_t)header[3] << 8 | header[4];

    expect(client->came_used + 5 + size <= client->came_size, "a record");
    client->came_used += 5 + size;
    return (struct bytes){header + 5, size};
}

static void digest(const struct client *client, unsigned char hash[32])
{
    struct sha256 copy = client->transcript;

    sha256_final(&copy, hash);
}

/* A HelloRetryRequest: start the transcript anew and try once more. */
static void take_retry_request(struct client *client)
{
    unsigned char start[4 + 32] = {HANDSHAKE_MESSAGE_HASH, 0, 0, 32};
    struct bytes message;

    digest(client, start + 4);
    message = next_record(client);
    sha256_init(&client->transcript);
    sha256_update(&client->transcript, start, sizeof start);
    sha256_update(&client->transcript, message.data, message.size);
    client->share_group = client->group;
    send_client_hello(client);
}

/* The share is what the ServerHello ends with. */
static void take_server_hello(struct client *client)
{
    unsigned char shared[32], hash[32];
    struct bytes message = next_record(client);
    const unsigned char *end = message.data + message.size;

    sha256_update(&client->transcript, message.data, message.size);
    expect(client->group == GROUP_X25519
               ? x25519(shared, client->private_key, end - X25519_SIZE)
               : p256_ecdh(shared, client->private_key,
                           end - P256_PUBLIC_KEY_SIZE),
           "a share");
    digest(client, hash);
    key_schedule_early(client->secret);
    key_schedule_handshake(client->secret, shared, sizeof shared);
    derive_secret(client->secret, "c hs traffic", hash, client->client_secret);
    derive_secret(client->secret, "s hs traffic", hash, client->server_secret);
    key_schedule_master(client->secret);
}

/* One record with all that is left of the flight. */
static void take_server_flight(struct client *client)
{
    struct bytes record = next_record(client);
    unsigned char *bytes = client->came + (record.data - client->came);
    struct record_layer *in = calloc(1, sizeof *in);

    expect(in != NULL, "memory");
    protect_with_secret(in, READING, client->aead, client->server_secret);
    expect(client->aead->open(&in->reading.key, in->reading.iv, bytes - 5, 5,
                              bytes, record.size, bytes),
           "the server's flight");
    sha256_update(&client->transcript, bytes, record.size - AEAD_TAG_SIZE - 1);
    free(in);
}

static void send_client_finished(struct client *client)
{
    unsigned char message[4 + 32] = {HANDSHAKE_FINISHED, 0, 0, 32};
    unsigned char hash[32];

    digest(client, hash);
    finished_verify_data(client->client_secret, hash, message + 4);
    message[35] ^= client->fault == WRONG_FINISHED;
    protect_with_secret(&client->out, WRITING, client->aead,
                        client->client_secret);
    send_record(client, CONTENT_HANDSHAKE, message, sizeof message);
    client->sent[client->sent_size - 1] ^= client->fault == WRONG_TAG;
    derive_secret(client->secret, "c ap traffic", hash, client->client_secret);
    protect_with_secret(&client->out, WRITING, client->aead,
                        client->client_secret);
}

static void send_key_update(struct client *client)
{
    send_record(client, CONTENT_HANDSHAKE, "\x18\0\0\1\1", 5);
    next_traffic_secret(client->client_secret);
    protect_with_secret(&client->out, WRITING, client->aead,
                        client->client_secret);
}

/* --- In turns ------------------------------------------------------------ */

static void act(struct client *client)
{
    static unsigned char much[20000];

    if (client->step == 0) {
        send_client_hello(client);
    } else if (client->step == 1 && client->share_group != client->group) {
        take_retry_request(client);
        return;
    } else if (client->step == 1) {
        take_server_hello(client);
        take_server_flight(client);
        send_client_finished(client);
    } else if (client->step == 2) {
        send_record(client, CONTENT_APPLICATION_DATA, much, sizeof much);
        send_key_update(client);
        send_record(client, CONTENT_APPLICATION_DATA, "QUIT\r\n", 6);
        send_record(client, CONTENT_ALERT, "\1\0", 2);
    }
    client->step++;
}

static ssize_t client_read(void *context, void *buffer, size_t size)
{
    struct client *client = context;

    if (client->sent_used == client->sent_size) {
        client->sent_used = client->sent_size = 0;
        act(client);
    }
    if (size > client->sent_size - client->sent_used)
        size = client->sent_size - client->sent_used;
    memcpy(buffer, client->sent + client->sent_used, size);
    client->sent_used += size;
    return (ssize_t)size;
}

static bool client_write(void *context, const void *bytes, size_t size)
{
    struct client *client = context;
    bool any = false;

    expect(client->came_size + size <= STREAM_SIZE, "too much came");
    memcpy(client->came + client->came_size, bytes, size);
    for (size_t i = 0; i < size; i++)
        any |= client->came[client->came_size + i] != 0; /* all of it public? */
    client->came_size += size;
    return any;
}

static void run(struct credentials *credentials, unsigned suite,
                const struct aead *aead, unsigned group, unsigned share_group,
                enum fault fault)
{
    static unsigned char buffer[STREAM_SIZE];
    struct client *client = calloc(1, sizeof *client);
    struct tls *tls = malloc(sizeof *tls);
    struct tls_config config = {.credentials = credentials, .keylog_fd = -1};
    struct tls_io io = {client, client_read, client_write};
    ssize_t n, size = 0;

    expect(client && tls, "memory");
    client->suite = suite;
    client->aead = aead;
    client->group = group;
    client->share_group = share_group;
    client->fault = fault;
    memset(client->private_key, 0x5a, sizeof client->private_key);
    sha256_init(&client->transcript);
    record_init(&client->out, (struct tls_io){client, NULL, collect},
                (struct trace){NULL});
    expect(tls_accept(tls, &config, io) == (fault == NO_FAULT), "tls_accept");
    while (fault == NO_FAULT &&
           (n = tls_read(tls, buffer, sizeof buffer)) > 0) {
        size += n;
        expect(tls_write(tls, buffer, (size_t)n), "tls_write");
    }
    expect(size == (fault == NO_FAULT ? 20006 : 0), "tls_read");
    tls_close(tls);
    free(tls);
    free(client);
}

int main(void)
{
    static unsigned char chain[] = {0, 0, 1, 'x', 0, 0};
    static struct credentials credentials = {.chain = chain,
                                             .chain_size = sizeof chain};
    static const unsigned group_numbers[] = {GROUP_X25519, GROUP_SECP256R1};

    memset(credentials.private_key, 0xa5, sizeof credentials.private_key);
    secret_mark(credentials.private_key, sizeof credentials.private_key);
    for (int fault = NO_FAULT; fault <= WRONG_TAG; fault++) {
        for (int i = 0; i < 2; i++) {
            unsigned group = group_numbers[i];

            run(&credentials, 0x1303, &aead_chacha20_poly1305, group, group,
                fault);
            run(&credentials, 0x1301, &aead_aes128_gcm, group, group, fault);
            run(&credentials, 0x1303, &aead_chacha20_poly1305, group, 0, fault);
        }
    }
    puts("ct_handshake: done");
    return 0;
}
