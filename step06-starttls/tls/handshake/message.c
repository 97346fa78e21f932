/*
 * message.c - handshake messages out of records.
 *
 * A message can be spread over many records: a ClientHello may be larger than
 * the largest record, and some clients split it to get past some box. Nearly
 * always it lies whole in one record, and is used where it lies. If not, memory
 * is allocated for this one message.
 *
 * Several messages could also share a record, but never across a change of keys
 * (RFC 8446 5.1), and such a change follows each of the three messages that a
 * client may send us: ClientHello, Finished and KeyUpdate. So a message has
 * to end where its record ends. Start reading at message_complete().
 * TUTORIAL.md, chapter 6.10.
 */
#include "message.h"

#include "show.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE_HEADER_SIZE = 4 };

/*
 *     struct {
 *         HandshakeType msg_type;
 *         uint24 length;
 *         select (Handshake.msg_type) { ... };
 *     } Handshake;
 *
 * Is it all there? If so, the body is set.
 */
static enum alert handshake_header(struct message *message,
                                   enum handshake_type type, size_t max)
{
    struct reader reader = reader_start(message->whole);
    size_t size;

    message->body.data = NULL;
    if (reader_u8(&reader) != type)
        return ALERT_UNEXPECTED_MESSAGE;
    if (message->whole.size < MESSAGE_HEADER_SIZE)
        return ALERT_NONE;
    size = reader_u24(&reader);
    if (size > max)
        return ALERT_DECODE_ERROR;
    if (reader.left > size)
        return ALERT_UNEXPECTED_MESSAGE;
    if (reader.left == size)
        message->body = reader_bytes(&reader, size);
    return ALERT_NONE;
}

/*
 * Read record after record until the message is whole. The buffer has room for
 * one record more than the longest message, so that judging what came can wait
 * until it is copied. Pages of it that are never reached cost nothing.
 */
static enum alert assemble(struct message *message,
                           struct record_layer *records,
                           enum handshake_type type, size_t max)
{
    enum alert alert = ALERT_NONE;

    message->assembled =
        malloc(MESSAGE_HEADER_SIZE + max + RECORD_PLAINTEXT_MAX);
    if (!message->assembled)
        return ALERT_INTERNAL_ERROR;
    memcpy(message->assembled, message->whole.data, message->whole.size);
    message->whole.data = message->assembled;
    while (alert == ALERT_NONE && !message->body.data) {
        struct record next;

        alert = record_read(records, &next);
        if (alert != ALERT_NONE)
            break;
        if (next.type != CONTENT_HANDSHAKE)
            return ALERT_UNEXPECTED_MESSAGE;
        memcpy(message->assembled + message->whole.size, next.data, next.size);
        message->whole.size += next.size;
        alert = handshake_header(message, type, max);
    }
    return alert;
}

enum alert message_complete(struct message *message,
                            struct record_layer *records, struct record first,
                            enum handshake_type type, size_t max)
{
    enum alert alert;

    message->whole = (struct bytes){first.data, first.size};
    message->assembled = NULL;
    alert = handshake_header(message, type, max);
    if (alert == ALERT_NONE && !message->body.data) {
        /* RFC 8446 5.1: no other records between the parts of a message */
        records->inside_message = true;
        alert = assemble(message, records, type, max);
        records->inside_message = false;
    }
    if (alert == ALERT_NONE)
        trace_message(&records->trace, '<', type, message->whole.size);
    return alert;
}

enum alert message_read(struct message *message, struct record_layer *records,
                        enum handshake_type type, size_t max)
{
    struct record record;
    enum alert alert = record_read(records, &record);

    message->assembled = NULL;
    if (alert != ALERT_NONE)
        return alert;
    if (record.type != CONTENT_HANDSHAKE)
        return ALERT_UNEXPECTED_MESSAGE;
    return message_complete(message, records, record, type, max);
}

void message_free(struct message *message)
{
    free(message->assembled);
    message->assembled = NULL;
}
