/*
 * session.c - the SMTP conversation, RFC 5321.
 *
 * The client sends a command, the server answers with a code and a text, and
 * so on until QUIT. Commands are rows of a table, which also knows when each
 * may come; what has been agreed so far is the envelope. Start reading at
 * session_run(), at the end. TUTORIAL.md, chapter 2.
 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
    FAULTS_MAX = 20,      /* faulty commands; RFC 5321 4.3.2 allows the 421 */
    REPLY_TEXT_MAX = 400, /* RFC 5321 4.5.3.1.5: 512 with code and CRLF */
};

const char session_busy[] =
    "421 4.7.0 too many connections, try again later\r\n";

void session_reply(struct session *session, int code, const char *enhanced,
                   const char *format, ...)
{
    char text[REPLY_TEXT_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    conn_printf(session->conn, "%d %s %s\r\n", code, enhanced, text);
    if ((code >= 500 && code <= 504) || code == 555)
        session->faults++;
}

static void reset(struct session *session)
{
    session->envelope.recipients_count = 0;
    session->envelope.smtputf8 = false;
    if (session->stage > GREETED)
        session->stage = GREETED;
}

/* ---- Commands: RFC 5321 4.1.1 ------------------------------------------- */

static bool greet(struct session *session, const char *name)
{
    if (strlen(name) > HELO_MAX) {
        session_reply(session, 501, "5.5.4", "that name is too long");
        return false;
    }
    snprintf(session->helo, sizeof(session->helo), "%s", name);
    session->stage = GREETED;
    reset(session);
    return true;
}

static void command_helo(struct session *session, const char *name)
{
    if (greet(session, name))
        conn_printf(session->conn, "250 %s\r\n", session->hostname);
}

static void command_ehlo(struct session *session, const char *name)
{
    struct conn *conn = session->conn;

    if (!greet(session, name))
        return;
    conn_printf(conn, "250-%s\r\n", session->hostname);
    conn_printf(conn, "250-PIPELINING\r\n");
    conn_printf(conn, "250-8BITMIME\r\n");
    conn_printf(conn, "250-SMTPUTF8\r\n");
    conn_printf(conn, "250-SIZE %ld\r\n", session->config->size_max);
    conn_printf(conn, "250 ENHANCEDSTATUSCODES\r\n");
}

static void command_mail(struct session *session, const char *argument)
{
    struct envelope *envelope = &session->envelope;
    struct path *path = &envelope->reverse_path;
    struct mail_parameters values;
    enum parameters_status status;

    argument += strspn(argument, " "); /* not allowed, but common */
    if (!path_parse(&argument, path) || (*path->text && !*path->domain)) {
        session_reply(session, 501, "5.1.7", "syntax: MAIL FROM:<address>");
        return;
    }
    status = path_parse_parameters(argument, &values);
    if (status == PARAMETERS_UNKNOWN) {
        session_reply(session, 555, "5.5.4", "a parameter is not known here");
    } else if (status == PARAMETERS_BAD_VALUE) {
        session_reply(session, 501, "5.5.4", "a parameter has a wrong value");
    } else if (path->utf8 && !values.smtputf8) {
        session_reply(session, 553, "5.6.7", "that address needs SMTPUTF8");
    } else if (values.size > (unsigned long long)session->config->size_max) {
        session_reply(session, 552, "5.3.4",
                      "that is larger than this server takes");
    } else {
        envelope->smtputf8 = values.smtputf8;
        session->stage = SENDER_GIVEN;
        session_reply(session, 250, "2.1.0", "sender ok");
    }
}

/* True for a domain that this server receives mail for. */
static bool is_local(const struct config *config, const struct path *path)
{
    if (!*path->domain)
        return true; /* only postmaster may have none */
    for (size_t i = 0; i < config->domains.count; i++)
        if (strcasecmp(config->domains.name[i], path->domain) == 0)
            return true;
    return false;
}

/*
 * Accept or refuse one recipient. "a%b@here" and "b!a@here" once asked the
 * server to send the mail on to b. A server which does that for strangers is
 * found and used by spammers within hours.
 */
static void add_recipient(struct session *session, const struct path *path)
{
    struct envelope *envelope = &session->envelope;

    if (path->utf8 && !envelope->smtputf8) {
        session_reply(session, 553, "5.6.7", "that address needs SMTPUTF8");
    } else if (!is_local(session->config, path) ||
               strpbrk(path->local_part, "%!@")) {
        session_reply(session, 550, "5.7.1", "this server does not relay");
    } else if (envelope->recipients_count == RECIPIENTS_MAX) {
        session_reply(session, 452, "4.5.3",
                      "too many recipients, send the rest later");
    } else {
        envelope->recipients[envelope->recipients_count++] = *path;
        session->stage = RECIPIENT_GIVEN;
        session_reply(session, 250, "2.1.5", "recipient ok");
    }
}

static void command_rcpt(struct session *session, const char *argument)
{
    struct path path;

    argument += strspn(argument, " ");
    if (!path_parse(&argument, &path) || !*path.text ||
        (*argument && *argument != ' '))
        session_reply(session, 501, "5.1.3", "syntax: RCPT TO:<address>");
    else if (*argument)
        session_reply(session, 555, "5.5.4", "RCPT has no parameters here");
    else
        add_recipient(session, &path);
}

static void command_data(struct session *session, const char *argument)
{
    (void)argument;
    session_reply(session, 502, "5.5.1", "this server takes no mail yet");
}

static void command_rset(struct session *session, const char *argument)
{
    (void)argument;
    reset(session);
    session_reply(session, 250, "2.0.0", "forgotten");
}

static void command_noop(struct session *session, const char *argument)
{
    (void)argument;
    session_reply(session, 250, "2.0.0", "ok");
}

static void command_quit(struct session *session, const char *argument)
{
    (void)argument;
    session->stage = LEAVING;
    session_reply(session, 221, "2.0.0", "bye");
}

/* Who asks whether an address exists gets no answer (RFC 5321 7.3). */
static void command_vrfy(struct session *session, const char *argument)
{
    (void)argument;
    session_reply(session, 252, "2.0.0", "send a mail and see");
}

static void command_expn(struct session *session, const char *argument)
{
    (void)argument;
    session_reply(session, 502, "5.5.1", "there are no lists here");
}

static void command_help(struct session *session, const char *argument);

enum argument_rule { ARGUMENT_NONE, ARGUMENT_ANY, ARGUMENT_NEEDED };

static const struct command {
    const char *verb, *keyword; /* in any case */
    enum argument_rule argument;
    enum stage first, last; /* the stages in which it may come */
    void (*run)(struct session *session, const char *argument);
} commands[] = {
    {"EHLO", "", ARGUMENT_NEEDED, CONNECTED, RECIPIENT_GIVEN, command_ehlo},
    {"HELO", "", ARGUMENT_NEEDED, CONNECTED, RECIPIENT_GIVEN, command_helo},
    {"MAIL", "FROM:", ARGUMENT_NEEDED, GREETED, GREETED, command_mail},
    {"RCPT", "TO:", ARGUMENT_NEEDED, SENDER_GIVEN, RECIPIENT_GIVEN,
     command_rcpt},
    {"DATA", "", ARGUMENT_NONE, RECIPIENT_GIVEN, RECIPIENT_GIVEN, command_data},
    {"RSET", "", ARGUMENT_NONE, CONNECTED, RECIPIENT_GIVEN, command_rset},
    {"NOOP", "", ARGUMENT_ANY, CONNECTED, RECIPIENT_GIVEN, command_noop},
    {"QUIT", "", ARGUMENT_NONE, CONNECTED, RECIPIENT_GIVEN, command_quit},
    {"VRFY", "", ARGUMENT_NEEDED, CONNECTED, RECIPIENT_GIVEN, command_vrfy},
    {"EXPN", "", ARGUMENT_ANY, CONNECTED, RECIPIENT_GIVEN, command_expn},
    {"HELP", "", ARGUMENT_ANY, CONNECTED, RECIPIENT_GIVEN, command_help},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void command_help(struct session *session, const char *argument)
{
    char text[REPLY_TEXT_MAX] = "";

    (void)argument;
    for (size_t i = 0, used = 0; i < COMMANDS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, " %s",
                                 commands[i].verb);
    session_reply(session, 214, "2.0.0", "commands:%s", text);
}

/*
 * Find the command that line is, check what the table knows, and run it. A
 * browser can be made to send SMTP in the body of a request, but not without
 * the lines before it: "POST / HTTP/1.1", "Host: mx.example.org".
 */
static void run_command(struct session *session, char *line)
{
    size_t length = strcspn(line, " ");
    const char *argument = line + length + strspn(line + length, " ");
    const struct command *command = commands;

    while (command < commands + COMMANDS &&
           (strlen(command->verb) != length ||
            !path_starts_with(line, command->verb)))
        command++;
    if (command == commands + COMMANDS &&
        (strstr(line, " HTTP/") || (length > 0 && line[length - 1] == ':')))
        session->faults = FAULTS_MAX;
    else if (command == commands + COMMANDS)
        session_reply(session, 500, "5.5.1", "unknown command, try HELP");
    else if (session->stage < command->first || session->stage > command->last)
        session_reply(session, 503, "5.5.1",
                      "the order is EHLO, MAIL, RCPT, DATA");
    else if (command->argument == ARGUMENT_NONE && *argument)
        session_reply(session, 501, "5.5.4", "%s takes no argument",
                      command->verb);
    else if ((command->argument == ARGUMENT_NEEDED && !*argument) ||
             !path_starts_with(argument, command->keyword))
        session_reply(session, 501, "5.5.4", "syntax: %s %s<argument>",
                      command->verb, command->keyword);
    else
        command->run(session, argument + strlen(command->keyword));
}

/* Blanks at the end are not allowed, but common: cut them off. No rule of the
 * grammar has room for other control characters: false if there is one. */
static bool clean(char *line)
{
    char *end = line;

    for (char *c = line; *c; c++) {
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F)
            return false;
        if (*c != ' ' && *c != '\t')
            end = c + 1;
    }
    *end = '\0';
    return true;
}

static void handle_line(struct session *session, char *line)
{
    static const char *const faults[] = {
        [LINE_TOO_LONG] = "line too long",
        [LINE_BARE_LF] = "lines end in CR LF, not in LF alone (try nc -C)",
        [LINE_BAD_BYTE] = "there is a byte in it that is not text",
    };

    if (session->status == LINE_OK)
        run_command(session, line);
    else
        session_reply(session, 500, "5.5.2", "%s", faults[session->status]);
    if (session->faults >= FAULTS_MAX) {
        session_reply(session, 421, "4.7.0", "this is not SMTP, closing");
        session->stage = LEAVING;
    }
}

void session_run(struct conn *conn, const struct config *config)
{
    struct session session;
    char line[COMMAND_LINE_MAX];

    session.conn = conn;
    session.config = config;
    session.stage = CONNECTED;
    session.status = LINE_OK;
    session.faults = 0;
    session.envelope.recipients_count = 0;
    if (gethostname(session.hostname, sizeof(session.hostname)) != 0)
        snprintf(session.hostname, sizeof(session.hostname), "localhost");
    session.hostname[sizeof(session.hostname) - 1] = '\0';

    conn_printf(conn, "220 %s ESMTP ready\r\n", session.hostname);
    while (session.stage != LEAVING && session.status < LINE_CLOSED) {
        session.status = conn_read_line(conn, line, sizeof(line));
        if (session.status == LINE_OK && !clean(line))
            session.status = LINE_BAD_BYTE;
        if (session.status < LINE_CLOSED)
            handle_line(&session, line);
    }
    if (session.status == LINE_TIMEOUT)
        session_reply(&session, 421, "4.4.2", "you said nothing for too long");
    else if (session.status == LINE_STOPPED)
        session_reply(&session, 421, "4.3.2", "this server is going down");
}
