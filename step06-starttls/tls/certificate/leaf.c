/*
 * leaf.c - what a server needs to know about its own certificate.
 *
 * The comment on each reader is the ASN.1 of what it reads. An authority can
 * certify a key for certain purposes only, and whoever verifies the certificate
 * has to keep to that: so only the extensions about purposes matter here. Times
 * are texts, all of one form, and the earlier of two is the one that strcmp()
 * puts first: so no calendar is needed. Start reading at leaf_read().
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "leaf.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char bad_der[] = "cut short, or not valid DER";
const char rsa_key[] = "an RSA key; this server needs one of EC P-256";
const char not_ec[] = "not an EC key; this server needs one of EC P-256";
const char not_p256[] = "an EC key, but not on the curve P-256";

/* OBJECT IDENTIFIERs, each as a whole element. */
static const char ec_public_key[] = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const char prime256v1[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
static const char rsa_encryption[] =
    "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";

static bool starts_with(struct bytes *in, const char *bytes)
{
    size_t size = strlen(bytes);

    if (in->size < size || memcmp(in->data, bytes, size) != 0)
        return false;
    *in = (struct bytes){in->data + size, in->size - size};
    return true;
}

/*
 * AlgorithmIdentifier ::= SEQUENCE {
 *     algorithm   OBJECT IDENTIFIER,
 *     parameters  ANY OPTIONAL }          for EC the curve (RFC 5480 2.1.1)
 */
const char *read_algorithm(struct bytes *in)
{
    struct bytes body;

    if (!der_read(in, DER_SEQUENCE, &body))
        return bad_der;
    if (!starts_with(&body, ec_public_key))
        return starts_with(&body, rsa_encryption) ? rsa_key : not_ec;
    return starts_with(&body, prime256v1) && body.size == 0 ? NULL : not_p256;
}

/*
 * SubjectPublicKeyInfo ::= SEQUENCE {
 *     algorithm         AlgorithmIdentifier,
 *     subjectPublicKey  BIT STRING }
 */
static const char *read_public_key(struct leaf *leaf, struct bytes in)
{
    struct bytes bits;
    const char *fault = read_algorithm(&in);

    if (fault != NULL)
        return fault;
    if (!der_read(&in, DER_BIT_STRING, &bits) || in.size > 0)
        return bad_der;
    if (bits.size != 1 + P256_PUBLIC_KEY_SIZE || bits.data[0] != 0)
        return "a public key that is not an uncompressed point";
    memcpy(leaf->public_key, bits.data + 1, P256_PUBLIC_KEY_SIZE);
    return NULL;
}

/*
 * Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }
 *
 * YYMMDDHHMMSSZ, of 1950 to 2049, or YYYYMMDDHHMMSSZ (RFC 5280 4.1.2.5). With
 * the century put before it the first is like the second.
 */
static bool read_time(struct bytes *in, char text[16])
{
    struct bytes digits;
    size_t century = 0;

    if (der_read(in, DER_UTC_TIME, &digits) && digits.size == 13) {
        memcpy(text, digits.data[0] < '5' ? "20" : "19", 2);
        century = 2;
    } else if (!der_read(in, DER_GENERALIZED_TIME, &digits) ||
               digits.size != 15) {
        return false;
    }
    memcpy(text + century, digits.data, digits.size);
    text[15] = '\0';
    return strspn(text, "0123456789") == 14 && text[14] == 'Z';
}

/*
 * ExtKeyUsageSyntax ::= SEQUENCE OF KeyPurposeId   RFC 5280 4.2.1.12
 * KeyPurposeId ::= OBJECT IDENTIFIER               serverAuth, any, or others
 */
static bool read_purposes(struct leaf *leaf, struct bytes purposes)
{
    struct bytes purpose;

    leaf->serves = false;
    while (purposes.size > 0) {
        if (!der_read(&purposes, DER_OBJECT_IDENTIFIER, &purpose))
            return false;
        leaf->serves |= der_is(purpose, "\x2b\6\1\5\5\7\3\1", 8) ||
                        der_is(purpose, "\x55\x1d\x25\0", 4);
    }
    return true;
}

/*
 * Extension ::= SEQUENCE {                   RFC 5280 4.1
 *     extnID     OBJECT IDENTIFIER,
 *     critical   BOOLEAN DEFAULT FALSE,
 *     extnValue  OCTET STRING }              the DER of what it is about
 *
 * KeyUsage ::= BIT STRING {                  RFC 5280 4.2.1.3
 *     digitalSignature(0), ... }             the first bit is the top one
 */
static bool read_extension(struct leaf *leaf, struct bytes in)
{
    struct bytes id, critical, value, content;

    if (!der_read(&in, DER_OBJECT_IDENTIFIER, &id) ||
        !der_read_optional(&in, DER_BOOLEAN, &critical) ||
        !der_read(&in, DER_OCTET_STRING, &value) || in.size > 0)
        return false;
    if (der_is(id, "\x55\x1d\x0f", 3)) { /* keyUsage */
        if (!der_read(&value, DER_BIT_STRING, &content) || value.size > 0)
            return false;
        leaf->signs = content.size > 1 && content.data[1] & 0x80;
    }
    if (der_is(id, "\x55\x1d\x25", 3)) /* extKeyUsage */
        return der_read(&value, DER_SEQUENCE, &content) && value.size == 0 &&
               read_purposes(leaf, content);
    return true;
}

/* Extensions ::= SEQUENCE OF Extension */
static bool read_extensions(struct leaf *leaf, struct bytes in)
{
    struct bytes list = in, extension;

    if (in.size > 0 && (!der_read(&in, DER_SEQUENCE, &list) || in.size > 0))
        return false;
    while (list.size > 0)
        if (!der_read(&list, DER_SEQUENCE, &extension) ||
            !read_extension(leaf, extension))
            return false;
    return true;
}

/*
 * Certificate ::= SEQUENCE {                 RFC 5280 4.1
 *     tbsCertificate SEQUENCE {
 *         version               [0] INTEGER DEFAULT v1,
 *         serialNumber          INTEGER,
 *         signature             AlgorithmIdentifier,
 *         issuer                Name,        a SEQUENCE
 *         validity              SEQUENCE { notBefore Time, notAfter Time },
 *         subject               Name,
 *         subjectPublicKeyInfo  SubjectPublicKeyInfo,
 *         issuerUniqueID        [1] BIT STRING OPTIONAL,
 *         subjectUniqueID       [2] BIT STRING OPTIONAL,
 *         extensions            [3] SEQUENCE OF Extension OPTIONAL },
 *     signatureAlgorithm  AlgorithmIdentifier,
 *     signatureValue      BIT STRING }
 */
const char *leaf_read(struct leaf *leaf, struct bytes certificate)
{
    struct bytes tbs, validity, skipped, info, extensions;

    *leaf = (struct leaf){.signs = true, .serves = true};
    if (!der_read(&certificate, DER_SEQUENCE, &tbs) ||
        !der_read(&certificate, DER_SEQUENCE, &skipped) ||
        !der_read(&certificate, DER_BIT_STRING, &skipped) ||
        certificate.size > 0 ||
        !der_read_optional(&tbs, DER_CONTEXT + 0, &skipped) ||
        !der_read(&tbs, DER_INTEGER, &skipped) ||
        !der_read(&tbs, DER_SEQUENCE, &skipped) ||
        !der_read(&tbs, DER_SEQUENCE, &skipped) ||
        !der_read(&tbs, DER_SEQUENCE, &validity) ||
        !read_time(&validity, leaf->not_before) ||
        !read_time(&validity, leaf->not_after) || validity.size > 0 ||
        !der_read(&tbs, DER_SEQUENCE, &skipped))
        return bad_der;

    leaf->public_key_info = tbs;
    if (!der_read(&tbs, DER_SEQUENCE, &info))
        return bad_der;
    leaf->public_key_info.size -= tbs.size;
    if (!der_read_optional(&tbs, DER_CONTEXT_PRIMITIVE + 1, &skipped) ||
        !der_read_optional(&tbs, DER_CONTEXT_PRIMITIVE + 2, &skipped) ||
        !der_read_optional(&tbs, DER_CONTEXT + 3, &extensions) ||
        tbs.size > 0 || !read_extensions(leaf, extensions))
        return bad_der;
    return read_public_key(leaf, info);
}

void leaf_warn(const struct leaf *leaf, const char *path, char *line,
               size_t size)
{
    char now[16] = "";
    struct tm utc;
    time_t seconds = time(NULL);

    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(now, sizeof now, "%Y%m%d%H%M%SZ", &utc);
    bool early = strcmp(now, leaf->not_before) < 0;
    const char *day = early ? leaf->not_before : leaf->not_after;
    if (!leaf->serves)
        snprintf(line, size, "%s: not for servers, says its extendedKeyUsage",
                 path);
    else if (early || strcmp(now, leaf->not_after) > 0)
        snprintf(line, size, "%s: %s %.4s-%.2s-%.2s", path,
                 early ? "not valid before" : "expired on", day, day + 4,
                 day + 6);
}
