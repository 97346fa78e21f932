/* conn.h - a buffered connection. See conn.c. TUTORIAL.md, chapter 1. */
#ifndef CONN_H
#define CONN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    /* RFC 5321 4.5.3.1.4: a command line is at most 512 octets with its CRLF;
     * extensions add to it, so a receiver does well to allow more. */
    COMMAND_LINE_MAX = 2048,
    CONN_INPUT_SIZE = 65536,
    CONN_OUTPUT_SIZE = 4096,
    CONN_PEER_SIZE = 64,
};

enum line_status {
    LINE_OK,
    LINE_TOO_LONG,
    LINE_BARE_LF,  /* ended in LF alone: RFC 5321 2.3.8 wants CR LF */
    LINE_BAD_BYTE, /* a NUL, or a CR that is not followed by LF */
    /* The states from here on are the end of the connection. */
    LINE_CLOSED,  /* the peer is gone */
    LINE_TIMEOUT, /* the peer said nothing for too long */
    LINE_STOPPED, /* this server is to end */
};

/* Buffers that are not used are never touched, and cost no memory. */
struct conn {
    int fd;
    bool verbose;
    bool trace_midline; /* the trace stands in the middle of a line */
    bool broken;        /* a write has failed: nothing more is written */
    const volatile sig_atomic_t *stop;
    size_t in_start, in_end; /* in[in_start..in_end) is read, not yet used */
    size_t out_size;
    struct sockaddr_storage peer; /* what accept(2) said */
    char out[CONN_OUTPUT_SIZE];
    unsigned char in[CONN_INPUT_SIZE];
};

/*
 * Make *conn a connection on the socket fd, which conn_close() will close.
 * Reads and writes give up after timeout seconds of silence. When *stop is no
 * longer 0, reading ends with LINE_STOPPED. verbose: trace to standard error.
 */
void conn_init(struct conn *conn, int fd, long timeout, bool verbose,
               const volatile sig_atomic_t *stop);

/*
 * Read one line, without its CRLF, into line[0..size), NUL-terminated. Sets
 * line only with LINE_OK. A line of more than size octets (with its CRLF) is
 * consumed whole and reported as LINE_TOO_LONG, so that the next call starts
 * at the next line. Pending output is sent before the call blocks.
 */
enum line_status conn_read_line(struct conn *conn, char *line, size_t size);

/*
 * Wait until there is input, and lend all of it: *block points to *size octets.
 * They count as read when conn_used() says so. Pending output is sent before
 * the call blocks. Returns LINE_OK or why the connection ends.
 */
enum line_status conn_read_block(struct conn *conn, const unsigned char **block,
                                 size_t *size);

/* The first size octets of the block are done with: they are a message, of
 * which the trace shows only the start. *shown: what it has shown so far. */
void conn_used(struct conn *conn, size_t size, size_t *shown);

/* Write the peer's address, as an address-literal: "[127.0.0.1]" or
 * "[IPv6:::1]". RFC 5321 4.1.3. It is known also when the peer is gone. */
void conn_peer(const struct conn *conn, char literal[CONN_PEER_SIZE]);

/* Append to the pending output, as printf(3) does; at most CONN_OUTPUT_SIZE
 * octets in one call. An error shows in the next read. */
void conn_printf(struct conn *conn, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Send what is pending. False if the peer can no longer be reached. */
bool conn_flush(struct conn *conn);

/* Show size octets of the conversation, said by who ("C" or "S"), on standard
 * error, with what is invisible made visible. Does nothing if not verbose. */
void conn_trace(struct conn *conn, const char *who, const void *data,
                size_t size);

/* Send what is pending and close, without cutting off the last reply. */
void conn_close(struct conn *conn);

#endif
