/*
 * tls.c - a TLS 1.3 connection of a server, after the handshake.
 *
 * There is not much left to do then: application data in and out, KeyUpdate,
 * and the end. What can go wrong anywhere below comes up as the alert to be
 * sent, and end_with(), the one place that sends it, is here. Start reading at
 * tls_accept().
 * TUTORIAL.md, chapter 6.10.
 */
#include "tls.h"

#include "../bytes/bytes.h"
#include "handshake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 *     struct {
 *         AlertLevel level;
 *         AlertDescription description;
 *     } Alert;
 */
static void send_alert(struct tls *tls, enum alert alert)
{
    unsigned char message[2];

    message[0] =
        alert == ALERT_CLOSE_NOTIFY ? ALERT_LEVEL_WARNING : ALERT_LEVEL_FATAL;
    message[1] = (unsigned char)alert;
    trace_alert(&tls->records.trace, '>', alert);
    if (record_append(&tls->records, CONTENT_ALERT, message, sizeof message) ==
        ALERT_NONE)
        record_flush(&tls->records); /* if it fails, nobody is there to tell */
}

/* RFC 8446 6.2: tell the peer, forget the keys, and that is the end. */
static void end_with(struct tls *tls, enum alert alert)
{
    if (alert < ALERT_NONE)
        send_alert(tls, alert);
    tls->over = true;
    record_wipe(&tls->records);
    wipe(tls->client_secret, sizeof tls->client_secret);
    wipe(tls->server_secret, sizeof tls->server_secret);
}

/* For the operator: the alert, ours or the client's, or what is wrong below. */
static void explain(struct tls *tls, enum alert alert)
{
    bool received = alert == ALERT_RECEIVED || alert == ALERT_CLOSE_NOTIFY;

    if (alert == ALERT_TRANSPORT)
        snprintf(tls->fault, sizeof tls->fault, "%s",
                 errno == EPROTO   ? "the client has hung up"
                 : errno == EAGAIN ? "the client is too slow"
                                   : strerror(errno));
    else
        snprintf(tls->fault, sizeof tls->fault, "%s the alert %s",
                 received ? "received" : "sent",
                 name_of(alert_names,
                         received ? tls->records.alert_received : alert));
}

bool tls_accept(struct tls *tls, const struct tls_config *config,
                struct tls_io io)
{
    enum alert alert;

    tls->config = config;
    tls->unread.size = 0;
    tls->key_update_owed = tls->closed = tls->over = false;
    record_init(&tls->records, io, config->trace);
    alert = handshake(tls);
    if (alert != ALERT_NONE)
        explain(tls, alert);
    /* If it was we who stopped waiting, at a timeout or a signal that asks for
     * the end, the connection is still good (RFC 8446 6.1). */
    if (alert == ALERT_TRANSPORT && (errno == EAGAIN || errno == EINTR))
        alert = ALERT_CLOSE_NOTIFY;
    if (alert != ALERT_NONE)
        end_with(tls, alert);
    return alert == ALERT_NONE;
}

/* RFC 8446 7.2 */
static void next_keys(struct tls *tls, enum direction direction,
                      unsigned char secret[SHA256_SIZE])
{
    next_traffic_secret(secret);
    protect_with_secret(&tls->records, direction, tls->suite->aead, secret);
    trace(&tls->records.trace, "= %s_application_traffic_secret_N+1",
          direction == READING ? "client" : "server");
}

/*
 *     enum {
 *         update_not_requested(0), update_requested(1), (255)
 *     } KeyUpdateRequest;
 *
 *     struct {
 *         KeyUpdateRequest request_update;
 *     } KeyUpdate;
 *
 * The client's next records are under the next keys. If it wants the same from
 * us, that is done before we send data again: requests that come while we have
 * nothing to say all get one answer (RFC 8446 4.6.3).
 */
static enum alert take_key_update(struct tls *tls, struct record first)
{
    struct message message;
    enum alert alert;

    alert = message_complete(&message, &tls->records, first,
                             HANDSHAKE_KEY_UPDATE, 1);
    if (alert == ALERT_NONE && message.body.size != 1)
        alert = ALERT_DECODE_ERROR;
    else if (alert == ALERT_NONE && message.body.data[0] > 1)
        alert = ALERT_ILLEGAL_PARAMETER;
    if (alert == ALERT_NONE) {
        tls->key_update_owed |= message.body.data[0] == 1;
        next_keys(tls, READING, tls->client_secret);
        alert = record_idle(&tls->records);
    }
    message_free(&message);
    return alert;
}

static enum alert send_key_update(struct tls *tls)
{
    static const unsigned char message[] = {HANDSHAKE_KEY_UPDATE, 0, 0, 1, 0};
    enum alert alert;

    trace_message(&tls->records.trace, '>', message[0], sizeof message);
    alert = record_append(&tls->records, CONTENT_HANDSHAKE, message,
                          sizeof message);
    next_keys(tls, WRITING, tls->server_secret);
    tls->key_update_owed = false;
    return alert;
}

/* Read one record: data to be handed out, or a message about the keys. */
static enum alert read_record(struct tls *tls)
{
    struct record record;
    enum alert alert = record_read(&tls->records, &record);

    if (alert != ALERT_NONE)
        return alert;
    if (record.type == CONTENT_HANDSHAKE)
        return take_key_update(tls, record);
    if (record.size == 0)
        return record_idle(&tls->records);
    tls->records.idle_records = 0;
    tls->unread = (struct bytes){record.data, record.size};
    return ALERT_NONE;
}

ssize_t tls_read(struct tls *tls, void *buffer, size_t size)
{
    while (tls->unread.size == 0 && !tls->over && !tls->closed) {
        enum alert alert = read_record(tls);

        if (alert == ALERT_TRANSPORT)
            return -1; /* maybe only a timeout: writing still works */
        if (alert == ALERT_CLOSE_NOTIFY)
            tls->closed = true;
        else if (alert != ALERT_NONE)
            end_with(tls, alert);
    }
    if (tls->over) {
        errno = EPROTO;
        return -1;
    }
    if (size > tls->unread.size)
        size = tls->unread.size;
    if (size > 0) {
        memcpy(buffer, tls->unread.data, size);
        tls->unread.data += size;
        tls->unread.size -= size;
    }
    return (ssize_t)size;
}

bool tls_write(struct tls *tls, const void *data, size_t size)
{
    enum alert alert = ALERT_NONE;

    if (tls->over)
        return false;
    if (tls->key_update_owed ||
        tls->records.writing.sequence >= RECORDS_PER_KEY_MAX)
        alert = send_key_update(tls);
    if (alert == ALERT_NONE)
        alert =
            record_append(&tls->records, CONTENT_APPLICATION_DATA, data, size);
    if (alert == ALERT_NONE)
        alert = record_flush(&tls->records);
    return alert == ALERT_NONE;
}

void tls_close(struct tls *tls)
{
    if (!tls->over)
        end_with(tls, ALERT_CLOSE_NOTIFY);
}
