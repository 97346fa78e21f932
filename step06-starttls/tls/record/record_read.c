/*
 * record_read.c - the record layer (RFC 8446 section 5): reading.
 *
 * The buffer holds one largest record. Its content is opened where it lies and
 * handed up without a copy. This is also where it is decided which records mean
 * nothing and are dropped, and which must not be. Start reading at
 * record_read(), the last function.
 * TUTORIAL.md, chapter 6.8.
 */
#include "record.h"

#include "../bytes/bytes.h"

#include <errno.h>
#include <string.h>

/* Get at least size bytes to in_start. What was read stays if that fails. */
static enum alert fill(struct record_layer *records, size_t size)
{
    if (records->in_start == records->in_end ||
        records->in_start + size > sizeof records->in) {
        records->in_end -= records->in_start;
        memmove(records->in, records->in + records->in_start, records->in_end);
        records->in_start = 0;
    }
    while (records->in_end - records->in_start < size) {
        ssize_t n =
            records->io.read(records->io.context, records->in + records->in_end,
                             sizeof records->in - records->in_end);
        if (n == 0)
            errno = EPROTO; /* the end, and no close_notify: cut off */
        if (n <= 0)
            return ALERT_TRANSPORT;
        records->in_end += (size_t)n;
    }
    return ALERT_NONE;
}

enum alert record_idle(struct record_layer *records)
{
    if (++records->idle_records > IDLE_RECORDS_MAX)
        return ALERT_UNEXPECTED_MESSAGE;
    return ALERT_NONE;
}

/*
 *     struct {
 *         ContentType type;
 *         ProtocolVersion legacy_record_version;    ignored (RFC 8446 5.1)
 *         uint16 length;
 *         opaque fragment[TLSPlaintext.length];
 *     } TLSPlaintext;
 *
 * The type is looked at before we wait for the content: somebody who speaks no
 * TLS at all is told so at once.
 */
static enum alert tls_plaintext(struct record_layer *records,
                                struct record *record)
{
    enum alert alert = fill(records, RECORD_HEADER_SIZE);
    const unsigned char *header = records->in + records->in_start;

    if (alert != ALERT_NONE)
        return alert;
    record->type = header[0];
    record->size = (size_t)header[3] << 8 | header[4];
    if (record->type < CONTENT_CHANGE_CIPHER_SPEC ||
        record->type > CONTENT_APPLICATION_DATA)
        return ALERT_UNEXPECTED_MESSAGE;
    if (record->size > (record->type == CONTENT_APPLICATION_DATA
                            ? RECORD_CIPHERTEXT_MAX
                            : RECORD_PLAINTEXT_MAX))
        return ALERT_RECORD_OVERFLOW;
    alert = fill(records, RECORD_HEADER_SIZE + record->size);
    if (alert != ALERT_NONE)
        return alert;
    record->data = records->in + records->in_start + RECORD_HEADER_SIZE;
    records->in_start += RECORD_HEADER_SIZE + record->size;
    return ALERT_NONE;
}

/*
 *     struct {
 *         opaque content[TLSPlaintext.length];
 *         ContentType type;
 *         uint8 zeros[length_of_padding];
 *     } TLSInnerPlaintext;
 *
 * Looking for the type from the end takes longer the more zeros there are,
 * and so tells an observer with a good clock how much of the record was
 * padding. RFC 8446 5.4 asks for this very scan and E.3 explains why hiding its
 * time gains little. It tells nothing to somebody who made up the record: it
 * only happens to what was authentic.
 */
static enum alert tls_inner_plaintext(struct record *record)
{
    if (record->size > RECORD_INNER_MAX)
        return ALERT_RECORD_OVERFLOW;
    while (record->size > 0 && record->data[record->size - 1] == 0)
        record->size--;
    if (record->size == 0)
        return ALERT_UNEXPECTED_MESSAGE;
    record->type = record->data[--record->size];
    if (record->type == CONTENT_APPLICATION_DATA)
        return ALERT_NONE;
    if (record->type != CONTENT_HANDSHAKE && record->type != CONTENT_ALERT)
        return ALERT_UNEXPECTED_MESSAGE;
    return record->size > 0 ? ALERT_NONE : ALERT_UNEXPECTED_MESSAGE;
}

/* Open a protected record in place (RFC 8446 5.2). */
static bool open_record(struct record_layer *records, struct record *record)
{
    struct record_keys *keys = &records->reading;
    unsigned char *data = records->in + records->in_start - record->size;
    unsigned char nonce[AEAD_NONCE_SIZE];
    bool authentic;

    record_nonce(keys, nonce);
    authentic = keys->aead->open(&keys->key, nonce, data - RECORD_HEADER_SIZE,
                                 RECORD_HEADER_SIZE, data, record->size, data);
    wipe(nonce, sizeof nonce);
    if (!authentic)
        return false;
    keys->sequence++;
    record->size -= AEAD_TAG_SIZE;
    /* The content is for the layers above, which have to branch on it; it is
     * kept from eavesdroppers, but the code may know it. */
    secret_unmark(data, record->size);
    return true;
}

/* RFC 8446 4.2.10: early data can't be read, for want of a key; drop it. */
static enum alert skip_early_data(struct record_layer *records, size_t size)
{
    if (size + RECORD_HEADER_SIZE > records->early_data_left)
        return ALERT_UNEXPECTED_MESSAGE;
    records->early_data_left -= size + RECORD_HEADER_SIZE;
    trace(&records->trace, "< early data, %zu bytes, dropped", size);
    return ALERT_NONE;
}

/* A record that says it is application data: early data, or any other type
 * under protection. */
static enum alert application_data(struct record_layer *records,
                                   struct record *record, bool *dropped)
{
    enum alert alert;

    if (records->reading.aead && open_record(records, record)) {
        records->skip_early_data = false;
        alert = tls_inner_plaintext(record);
        trace_record(&records->trace, '<', record->type, record->size, true);
        return alert;
    }
    if (records->skip_early_data) {
        *dropped = true;
        return skip_early_data(records, record->size);
    }
    return records->reading.aead ? ALERT_BAD_RECORD_MAC
                                 : ALERT_UNEXPECTED_MESSAGE;
}

/*
 * RFC 8446 5: for the sake of middleboxes that know only TLS 1.2, a client may
 * send this record during the handshake. It is one byte, 1, and means nothing.
 */
static enum alert change_cipher_spec(struct record_layer *records,
                                     const struct record *record)
{
    if (!records->accept_change_cipher_spec || records->inside_message ||
        record->size != 1 || record->data[0] != 1)
        return ALERT_UNEXPECTED_MESSAGE;
    return record_idle(records);
}

/*
 *     struct {
 *         AlertLevel level;                 says nothing (RFC 8446 6)
 *         AlertDescription description;
 *     } Alert;
 */
static enum alert take_alert(struct record_layer *records,
                             const struct record *record, bool *dropped)
{
    if (record->size == 0)
        return ALERT_UNEXPECTED_MESSAGE;
    if (record->size != 2)
        return ALERT_DECODE_ERROR;
    records->alert_received = record->data[1];
    trace_alert(&records->trace, '<', record->data[1]);
    if (record->data[1] == ALERT_CLOSE_NOTIFY)
        return ALERT_CLOSE_NOTIFY;
    if (record->data[1] != ALERT_USER_CANCELED)
        return ALERT_RECEIVED;
    if (records->inside_message)
        return ALERT_UNEXPECTED_MESSAGE;
    *dropped = true; /* RFC 8446 6.1: a close_notify will follow */
    return record_idle(records);
}

/*
 * Once there are keys, nothing in the clear is believed. But a client that
 * can't make sense of our ServerHello has no keys and sends its alert in the
 * clear. We take it as long as no protected record has come: whoever can forge
 * one could just as well cut the connection.
 */
static bool may_be_plain(const struct record_layer *records,
                         const struct record *record)
{
    return !records->reading.aead ||
           (record->type == CONTENT_ALERT && records->reading.sequence == 0 &&
            records->accept_change_cipher_spec);
}

/* Decide what to do about a record, by the type that its header shows. */
static enum alert sort_record(struct record_layer *records,
                              struct record *record, bool *dropped)
{
    if (record->type == CONTENT_APPLICATION_DATA)
        return application_data(records, record, dropped);
    trace_record(&records->trace, '<', record->type, record->size, false);
    if (record->type == CONTENT_CHANGE_CIPHER_SPEC) {
        *dropped = true;
        return change_cipher_spec(records, record);
    }
    if (!may_be_plain(records, record))
        return ALERT_UNEXPECTED_MESSAGE;
    if (record->type == CONTENT_HANDSHAKE) {
        records->skip_early_data = false;
        return record->size > 0 ? ALERT_NONE : ALERT_UNEXPECTED_MESSAGE;
    }
    return ALERT_NONE;
}

enum alert record_read(struct record_layer *records, struct record *record)
{
    enum alert alert;
    bool dropped;

    do {
        dropped = false;
        alert = tls_plaintext(records, record);
        if (alert == ALERT_NONE)
            alert = sort_record(records, record, &dropped);
        if (alert == ALERT_NONE && !dropped && record->type == CONTENT_ALERT)
            alert = take_alert(records, record, &dropped);
    } while (alert == ALERT_NONE && dropped);
    return alert;
}
