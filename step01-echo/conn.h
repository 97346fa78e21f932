/* conn.h - a connection, as lines. See conn.c. TUTORIAL.md, chapter 1. */
#ifndef CONN_H
#define CONN_H

#include <stdbool.h>
#include <stddef.h>

enum {
    /* RFC 5321 4.5.3.1.4: a command line is at most 512 octets with its CRLF;
     * extensions add to it, so a receiver does well to allow more. */
    LINE_SIZE = 2048,
    INPUT_SIZE = 65536,
};

enum line_status {
    LINE_OK,
    LINE_TOO_LONG,
    LINE_BARE_LF,  /* ended in LF alone: RFC 5321 2.3.8 wants CR LF */
    LINE_BAD_BYTE, /* a control character, or a CR without LF */
    /* The states from here on are the end of the connection. */
    LINE_CLOSED, /* the peer is gone */
};

/* A buffer that is not used is never touched, and costs no memory. */
struct conn {
    int fd;
    bool verbose;            /* show what is said on standard error */
    size_t in_start, in_end; /* in[in_start..in_end) is read, not yet used */
    unsigned char in[INPUT_SIZE];
};

/* Make *conn a connection on the socket fd. verbose: trace what is said. */
void conn_init(struct conn *conn, int fd, bool verbose);

/*
 * Read one line, without its CRLF, as a string: valid only with LINE_OK. A
 * line of more than LINE_SIZE octets (with its CRLF) is read to its end and
 * reported as LINE_TOO_LONG, so that the next call starts at the next line.
 */
enum line_status conn_read_line(struct conn *conn, char line[LINE_SIZE]);

/* Say a line of at most LINE_SIZE octets, made as printf(3) does. A fault shows
 * in the next read. */
void conn_printf(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
