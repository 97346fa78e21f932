#ifndef KEY_SCHEDULE_H
#define KEY_SCHEDULE_H

/*
 * key_schedule.h - from one shared secret to all keys (RFC 8446 section 7).
 *
 * Down the left side of the picture in section 7.1 runs one secret that is
 * concentrated three times: Early Secret, Handshake Secret, Master Secret. To
 * the right of it branch off the traffic secrets, bound to the messages so far
 * by their transcript hash; and each traffic secret gives a key and an IV.
 * TUTORIAL.md, chapter 6.9.
 */

#include "../hash/sha256.h"
#include "../record/record.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * HKDF-Expand-Label(Secret, Label, Context, Length) of RFC 8446 7.1. label is
 * without the "tls13 ". out may be secret. False, and out is as it was, if
 * label, context or out is longer than the RFC allows (249, 255, 8160 bytes).
 * The RFC's own never are, so no caller here checks.
 */
bool hkdf_expand_label(const unsigned char secret[SHA256_SIZE],
                       const char *label, const void *context,
                       size_t context_size, void *out, size_t out_size);

/* Derive-Secret(Secret, Label, Messages), with the hash of the messages. */
void derive_secret(const unsigned char secret[SHA256_SIZE], const char *label,
                   const unsigned char transcript_hash[SHA256_SIZE],
                   unsigned char out[SHA256_SIZE]);

/* The three steps down the left side. secret is the Early Secret after the
 * first, the Handshake Secret after the second, the Master Secret after the
 * third. We have no PSK; shared is the (EC)DHE secret. */
void key_schedule_early(unsigned char secret[SHA256_SIZE]);
void key_schedule_handshake(unsigned char secret[SHA256_SIZE],
                            const unsigned char *shared, size_t shared_size);
void key_schedule_master(unsigned char secret[SHA256_SIZE]);

/* RFC 8446 7.3: [sender]_write_key, of aead->key_size bytes, and write_iv. */
void traffic_keys(const unsigned char secret[SHA256_SIZE],
                  const struct aead *aead, unsigned char *key,
                  unsigned char iv[AEAD_NONCE_SIZE]);

/* Protect what is read, or what is written, from now on with these keys. */
void protect_with_secret(struct record_layer *records, enum direction direction,
                         const struct aead *aead,
                         const unsigned char secret[SHA256_SIZE]);

/* RFC 8446 7.2: replace an application traffic secret by its successor. */
void next_traffic_secret(unsigned char secret[SHA256_SIZE]);

/* RFC 8446 4.4.4: verify_data of the Finished of one side, from that side's
 * handshake traffic secret. */
void finished_verify_data(const unsigned char secret[SHA256_SIZE],
                          const unsigned char transcript_hash[SHA256_SIZE],
                          unsigned char verify_data[SHA256_SIZE]);

#endif
