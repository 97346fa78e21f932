#ifndef SHOW_H
#define SHOW_H

/*
 * show.h - the messages of the handshake, shown to people: see trace.h.
 * TUTORIAL.md, chapter 6.10.
 */

#include "../record/trace.h"
#include "client_hello.h"

/* A handshake message of size bytes, its header included. */
void trace_message(const struct trace *to, char from, unsigned type,
                   size_t size);

/* A field of a message: its bytes in hexadecimal, at most 32 of them. */
void trace_bytes(const struct trace *to, const char *field, struct bytes bytes);

/* All fields and extensions of a ClientHello that was parsed. */
void trace_client_hello(const struct trace *to,
                        const struct client_hello *hello);

#endif
