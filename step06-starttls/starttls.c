/*
 * starttls.c - the STARTTLS command, RFC 3207.
 *
 *     C: STARTTLS
 *     S: 220 2.0.0 go ahead
 *     ... the TLS handshake; from here on nobody else can read along ...
 *     C: EHLO client.example
 *
 * This is all that the mail receiver has to know about TLS; what TLS is, is in
 * tls/. Up to the handshake anybody on the way could have put words into the
 * client's mouth. So nothing that was said before counts: what came after the
 * command is thrown away unread, and the session starts anew.
 * TUTORIAL.md, chapter 6.
 */
#define _POSIX_C_SOURCE 200809L
#include "starttls.h"
#include "output.h"
#include "tls/certificate/certificate.h"
#include "tls/certificate/credentials_make.h"
#include "tls/handshake/tls.h"
#include "tls/schedule/keylog.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- At the start ------------------------------------------------------- */

/* One line of what happens inside TLS, among the "C:" and "S:" lines. */
static void trace_line(const char *line)
{
    char text[TRACE_LINE_SIZE + 1];
    int size = snprintf(text, sizeof(text), "%s\n", line);

    output_write(STDERR_FILENO, text, (size_t)size);
}

static void load_credentials(struct credentials *credentials,
                             const struct config *config)
{
    char error[CREDENTIALS_LINE_SIZE];
    size_t domains = 0;

    if (!config->chain || !config->key) { /* wrong usage, as in options.c */
        fputs("smtpd: -c and -k come together: a certificate and its key\n",
              stderr);
        exit(2);
    }
    while (config->domains[domains])
        domains++;
    if (!credentials_make(config->chain, config->key, config->domains, domains,
                          error, sizeof(error)) ||
        !credentials_load(credentials, config->chain, config->key, error,
                          sizeof(error)))
        errx(1, "%s", error);
    if (*credentials->chain_warning)
        warnx("warning: %s", credentials->chain_warning);
    if (*credentials->key_warning)
        warnx("warning: %s", credentials->key_warning);
}

/* The key log, if the operator asked for one; -1 if not. */
static int open_keylog(void)
{
    const char *path = getenv("SSLKEYLOGFILE");
    int fd;

    if (!path || !*path)
        return -1;
    fd = keylog_open(path);
    if (fd < 0)
        errx(1, "cannot open the key log %s: %s", path,
             errno == EPERM ? "not a file that only we can open"
                            : strerror(errno));
    return fd;
}

void starttls_open(struct config *config)
{
    struct tls_config *tls;

    if (!config->chain && !config->key)
        return;
    tls = calloc(1, sizeof(*tls));
    if (!tls || !(tls->credentials = calloc(1, sizeof(*tls->credentials))))
        errx(1, "no memory for the certificate");
    load_credentials(tls->credentials, config);
    tls->trace.line = config->verbose ? trace_line : NULL;
    tls->keylog_fd = open_keylog();
    config->tls = tls;
}

void starttls_close(struct config *config)
{
    if (config->tls)
        credentials_free(config->tls->credentials);
}

void starttls_announce(const struct config *config)
{
    char hostname[HOST_SIZE] = "localhost";

    if (!config->tls)
        return;
    gethostname(hostname, sizeof(hostname) - 1);
    printf("_25._tcp.%s. IN TLSA 3 1 1 %s\n", hostname,
           config->tls->credentials->tlsa);
    fflush(stdout);
    if (config->tls->keylog_fd >= 0) /* nobody is to be surprised by that */
        warnx("warning: the secrets of TLS go to %s", getenv("SSLKEYLOGFILE"));
}

/* ---- In a session ------------------------------------------------------- */

/* A connection, and the TLS on it. */
struct protection {
    struct conn *conn;
    long long deadline; /* of the whole handshake, as now() tells it; or 0 */
    struct tls tls;     /* last, for the sake of its buffers */
};

/* Milliseconds, of a clock that nobody sets. */
static long long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/* A client that sends its hello an octet a second is never idle. So if there is
 * a deadline, wait no longer than that; EAGAIN is a timeout. */
static bool wait_for_input(const struct protection *protection)
{
    struct pollfd input = {.fd = protection->conn->fd, .events = POLLIN};
    long long left = protection->deadline - now();
    int ready;

    if (protection->deadline == 0)
        return true;
    ready = poll(&input, 1, left > 0 ? (int)left : 0);
    if (ready == 0)
        errno = EAGAIN;
    return ready > 0;
}

/* As in fill() of conn.c: after EINTR try again, unless this is the end. Linux
 * returns EINTR also in a process that was stopped and then continued. */
static ssize_t receive(void *context, void *buffer, size_t size)
{
    struct protection *protection = context;
    struct conn *conn = protection->conn;
    ssize_t n;

    do
        n = wait_for_input(protection) ? read(conn->fd, buffer, size) : -1;
    while (n < 0 && errno == EINTR && !*conn->stop);
    return n;
}

/* A fault shows in the next read, as in conn.c. */
static bool transmit(void *context, const void *data, size_t size)
{
    struct protection *protection = context;

    conn_send(protection->conn, data, size);
    return true;
}

static ssize_t protected_read(void *context, void *buffer, size_t size)
{
    struct protection *protection = context;

    return tls_read(&protection->tls, buffer, size);
}

static void protected_write(void *context, const char *data, size_t size)
{
    struct protection *protection = context;

    tls_write(&protection->tls, data, size);
}

static void protected_close(void *context)
{
    struct protection *protection = context;

    tls_close(&protection->tls);
}

bool starttls_is_offered(const struct session *session)
{
    return session->config->tls && !session->suite;
}

/* From here on the connection is read and written through TLS. What was read
 * in plaintext is forgotten: keeping it was CVE-2011-0411. The handshake has
 * not seen it either, as it reads the socket itself. */
static void protect(struct session *session, struct protection *protection)
{
    struct conn *conn = session->conn;

    protection->deadline = 0; /* from here on the idle timeout counts */
    conn->in_start = conn->in_end;
    conn->context = protection;
    conn->read = protected_read;
    conn->write = protected_write;
    conn->close = protected_close;
    session->suite = protection->tls.suite->name;
    session->stage = CONNECTED;
}

/* The handshake. If it fails, the operator gets a line: a sender that has no
 * TLS 1.3 would come again and again, and nobody would know. */
static bool accept_tls(struct session *session, struct protection *protection)
{
    struct tls_io io = {protection, receive, transmit};

    protection->conn = session->conn;
    protection->deadline = now() + session->config->timeout * 1000LL;
    if (tls_accept(&protection->tls, session->config->tls, io))
        return true;
    output_log("TLS with %s failed: %s", session->conn->peer,
               protection->tls.fault);
    return false;
}

const char *starttls_command(struct session *session, char *argument)
{
    struct protection *protection;

    (void)argument;
    if (!session->config->tls)
        return "502 5.5.1 this server has no certificate";
    if (!starttls_is_offered(session))
        return "503 5.5.1 this is TLS already";
    protection = malloc(sizeof(*protection));
    if (!protection)
        return "454 4.7.0 no memory for TLS now";
    conn_printf(session->conn, "220 2.0.0 go ahead\r\n");
    conn_flush(session->conn);
    if (accept_tls(session, protection))
        protect(session, protection);
    else
        session->stage = LEAVING; /* there is no plaintext to go back to */
    return NULL;
}
