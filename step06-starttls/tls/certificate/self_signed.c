/*
 * self_signed.c - making a certificate, byte by byte.
 *
 * A certificate is three things in a row: what is said, how it is signed, and
 * the signature over every byte of what is said. Each function below writes one
 * structure of RFC 5280 section 4.1, with its ASN.1 above it and in its order.
 * What is the same in all our certificates is in the constants; read these as
 * tag, length, content. Start reading at self_signed_certificate().
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "self_signed.h"

#include "../bytes/bytes.h"
#include "../exchange/random.h"
#include "../hash/sha256.h"
#include "../signature/ecdsa.h"
#include "der.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    COMMON_NAME_MAX = 64, /* RFC 5280 appendix A.1, ub-common-name */
    DAY = 24 * 60 * 60    /* in seconds */
};

/* What follows are bytes, not text: the zero that ends a string is left out. */

/* Version ::= [0] INTEGER, and 2 means version 3. */
static const char version_3[] = "\xa0\x03\x02\x01\x02";

/* AlgorithmIdentifier ::= SEQUENCE { ecdsa-with-SHA256 } (RFC 5758 3.2) */
static const char signature_algorithm[] =
    "\x30\x0a"
    "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"; /* 1.2.840.10045.4.3.2 */

/*
 * SubjectPublicKeyInfo ::= SEQUENCE {
 *     AlgorithmIdentifier ::= SEQUENCE { id-ecPublicKey, prime256v1 },
 *     BIT STRING }           no unused bits; the 65 bytes of the key follow
 */
static const char public_key_info[] =
    "\x30\x59"
    "\x30\x13"
    "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"     /* 1.2.840.10045.2.1 */
    "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07" /* 1.2.840.10045.3.1.7 */
    "\x03\x42\x00";

/*
 * Extension ::= SEQUENCE { OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE,
 *                          OCTET STRING }         with more DER in it
 *
 * basicConstraints, critical: an empty SEQUENCE, so no authority
 * keyUsage, critical: a BIT STRING of 1, digitalSignature: all TLS 1.3 needs
 * extKeyUsage: SEQUENCE { serverAuth }
 */
static const char fixed_extensions[] =
    "\x30\x0c"
    "\x06\x03\x55\x1d\x13\x01\x01\xff" /* 2.5.29.19 TRUE */
    "\x04\x02\x30\x00"
    "\x30\x0e"
    "\x06\x03\x55\x1d\x0f\x01\x01\xff" /* 2.5.29.15 TRUE */
    "\x04\x04\x03\x02\x07\x80"
    "\x30\x13"
    "\x06\x03\x55\x1d\x25" /* 2.5.29.37 */
    "\x04\x0c\x30\x0a"
    "\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"; /* 1.3.6.1.5.5.7.3.1 */

static const char subject_alt_name[] = "\x06\x03\x55\x1d\x11"; /* 2.5.29.17 */
static const char id_common_name[] = "\x06\x03\x55\x04\x03";   /* 2.5.4.3 */

/*
 * ECPrivateKey (RFC 5915 section 3) ::= SEQUENCE {
 *     version INTEGER 1,
 *     OCTET STRING,          the 32 bytes of the private key
 *     [0] prime256v1,
 *     [1] BIT STRING }       the 65 bytes of the public key
 */
static const char private_key_start[] = "\x30\x77\x02\x01\x01\x04\x20";
static const char private_key_middle[] =
    "\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
    "\xa1\x44\x03\x42\x00";

/* --- The certificate ----------------------------------------------------- */

/* RFC 5280 4.2.1.6: a dNSName is ASCII, and not just a blank. */
static bool is_ascii(const char *name)
{
    size_t size = strlen(name), i = 0;

    while (i < size && name[i] > ' ' && name[i] < 0x7f)
        i++;
    return size > 0 && i == size;
}

/*
 * Name ::= SEQUENCE OF SET OF SEQUENCE { type OBJECT IDENTIFIER, value ANY }
 *
 * For people to read: programs go by the subjectAltName. But an issuer's must
 * not be empty (4.1.2.4), and we are the issuer.
 */
static void put_name(struct writer *out, const char *const *names,
                     size_t names_count)
{
    const char *common_name = "mail receiver";

    for (size_t i = names_count; i-- > 0;)
        if (is_ascii(names[i]) && strlen(names[i]) <= COMMON_NAME_MAX)
            common_name = names[i];
    size_t name = der_open(out, DER_SEQUENCE);
    size_t set = der_open(out, DER_SET);
    size_t attribute = der_open(out, DER_SEQUENCE);
    writer_bytes(out, id_common_name, sizeof id_common_name - 1);
    der_put(out, DER_UTF8_STRING, common_name, strlen(common_name));
    der_close(out, attribute);
    der_close(out, set);
    der_close(out, name);
}

/*
 * Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }
 *
 * With two digits for the year from 1950 to 2049, with four otherwise.
 */
static void put_time(struct writer *out, const struct tm *utc)
{
    char text[16];

    if (strftime(text, sizeof text, "%Y%m%d%H%M%SZ", utc) != 15)
        out->failed = true;
    else if (utc->tm_year >= 50 && utc->tm_year < 150)
        der_put(out, DER_UTC_TIME, text + 2, 13);
    else
        der_put(out, DER_GENERALIZED_TIME, text, 15);
}

/* Validity ::= SEQUENCE { notBefore Time, notAfter Time } */
static void put_validity(struct writer *out, time_t now)
{
    struct tm utc;
    time_t start = now - DAY;

    if (gmtime_r(&start, &utc) == NULL) {
        out->failed = true;
        return;
    }
    size_t validity = der_open(out, DER_SEQUENCE);
    put_time(out, &utc);
    utc.tm_year += 10;
    if (utc.tm_mon == 1 && utc.tm_mday == 29)
        utc.tm_mday = 28; /* ten years after a leap year there is no leap day */
    put_time(out, &utc);
    der_close(out, validity);
}

/*
 * GeneralName ::= CHOICE { dNSName [2] IA5String, iPAddress [7] OCTET STRING }
 */
static void put_alt_name(struct writer *out, const char *name)
{
    unsigned char address[16];
    char digits[INET6_ADDRSTRLEN];
    bool v6 = strncasecmp(name, "[IPv6:", 6) == 0;
    const char *start = name + (v6 ? 6 : 1);

    if (name[0] != '[') {
        der_put(out, DER_CONTEXT_PRIMITIVE + 2, name, strlen(name));
        return;
    }
    snprintf(digits, sizeof digits, "%.*s", (int)strcspn(start, "]"), start);
    if (inet_pton(v6 ? AF_INET6 : AF_INET, digits, address) == 1)
        der_put(out, DER_CONTEXT_PRIMITIVE + 7, address, v6 ? 16 : 4);
}

/*
 * Extensions ::= [3] SEQUENCE OF Extension
 *
 * SubjectAltName is a SEQUENCE OF GeneralName and not allowed to be empty.
 */
static void put_extensions(struct writer *out, const char *const *names,
                           size_t names_count)
{
    size_t tagged = der_open(out, DER_CONTEXT + 3);
    size_t extensions = der_open(out, DER_SEQUENCE);

    writer_bytes(out, fixed_extensions, sizeof fixed_extensions - 1);

    size_t without = out->used;
    size_t extension = der_open(out, DER_SEQUENCE);
    writer_bytes(out, subject_alt_name, sizeof subject_alt_name - 1);
    size_t value = der_open(out, DER_OCTET_STRING);
    size_t alt_names = der_open(out, DER_SEQUENCE);
    for (size_t i = 0; i < names_count; i++)
        if (is_ascii(names[i]))
            put_alt_name(out, names[i]);
    bool empty = out->used == alt_names;
    der_close(out, alt_names);
    der_close(out, value);
    der_close(out, extension);
    if (empty)
        out->used = without;

    der_close(out, extensions);
    der_close(out, tagged);
}

/*
 * TBSCertificate ::= SEQUENCE {        "to be signed"
 *     version, serialNumber INTEGER, signature AlgorithmIdentifier,
 *     issuer Name, validity Validity, subject Name,
 *     subjectPublicKeyInfo SubjectPublicKeyInfo, extensions }
 */
static void put_tbs(struct writer *out,
                    const unsigned char public_key[P256_PUBLIC_KEY_SIZE],
                    const char *const *names, size_t names_count, time_t now)
{
    unsigned char serial[16];

    random_bytes(serial, sizeof serial);
    secret_unmark(serial, sizeof serial);
    size_t tbs = der_open(out, DER_SEQUENCE);
    writer_bytes(out, version_3, sizeof version_3 - 1);
    der_put_integer(out, serial, sizeof serial);
    writer_bytes(out, signature_algorithm, sizeof signature_algorithm - 1);
    put_name(out, names, names_count);
    put_validity(out, now);
    put_name(out, names, names_count);
    writer_bytes(out, public_key_info, sizeof public_key_info - 1);
    writer_bytes(out, public_key, P256_PUBLIC_KEY_SIZE);
    put_extensions(out, names, names_count);
    der_close(out, tbs);
}

/*
 * Certificate ::= SEQUENCE { tbsCertificate TBSCertificate,
 *     signatureAlgorithm AlgorithmIdentifier, signatureValue BIT STRING }
 */
void self_signed_certificate(struct writer *out,
                             const unsigned char private_key[P256_KEY_SIZE],
                             const char *const *names, size_t names_count,
                             time_t now)
{
    unsigned char public_key[P256_PUBLIC_KEY_SIZE], digest[SHA256_SIZE];
    unsigned char signature[ECDSA_SIZE];

    if (!p256_public_key(public_key, private_key))
        out->failed = true;
    size_t certificate = der_open(out, DER_SEQUENCE);
    put_tbs(out, public_key, names, names_count, now);
    if (out->failed)
        return;
    sha256(out->data + certificate, out->used - certificate, digest);
    writer_bytes(out, signature_algorithm, sizeof signature_algorithm - 1);
    size_t bits = der_open(out, DER_BIT_STRING);
    writer_u8(out, 0); /* unused bits */
    if (!ecdsa_sign(signature, private_key, digest))
        out->failed = true;
    der_put_ecdsa_signature(out, signature);
    der_close(out, bits);
    der_close(out, certificate);
}

/* --- The private key ----------------------------------------------------- */

void self_signed_private_key(struct writer *out,
                             const unsigned char private_key[P256_KEY_SIZE])
{
    unsigned char public_key[P256_PUBLIC_KEY_SIZE];

    if (!p256_public_key(public_key, private_key))
        out->failed = true;
    writer_bytes(out, private_key_start, sizeof private_key_start - 1);
    writer_bytes(out, private_key, P256_KEY_SIZE);
    writer_bytes(out, private_key_middle, sizeof private_key_middle - 1);
    writer_bytes(out, public_key, sizeof public_key);
}
