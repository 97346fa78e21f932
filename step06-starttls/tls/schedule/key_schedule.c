/*
 * key_schedule.c - the key schedule of TLS 1.3 (RFC 8446 section 7.1).
 *
 *               0
 *               |
 *     PSK -> HKDF-Extract = Early Secret          no PSK here: 0 in its place
 *               |
 *         Derive-Secret(., "derived", "")
 *               |
 *   ECDHE -> HKDF-Extract = Handshake Secret
 *               |               +--> "c hs traffic", "s hs traffic"
 *               |
 *         Derive-Secret(., "derived", "")
 *               |
 *       0 -> HKDF-Extract = Master Secret
 *                               +--> "c ap traffic", "s ap traffic",
 *                                    "exp master"
 *
 * "0" is a string of SHA256_SIZE zero bytes. Each step needs all that went in
 * before and can't be reversed: whoever learns a traffic secret learns nothing
 * about the secret it came from. Both of our suites use SHA-256, so all
 * secrets have its size. Start reading at hkdf_expand_label().
 * TUTORIAL.md, chapter 6.9.
 */
#include "key_schedule.h"

#include "../bytes/bytes.h"
#include "../bytes/wire.h"
#include "../hash/hkdf.h"

#include <string.h>

static const unsigned char zeros[SHA256_SIZE];

/*
 *     struct {
 *         uint16 length = Length;
 *         opaque label<7..255> = "tls13 " + Label;
 *         opaque context<0..255> = Context;
 *     } HkdfLabel;
 */
bool hkdf_expand_label(const unsigned char secret[SHA256_SIZE],
                       const char *label, const void *context,
                       size_t context_size, void *out, size_t out_size)
{
    unsigned char hkdf_label[2 + 1 + 255 + 1 + 255];
    struct writer writer = writer_start(hkdf_label, sizeof hkdf_label);
    size_t vector;

    writer_u16(&writer, (unsigned)out_size);
    vector = writer_open(&writer, 1);
    writer_bytes(&writer, "tls13 ", 6);
    writer_bytes(&writer, label, strlen(label));
    writer_close(&writer, vector, 1);
    vector = writer_open(&writer, 1);
    writer_bytes(&writer, context, context_size);
    writer_close(&writer, vector, 1);
    if (writer.failed || out_size > HKDF_OUTPUT_MAX)
        return false;
    hkdf_expand(secret, hkdf_label, writer.used, out, out_size);
    return true;
}

void derive_secret(const unsigned char secret[SHA256_SIZE], const char *label,
                   const unsigned char transcript_hash[SHA256_SIZE],
                   unsigned char out[SHA256_SIZE])
{
    hkdf_expand_label(secret, label, transcript_hash, SHA256_SIZE, out,
                      SHA256_SIZE);
}

/* One step down: Derive-Secret(., "derived", "") salts the next extraction. */
static void extract_next(unsigned char secret[SHA256_SIZE],
                         const unsigned char *input, size_t input_size)
{
    unsigned char no_messages[SHA256_SIZE];
    unsigned char salt[SHA256_SIZE];

    sha256("", 0, no_messages);
    derive_secret(secret, "derived", no_messages, salt);
    hkdf_extract(salt, sizeof salt, input, input_size, secret);
    wipe(salt, sizeof salt);
}

void key_schedule_early(unsigned char secret[SHA256_SIZE])
{
    hkdf_extract(zeros, sizeof zeros, zeros, sizeof zeros, secret);
}

void key_schedule_handshake(unsigned char secret[SHA256_SIZE],
                            const unsigned char *shared, size_t shared_size)
{
    extract_next(secret, shared, shared_size);
}

void key_schedule_master(unsigned char secret[SHA256_SIZE])
{
    extract_next(secret, zeros, sizeof zeros);
}

void traffic_keys(const unsigned char secret[SHA256_SIZE],
                  const struct aead *aead, unsigned char *key,
                  unsigned char iv[AEAD_NONCE_SIZE])
{
    hkdf_expand_label(secret, "key", NULL, 0, key, aead->key_size);
    hkdf_expand_label(secret, "iv", NULL, 0, iv, AEAD_NONCE_SIZE);
}

void protect_with_secret(struct record_layer *records, enum direction direction,
                         const struct aead *aead,
                         const unsigned char secret[SHA256_SIZE])
{
    unsigned char key[AEAD_KEY_SIZE_MAX], iv[AEAD_NONCE_SIZE];

    traffic_keys(secret, aead, key, iv);
    record_protect(records, direction, aead, key, iv);
    wipe(key, sizeof key);
}

void next_traffic_secret(unsigned char secret[SHA256_SIZE])
{
    hkdf_expand_label(secret, "traffic upd", NULL, 0, secret, SHA256_SIZE);
}

void finished_verify_data(const unsigned char secret[SHA256_SIZE],
                          const unsigned char transcript_hash[SHA256_SIZE],
                          unsigned char verify_data[SHA256_SIZE])
{
    unsigned char finished_key[SHA256_SIZE];
    struct hmac hmac;

    hkdf_expand_label(secret, "finished", NULL, 0, finished_key, SHA256_SIZE);
    hmac_init(&hmac, finished_key, sizeof finished_key);
    hmac_update(&hmac, transcript_hash, SHA256_SIZE);
    hmac_final(&hmac, verify_data);
    wipe(finished_key, sizeof finished_key);
}
