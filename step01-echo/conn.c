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

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void conn_init(struct conn *conn, int fd, bool verbose)
{
    conn->fd = fd;
    conn->verbose = verbose;
    conn->in_start = conn->in_end = 0;
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
        if (n < 0) {
            shutdown(conn->fd, SHUT_RDWR);
            return;
        }
        data += n;
        size -= (size_t)n;
    }
}

/* Wait for bytes; all that came before have been used. */
static enum line_status fill(struct conn *conn)
{
    ssize_t n = read(conn->fd, conn->in, sizeof(conn->in));

    if (n <= 0)
        return LINE_CLOSED;
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

void conn_printf(struct conn *conn, const char *format, ...)
{
    char text[LINE_SIZE + 1];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (conn->verbose)
        trace(conn, "S", text, strlen(text));
    conn_send(conn, text, strlen(text));
}
