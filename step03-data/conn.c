/*
 * conn.c - a connection, as lines.
 *
 * TCP hands over bytes, not lines: "EHLO me\r\n" may come as "EH" and
 * "LO me\r\n", or glued to the command after it. This file turns bytes into
 * lines, and nothing above it knows that there is a socket. Start reading at
 * conn_read_line(). TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "conn.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* How long a close waits for what the peer still sends, and how often. */
enum { LINGER_MILLISECONDS = 2000, LINGER_READS = 100 };
enum {
    TRACE_MESSAGE_MAX = 4000 /* octets of a message that the trace shows */
};

void conn_init(struct conn *conn, int fd, long timeout, bool verbose,
               const volatile sig_atomic_t *stop)
{
    struct timeval limit = {.tv_sec = timeout};

    conn->fd = fd;
    conn->verbose = verbose;
    conn->stop = stop;
    conn->in_start = conn->in_end = conn->out_size = 0;
    fcntl(fd, F_SETFL, 0); /* some systems hand down O_NONBLOCK */
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* How printf(3) shows an octet so that a reader can see it. A terminal obeys
 * control codes: a stranger's must not get there as they are. */
static const char *format_of(unsigned char octet)
{
    if (octet == '\r' || octet == '\n')
        return octet == '\r' ? "\\r" : "\\n";
    return octet < ' ' || octet > '~' ? "\\x%02x" : "%c";
}

/* Show what the client ("C") or the server ("S") has said, one write per line:
 * other children write to the same terminal. */
static void trace(struct conn *conn, const char *who, const void *line,
                  size_t size)
{
    const unsigned char *octets = line;
    char text[4 * LINE_SIZE + 8];
    int length = snprintf(text, 8, "%s: ", who);

    for (size_t i = 0; i < size; i++)
        length += snprintf(text + length, 8, format_of(octets[i]), octets[i]);
    text[length++] = '\n';
    if (write(STDERR_FILENO, text, (size_t)length) < 0)
        conn->verbose = false; /* nobody is looking any more */
}

/* Send all of data: write(2) may take only a part of it. After a fault there is
 * nothing more to say or to hear. */
static void conn_send(struct conn *conn, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(conn->fd, data, size);
        if (n < 0 && errno == EINTR && !*conn->stop)
            continue;
        if (n < 0) {
            shutdown(conn->fd, SHUT_RDWR);
            return;
        }
        data += n;
        size -= (size_t)n;
    }
}

void conn_flush(struct conn *conn)
{
    conn_send(conn, conn->out, conn->out_size);
    conn->out_size = 0;
}

/* Wait for bytes; all that came before have been used. Replies leave here, just
 * before the wait: a client that pipelines (RFC 2920) gets them together. */
static enum line_status fill(struct conn *conn)
{
    ssize_t n;

    conn_flush(conn);
    do {
        if (*conn->stop)
            return LINE_STOPPED;
        n = read(conn->fd, conn->in, sizeof(conn->in));
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 && errno == EAGAIN ? LINE_TIMEOUT : LINE_CLOSED;
    conn->in_start = 0;
    conn->in_end = (size_t)n;
    return LINE_OK;
}

enum line_status conn_read_line(struct conn *conn, char line[LINE_SIZE])
{
    enum line_status fault = LINE_OK, status;
    char c = '\0', before;
    size_t size = 0;

    do {
        if (conn->in_start == conn->in_end && (status = fill(conn)) != LINE_OK)
            return status;
        before = c;
        c = (char)conn->in[conn->in_start++];
        if ((iscntrl((unsigned char)c) && !memchr("\t\r\n", c, 3)) ||
            (before == '\r' && c != '\n'))
            fault = LINE_BAD_BYTE;
        if (size < LINE_SIZE)
            line[size] = c;
        size++;
    } while (c != '\n');
    if (conn->verbose)
        trace(conn, "C", line, size < LINE_SIZE ? size : LINE_SIZE);
    if (size > LINE_SIZE)
        return LINE_TOO_LONG;
    if (before != '\r')
        return LINE_BARE_LF;
    line[size - 2] = '\0';
    return fault;
}

enum line_status conn_wait(struct conn *conn)
{
    return conn->in_start < conn->in_end ? LINE_OK : fill(conn);
}

void conn_used(struct conn *conn, size_t size, size_t *shown)
{
    size_t end = conn->in_start + size;

    while (conn->in_start < end && conn->verbose &&
           *shown < TRACE_MESSAGE_MAX) {
        const unsigned char *line = conn->in + conn->in_start;
        const unsigned char *lf = memchr(line, '\n', end - conn->in_start);
        size_t length = lf ? (size_t)(lf - line) + 1 : end - conn->in_start;
        if (length > LINE_SIZE)
            length = LINE_SIZE;
        trace(conn, "C", line, length);
        conn->in_start += length;
        *shown += length;
    }
    conn->in_start = end;
}

void conn_printf(struct conn *conn, const char *format, ...)
{
    char *text = conn->out + conn->out_size;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, LINE_SIZE + 1, format, arguments);
    va_end(arguments);
    if (conn->verbose)
        trace(conn, "S", text, strlen(text));
    conn->out_size += strlen(text);
    if (sizeof(conn->out) - conn->out_size <= LINE_SIZE)
        conn_flush(conn); /* so that there is room for a line, always */
}

/*
 * A close with unread input makes the kernel send a reset, which can destroy
 * our last reply before the peer has read it. So say that we are done, and
 * read on for a moment until the peer is done as well.
 */
void conn_close(struct conn *conn)
{
    struct pollfd peer = {.fd = conn->fd, .events = POLLIN};

    conn_flush(conn);
    shutdown(conn->fd, SHUT_WR);
    for (int i = 0; i < LINGER_READS; i++)
        if (poll(&peer, 1, LINGER_MILLISECONDS) <= 0 ||
            read(conn->fd, conn->in, sizeof(conn->in)) <= 0)
            break;
    close(conn->fd);
}

void conn_set_peer(struct conn *conn, const struct sockaddr_storage *peer)
{
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)peer;
    char text[INET6_ADDRSTRLEN] = "";

    if (peer->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &ipv6->sin6_addr, text, sizeof(text));
    else
        inet_ntop(AF_INET, &ipv4->sin_addr, text, sizeof(text));
    snprintf(conn->peer, PEER_SIZE, strchr(text, ':') ? "[IPv6:%s]" : "[%s]",
             text);
}

/* What the client has sent is read here too, as far as it has arrived. */
void conn_refuse(int fd, const char *text)
{
    char unread[4096];

    fcntl(fd, F_SETFL, O_NONBLOCK);
    send(fd, text, strlen(text), 0);
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 16 && read(fd, unread, sizeof(unread)) > 0; i++)
        ;
    close(fd);
}
