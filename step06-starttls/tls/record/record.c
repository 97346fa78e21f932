/*
 * record.c - the record layer (RFC 8446 section 5): keys, and writing.
 *
 * On the wire a record is a header of five bytes (its type, a version that
 * means nothing any more, its length), and then the content. Once there are
 * keys, the content is sealed together with its true type and any number of
 * zeros, and the header says "application data" whatever is inside:
 *
 *     17 03 03 LL LL | AEAD( content, type, 00 00 ... ) | tag
 *                      \______ TLSInnerPlaintext _____/
 *
 * What goes out is collected in an open record at the end of the buffer, so
 * that a flight of many small messages leaves as one. Start reading at
 * record_append(); the other direction is in record_read.c.
 * TUTORIAL.md, chapter 6.8.
 */
#include "record.h"

#include "../bytes/bytes.h"

#include <string.h>

void record_init(struct record_layer *records, struct tls_io io,
                 struct trace trace)
{
    records->io = io;
    records->trace = trace;
    records->reading.aead = records->writing.aead = NULL;
    records->accept_change_cipher_spec = false;
    records->inside_message = false;
    records->skip_early_data = false;
    records->early_data_left = EARLY_DATA_MAX;
    records->idle_records = 0;
    records->inner_limit = RECORD_INNER_MAX;
    records->in_start = records->in_end = 0;
    records->out_start = records->out_end = 0;
    records->out_open = false;
}

void record_wipe(struct record_layer *records)
{
    wipe(&records->reading, sizeof records->reading);
    wipe(&records->writing, sizeof records->writing);
}

void record_nonce(const struct record_keys *keys,
                  unsigned char nonce[AEAD_NONCE_SIZE])
{
    memcpy(nonce, keys->iv, AEAD_NONCE_SIZE);
    store_be64(nonce + 4, load_be64(nonce + 4) ^ keys->sequence);
}

/* --- Writing ------------------------------------------------------------- */

/* Bytes that protection adds after the content: its type, and the tag. */
static size_t overhead(const struct record_layer *records)
{
    return records->writing.aead ? 1 + AEAD_TAG_SIZE : 0;
}

/* RFC 8449 4: the peer's limit is only for protected records, and includes the
 * byte of the type. */
static size_t content_limit(const struct record_layer *records)
{
    return records->writing.aead ? records->inner_limit - 1
                                 : RECORD_PLAINTEXT_MAX;
}

/* Seal size bytes of content, and their type, after header (RFC 8446 5.2). */
static void protect(struct record_layer *records, unsigned char *header,
                    size_t size)
{
    struct record_keys *keys = &records->writing;
    unsigned char *content = header + RECORD_HEADER_SIZE;
    unsigned char nonce[AEAD_NONCE_SIZE];

    content[size] = (unsigned char)records->out_type;
    record_nonce(keys, nonce);
    keys->aead->seal(&keys->key, nonce, header, RECORD_HEADER_SIZE, content,
                     size + 1, content);
    keys->sequence++;
    wipe(nonce, sizeof nonce);
    secret_unmark(content, size + 1 + AEAD_TAG_SIZE); /* ciphertext is public */
}

/* Finish the open record, if there is one: its header, and its protection. */
static void end_record(struct record_layer *records)
{
    unsigned char *header = records->out + records->out_start;
    bool is_protected = records->writing.aead != NULL;
    size_t size, length;

    if (!records->out_open)
        return;
    size = records->out_end - records->out_start - RECORD_HEADER_SIZE;
    length = size + overhead(records);
    trace_record(&records->trace, '>', records->out_type, size, is_protected);
    header[0] = (unsigned char)(is_protected ? CONTENT_APPLICATION_DATA
                                             : records->out_type);
    header[1] = VERSION_TLS_1_2 >> 8;
    header[2] = VERSION_TLS_1_2 & 0xff;
    header[3] = (unsigned char)(length >> 8);
    header[4] = (unsigned char)length;
    if (is_protected)
        protect(records, header, size);
    records->out_end = records->out_start + RECORD_HEADER_SIZE + length;
    records->out_open = false;
}

enum alert record_flush(struct record_layer *records)
{
    size_t size;

    end_record(records);
    size = records->out_end;
    records->out_start = records->out_end = 0;
    if (size > 0 && !records->io.write(records->io.context, records->out, size))
        return ALERT_TRANSPORT;
    return ALERT_NONE;
}

/* How much more content the open record can take. */
static size_t room(const struct record_layer *records)
{
    size_t used = records->out_end - records->out_start - RECORD_HEADER_SIZE;
    size_t free_space =
        sizeof records->out - records->out_end - overhead(records);
    size_t allowed = content_limit(records) - used;

    return free_space < allowed ? free_space : allowed;
}

/* Open a record for size bytes of content, or as much as one can hold. */
static enum alert begin_record(struct record_layer *records,
                               enum content_type type, size_t size)
{
    enum alert alert = ALERT_NONE;

    if (size > content_limit(records))
        size = content_limit(records);
    if (RECORD_HEADER_SIZE + size + overhead(records) >
        sizeof records->out - records->out_end)
        alert = record_flush(records);
    records->out_start = records->out_end;
    records->out_end += RECORD_HEADER_SIZE;
    records->out_type = type;
    records->out_open = true;
    return alert;
}

enum alert record_append(struct record_layer *records, enum content_type type,
                         const void *data, size_t size)
{
    const unsigned char *bytes = data;
    enum alert alert = ALERT_NONE;

    while (size > 0 && alert == ALERT_NONE) {
        size_t piece;

        if (records->out_open &&
            (records->out_type != type || room(records) == 0))
            end_record(records);
        if (!records->out_open)
            alert = begin_record(records, type, size);
        piece = room(records) < size ? room(records) : size;
        memcpy(records->out + records->out_end, bytes, piece);
        records->out_end += piece;
        bytes += piece;
        size -= piece;
    }
    return alert;
}

void record_protect(struct record_layer *records, enum direction direction,
                    const struct aead *aead, const unsigned char *key,
                    const unsigned char iv[AEAD_NONCE_SIZE])
{
    struct record_keys *keys =
        direction == READING ? &records->reading : &records->writing;

    end_record(records);
    aead->init(&keys->key, key);
    memcpy(keys->iv, iv, sizeof keys->iv);
    keys->aead = aead;
    keys->sequence = 0;
}
