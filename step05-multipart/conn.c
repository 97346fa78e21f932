/*
 * conn.c - a buffered connection.
 *
 * TCP hands over bytes, not lines: "EHLO me\r\n" may come as "EH" and
 * "LO me\r\n", or glued to the command after it. This file turns bytes into
 * lines, and it is the only one that knows there is a socket. Start reading at
 * conn_read_line(). TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "conn.h"
#include "output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    TRACE_MESSAGE_MAX = 4000, /* octets of a message that the trace shows */
    LINGER_SECONDS = 2,       /* how long a close waits for the peer to read */
    TRACE_LINE_MAX = 160,     /* octets of one line that the trace shows */
};

static const char trace_cut[] = " [the rest is not shown]\n";

static void set_timeout(int fd, long seconds)
{
    struct timeval limit = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

void conn_init(struct conn *conn, int fd, long timeout, bool verbose,
               const volatile sig_atomic_t *stop)
{
    int one = 1;

    conn->fd = fd;
    conn->verbose = verbose;
    conn->trace_midline = conn->broken = false;
    conn->stop = stop;
    conn->in_start = conn->in_end = conn->out_size = 0;
    fcntl(fd, F_SETFL, 0); /* some systems hand down O_NONBLOCK */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    set_timeout(fd, timeout);
}

/* Receive some octets, as read(2) does. */
static ssize_t conn_receive(struct conn *conn, void *buffer, size_t size)
{
    return read(conn->fd, buffer, size);
}

/* Send all of data; a short write or EINTR is no error, only a pause. */
static bool conn_send(struct conn *conn, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0 && !conn->broken) {
        ssize_t n = write(conn->fd, at, size);
        if (n >= 0) {
            at += n;
            size -= (size_t)n;
        } else if (errno != EINTR || *conn->stop) {
            conn->broken = true;
        }
    }
    return !conn->broken;
}

bool conn_flush(struct conn *conn)
{
    size_t size = conn->out_size;

    conn->out_size = 0;
    if (size == 0)
        return !conn->broken;
    return conn_send(conn, conn->out, size);
}

/*
 * Wait for bytes and add them to the input buffer. Replies leave here, just
 * before the wait: a client that pipelines (RFC 2920) gets them together.
 */
static enum line_status fill(struct conn *conn)
{
    ssize_t n;

    if (!conn_flush(conn))
        return LINE_CLOSED;
    if (conn->in_start > 0) {
        conn->in_end -= conn->in_start;
        memmove(conn->in, conn->in + conn->in_start, conn->in_end);
        conn->in_start = 0;
    }
    do {
        if (*conn->stop)
            return LINE_STOPPED;
        n = conn_receive(conn, conn->in + conn->in_end,
                         sizeof(conn->in) - conn->in_end);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return LINE_TIMEOUT;
    if (n <= 0)
        return LINE_CLOSED;
    conn->in_end += (size_t)n;
    return LINE_OK;
}

/* Judge a line of length octets, LF included, and copy it out if it is good. */
static enum line_status take_line(const unsigned char *start, size_t length,
                                  char *line, size_t size)
{
    if (length > size)
        return LINE_TOO_LONG;
    if (length < 2 || start[length - 2] != '\r')
        return LINE_BARE_LF;
    length -= 2;
    if (memchr(start, '\0', length) || memchr(start, '\r', length))
        return LINE_BAD_BYTE;
    memcpy(line, start, length);
    line[length] = '\0';
    return LINE_OK;
}

enum line_status conn_read_line(struct conn *conn, char *line, size_t size)
{
    bool dropped = false; /* the start of this line, because it is too long */

    while (!conn->broken) {
        const unsigned char *start = conn->in + conn->in_start;
        size_t have = conn->in_end - conn->in_start;
        const unsigned char *lf = memchr(start, '\n', have);
        enum line_status status;

        if (lf) {
            size_t length = (size_t)(lf - start) + 1;
            conn->in_start += length;
            conn_trace(conn, "C", start, length);
            status = take_line(start, length, line, size);
            return dropped ? LINE_TOO_LONG : status;
        }
        if (have > size) {
            conn_trace(conn, "C", start, have);
            conn->in_start = conn->in_end;
            dropped = true;
        }
        status = fill(conn);
        if (status != LINE_OK)
            return status;
    }
    return LINE_CLOSED;
}

enum line_status conn_read_block(struct conn *conn, const unsigned char **block,
                                 size_t *size)
{
    enum line_status status = LINE_OK;

    if (conn->in_start == conn->in_end)
        status = fill(conn);
    *block = conn->in + conn->in_start;
    *size = conn->in_end - conn->in_start;
    return status;
}

void conn_used(struct conn *conn, size_t size, size_t *shown)
{
    size_t show = TRACE_MESSAGE_MAX - *shown;

    if (show > size)
        show = size;
    conn_trace(conn, "C", conn->in + conn->in_start, show);
    *shown += show;
    if (show > 0 && *shown == TRACE_MESSAGE_MAX)
        conn_trace(conn, "C", trace_cut, sizeof(trace_cut) - 1);
    conn->in_start += size;
}

void conn_peer(const struct conn *conn, char literal[CONN_PEER_SIZE])
{
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&conn->peer;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&conn->peer;
    bool is_ipv6 = conn->peer.ss_family == AF_INET6;
    char host[INET6_ADDRSTRLEN] = "";

    if (is_ipv6)
        inet_ntop(AF_INET6, &ipv6->sin6_addr, host, sizeof(host));
    else
        inet_ntop(AF_INET, &ipv4->sin_addr, host, sizeof(host));
    snprintf(literal, CONN_PEER_SIZE, "[%s%s]", is_ipv6 ? "IPv6:" : "", host);
}

/* Print where the output waits; if it does not fit behind what is there, send
 * that first. */
void conn_printf(struct conn *conn, const char *format, ...)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        char *end = conn->out + conn->out_size;
        size_t room = sizeof(conn->out) - conn->out_size;
        va_list arguments;
        int size;

        va_start(arguments, format);
        size = vsnprintf(end, room, format, arguments);
        va_end(arguments);
        if (size >= 0 && (size_t)size < room) {
            conn_trace(conn, "S", end, (size_t)size);
            conn->out_size += (size_t)size;
            return;
        }
        conn_flush(conn);
    }
}

/* Show one octet as a reader can see it; returns the length of text. */
static int show_octet(char text[8], unsigned char octet)
{
    const char *special = octet == '\r'   ? "\\r"
                          : octet == '\n' ? "\\n"
                          : octet == '\t' ? "\\t"
                                          : NULL;
    if (special)
        return snprintf(text, 8, "%s", special);
    if (octet < ' ' || octet > '~')
        return snprintf(text, 8, "\\x%02x", octet);
    return snprintf(text, 8, "%c", octet);
}

/* Show one line, or a piece of one, in a single write: other children write to
 * the same terminal. */
static void trace_line(struct conn *conn, const char *who,
                       const unsigned char *data, size_t size)
{
    char text[TRACE_LINE_MAX * 4 + 64];
    size_t shown = size < TRACE_LINE_MAX ? size : TRACE_LINE_MAX;
    bool ends = size > 0 && data[size - 1] == '\n';
    int length = 0;

    if (!conn->trace_midline)
        length = snprintf(text, 8, "%s: ", who);
    for (size_t i = 0; i < shown; i++)
        length += show_octet(text + length, data[i]);
    if (shown < size)
        length +=
            snprintf(text + length, 48, " [and %zu octets]", size - shown);
    if (ends)
        text[length++] = '\n';
    conn->trace_midline = !ends;
    if (!output_write(STDERR_FILENO, text, (size_t)length))
        conn->verbose = false; /* nobody is looking any more */
}

void conn_trace(struct conn *conn, const char *who, const void *data,
                size_t size)
{
    const unsigned char *at = data;

    while (conn->verbose && size > 0) {
        const unsigned char *lf = memchr(at, '\n', size);
        size_t length = lf ? (size_t)(lf - at) + 1 : size;
        trace_line(conn, who, at, length);
        at += length;
        size -= length;
    }
}

/*
 * A close with unread input makes the kernel send a reset, which can destroy
 * our last reply before the peer has read it. So say that we are done, and
 * read on for a moment until the peer is done as well.
 */
void conn_close(struct conn *conn)
{
    time_t deadline = time(NULL) + LINGER_SECONDS;

    if (conn_flush(conn) && shutdown(conn->fd, SHUT_WR) == 0) {
        set_timeout(conn->fd, LINGER_SECONDS);
        while (read(conn->fd, conn->in, sizeof(conn->in)) > 0)
            if (time(NULL) > deadline)
                break;
    }
    close(conn->fd);
}
