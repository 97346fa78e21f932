/*
 * key_usage.c - what the key of a certificate may be used for.
 *
 * An authority can certify a key for some purpose only, and whoever verifies
 * the certificate has to keep to that. The extensions that say so are the only
 * ones that matter to a server: with the wrong certificate no client stays. A
 * KeyUsage, if there is one, must allow signatures (RFC 8446 4.4.2.2). What
 * else there is is for the client. Start reading at key_usage_read().
 * TUTORIAL.md, chapter 6.7.
 */
#include "key_usage.h"

#include "der.h"

/* The contents of OBJECT IDENTIFIERs. */
static const unsigned char id_key_usage[] = {0x55, 0x1d, 0x0f};
static const unsigned char id_extended_key_usage[] = {0x55, 0x1d, 0x25};
static const unsigned char any_purpose[] = {0x55, 0x1d, 0x25, 0x00};
static const unsigned char server_auth[] = {0x2b, 0x06, 0x01, 0x05,
                                            0x05, 0x07, 0x03, 0x01};

/*
 * KeyUsage ::= BIT STRING {                  RFC 5280 4.2.1.3
 *     digitalSignature(0), ... }             the first bit is the top one
 */
static bool read_key_usage(struct key_usage *usage, struct bytes value)
{
    struct bytes bits;

    if (!der_read(&value, DER_BIT_STRING, &bits) || value.size > 0)
        return false;
    usage->signature = bits.size > 1 && bits.data[1] & 0x80;
    return true;
}

/*
 * ExtKeyUsageSyntax ::= SEQUENCE OF KeyPurposeId   RFC 5280 4.2.1.12
 * KeyPurposeId ::= OBJECT IDENTIFIER
 */
static bool read_extended_key_usage(struct key_usage *usage, struct bytes value)
{
    struct bytes purposes, purpose;

    if (!der_read(&value, DER_SEQUENCE, &purposes) || value.size > 0)
        return false;
    usage->server = false;
    while (purposes.size > 0) {
        if (!der_read(&purposes, DER_OBJECT_IDENTIFIER, &purpose))
            return false;
        usage->server |= der_is(purpose, server_auth, sizeof server_auth) ||
                         der_is(purpose, any_purpose, sizeof any_purpose);
    }
    return true;
}

/*
 * Extension ::= SEQUENCE {                   RFC 5280 4.1
 *     extnID     OBJECT IDENTIFIER,
 *     critical   BOOLEAN DEFAULT FALSE,
 *     extnValue  OCTET STRING }              the DER of what it is about
 */
static bool read_extension(struct key_usage *usage, struct bytes in)
{
    struct bytes id, critical, value;

    if (!der_read(&in, DER_OBJECT_IDENTIFIER, &id) ||
        !der_read_optional(&in, DER_BOOLEAN, &critical) ||
        !der_read(&in, DER_OCTET_STRING, &value) || in.size > 0)
        return false;
    if (der_is(id, id_key_usage, sizeof id_key_usage))
        return read_key_usage(usage, value);
    if (der_is(id, id_extended_key_usage, sizeof id_extended_key_usage))
        return read_extended_key_usage(usage, value);
    return true;
}

/* Extensions ::= SEQUENCE OF Extension */
bool key_usage_read(struct key_usage *usage, struct bytes extensions)
{
    struct bytes list = extensions, extension;

    *usage = (struct key_usage){.signature = true, .server = true};
    if (extensions.size > 0 &&
        (!der_read(&extensions, DER_SEQUENCE, &list) || extensions.size > 0))
        return false;
    while (list.size > 0)
        if (!der_read(&list, DER_SEQUENCE, &extension) ||
            !read_extension(usage, extension))
            return false;
    return true;
}
