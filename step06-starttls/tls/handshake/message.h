#ifndef MESSAGE_H
#define MESSAGE_H

/*
 * message.h - handshake messages out of records (RFC 8446 sections 4 and 5.1).
 * TUTORIAL.md, chapter 6.10.
 */

#include "../record/record.h"
#include "names.h"

/* A handshake message that was received. */
struct message {
    struct bytes whole; /* with its header, as it goes into transcripts */
    struct bytes body;  /* without */
    unsigned char
        *assembled; /* from malloc(), or NULL if it lies in a record */
};

/*
 * Given its first record, which record_read() returned with type handshake,
 * complete the message, from more records if it was split. It must be of this
 * type, and its body at most max bytes. It is valid until the next
 * record_read(); call message_free() whatever is returned: ALERT_NONE,
 * unexpected_message for another type or if more data follow in its last
 * record, decode_error if it is too long, or what record_read() returns.
 */
enum alert message_complete(struct message *message,
                            struct record_layer *records, struct record first,
                            enum handshake_type type, size_t max);

/* Read a record and, from there on, a message, as above. */
enum alert message_read(struct message *message, struct record_layer *records,
                        enum handshake_type type, size_t max);

void message_free(struct message *message);

#endif
