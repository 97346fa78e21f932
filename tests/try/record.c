/*
 * build/try/record KEY IV RECORD - open a protected record, then seal its
 * content again. KEY and IV are those of one direction, as build/try/schedule
 * prints them, and RECORD is the first record under them: all in hexadecimal. A
 * key of 16 bytes is for AES-128-GCM, one of 32 for ChaCha20-Poly1305.
 *
 * Without arguments: the client's data in RFC 8448 section 3, 00 01 02 ... 31.
 */
#include "record/record.h"
#include "bytes/wire.h"
#include "try.h"

static struct bytes wire; /* what comes from the peer */

static ssize_t receive(void *context, void *buffer, size_t size)
{
    (void)context;
    size = size < wire.size ? size : wire.size;
    memcpy(buffer, wire.data, size);
    wire = (struct bytes){wire.data + size, wire.size - size};
    return (ssize_t)size;
}

static bool transmit(void *context, const void *data, size_t size)
{
    (void)context;
    show("sealed again", data, size);
    return true;
}

int main(int argc, char **argv)
{
    static const char *const rfc8448[] = {
        "17422dda596ed5d9acd890e3c63f5051", "5b78923dee08579033e523d9",
        "17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac "
        "ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 "
        "1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 "
        "49 15 e4"};
    const char *const *given =
        argc == 4 ? (const char *const *)argv + 1 : rfc8448;
    static struct record_layer records;
    static unsigned char bytes[17000];
    unsigned char key[AEAD_KEY_SIZE_MAX], iv[AEAD_NONCE_SIZE];
    const struct aead *aead = unhex(key, sizeof key, given[0]) == 16
                                  ? &aead_aes128_gcm
                                  : &aead_chacha20_poly1305;
    struct record record;

    unhex(iv, sizeof iv, given[1]);
    wire = (struct bytes){bytes, unhex(bytes, sizeof bytes, given[2])};
    record_init(&records, (struct tls_io){NULL, receive, transmit},
                (struct trace){NULL});
    record_protect(&records, READING, aead, key, iv);
    record_protect(&records, WRITING, aead, key, iv);
    expect(record_read(&records, &record) == ALERT_NONE, "it opens");
    show("content", record.data, record.size);
    record_append(&records, record.type, record.data, record.size);
    expect(record_flush(&records) == ALERT_NONE, "it is sent");
    return 0;
}
