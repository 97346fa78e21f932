#ifndef WIRE_H
#define WIRE_H

/*
 * wire.h - the presentation language of TLS (RFC 8446 section 3) in C.
 *
 * Every structure of TLS is made of numbers, most significant byte first, and
 * of vectors, which are a length and that many bytes. The RFC writes a vector
 * as type<floor..ceiling>; the length takes as many bytes as the ceiling needs.
 * A reader walks over received bytes and can't be made to leave them. A writer
 * builds a message in a buffer and can't leave that either.
 *
 * Both remember a failure, so that a caller reads a whole structure field by
 * field, without an `if` after each, and asks once at the end.
 * TUTORIAL.md, chapter 6.2.
 */

#include <stdbool.h>
#include <stddef.h>

/* Bytes that belong to somebody else. data is NULL if the thing is absent; if
 * it is there but empty, only size is 0. */
struct bytes {
    const unsigned char *data;
    size_t size;
};

struct reader {
    const unsigned char *next;
    size_t left;
    bool failed; /* something was read that was not there: decode_error */
};

struct writer {
    unsigned char *data;
    size_t size; /* of the buffer */
    size_t used;
    bool failed; /* the buffer was too small, or a vector too long */
};

/* A reader at the start of bytes. */
struct reader reader_start(struct bytes bytes);

/* The next 1, 2 or 3 bytes as a number. 0, and failed, if they aren't there. */
unsigned reader_u8(struct reader *reader);
unsigned reader_u16(struct reader *reader);
unsigned reader_u24(struct reader *reader);

/* The next size bytes, as in `opaque name[size]`; not copied. If they aren't
 * all there: none, failed, and nothing is left, so loops end. */
struct bytes reader_bytes(struct reader *reader, size_t size);

/* The contents of `opaque name<floor..ceiling>`, not copied; failed also if
 * the length is outside of these bounds. */
struct bytes reader_vector(struct reader *reader, size_t floor, size_t ceiling);

/* The same for `uint16 name<floor..ceiling>`; failed also on half a number. */
struct bytes reader_u16_vector(struct reader *reader, size_t floor,
                               size_t ceiling);

/* Was all well, and is nothing left over? */
bool reader_done(const struct reader *reader);

/* A writer to buffer[0..size), which stays the caller's. */
struct writer writer_start(unsigned char *buffer, size_t size);

void writer_u8(struct writer *writer, unsigned value);
void writer_u16(struct writer *writer, unsigned value);
void writer_u24(struct writer *writer, size_t value);
void writer_bytes(struct writer *writer, const void *bytes, size_t size);

/* A vector around what is written between the two calls. Its length takes
 * length_size bytes, and writer_close() needs what writer_open() returned. */
size_t writer_open(struct writer *writer, size_t length_size);
void writer_close(struct writer *writer, size_t start, size_t length_size);

#endif
