/*
 * client_hello_retry.c - the ClientHello that answers a HelloRetryRequest.
 *
 * It has to repeat the first one, except for the few things that RFC 8446 4.1.2
 * lists: otherwise our choice would rest on offers that no longer hold. As the
 * first is gone when the second comes, a hash of it is kept. Start reading at
 * client_hello_fingerprint().
 * TUTORIAL.md, chapter 6.10.
 */
#include "client_hello.h"

#include "names.h"

#include <string.h>

/* RFC 8446 4.1.2 lists them; encrypted_client_hello is RFC 9849's addition. */
static bool may_change(unsigned type)
{
    return type == EXTENSION_KEY_SHARE || type == EXTENSION_EARLY_DATA ||
           type == EXTENSION_COOKIE || type == EXTENSION_PRE_SHARED_KEY ||
           type == EXTENSION_PADDING ||
           type == EXTENSION_ENCRYPTED_CLIENT_HELLO;
}

void client_hello_fingerprint(const struct client_hello *hello,
                              unsigned char digest[SHA256_SIZE])
{
    struct reader reader = reader_start(hello->extensions);
    const unsigned char *start = hello->random.data - 2; /* legacy_version */
    const unsigned char *methods_end = hello->legacy_compression_methods.data +
                                       hello->legacy_compression_methods.size;
    struct sha256 hash;

    sha256_init(&hash);
    sha256_update(&hash, start, (size_t)(methods_end - start));
    while (reader.left > 0) {
        const unsigned char *extension = reader.next;
        unsigned type = reader_u16(&reader);
        struct bytes data = reader_vector(&reader, 0, 65535);

        if (!may_change(type))
            sha256_update(&hash, extension, 4 + data.size);
    }
    sha256_final(&hash, digest);
}

enum alert client_hello_check_retry(const struct client_hello *hello,
                                    const unsigned char *fingerprint,
                                    const struct group *group, bool had_psk)
{
    unsigned char digest[SHA256_SIZE];

    client_hello_fingerprint(hello, digest);
    if (memcmp(digest, fingerprint, sizeof digest) != 0)
        return ALERT_ILLEGAL_PARAMETER;
    /* RFC 8446 4.2.10; and no cookie came with our HelloRetryRequest. */
    if (hello->early_data.data || hello->cookie.data)
        return ALERT_ILLEGAL_PARAMETER;
    if (hello->pre_shared_key.data && !had_psk) /* may not be added */
        return ALERT_ILLEGAL_PARAMETER;
    /* One share and no other: vector length, group, length, the share. */
    if (hello->group != group || !hello->share.data ||
        hello->key_share.size != 2 + 2 + 2 + hello->share.size)
        return ALERT_ILLEGAL_PARAMETER;
    return ALERT_NONE;
}
