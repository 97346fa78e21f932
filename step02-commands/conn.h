/* conn.h - a connection, as lines. See conn.c. TUTORIAL.md, chapter 1. */
#ifndef CONN_H
#define CONN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    /* RFC 5321 4.5.3.1.4: a command line is at most 512 octets with its CRLF;
     * extensions add to it, so a receiver does well to allow more. */
    LINE_SIZE = 2048,
    INPUT_SIZE = 65536,
    OUTPUT_SIZE = 4096,
};

enum line_status {
    LINE_OK,
    LINE_TOO_LONG,
    LINE_BARE_LF,  /* ended in LF alone: RFC 5321 2.3.8 wants CR LF */
    LINE_BAD_BYTE, /* a control character, or a CR without LF */
    /* The states from here on are the end of the connection. */
    LINE_CLOSED,  /* the peer is gone */
    LINE_TIMEOUT, /* the peer said nothing for too long */
    LINE_STOPPED, /* this server is to end */
};

/* Buffers that are not used are never touched, and cost no memory. */
struct conn {
    int fd;
    bool verbose; /* show what is said on standard error */
    const volatile sig_atomic_t *stop;
    size_t in_start, in_end; /* in[in_start..in_end) is read, not yet used */
    size_t out_size;
    char out[OUTPUT_SIZE]; /* what waits to be sent */
    unsigned char in[INPUT_SIZE];
};

/*
 * Make *conn a connection on the socket fd, which conn_close() will close.
 * Reads and writes give up after timeout seconds of silence. When *stop is no
 * longer 0, reading ends with LINE_STOPPED. verbose: trace what is said.
 */
void conn_init(struct conn *conn, int fd, long timeout, bool verbose,
               const volatile sig_atomic_t *stop);

/*
 * Read one line, without its CRLF, as a string: valid only with LINE_OK. A
 * line of more than LINE_SIZE octets (with its CRLF) is read to its end and
 * reported as LINE_TOO_LONG, so that the next call starts at the next line.
 */
enum line_status conn_read_line(struct conn *conn, char line[LINE_SIZE]);

/* Say a line of at most LINE_SIZE octets, made as printf(3) does. It is sent
 * before the next wait for input, and a fault shows there. */
void conn_printf(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Send what waits to be sent, now. */
void conn_flush(struct conn *conn);

/* Send it and close, without cutting off the last reply. */
void conn_close(struct conn *conn);

/* Turn the client on the socket fd away with a text, and close. Never waits. */
void conn_refuse(int fd, const char *text);

#endif
