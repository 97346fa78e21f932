/*
 * server_flight.c - the server's messages: what each of them says.
 *
 *     ServerHello            which version, suite and group; our share
 *     EncryptedExtensions    all other answers to the client's extensions
 *     Certificate            who we are
 *     CertificateVerify      the proof: a signature over everything so far
 *     Finished               a MAC over everything so far, with the new keys
 *
 * All but the first are encrypted already. The comment on each function shows
 * what it writes, as the RFC defines it. Start reading at send_message().
 * TUTORIAL.md, chapter 6.10.
 */
#include "handshake.h"

#include "../bytes/bytes.h"
#include "../certificate/der.h"
#include "../exchange/random.h"
#include "../signature/ecdsa.h"

#include <string.h>

enum {
    RANDOM_SIZE = 32,
    /* The longest is a ServerHello with a session id: 90 and the share. */
    MESSAGE_SIZE_MAX = 90 + SHARE_SIZE_MAX,
};

/* RFC 8446 4.1.3: SHA-256 of "HelloRetryRequest". A ServerHello with this in
 * place of the random bytes is a HelloRetryRequest. */
static const unsigned char hello_retry_request[RANDOM_SIZE] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

void transcript_hash(const struct handshake *handshake,
                     unsigned char hash[SHA256_SIZE])
{
    struct sha256 copy = handshake->transcript;

    sha256_final(&copy, hash);
}

/*
 *     struct {
 *         HandshakeType msg_type;
 *         uint24 length;
 *         select (Handshake.msg_type) { ... };
 *     } Handshake;
 *
 * A message is begun, its body is written, and then it is sent.
 */
static void begin_message(struct writer *message, enum handshake_type type)
{
    writer_u8(message, type);
    writer_open(message, 3);
}

static enum alert send_bytes(struct handshake *handshake,
                             const unsigned char *bytes, size_t size)
{
    sha256_update(&handshake->transcript, bytes, size);
    return record_append(handshake->records, CONTENT_HANDSHAKE, bytes, size);
}

static enum alert send_message(struct handshake *handshake,
                               struct writer *message)
{
    writer_close(message, 4, 3);
    if (message->failed)
        return ALERT_INTERNAL_ERROR;
    trace_message(&handshake->records->trace, '>', message->data[0],
                  message->used);
    return send_bytes(handshake, message->data, message->used);
}

/*
 *     struct {
 *         ProtocolVersion legacy_version = 0x0303;
 *         Random random;
 *         opaque legacy_session_id_echo<0..32>;
 *         CipherSuite cipher_suite;
 *         uint8 legacy_compression_method = 0;
 *         Extension extensions<6..2^16-1>;
 *     } ServerHello;
 *
 * The two messages of this form differ in the random and in the key_share: a
 * KeyShareEntry with our share, or only the NamedGroup that we would like.
 *
 * RFC 8446 D.4: a client that sent a session id wants this handshake to look
 * like one of TLS 1.2 to the boxes in between: so a change_cipher_spec follows
 * the first of our messages.
 */
static enum alert server_hello(struct handshake *handshake,
                               const unsigned char *random,
                               const unsigned char *share)
{
    const struct client_hello *hello = &handshake->hello;
    const struct trace *lines = &handshake->records->trace;
    unsigned char buffer[MESSAGE_SIZE_MAX];
    struct writer message = writer_start(buffer, sizeof buffer);
    struct bytes id = hello->legacy_session_id;
    size_t extensions, extension;
    enum alert alert;

    begin_message(&message, HANDSHAKE_SERVER_HELLO);
    writer_u16(&message, VERSION_TLS_1_2);
    writer_bytes(&message, random, RANDOM_SIZE);
    writer_u8(&message, (unsigned)id.size);
    writer_bytes(&message, id.data, id.size);
    writer_u16(&message, hello->suite->number);
    writer_u8(&message, 0);
    extensions = writer_open(&message, 2);
    writer_u16(&message, EXTENSION_SUPPORTED_VERSIONS);
    writer_u16(&message, 2);
    writer_u16(&message, VERSION_TLS_1_3);
    writer_u16(&message, EXTENSION_KEY_SHARE);
    extension = writer_open(&message, 2);
    writer_u16(&message, hello->group->number);
    if (share) {
        writer_u16(&message, (unsigned)hello->group->share_size);
        writer_bytes(&message, share, hello->group->share_size);
    }
    writer_close(&message, extension, 2);
    writer_close(&message, extensions, 2);
    alert = send_message(handshake, &message);
    trace_bytes(lines, "random", (struct bytes){random, RANDOM_SIZE});
    trace(lines, "  cipher_suite: %s", hello->suite->name);
    trace(lines, "  supported_versions(43): 0x0304 TLS 1.3");
    trace(lines, "  key_share(51): %s%s",
          name_of(group_names, hello->group->number),
          share ? "" : " is wanted (HelloRetryRequest)");
    if (alert == ALERT_NONE && id.size > 0 && (!share || !handshake->retried))
        alert = record_append(handshake->records, CONTENT_CHANGE_CIPHER_SPEC,
                              "\1", 1);
    return alert;
}

enum alert send_hello_retry_request(struct handshake *handshake)
{
    return server_hello(handshake, hello_retry_request, NULL);
}

enum alert send_server_hello(struct handshake *handshake,
                             const unsigned char *share)
{
    unsigned char random[RANDOM_SIZE];

    random_bytes(random, sizeof random);
    secret_unmark(random, sizeof random); /* it goes out in the clear */
    return server_hello(handshake, random, share);
}

/*
 *     struct {
 *         Extension extensions<0..2^16-1>;
 *     } EncryptedExtensions;
 *
 * Two at most. RFC 8449 4: our own limit for records is that of the protocol.
 * RFC 8446 4.2.7: if we like another group better than the one it guessed, the
 * client may want to know for the next time.
 */
enum alert send_encrypted_extensions(struct handshake *handshake)
{
    const struct client_hello *hello = &handshake->hello;
    unsigned char buffer[MESSAGE_SIZE_MAX];
    struct writer message = writer_start(buffer, sizeof buffer);
    size_t extensions, extension, list;

    begin_message(&message, HANDSHAKE_ENCRYPTED_EXTENSIONS);
    extensions = writer_open(&message, 2);
    if (hello->record_size_limit.data) {
        writer_u16(&message, EXTENSION_RECORD_SIZE_LIMIT);
        writer_u16(&message, 2);
        writer_u16(&message, RECORD_INNER_MAX);
    }
    if (hello->group != groups) {
        writer_u16(&message, EXTENSION_SUPPORTED_GROUPS);
        extension = writer_open(&message, 2);
        list = writer_open(&message, 2);
        for (const struct group *group = groups; group->number != 0; group++)
            writer_u16(&message, group->number);
        writer_close(&message, list, 2);
        writer_close(&message, extension, 2);
    }
    writer_close(&message, extensions, 2);
    return send_message(handshake, &message);
}

/*
 *     struct {
 *         opaque cert_data<1..2^24-1>;
 *         Extension extensions<0..2^16-1>;
 *     } CertificateEntry;
 *
 *     struct {
 *         opaque certificate_request_context<0..2^8-1>;   empty
 *         CertificateEntry certificate_list<0..2^24-1>;
 *     } Certificate;
 *
 * The list was made once, when the server started. It can be longer than any
 * buffer here, so only what comes before it is put into one.
 */
enum alert send_certificate(struct handshake *handshake)
{
    const struct credentials *credentials = handshake->tls->config->credentials;
    size_t size = credentials->chain_size;
    unsigned char buffer[4 + 1 + 3];
    struct writer message = writer_start(buffer, sizeof buffer);
    enum alert alert;

    writer_u8(&message, HANDSHAKE_CERTIFICATE);
    writer_u24(&message, 1 + 3 + size);
    writer_u8(&message, 0);
    writer_u24(&message, size);
    trace_message(&handshake->records->trace, '>', HANDSHAKE_CERTIFICATE,
                  message.used + size);
    alert = send_bytes(handshake, buffer, message.used);
    if (alert == ALERT_NONE)
        alert = send_bytes(handshake, credentials->chain, size);
    return alert;
}

/*
 * RFC 8446 4.4.3: what is signed. The spaces and the text see to it that no
 * signature of ours for TLS can ever be taken for one of something else.
 */
static void signed_content(const struct handshake *handshake,
                           unsigned char digest[SHA256_SIZE])
{
    static const char context[] = "TLS 1.3, server CertificateVerify";
    unsigned char spaces[64];
    unsigned char hash[SHA256_SIZE];
    struct sha256 content;

    memset(spaces, ' ', sizeof spaces);
    transcript_hash(handshake, hash);
    sha256_init(&content);
    sha256_update(&content, spaces, sizeof spaces);
    sha256_update(&content, context, sizeof context); /* NUL included */
    sha256_update(&content, hash, sizeof hash);
    sha256_final(&content, digest);
}

/*
 *     struct {
 *         SignatureScheme algorithm;
 *         opaque signature<0..2^16-1>;
 *     } CertificateVerify;
 */
enum alert send_certificate_verify(struct handshake *handshake)
{
    unsigned char digest[SHA256_SIZE];
    unsigned char signature[ECDSA_SIZE];
    unsigned char buffer[MESSAGE_SIZE_MAX];
    struct writer message = writer_start(buffer, sizeof buffer);
    size_t vector;

    signed_content(handshake, digest);
    if (!ecdsa_sign(signature, handshake->tls->config->credentials->private_key,
                    digest))
        return ALERT_INTERNAL_ERROR;
    begin_message(&message, HANDSHAKE_CERTIFICATE_VERIFY);
    writer_u16(&message, SIGNATURE_ECDSA_SECP256R1_SHA256);
    vector = writer_open(&message, 2);
    der_put_ecdsa_signature(&message, signature);
    writer_close(&message, vector, 2);
    return send_message(handshake, &message);
}

/*
 *     struct {
 *         opaque verify_data[Hash.length];
 *     } Finished;
 */
enum alert send_finished(struct handshake *handshake)
{
    unsigned char hash[SHA256_SIZE];
    unsigned char verify_data[SHA256_SIZE];
    unsigned char buffer[MESSAGE_SIZE_MAX];
    struct writer message = writer_start(buffer, sizeof buffer);

    transcript_hash(handshake, hash);
    finished_verify_data(handshake->server_secret, hash, verify_data);
    begin_message(&message, HANDSHAKE_FINISHED);
    writer_bytes(&message, verify_data, sizeof verify_data);
    return send_message(handshake, &message);
}
