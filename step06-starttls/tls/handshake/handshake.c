/*
 * handshake.c - the handshake of a TLS 1.3 server (RFC 8446 section 2).
 *
 *     Client                                    Server
 *     ClientHello            -------->
 *                            <--------          HelloRetryRequest  (if there
 *     ClientHello            -------->                 was no share for us)
 *                                               ServerHello
 *                                               {EncryptedExtensions}
 *                                               {Certificate}
 *                                               {CertificateVerify}
 *                            <--------          {Finished}
 *     {Finished}             -------->
 *     [data]                 <------->          [data]
 *
 *     {} under handshake traffic keys, [] under application traffic keys
 *
 * There is no state machine: a connection has a process of its own, which may
 * wait. The order of the steps is a list, and any message other than the one
 * that is due is an unexpected_message. Start reading at the list, `steps`, at
 * the end of this file.
 * TUTORIAL.md, chapter 6.10.
 */
#include "handshake.h"

#include "../bytes/bytes.h"

#include <string.h>

/* Read a ClientHello, hash it, and choose from what it offers. */
static enum alert read_client_hello(struct handshake *handshake)
{
    struct client_hello *hello = &handshake->hello;
    struct message *message = &handshake->client_hello;
    enum alert alert;

    alert = message_read(message, handshake->records, HANDSHAKE_CLIENT_HELLO,
                         CLIENT_HELLO_MAX);
    if (alert == ALERT_NONE)
        alert = client_hello_parse(hello, message->body);
    if (alert != ALERT_NONE)
        return alert;
    trace_client_hello(&handshake->records->trace, hello);
    sha256_update(&handshake->transcript, message->whole.data,
                  message->whole.size);
    handshake->records->accept_change_cipher_spec = true;
    handshake->records->skip_early_data = hello->early_data.data != NULL;
    return client_hello_choose(hello);
}

/* RFC 8446 4.4.1: before a HelloRetryRequest, the transcript starts anew with
 * a message that was never sent and has the hash of the first ClientHello. */
static void restart_transcript(struct handshake *handshake)
{
    static const unsigned char header[] = {HANDSHAKE_MESSAGE_HASH, 0, 0,
                                           SHA256_SIZE};
    unsigned char hash[SHA256_SIZE];

    transcript_hash(handshake, hash);
    sha256_init(&handshake->transcript);
    sha256_update(&handshake->transcript, header, sizeof header);
    sha256_update(&handshake->transcript, hash, sizeof hash);
}

/* If the client has sent no share for a group of ours, but has such a group:
 * ask for a share. The second ClientHello takes the place of the first. */
static enum alert retry(struct handshake *handshake)
{
    const struct group *group = handshake->hello.group;
    bool had_psk = handshake->hello.pre_shared_key.data;
    unsigned char fingerprint[SHA256_SIZE];
    enum alert alert;

    if (handshake->hello.share.data)
        return ALERT_NONE;
    client_hello_fingerprint(&handshake->hello, fingerprint);
    restart_transcript(handshake);
    handshake->retried = true;
    alert = send_hello_retry_request(handshake);
    message_free(&handshake->client_hello);
    if (alert == ALERT_NONE)
        alert = record_flush(handshake->records);
    if (alert == ALERT_NONE)
        alert = read_client_hello(handshake);
    if (alert == ALERT_NONE)
        alert = client_hello_check_retry(&handshake->hello, fingerprint, group,
                                         had_psk);
    return alert;
}

/* One of the secrets that branch off to the right in RFC 8446 7.1: shown by its
 * name, and logged under the one that it has in RFC 9850. */
static void derive(const struct handshake *handshake, const char *label,
                   const char *name, const char *log_label,
                   unsigned char secret[SHA256_SIZE])
{
    unsigned char hash[SHA256_SIZE];

    transcript_hash(handshake, hash);
    derive_secret(handshake->secret, label, hash, secret);
    trace(&handshake->records->trace, "= %s", name);
    keylog_write(handshake->tls->config->keylog_fd, log_label,
                 handshake->hello.random.data, secret);
}

/* Both sides' shares give the first keys (RFC 8446 7.1, upper half). */
static enum alert exchange_keys(struct handshake *handshake)
{
    const struct client_hello *hello = &handshake->hello;
    const struct trace *lines = &handshake->records->trace;
    unsigned char share[SHARE_SIZE_MAX];
    unsigned char shared[SHARED_SECRET_SIZE_MAX];
    enum alert alert;

    if (!key_exchange(hello->group, hello->share, share, shared))
        return ALERT_ILLEGAL_PARAMETER;
    alert = send_server_hello(handshake, share);
    key_schedule_early(handshake->secret);
    trace(lines, "= Early Secret");
    key_schedule_handshake(handshake->secret, shared,
                           hello->group->secret_size);
    wipe(shared, sizeof shared);
    trace(lines, "= Handshake Secret");
    derive(handshake, "c hs traffic", "client_handshake_traffic_secret",
           "CLIENT_HANDSHAKE_TRAFFIC_SECRET", handshake->client_secret);
    derive(handshake, "s hs traffic", "server_handshake_traffic_secret",
           "SERVER_HANDSHAKE_TRAFFIC_SECRET", handshake->server_secret);
    protect_with_secret(handshake->records, READING, hello->suite->aead,
                        handshake->client_secret);
    protect_with_secret(handshake->records, WRITING, hello->suite->aead,
                        handshake->server_secret);
    handshake->records->inner_limit = hello->inner_limit;
    return alert;
}

/* The keys for the data (RFC 8446 7.1, lower half). Ours are in use from here
 * on, since our Finished is out; the client's, once its own has come. We export
 * nothing ourselves: that secret is only for whoever opens a capture. */
static enum alert derive_application_secrets(struct handshake *handshake)
{
    struct tls *tls = handshake->tls;
    unsigned char exporter_secret[SHA256_SIZE];

    key_schedule_master(handshake->secret);
    trace(&handshake->records->trace, "= Master Secret");
    derive(handshake, "c ap traffic", "client_application_traffic_secret_0",
           "CLIENT_TRAFFIC_SECRET_0", tls->client_secret);
    derive(handshake, "s ap traffic", "server_application_traffic_secret_0",
           "SERVER_TRAFFIC_SECRET_0", tls->server_secret);
    if (tls->config->keylog_fd >= 0)
        derive(handshake, "exp master", "exporter_secret", "EXPORTER_SECRET",
               exporter_secret);
    wipe(exporter_secret, sizeof exporter_secret);
    protect_with_secret(handshake->records, WRITING,
                        handshake->hello.suite->aead, tls->server_secret);
    return record_flush(handshake->records);
}

/*
 *     struct {
 *         opaque verify_data[Hash.length];
 *     } Finished;
 *
 * It proves that the client has the same keys and has seen the same messages:
 * nobody in between has changed what was offered.
 */
static enum alert read_finished(struct handshake *handshake)
{
    unsigned char hash[SHA256_SIZE];
    unsigned char verify_data[SHA256_SIZE];
    struct message message;
    enum alert alert;

    transcript_hash(handshake, hash);
    finished_verify_data(handshake->client_secret, hash, verify_data);
    alert = message_read(&message, handshake->records, HANDSHAKE_FINISHED,
                         sizeof verify_data);
    if (alert == ALERT_NONE && message.body.size != sizeof verify_data)
        alert = ALERT_DECODE_ERROR;
    else if (alert == ALERT_NONE &&
             !bytes_equal_ct(message.body.data, verify_data,
                             sizeof verify_data))
        alert = ALERT_DECRYPT_ERROR;
    message_free(&message);
    wipe(verify_data, sizeof verify_data);
    return alert;
}

/* The data are next. */
static enum alert become_connected(struct handshake *handshake)
{
    struct tls *tls = handshake->tls;

    tls->suite = handshake->hello.suite;
    protect_with_secret(&tls->records, READING, tls->suite->aead,
                        tls->client_secret);
    tls->records.accept_change_cipher_spec = false;
    tls->records.skip_early_data = false;
    tls->records.idle_records = 0;
    return ALERT_NONE;
}

static enum alert (*const steps[])(struct handshake *) = {
    read_client_hello, retry,
    exchange_keys,     send_encrypted_extensions,
    send_certificate,  send_certificate_verify,
    send_finished,     derive_application_secrets,
    read_finished,     become_connected,
};

enum alert handshake(struct tls *tls)
{
    struct handshake state = {.tls = tls, .records = &tls->records};
    enum alert alert = ALERT_NONE;

    sha256_init(&state.transcript);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if ((alert = steps[i](&state)) != ALERT_NONE)
            break;
    message_free(&state.client_hello);
    wipe(&state, sizeof state);
    return alert;
}
