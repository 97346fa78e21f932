/*
 * certificate.c - loading a certificate chain and its private key.
 *
 * A certificate (RFC 5280) says: this public key belongs to this name, from
 * then until then; signed, somebody you trust. A server shows it to everybody
 * and can't be told from an impostor by it. It is told by a signature that only
 * the private key can make. So what matters here is that the two belong
 * together, and that both are of the one kind that we can sign with: EC P-256.
 *
 * A wrong file is the commonest fault there is when TLS is set up, so each has
 * its own line. Functions here return the fault as a text, or NULL if all is
 * well; credentials_load(), where to start reading, puts the name before it.
 * Above each reader stands the ASN.1 of what it reads.
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "certificate.h"

#include "../bytes/bytes.h"
#include "der.h"
#include "key_usage.h"
#include "pem.h"
#include "validity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One file at a time, as text and decoded. Wiped, as the key is one of them. */
struct workspace {
    char text[CREDENTIALS_FILE_MAX + 1];
    unsigned char der[CREDENTIALS_FILE_MAX];
};

/* What is needed of the server's own certificate. */
struct leaf {
    struct validity validity;
    struct bytes public_key_info; /* the whole element, in the chain */
    unsigned char public_key[P256_PUBLIC_KEY_SIZE];
    struct key_usage usage;
};

static const char bad_base64[] = "not valid base64";
static const char bad_der[] = "cut short, or not valid DER";
static const char trailing[] = "bytes left over after the end of its DER";
static const char rsa[] = "an RSA key; this server needs one of EC P-256";
static const char not_ec[] = "not an EC key; this server needs one of EC P-256";
static const char not_p256[] = "an EC key, but not on the curve P-256";

/* --- Files --------------------------------------------------------------- */

/* Read a whole file as a string. *mode gets its permissions. */
static const char *read_file(const char *path, char *text, mode_t *mode)
{
    struct stat status;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return strerror(errno);
    setvbuf(file, NULL, _IONBF, 0); /* a buffer would keep the key */
    size_t size = fread(text, 1, CREDENTIALS_FILE_MAX + 1, file);
    bool good = !ferror(file) && fstat(fileno(file), &status) == 0;
    const char *fault = good ? NULL : strerror(errno);
    fclose(file);
    if (!good)
        return fault;
    if (size > CREDENTIALS_FILE_MAX)
        return "too large for a PEM file";
    text[size] = '\0';
    *mode = status.st_mode;
    return NULL;
}

/* --- What keys and certificates have in common --------------------------- */

/* OBJECT IDENTIFIERs, each as a whole element. */
static const char ec_public_key[] = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
static const char prime256v1[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
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

/* Everything here is one SEQUENCE, and nothing follows it. */
static const char *read_outermost(const unsigned char *data, size_t size,
                                  struct bytes *body)
{
    struct bytes in = {data, size};

    if (!der_read(&in, DER_SEQUENCE, body))
        return bad_der;
    return in.size > 0 ? trailing : NULL;
}

/*
 * AlgorithmIdentifier ::= SEQUENCE {
 *     algorithm   OBJECT IDENTIFIER,
 *     parameters  ANY OPTIONAL }          for EC the curve (RFC 5480 2.1.1)
 */
static const char *read_algorithm(struct bytes *in)
{
    struct bytes body;

    if (!der_read(in, DER_SEQUENCE, &body))
        return bad_der;
    if (!starts_with(&body, ec_public_key))
        return starts_with(&body, rsa_encryption) ? rsa : not_ec;
    return starts_with(&body, prime256v1) && body.size == 0 ? NULL : not_p256;
}

/* --- The certificates ---------------------------------------------------- */

/*
 * SubjectPublicKeyInfo ::= SEQUENCE {
 *     algorithm         AlgorithmIdentifier,
 *     subjectPublicKey  BIT STRING }
 */
static const char *read_public_key(struct bytes in, struct leaf *leaf)
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
static const char *read_leaf(struct bytes body, struct leaf *leaf)
{
    struct bytes tbs, validity, skipped, info, extensions;

    if (!der_read(&body, DER_SEQUENCE, &tbs) ||
        !der_read(&body, DER_SEQUENCE, &skipped) ||
        !der_read(&body, DER_BIT_STRING, &skipped) || body.size > 0 ||
        !der_read_optional(&tbs, DER_CONTEXT + 0, &skipped) ||
        !der_read(&tbs, DER_INTEGER, &skipped) ||
        !der_read(&tbs, DER_SEQUENCE, &skipped) ||
        !der_read(&tbs, DER_SEQUENCE, &skipped) ||
        !der_read(&tbs, DER_SEQUENCE, &validity) ||
        !validity_read(&leaf->validity, validity) ||
        !der_read(&tbs, DER_SEQUENCE, &skipped))
        return bad_der;

    leaf->public_key_info = tbs;
    if (!der_read(&tbs, DER_SEQUENCE, &info))
        return bad_der;
    leaf->public_key_info.size -= tbs.size;
    if (!der_read_optional(&tbs, DER_CONTEXT_PRIMITIVE + 1, &skipped) ||
        !der_read_optional(&tbs, DER_CONTEXT_PRIMITIVE + 2, &skipped) ||
        !der_read_optional(&tbs, DER_CONTEXT + 3, &extensions) ||
        tbs.size > 0 || !key_usage_read(&leaf->usage, extensions))
        return bad_der;
    const char *fault = read_public_key(info, leaf);
    if (fault == NULL && !leaf->usage.signature)
        fault = "its keyUsage has no digitalSignature, and TLS 1.3 needs that";
    return fault;
}

/*
 * Append a certificate to the chain, and look into it if it is the first. There
 * is room for it: its block in the file, of which all fit, took more.
 */
static const char *append(struct credentials *credentials,
                          const struct pem *block, struct leaf *leaf)
{
    unsigned char *entry = credentials->chain + credentials->chain_size;
    size_t room = CREDENTIALS_FILE_MAX - credentials->chain_size, size;
    struct bytes body;

    if (!pem_decode(block, entry + 3, room - 3 - 2, &size))
        return bad_base64;
    const char *fault = read_outermost(entry + 3, size, &body);
    if (fault == NULL && credentials->chain_size == 0)
        fault = read_leaf(body, leaf);
    struct writer out = writer_start(entry, room);
    writer_u24(&out, size);
    memset(entry + 3 + size, 0, 2);
    credentials->chain_size += 3 + size + 2;
    return fault;
}

static const char *read_chain(struct credentials *credentials, const char *text,
                              struct leaf *leaf)
{
    struct pem block;

    while (pem_next(&text, "CERTIFICATE", &block)) {
        if (pem_is(&block, "TRUSTED CERTIFICATE"))
            return "a TRUSTED CERTIFICATE; \"openssl x509\" makes a plain one";
        if (!pem_is(&block, "CERTIFICATE") &&
            !pem_is(&block, "X509 CERTIFICATE"))
            continue; /* ATTRIBUTE CERTIFICATE (RFC 5755), for one */
        const char *fault = append(credentials, &block, leaf);
        if (fault != NULL)
            return fault;
    }
    if (credentials->chain_size == 0 || block.label != NULL)
        return "no PEM certificate in it, or one that is cut off";
    return NULL;
}

/* --- The private key ----------------------------------------------------- */

/*
 * OneAsymmetricKey ::= SEQUENCE {           RFC 5958 section 2, "PKCS#8"
 *     version              INTEGER { v1(0), v2(1) },
 *     privateKeyAlgorithm  AlgorithmIdentifier,
 *     privateKey           OCTET STRING,    an ECPrivateKey in it
 *     attributes           [0] SET OPTIONAL,
 *     publicKey            [1] BIT STRING OPTIONAL }
 */
static const char *unwrap_pkcs8(struct bytes *body)
{
    struct bytes in = *body, version, inner, skipped;

    if (!der_read(&in, DER_INTEGER, &version) ||
        (!der_is(version, "\0", 1) && !der_is(version, "\1", 1)))
        return bad_der;
    const char *fault = read_algorithm(&in);
    if (fault != NULL)
        return fault;
    if (!der_read(&in, DER_OCTET_STRING, &inner) ||
        !der_read_optional(&in, DER_CONTEXT + 0, &skipped) ||
        !der_read_optional(&in, DER_CONTEXT_PRIMITIVE + 1, &skipped) ||
        in.size > 0)
        return bad_der;
    return read_outermost(inner.data, inner.size, body);
}

/*
 * ECPrivateKey ::= SEQUENCE {               RFC 5915 section 3
 *     version     INTEGER { ecPrivkeyVer1(1) },
 *     privateKey  OCTET STRING,                leading zeros included
 *     parameters  [0] ECParameters OPTIONAL,   the curve
 *     publicKey   [1] BIT STRING OPTIONAL }    we would rather compute it
 */
static const char *read_ec_private_key(struct bytes in,
                                       unsigned char key[P256_KEY_SIZE])
{
    struct bytes version, number, curve, skipped;

    if (!der_read(&in, DER_INTEGER, &version) || !der_is(version, "\1", 1) ||
        !der_read(&in, DER_OCTET_STRING, &number) ||
        !der_read_optional(&in, DER_CONTEXT + 0, &curve) ||
        !der_read_optional(&in, DER_CONTEXT + 1, &skipped) || in.size > 0)
        return bad_der;
    if (curve.size > 0 && !der_is(curve, prime256v1, strlen(prime256v1)))
        return not_p256;
    if (number.size != P256_KEY_SIZE)
        return "an EC key that does not have the 32 bytes of one on P-256";
    memcpy(key, number.data, P256_KEY_SIZE);
    return NULL;
}

/*
 * The first private key in the file; other blocks may stand before it. The old
 * way to encrypt one (RFC 1421 4.6.1.1) puts lines as "Proc-Type: 4,ENCRYPTED"
 * in front of the base64.
 */
static const char *read_key(struct workspace *work,
                            unsigned char key[P256_KEY_SIZE])
{
    const char *text = work->text;
    struct pem block;

    if (!pem_next(&text, "PRIVATE KEY", &block))
        return "no PEM private key in it, or one that is cut off";
    if (pem_is(&block, "ENCRYPTED PRIVATE KEY") ||
        memchr(block.base64, ':', block.base64_size) != NULL)
        return "an encrypted key, and nobody to ask for the passphrase";
    bool pkcs8 = pem_is(&block, "PRIVATE KEY");
    if (!pkcs8 && !pem_is(&block, "EC PRIVATE KEY"))
        return pem_is(&block, "RSA PRIVATE KEY") ? rsa : not_ec;

    struct bytes body;
    size_t size;
    if (!pem_decode(&block, work->der, sizeof work->der, &size))
        return bad_base64;
    const char *fault = read_outermost(work->der, size, &body);
    if (fault == NULL && pkcs8)
        fault = unwrap_pkcs8(&body);
    return fault != NULL ? fault : read_ec_private_key(body, key);
}

/* --- Both ---------------------------------------------------------------- */

static const char *load_chain(struct credentials *credentials, const char *path,
                              struct workspace *work, struct leaf *leaf)
{
    unsigned char digest[SHA256_SIZE];
    mode_t mode = 0;
    const char *fault = read_file(path, work->text, &mode);

    if (fault == NULL)
        fault = read_chain(credentials, work->text, leaf);
    if (fault != NULL)
        return fault;

    sha256(leaf->public_key_info.data, leaf->public_key_info.size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(credentials->tlsa + 2 * i, 3, "%02x", digest[i]);
    validity_warn(&leaf->validity, path, credentials->chain_warning,
                  CREDENTIALS_LINE_SIZE);
    if (!leaf->usage.server)
        snprintf(credentials->chain_warning, CREDENTIALS_LINE_SIZE,
                 "%s: not for servers, says its extendedKeyUsage", path);
    return NULL;
}

static const char *load_key(struct credentials *credentials, const char *path,
                            struct workspace *work, const struct leaf *leaf)
{
    unsigned char public_key[P256_PUBLIC_KEY_SIZE];
    mode_t mode = 0;
    const char *fault = read_file(path, work->text, &mode);

    if (fault == NULL)
        fault = read_key(work, credentials->private_key);
    if (fault != NULL)
        return fault;

    secret_mark(credentials->private_key, P256_KEY_SIZE);
    if (!p256_public_key(public_key, credentials->private_key))
        return "a key that is zero or too large for the curve P-256";
    if (memcmp(leaf->public_key, public_key, P256_PUBLIC_KEY_SIZE) != 0)
        return "not the key of the (first) certificate";
    if (mode & (S_IWGRP | S_IROTH | S_IWOTH)) /* a group may be let read it */
        snprintf(credentials->key_warning, CREDENTIALS_LINE_SIZE,
                 "%s: others on this machine can read or change this key",
                 path);
    return NULL;
}

bool credentials_load(struct credentials *credentials, const char *chain_path,
                      const char *key_path, char *error, size_t error_size)
{
    *credentials = (struct credentials){.chain = malloc(CREDENTIALS_FILE_MAX)};
    struct workspace *work = malloc(sizeof *work);
    struct leaf leaf = {0};
    const char *path = chain_path, *fault = strerror(ENOMEM);

    if (credentials->chain != NULL && work != NULL)
        fault = load_chain(credentials, path, work, &leaf);
    if (fault == NULL) {
        path = key_path;
        fault = load_key(credentials, path, work, &leaf);
    }
    if (fault != NULL) {
        snprintf(error, error_size, "%s: %s", path, fault);
        credentials_free(credentials);
    }
    if (work != NULL)
        wipe(work, sizeof *work);
    free(work);
    return fault == NULL;
}

void credentials_free(struct credentials *credentials)
{
    free(credentials->chain);
    wipe(credentials, sizeof *credentials);
}
