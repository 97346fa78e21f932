#ifndef RECORD_H
#define RECORD_H

/*
 * record.h - the record layer (RFC 8446 section 5).
 *
 * TCP gives a stream of bytes; TLS cuts it into records, each with a type and
 * at most 2^14 bytes, and from the first keys on encrypts each of them. Above
 * this file there are only whole records whose contents can be trusted.
 * TUTORIAL.md, chapter 6.8.
 */

#include "../bytes/wire.h"
#include "../cipher/aead.h"
#include "trace.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Why a connection ends (RFC 8446 section 6).
 *
 * Everything in the protocol that can go wrong has an alert that says so to
 * the peer. So the functions of the record layer and the handshake return one:
 * ALERT_NONE if all is well, else the alert which the connection has to end
 * with. Nobody but tls.c sends it: one place, at the very end.
 */
enum alert {
    ALERT_CLOSE_NOTIFY = 0, /* no error: the sender has said all it wanted */
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_ILLEGAL_PARAMETER = 47, /* well formed, but not allowed */
    ALERT_DECODE_ERROR = 50,      /* not even well formed */
    ALERT_DECRYPT_ERROR = 51,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_USER_CANCELED = 90,
    ALERT_MISSING_EXTENSION = 109,

    /* Never on the wire, where an alert has one byte. */
    ALERT_NONE = 256, /* go on */
    ALERT_RECEIVED,   /* the peer has sent a fatal alert: it knows already */
    ALERT_TRANSPORT,  /* the connection below failed: nothing can be sent */
};

enum alert_level { ALERT_LEVEL_WARNING = 1, ALERT_LEVEL_FATAL = 2 };

/* RFC 8446 5.1 */
enum content_type {
    CONTENT_CHANGE_CIPHER_SPEC = 20,
    CONTENT_ALERT = 21,
    CONTENT_HANDSHAKE = 22,
    CONTENT_APPLICATION_DATA = 23,
};

enum {
    VERSION_TLS_1_2 = 0x0303, /* what all records and hellos pretend to be */

    RECORD_HEADER_SIZE = 5,
    RECORD_PLAINTEXT_MAX = 1 << 14,          /* RFC 8446 5.1 */
    RECORD_CIPHERTEXT_MAX = (1 << 14) + 256, /* RFC 8446 5.2 */
    RECORD_INNER_MAX = RECORD_PLAINTEXT_MAX + 1,
    RECORD_SIZE_LIMIT_MIN = 64, /* RFC 8449 4 */

    /* RFC 8446 4.2.10: this much of the early data, which we never asked for,
     * is thrown away, record headers included, before we give up. */
    EARLY_DATA_MAX = 65536,

    /* This many records in a row may carry no data and not advance the
     * handshake. They cost the sender nothing, so there must be an end. */
    IDLE_RECORDS_MAX = 32,

    /* RFC 8446 5.5: AES-GCM is good for 2^24.5 full records under one key.
     * We take the next key well before, with either cipher. That is also why
     * no sequence number of ours can ever wrap. The client's can't either: at
     * a million records a second, 2^64 of them take half a million years. */
    RECORDS_PER_KEY_MAX = 1 << 23,
};

/*
 * The connection underneath. read() waits for bytes and returns how many it
 * put in buffer, 0 at the end, -1 on an error or a timeout, with errno set. A
 * signal is no error unless it asks for the end: EINTR says that it did.
 * write() sends all or returns false.
 */
struct tls_io {
    void *context;
    ssize_t (*read)(void *context, void *buffer, size_t size);
    bool (*write)(void *context, const void *buffer, size_t size);
};

enum direction { READING, WRITING };

/* How the records of one direction are protected. */
struct record_keys {
    const struct aead *aead; /* NULL: not at all yet */
    struct aead_key key;
    unsigned char iv[AEAD_NONCE_SIZE];
    uint64_t sequence; /* of the next record */
};

/* A record that was read: its true type, and its content in the buffer. */
struct record {
    enum content_type type;
    const unsigned char *data; /* valid until the next record_read() */
    size_t size;
};

/* The buffers come last, and what is never used of them is never touched. */
struct record_layer {
    struct tls_io io;
    struct trace trace;
    struct record_keys reading, writing;
    bool accept_change_cipher_spec;
    bool inside_message; /* only a part of a handshake message has come yet */
    bool skip_early_data;
    size_t early_data_left;
    unsigned idle_records;
    unsigned alert_received;    /* the last one that came; RFC 8446 6 */
    size_t inner_limit;         /* largest TLSInnerPlaintext the peer takes */
    size_t in_start, in_end;    /* in[in_start..in_end) is not yet used */
    size_t out_start, out_end;  /* the open record starts at out_start */
    enum content_type out_type; /* of the open record */
    bool out_open;
    unsigned char in[RECORD_HEADER_SIZE + RECORD_CIPHERTEXT_MAX];
    unsigned char out[RECORD_HEADER_SIZE + RECORD_INNER_MAX + AEAD_TAG_SIZE];
};

/* Start without protection in either direction. */
void record_init(struct record_layer *records, struct tls_io io,
                 struct trace trace);

/* Wipe the keys. */
void record_wipe(struct record_layer *records);

/* RFC 8446 5.3: the nonce of the next record is the IV, with the sequence
 * number XORed into its last 8 bytes. */
void record_nonce(const struct record_keys *keys,
                  unsigned char nonce[AEAD_NONCE_SIZE]);

/*
 * Read the next record that means anything: harmless change_cipher_spec
 * records, unwanted early data and user_canceled alerts are dropped here.
 * ALERT_NONE: it is in *record, of type handshake (never empty) or application
 * data (maybe empty). ALERT_CLOSE_NOTIFY: the client sent just that.
 * ALERT_RECEIVED, ALERT_TRANSPORT (errno is set), or the alert that is due for
 * what came.
 */
enum alert record_read(struct record_layer *records, struct record *record);

/* Count a record that brought nothing: unexpected_message if too many did. */
enum alert record_idle(struct record_layer *records);

/*
 * Add data[0..size) to what is to be sent. Data of one type are put together
 * in as few records as possible, and those in as few writes as possible: all
 * is sent by record_flush() at the latest. ALERT_NONE or ALERT_TRANSPORT.
 */
enum alert record_append(struct record_layer *records, enum content_type type,
                         const void *data, size_t size);

/* Send everything that was appended. ALERT_NONE or ALERT_TRANSPORT. */
enum alert record_flush(struct record_layer *records);

/*
 * Protect what is read, or what is appended, from now on; an open record ends.
 * key has aead->key_size bytes, iv is [sender]_write_iv (RFC 8446 5.3).
 */
void record_protect(struct record_layer *records, enum direction direction,
                    const struct aead *aead, const unsigned char *key,
                    const unsigned char iv[AEAD_NONCE_SIZE]);

#endif
