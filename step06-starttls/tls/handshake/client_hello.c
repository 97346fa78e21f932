/*
 * client_hello.c - reading a ClientHello (RFC 8446 sections 4.1.2 and 4.2).
 *
 * The largest and oddest message that a stranger can send us, and the only one
 * that is not protected by anything. So: nothing is copied, nothing is trusted,
 * every list is walked once, and each MUST of the RFC for servers is a line
 * here with its alert. Unknown versions, suites, groups, algorithms and
 * extensions are no error (RFC 8446 9.3); clients even send some on purpose.
 * Start reading at client_hello_parse(), then go to the table `steps`.
 * TUTORIAL.md, chapter 6.10.
 */
#include "client_hello.h"

#include "../record/record.h"
#include "names.h"

#include <stddef.h>

/* In the order of our preference: the one that is fast in plain C first. */
static const struct cipher_suite suites[] = {
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256", &aead_chacha20_poly1305},
    {0x1301, "TLS_AES_128_GCM_SHA256", &aead_aes128_gcm},
    {0, NULL, NULL},
};

/* --- Is it well formed? -------------------------------------------------- */

/* A set of 16-bit numbers, a bit for each. A client can send 16000 extensions;
 * comparing each with each would be a gift to an attacker. */
struct number_set {
    unsigned char bits[65536 / 8];
};

/* Put number into the set; false if it is in there already. */
static bool add(struct number_set *set, unsigned number)
{
    unsigned char bit = (unsigned char)(1 << number % 8);
    bool is_new = !(set->bits[number / 8] & bit);

    set->bits[number / 8] |= bit;
    return is_new;
}

/* Take number out of the set; false if it is not in there. */
static bool take(struct number_set *set, unsigned number)
{
    unsigned char bit = (unsigned char)(1 << number % 8);
    bool is_there = set->bits[number / 8] & bit;

    set->bits[number / 8] &= (unsigned char)~bit;
    return is_there;
}

/* The extensions that matter to us, and where their content is kept. */
#define AT(field) offsetof(struct client_hello, field)
static const struct {
    unsigned type;
    size_t offset;
} kept[] = {
    {EXTENSION_SERVER_NAME, AT(server_name)},
    {EXTENSION_SUPPORTED_VERSIONS, AT(supported_versions)},
    {EXTENSION_SUPPORTED_GROUPS, AT(supported_groups)},
    {EXTENSION_SIGNATURE_ALGORITHMS, AT(signature_algorithms)},
    {EXTENSION_SIGNATURE_ALGORITHMS_CERT, AT(signature_algorithms_cert)},
    {EXTENSION_KEY_SHARE, AT(key_share)},
    {EXTENSION_PRE_SHARED_KEY, AT(pre_shared_key)},
    {EXTENSION_PSK_KEY_EXCHANGE_MODES, AT(psk_key_exchange_modes)},
    {EXTENSION_EARLY_DATA, AT(early_data)},
    {EXTENSION_COOKIE, AT(cookie)},
    {EXTENSION_RECORD_SIZE_LIMIT, AT(record_size_limit)},
};

static void keep(struct client_hello *hello, unsigned type, struct bytes data)
{
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (kept[i].type == type)
            *(struct bytes *)((char *)hello + kept[i].offset) = data;
}

/*
 *     struct {
 *         ExtensionType extension_type;
 *         opaque extension_data<0..2^16-1>;
 *     } Extension;
 */
static unsigned extension(struct reader *reader, struct bytes *data)
{
    unsigned type = reader_u16(reader);

    *data = reader_vector(reader, 0, 65535);
    return type;
}

static enum alert parse_extensions(struct client_hello *hello)
{
    struct reader reader = reader_start(hello->extensions);
    struct number_set seen = {{0}};

    while (reader.left > 0) {
        struct bytes data;
        unsigned type = extension(&reader, &data);

        if (reader.failed)
            return ALERT_DECODE_ERROR;
        if (!add(&seen, type))
            return ALERT_ILLEGAL_PARAMETER;
        keep(hello, type, data);
        /* RFC 8446 4.2.11 */
        if (type == EXTENSION_PRE_SHARED_KEY && reader.left > 0)
            return ALERT_ILLEGAL_PARAMETER;
    }
    return ALERT_NONE;
}

/*
 *     struct {
 *         ProtocolVersion legacy_version = 0x0303;
 *         Random random;
 *         opaque legacy_session_id<0..32>;
 *         CipherSuite cipher_suites<2..2^16-2>;
 *         opaque legacy_compression_methods<1..2^8-1>;
 *         Extension extensions<8..2^16-1>;
 *     } ClientHello;
 *
 * In versions before TLS 1.3 the extensions may be missing, length and all.
 */
enum alert client_hello_parse(struct client_hello *hello, struct bytes message)
{
    struct reader reader = reader_start(message);

    *hello = (struct client_hello){.inner_limit = RECORD_INNER_MAX};
    hello->legacy_version = reader_u16(&reader);
    hello->random = reader_bytes(&reader, 32);
    hello->legacy_session_id = reader_vector(&reader, 0, 32);
    hello->cipher_suites = reader_u16_vector(&reader, 2, 65534);
    hello->legacy_compression_methods = reader_vector(&reader, 1, 255);
    if (reader.left > 0)
        hello->extensions = reader_vector(&reader, 0, 65535);
    if (!reader_done(&reader))
        return ALERT_DECODE_ERROR;
    return parse_extensions(hello);
}

/* --- Can we do what it asks for? ----------------------------------------- */

/* Is number in a list of uint16? */
static bool offers(struct bytes list, unsigned number)
{
    struct reader reader = reader_start(list);

    while (reader.left > 0)
        if (reader_u16(&reader) == number)
            return true;
    return false;
}

/* Turn the content of an extension, which must be `uint16 list<2..ceiling>` and
 * nothing more, into the elements of that list. */
static bool unwrap_list(struct bytes *content, size_t ceiling)
{
    struct reader reader = reader_start(*content);

    *content = reader_u16_vector(&reader, 2, ceiling);
    return reader_done(&reader);
}

/*
 *     ProtocolVersion versions<2..254>;            SupportedVersions
 *
 * Without this extension it is TLS 1.2 or older, which we don't speak.
 * Appendix D.5: SSL 3.0 is refused even if TLS 1.3 is offered beside it.
 */
static enum alert choose_version(struct client_hello *hello)
{
    if (hello->legacy_version <= VERSION_SSL_3_0 ||
        !hello->supported_versions.data)
        return ALERT_PROTOCOL_VERSION;
    if (!unwrap_list(&hello->supported_versions, 254))
        return ALERT_DECODE_ERROR;
    if (!offers(hello->supported_versions, VERSION_TLS_1_3))
        return ALERT_PROTOCOL_VERSION;
    return ALERT_NONE;
}

/* RFC 8446 4.1.2: no compression is the only method left. 9.2: what a client
 * has to send if it wants a certificate from us. That it may also have a PSK
 * makes no difference: we never take one. */
static enum alert check_mandatory(struct client_hello *hello)
{
    struct bytes methods = hello->legacy_compression_methods;

    if (methods.size != 1 || methods.data[0] != 0)
        return ALERT_ILLEGAL_PARAMETER;
    if (!hello->signature_algorithms.data || !hello->supported_groups.data ||
        !hello->key_share.data)
        return ALERT_MISSING_EXTENSION;
    return ALERT_NONE;
}

/*
 *     struct {
 *         NameType name_type;
 *         opaque HostName<1..2^16-1>;
 *     } ServerName;
 *
 *     ServerName server_name_list<1..2^16-1>;      RFC 6066 3
 *
 * There is one certificate for all, so the name itself makes no difference. Of
 * each type there may be one only.
 */
static enum alert check_server_name(struct client_hello *hello)
{
    struct reader extension_data = reader_start(hello->server_name);
    struct number_set seen = {{0}};
    struct reader reader;

    if (!extension_data.next)
        return ALERT_NONE;
    reader = reader_start(reader_vector(&extension_data, 1, 65535));
    if (!reader_done(&extension_data))
        return ALERT_DECODE_ERROR;
    while (reader.left > 0) {
        unsigned type = reader_u8(&reader);

        reader_vector(&reader, 1, 65535);
        if (reader.failed)
            return ALERT_DECODE_ERROR;
        if (!add(&seen, type))
            return ALERT_ILLEGAL_PARAMETER;
    }
    return ALERT_NONE;
}

/*
 *     struct {
 *         opaque identity<1..2^16-1>;
 *         uint32 obfuscated_ticket_age;
 *     } PskIdentity;
 *
 *     opaque PskBinderEntry<32..255>;
 *
 *     PskIdentity identities<7..2^16-1>;
 *     PskBinderEntry binders<33..2^16-1>;          OfferedPsks
 *
 * There has to be a binder for each identity.
 */
static enum alert offered_psks(struct bytes content)
{
    struct reader psk = reader_start(content);
    struct reader identities = reader_start(reader_vector(&psk, 7, 65535));
    struct reader binders = reader_start(reader_vector(&psk, 33, 65535));

    while (identities.left > 0 && binders.left > 0) {
        reader_vector(&identities, 1, 65535);
        reader_bytes(&identities, 4);
        reader_vector(&binders, 32, 255);
    }
    if (!reader_done(&psk) || identities.failed || binders.failed)
        return ALERT_DECODE_ERROR;
    if (identities.left > 0 || binders.left > 0)
        return ALERT_ILLEGAL_PARAMETER;
    return ALERT_NONE;
}

/*
 *     PskKeyExchangeMode ke_modes<1..255>;         PskKeyExchangeModes
 *
 * We issue no tickets, so no PSK can be known to us; it is ignored (4.2.11).
 */
static enum alert check_psk(struct client_hello *hello)
{
    struct reader modes = reader_start(hello->psk_key_exchange_modes);

    if (modes.next)
        reader_vector(&modes, 1, 255);
    if (!reader_done(&modes))
        return ALERT_DECODE_ERROR;
    if (!hello->pre_shared_key.data)
        return ALERT_NONE;
    if (!modes.next) /* RFC 8446 4.2.9 */
        return ALERT_MISSING_EXTENSION;
    return offered_psks(hello->pre_shared_key);
}

/*
 *     struct {} Empty;                             early_data
 *     opaque cookie<1..2^16-1>;                    Cookie
 *     uint16 RecordSizeLimit;                      RFC 8449 4
 *
 * Larger record sizes than ours are no error (RFC 8449 4), only smaller ones
 * than 64. A cookie in the first ClientHello means nothing to us.
 */
static enum alert check_small_extensions(struct client_hello *hello)
{
    struct reader limit = reader_start(hello->record_size_limit);
    struct reader cookie = reader_start(hello->cookie);
    size_t size;

    if (cookie.next)
        reader_vector(&cookie, 1, 65535);
    if (hello->early_data.size != 0 || !reader_done(&cookie))
        return ALERT_DECODE_ERROR;
    if (!limit.next)
        return ALERT_NONE;
    size = reader_u16(&limit);
    if (!reader_done(&limit))
        return ALERT_DECODE_ERROR;
    if (size < RECORD_SIZE_LIMIT_MIN)
        return ALERT_ILLEGAL_PARAMETER;
    if (size < hello->inner_limit)
        hello->inner_limit = size;
    return ALERT_NONE;
}

/* The suite is ours to choose, so our order counts, not the client's. */
static enum alert choose_suite(struct client_hello *hello)
{
    for (const struct cipher_suite *suite = suites; suite->aead; suite++) {
        if (offers(hello->cipher_suites, suite->number)) {
            hello->suite = suite;
            return ALERT_NONE;
        }
    }
    return ALERT_HANDSHAKE_FAILURE;
}

/*
 *     SignatureScheme supported_signature_algorithms<2..2^16-2>;
 *
 * The only key we have is one for this algorithm. The other list, for what
 * authorities have signed, is no use to a server with one chain (4.4.2.2).
 */
static enum alert choose_signature(struct client_hello *hello)
{
    if (!unwrap_list(&hello->signature_algorithms, 65534))
        return ALERT_DECODE_ERROR;
    if (hello->signature_algorithms_cert.data &&
        !unwrap_list(&hello->signature_algorithms_cert, 65534))
        return ALERT_DECODE_ERROR;
    if (!offers(hello->signature_algorithms, SIGNATURE_ECDSA_SECP256R1_SHA256))
        return ALERT_HANDSHAKE_FAILURE;
    return ALERT_NONE;
}

/*
 *     struct {
 *         NamedGroup group;
 *         opaque key_exchange<1..2^16-1>;
 *     } KeyShareEntry;
 *
 *     KeyShareEntry client_shares<0..2^16-1>;      KeyShareClientHello
 *
 * Look at all shares and keep the one for the group we like best. Each must be
 * for a different group out of supported_groups (4.2.8): so a group leaves the
 * set `offered` with its first share.
 */
static enum alert key_share(struct client_hello *hello,
                            struct number_set *offered)
{
    struct reader extension_data = reader_start(hello->key_share);
    struct reader reader;

    reader = reader_start(reader_vector(&extension_data, 0, 65535));
    if (!reader_done(&extension_data))
        return ALERT_DECODE_ERROR;
    while (reader.left > 0) {
        unsigned number = reader_u16(&reader);
        struct bytes share = reader_vector(&reader, 1, 65535);
        const struct group *group = groups;

        if (reader.failed)
            return ALERT_DECODE_ERROR;
        if (!take(offered, number))
            return ALERT_ILLEGAL_PARAMETER;
        while (group->number != 0 && group->number != number)
            group++;
        if (group->number != 0 && (!hello->group || group < hello->group)) {
            hello->group = group;
            hello->share = share;
        }
    }
    return ALERT_NONE;
}

/*
 *     NamedGroup named_group_list<2..2^16-1>;      NamedGroupList
 *
 * A share that is there saves a round trip, even if we like another group
 * better. If none is for a group of ours, ask for one with a HelloRetryRequest.
 */
static enum alert choose_group(struct client_hello *hello)
{
    struct number_set offered = {{0}};
    struct reader reader;
    enum alert alert;

    if (!unwrap_list(&hello->supported_groups, 65535))
        return ALERT_DECODE_ERROR;
    reader = reader_start(hello->supported_groups);
    while (reader.left > 0)
        add(&offered, reader_u16(&reader));
    alert = key_share(hello, &offered);
    if (alert != ALERT_NONE || hello->group)
        return alert;
    for (const struct group *group = groups; group->number != 0; group++) {
        if (take(&offered, group->number)) {
            hello->group = group;
            return ALERT_NONE;
        }
    }
    return ALERT_HANDSHAKE_FAILURE;
}

/* The version first: all else has a meaning only in TLS 1.3. */
static enum alert (*const steps[])(struct client_hello *) = {
    choose_version, check_mandatory,        check_server_name,
    check_psk,      check_small_extensions, choose_suite,
    choose_group,   choose_signature,
};

enum alert client_hello_choose(struct client_hello *hello)
{
    enum alert alert = ALERT_NONE;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if ((alert = steps[i](hello)) != ALERT_NONE)
            break;
    return alert;
}
