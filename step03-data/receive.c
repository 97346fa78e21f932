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

#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

enum { RECEIVED_MAX = 100 /* RFC 5321 6.3: more than that is a loop */ };

/* Trace information: RFC 5321 4.4. Nobody is told who else gets the message. */
static void prepend_fields(const struct session *session,
                           struct delivery *delivery)
{
    time_t now = time(NULL);
    struct tm utc;
    char date[40];

    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000",
             gmtime_r(&now, &utc));
    fprintf(delivery->file,
            "Return-Path: <%s>\n"
            "Received: from %s (%s)\n"
            "\tby %s with %s id %s",
            session->sender, session->helo, session->conn->peer,
            session->hostname, session->protocol, delivery->id);
    if (session->recipients_count == 1)
        fprintf(delivery->file, "\n\tfor <%s>", session->recipients[0]);
    fprintf(delivery->file, ";\n\t%s\n", date);
}

/* The Received fields of a message: ours, and those of the servers before. */
static unsigned count_received(struct delivery *delivery)
{
    char line[1000]; /* RFC 5322 2.1.1 */
    unsigned count = 0;

    if (fseek(delivery->file, 0, SEEK_SET) != 0 && !delivery->error)
        delivery->error = errno; /* the last octets could not be written */
    while (fgets(line, sizeof(line), delivery->file) && *line != '\n')
        if (strncasecmp(line, "Received:", 9) == 0)
            count++;
    return count;
}

/* Receive the text, up to the dot that ends it. What is to be refused is read
 * to its end as well: the client listens only then. */
static enum line_status receive_text(struct session *session, struct data *data,
                                     struct delivery *delivery)
{
    struct conn *conn = session->conn;
    unsigned char text[INPUT_SIZE];
    size_t size, used, shown = 0;

    while (data->state != DATA_END) {
        enum line_status status = conn_wait(conn);
        if (status != LINE_OK)
            return status;
        size = data_decode(data, conn->in + conn->in_start,
                           conn->in_end - conn->in_start, text, &used);
        conn_used(conn, used, &shown);
        if (!data->bare && data->size <= session->config->size_max)
            maildir_write(delivery, text, size);
    }
    return LINE_OK;
}

/* The text is here: refuse it, or store it and promise that. */
static const char *settle(struct session *session, const struct data *data,
                          struct delivery *delivery)
{
    if (data->size > session->config->size_max)
        return "552 5.3.4 that is too large";
    if (data->bare)
        return "554 5.6.0 CR and LF come only as a pair";
    if (count_received(delivery) > RECEIVED_MAX + 1)
        return "554 5.4.6 this mail goes in circles";
    if (!maildir_commit(delivery, session->mailboxes,
                        session->recipients_count))
        return maildir_reply(delivery->error);
    session->faults = 0;
    conn_printf(session->conn, "250 2.0.0 stored as %s\r\n", delivery->id);
    return NULL;
}

const char *receive_message(struct session *session)
{
    struct delivery delivery;
    struct data data = {.state = DATA_LINE_START};
    const char *reply = NULL;

    if (!maildir_begin(&delivery, session->config->mail, session->mailboxes[0],
                       session->hostname))
        return maildir_reply(delivery.error);
    conn_printf(session->conn, "354 end with a line that is a dot\r\n");
    prepend_fields(session, &delivery);
    session->status = receive_text(session, &data, &delivery);
    if (session->status == LINE_OK)
        reply = settle(session, &data, &delivery);
    maildir_end(&delivery);
    return reply;
}
