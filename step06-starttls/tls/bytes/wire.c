/*
 * wire.c - reading and writing the structures of TLS. wire.h has the idea.
 * TUTORIAL.md, chapter 6.2.
 */
#include "wire.h"

#include <string.h>

struct reader reader_start(struct bytes bytes)
{
    return (struct reader){.next = bytes.data, .left = bytes.size};
}

struct bytes reader_bytes(struct reader *reader, size_t size)
{
    struct bytes bytes = {reader->next, size};

    if (size > reader->left) {
        reader->failed = true;
        reader->left = 0;
        return (struct bytes){reader->next, 0};
    }
    reader->next += size;
    reader->left -= size;
    return bytes;
}

/* The next size bytes, most significant first. */
static size_t number(struct reader *reader, size_t size)
{
    struct bytes bytes = reader_bytes(reader, size);
    size_t value = 0;

    for (size_t i = 0; i < bytes.size; i++)
        value = value << 8 | bytes.data[i];
    return value;
}

unsigned reader_u8(struct reader *reader)
{
    return (unsigned)number(reader, 1);
}

unsigned reader_u16(struct reader *reader)
{
    return (unsigned)number(reader, 2);
}

unsigned reader_u24(struct reader *reader)
{
    return (unsigned)number(reader, 3);
}

/* RFC 8446 3.4: "a number consuming as many bytes as required to hold the
 * vector's specified maximum (ceiling) length" */
struct bytes reader_vector(struct reader *reader, size_t floor, size_t ceiling)
{
    size_t length_size = ceiling < 1 << 8 ? 1 : ceiling < 1 << 16 ? 2 : 3;
    size_t size = number(reader, length_size);

    if (size < floor || size > ceiling)
        reader->failed = true;
    return reader_bytes(reader, size);
}

struct bytes reader_u16_vector(struct reader *reader, size_t floor,
                               size_t ceiling)
{
    struct bytes vector = reader_vector(reader, floor, ceiling);

    if (vector.size % 2 != 0)
        reader->failed = true;
    return vector;
}

bool reader_done(const struct reader *reader)
{
    return !reader->failed && reader->left == 0;
}

struct writer writer_start(unsigned char *buffer, size_t size)
{
    return (struct writer){.data = buffer, .size = size};
}

void writer_bytes(struct writer *writer, const void *bytes, size_t size)
{
    if (size > writer->size - writer->used) {
        writer->failed = true;
        return;
    }
    if (size > 0)
        memcpy(writer->data + writer->used, bytes, size);
    writer->used += size;
}

void writer_u8(struct writer *writer, unsigned value)
{
    unsigned char byte = (unsigned char)value;

    writer_bytes(writer, &byte, 1);
}

void writer_u16(struct writer *writer, unsigned value)
{
    writer_u8(writer, value >> 8);
    writer_u8(writer, value);
}

void writer_u24(struct writer *writer, size_t value)
{
    writer_u8(writer, (unsigned)(value >> 16));
    writer_u16(writer, (unsigned)value);
}

/* The length is not known yet; leave room for it. */
size_t writer_open(struct writer *writer, size_t length_size)
{
    for (size_t i = 0; i < length_size; i++)
        writer_u8(writer, 0);
    return writer->used;
}

/* Now it is: write it in front of start, from its last byte to its first. */
void writer_close(struct writer *writer, size_t start, size_t length_size)
{
    size_t size = writer->used - start;

    if (writer->failed)
        return;
    for (size_t i = 1; i <= length_size; i++) {
        writer->data[start - i] = (unsigned char)size;
        size >>= 8;
    }
    writer->failed = size > 0; /* more than the length can say */
}
