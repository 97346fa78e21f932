#ifndef DER_H
#define DER_H

/*
 * der.h - DER, the bytes that keys and certificates are made of (X.690).
 *
 * A value is written as an element: one byte for its type, the tag; its length;
 * its content. 02 01 05 is an INTEGER, one byte long: 5. A SEQUENCE has
 * elements as its content: 30 06 02 01 05 02 01 07 is two INTEGERs, 5 and 7.
 * That is nearly all there is to it. The structures written in this way are
 * described in a notation named ASN.1, as SEQUENCE { a INTEGER, b INTEGER }.
 *
 * The input is a struct bytes that shrinks as it is read. What is written goes
 * through a writer, which remembers if something did not fit. TUTORIAL.md,
 * chapter 6.7.
 */

#include "../bytes/wire.h"

/*
 * Tags. Bit 0x20 says that the content is elements. ASN.1's [n] stands for
 * DER_CONTEXT + n, or for DER_CONTEXT_PRIMITIVE + n where that bit is not set.
 */
enum {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03, /* content: the number of unused bits, the bits */
    DER_OCTET_STRING = 0x04,
    DER_OBJECT_IDENTIFIER = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT_PRIMITIVE = 0x80,
    DER_CONTEXT = 0xa0
};

/*
 * Take an element with this tag off *in, and give its content. False if the
 * next element has another tag, is longer than what is left, or has a length
 * that DER does not allow; *in is then as it was. *in may be any bytes at all.
 */
bool der_read(struct bytes *in, unsigned tag, struct bytes *content);

/*
 * The same for an element that ASN.1 calls OPTIONAL: if the next one has
 * another tag, or there is none, content is empty and all is well.
 */
bool der_read_optional(struct bytes *in, unsigned tag, struct bytes *content);

/* Is this content exactly bytes[0..size)? */
bool der_is(struct bytes content, const void *bytes, size_t size);

/*
 * Begin an element, and end it. What is written in between is its content,
 * elements of its own included; der_close() gets what der_open() gave. At most
 * 65535 bytes of content: out->failed is set if there are more, as it is if
 * they don't fit.
 */
size_t der_open(struct writer *out, unsigned tag);
void der_close(struct writer *out, size_t opened);

/* Write a whole element. */
void der_put(struct writer *out, unsigned tag, const void *content,
             size_t size);

/*
 * Write an INTEGER that is not negative, given as bytes[0..size), size > 0, the
 * most significant first.
 */
void der_put_integer(struct writer *out, const unsigned char *bytes,
                     size_t size);

/*
 * Write an ECDSA signature as TLS and certificates want it (RFC 3279 2.2.3):
 * Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }. At most 72 bytes.
 */
void der_put_ecdsa_signature(struct writer *out,
                             const unsigned char r_and_s[64]);

#endif
