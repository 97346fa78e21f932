/*
 * receive.c - DATA: one message, from "354" to the promise.
 *
 * The text streams through here in blocks, from the connection through the
 * decoder into a file: a message of 50 MB takes no more memory than one of
 * 50 bytes. Start reading at receive_message(), at the end.
 * TUTORIAL.md, chapter 3.
 */
#define _POSIX_C_SOURCE 200809L
#include "receive.h"
#include "data.h"
#include "maildir.h"
#include "output.h"
#include "report.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    /* Return-Path and Received: two paths, and names that are bounded too */
    FIELDS_SIZE = 2 * PATH_SIZE + 1024,
    RECEIVED_MAX = 100, /* RFC 5321 6.3: more than that is a loop */
};

/* What a client calls itself goes into a field of the message: so nothing in
 * it may end that field, or open a comment in it. */
static void clean_helo(const char *helo, char *out)
{
    size_t i;

    for (i = 0; helo[i]; i++)
        out[i] = isalnum((unsigned char)helo[i]) || strchr("-.:[]_", helo[i])
                     ? helo[i]
                     : '?';
    out[i] = '\0';
}

/* Trace information: RFC 5321 4.4. */
static void prepend_fields(struct session *session, struct delivery *delivery)
{
    const struct envelope *envelope = &session->envelope;
    const char *protocol = envelope->smtputf8 ? "UTF8SMTP" /* RFC 6531 4.3 */
                           : session->esmtp   ? "ESMTP"
                                              : "SMTP";
    char text[FIELDS_SIZE], date[40], helo[HELO_MAX + 1], peer[CONN_PEER_SIZE];
    time_t now = time(NULL);
    struct tm utc;
    int size;

    clean_helo(session->helo, helo);
    conn_peer(session->conn, peer);
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000",
             gmtime_r(&now, &utc));
    size = snprintf(text, sizeof(text),
                    "Return-Path: <%s>\n"
                    "Received: from %s (%s)\n"
                    "\tby %s with %s id %s",
                    envelope->reverse_path.text, helo, peer, session->hostname,
                    protocol, delivery->id);
    if (envelope->recipients_count == 1) /* others are not to be told */
        size += snprintf(text + size, sizeof(text) - (size_t)size,
                         "\n\tfor <%s>", envelope->recipients[0].text);
    size +=
        snprintf(text + size, sizeof(text) - (size_t)size, ";\n\t%s\n", date);
    maildir_write(delivery, text, (size_t)size);
}

/* Receive the text, up to the dot that ends it. What is to be refused is read
 * to its end as well: the client listens only then. */
static enum line_status receive_text(struct session *session, struct data *data,
                                     struct delivery *delivery)
{
    unsigned char text[CONN_INPUT_SIZE];
    const unsigned char *block;
    size_t size, used, shown = 0;
    enum line_status status = LINE_OK;

    data_init(data);
    while (data->state != DATA_END) {
        status = conn_read_block(session->conn, &block, &size);
        if (status != LINE_OK)
            break;
        size = data_decode(data, block, size, text, &used);
        conn_used(session->conn, used, &shown);
        if (!data->bare &&
            data->size <= (unsigned long long)session->config->size_max)
            maildir_write(delivery, text, size);
    }
    return status;
}

void receive_fault(struct session *session, int error)
{
    output_log("cannot store a message in %s: %s", session->config->mail,
               strerror(error));
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        session_reply(session, 452, "4.3.1", "no room to store that");
    else
        session_reply(session, 451, "4.3.0", "cannot store that");
}

static void refuse(struct session *session, struct delivery *delivery, int code,
                   const char *enhanced, const char *text)
{
    maildir_abort(delivery);
    session_reply(session, code, enhanced, "%s", text);
}

static void store(struct session *session, struct delivery *delivery)
{
    const struct envelope *envelope = &session->envelope;
    const char *mailboxes[RECIPIENTS_MAX];

    for (size_t i = 0; i < envelope->recipients_count; i++)
        mailboxes[i] = envelope->mailboxes[i];
    if (!maildir_commit(delivery, mailboxes, envelope->recipients_count)) {
        receive_fault(session, delivery->error);
        return;
    }
    session->faults = 0; /* whoever brings good mail may go on */
    session_reply(session, 250, "2.0.0", "stored as %s", delivery->id);
    conn_flush(session->conn); /* what follows can no longer lose the mail */
    report_message(session, delivery);
}

/* The text is here: refuse it, or store it and promise that. */
static void settle(struct session *session, const struct data *data,
                   struct delivery *delivery)
{
    if (data->size > (unsigned long long)session->config->size_max)
        refuse(session, delivery, 552, "5.3.4", "that is too large");
    else if (data->bare)
        refuse(session, delivery, 554, "5.6.0",
               "CR and LF come only as a pair");
    else if (data->received > RECEIVED_MAX)
        refuse(session, delivery, 554, "5.4.6", "this mail goes in circles");
    else
        store(session, delivery);
}

enum line_status receive_message(struct session *session)
{
    struct delivery delivery;
    struct data data;
    enum line_status status;

    if (!maildir_begin(&delivery, session->config->mail_root,
                       session->envelope.mailboxes[0], session->hostname,
                       session->messages)) {
        receive_fault(session, delivery.error);
        return LINE_OK;
    }
    conn_printf(session->conn, "354 end with a line that is a dot\r\n");
    prepend_fields(session, &delivery);
    status = receive_text(session, &data, &delivery);
    if (status == LINE_OK)
        settle(session, &data, &delivery);
    else
        maildir_abort(&delivery);
    maildir_close(&delivery);
    return status;
}
