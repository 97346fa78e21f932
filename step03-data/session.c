/*
 * session.c - the SMTP conversation, RFC 5321.
 *
 * The client sends a command, the server answers with a code and a text, and
 * so on until QUIT. A command is a function from its argument to the reply;
 * commands are rows of a table, which also knows when each may come. Start
 * reading at session_run(), at the end. TUTORIAL.md, chapter 2.
 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"
#include "receive.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { FAULTS_MAX = 20 /* faulty commands; RFC 5321 4.3.2 allows the 421 */ };

/* The reply to what is not a command. */
static const char *const trouble[] = {
    [LINE_TOO_LONG] = "500 5.5.2 line too long",
    [LINE_BARE_LF] = "500 5.5.2 lines end in CR LF, not in LF (try nc -C)",
    [LINE_BAD_BYTE] = "500 5.5.2 there is a byte in it that is not text",
    [LINE_TIMEOUT] = "421 4.4.2 you said nothing for too long",
    [LINE_STOPPED] = "421 4.3.2 this server is going down",
};

static const char bad_order[] = "503 5.5.1 the order is EHLO, MAIL, RCPT, DATA";

static void reset(struct session *session)
{
    session->recipients_count = 0;
    if (session->stage > GREETED)
        session->stage = GREETED;
}

/* ---- Commands: RFC 5321 4.1.1 ------------------------------------------- */

/* Each gets its argument and returns its reply: a code, an enhanced status code
 * (RFC 2034) and a text; or NULL, if the reply has been said already. */

/* A name goes into a field of the message: so nothing in it may end that field,
 * or open a comment in it. False if it is too long. */
static bool greet(struct session *session, const char *name)
{
    size_t size = strlen(name) + 1;

    if (size > sizeof(session->helo))
        return false;
    memcpy(session->helo, name, size);
    for (char *c = session->helo; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-.:[]_", *c))
            *c = '?';
    session->stage = GREETED;
    reset(session);
    return true;
}

static const char *command_helo(struct session *session, char *name)
{
    if (!greet(session, name))
        return "501 5.5.4 that name is too long";
    session->protocol = "SMTP";
    conn_printf(session->conn, "250 %s\r\n", session->hostname);
    return NULL;
}

static const char *command_ehlo(struct session *session, char *name)
{
    if (!greet(session, name))
        return "501 5.5.4 that name is too long";
    session->protocol = "ESMTP";
    conn_printf(session->conn, "250-%s\r\n", session->hostname);
    conn_printf(session->conn, "250-PIPELINING\r\n");
    conn_printf(session->conn, "250-8BITMIME\r\n");
    conn_printf(session->conn, "250-SIZE %ld\r\n", session->config->size_max);
    conn_printf(session->conn, "250 ENHANCEDSTATUSCODES\r\n");
    return NULL;
}

/* size-value = 1*20DIGIT (RFC 1870). More than fits is as good as infinite. */
static bool parse_size(const char *value, unsigned long long *size)
{
    char *end;

    if (value[0] != '=' || !isdigit((unsigned char)value[1]))
        return false;
    *size = strtoull(value + 1, &end, 10);
    return !*end;
}

static const char *command_mail(struct session *session, char *argument)
{
    enum { SIZE, BODY, PARAMETERS };
    static const char *const keywords[] = {"SIZE", "BODY", NULL};
    const char *values[PARAMETERS] = {NULL}, *fault;
    unsigned long long size = 0;
    struct path path;

    if (session->stage != GREETED)
        return bad_order;
    if (!path_parse(&argument, &path) || (*path.text && !*path.domain))
        return "501 5.1.7 syntax: MAIL FROM:<address>";
    fault = path_parameters(argument, keywords, values);
    if (fault)
        return fault;
    if ((values[SIZE] && !parse_size(values[SIZE], &size)) ||
        (values[BODY] && strcasecmp(values[BODY], "=7BIT") != 0 &&
         strcasecmp(values[BODY], "=8BITMIME") != 0))
        return "501 5.5.4 a parameter has a wrong value";
    if (size > (unsigned long long)session->config->size_max)
        return "552 5.3.4 that is larger than this server takes";
    memcpy(session->sender, path.text, strlen(path.text) + 1);
    session->stage = SENDER_GIVEN;
    return "250 2.1.0 sender ok";
}

/*
 * True for an address that this server receives mail for. "a%b@here" and
 * "b!a@here" once asked the server to send the mail on to b. A server which
 * does that for strangers is found and used by spammers within hours.
 */
static bool is_local(const struct config *config, const struct path *path)
{
    const char **domain = config->domains;

    if (strpbrk(path->local_part, "%!@"))
        return false;
    while (*domain && strcasecmp(*domain, path->domain) != 0)
        domain++;
    return *domain || !*path->domain; /* only postmaster may have none */
}

static const char *command_rcpt(struct session *session, char *argument)
{
    size_t count = session->recipients_count;
    struct path path;
    int error;

    if (!path_parse(&argument, &path) || !*path.text)
        return "501 5.1.3 syntax: RCPT TO:<address>";
    if (*argument)
        return "555 5.5.4 RCPT has no parameters here";
    if (!is_local(session->config, &path))
        return "550 5.7.1 this server does not relay";
    if (count == RECIPIENTS_MAX)
        return "452 4.5.3 too many recipients, send the rest later";
    error = maildir_find(session->config->mail, path.local_part,
                         session->mailboxes[count]);
    if (error == ENOENT)
        return "550 5.1.1 no such mailbox here";
    if (error)
        return maildir_reply(error);
    memcpy(session->recipients[count], path.text, RECIPIENT_SIZE);
    session->recipients_count++;
    session->stage = RECIPIENT_GIVEN;
    return "250 2.1.5 recipient ok";
}

static const char *command_data(struct session *session, char *argument)
{
    const char *reply = receive_message(session);

    (void)argument;
    reset(session);
    return reply;
}

static const char *command_rset(struct session *session, char *argument)
{
    (void)argument;
    reset(session);
    return "250 2.0.0 forgotten";
}

static const struct command {
    const char *verb, *keyword; /* upper or lower case */
    enum { NONE, ANY, NEEDED } argument;
    enum stage first;  /* from then on it may come */
    const char *reply; /* where there is nothing to do */
    const char *(*run)(struct session *session, char *argument);
} commands[] = {
    {"EHLO", "", NEEDED, CONNECTED, NULL, command_ehlo},
    {"HELO", "", NEEDED, CONNECTED, NULL, command_helo},
    {"MAIL", "FROM:", NEEDED, GREETED, NULL, command_mail},
    {"RCPT", "TO:", NEEDED, SENDER_GIVEN, NULL, command_rcpt},
    {"DATA", "", NONE, RECIPIENT_GIVEN, NULL, command_data},
    {"RSET", "", NONE, CONNECTED, NULL, command_rset},
    {"NOOP", "", ANY, CONNECTED, "250 2.0.0 ok", NULL},
    {"QUIT", "", NONE, CONNECTED, "221 2.0.0 bye", NULL},
    /* whoever asks whether an address exists gets no answer (RFC 5321 7.3) */
    {"VRFY", "", NEEDED, CONNECTED, "252 2.0.0 send a mail and see", NULL},
    {"EXPN", "", ANY, CONNECTED, "502 5.5.1 there are no lists here", NULL},
    {"HELP", "", ANY, CONNECTED, "214 2.0.0 all is in RFC 5321", NULL},
    {0},
};

static const char *run_command(struct session *session, char *line)
{
    const struct command *command = commands;
    char *end = line + strlen(line), *argument;
    size_t length;

    while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0'; /* not allowed, but common */
    length = strcspn(line, " ");
    argument = line + length;
    while (*argument == ' ')
        *argument++ = '\0';
    while (command->verb && strcasecmp(command->verb, line) != 0)
        command++;
    /* a page can make a browser send SMTP in the body of a request, but not
     * without lines before it: "POST / HTTP/1.1", "Host: mx.example.org" */
    if (!command->verb &&
        (strstr(argument, "HTTP/") || (length > 0 && line[length - 1] == ':')))
        return "421 4.7.0 this is no web server";
    if (!command->verb)
        return "500 5.5.1 unknown command, try HELP";
    if (session->stage < command->first)
        return bad_order;
    if (command->argument == NONE && *argument)
        return "501 5.5.4 that command has no argument";
    if ((command->argument == NEEDED && !*argument) ||
        strncasecmp(argument, command->keyword, strlen(command->keyword)) != 0)
        return "501 5.5.4 that is not what this command needs";
    argument += strlen(command->keyword);
    argument += strspn(argument, " "); /* not allowed, but common */
    return command->run ? command->run(session, argument) : command->reply;
}

/* Say the reply. Codes that put the blame on the client are counted (502 does
 * not); those that end in 21 are the last words. */
static void say(struct session *session, const char *reply)
{
    conn_printf(session->conn, "%s\r\n", reply);
    if (strncmp(reply, "500", 3) == 0 || strncmp(reply, "501", 3) == 0 ||
        strncmp(reply, "503", 3) == 0 || strncmp(reply, "555", 3) == 0)
        if (++session->faults == FAULTS_MAX)
            say(session, "421 4.7.0 too many faults, closing");
    if (strncmp(reply + 1, "21", 2) == 0)
        session->stage = LEAVING;
}

void session_run(struct conn *conn, const struct config *config)
{
    static struct session session; /* all 0: a process has only this one */
    char line[LINE_SIZE];

    session.conn = conn;
    session.config = config;
    gethostname(session.hostname, HOST_SIZE - 1);
    conn_printf(conn, "220 %s ESMTP ready\r\n", session.hostname);
    while (session.stage != LEAVING && session.status < LINE_CLOSED) {
        const char *reply;
        session.status = conn_read_line(conn, line);
        reply = session.status == LINE_OK ? run_command(&session, line) : NULL;
        if (!reply)
            reply = trouble[session.status];
        if (reply)
            say(&session, reply);
    }
}
