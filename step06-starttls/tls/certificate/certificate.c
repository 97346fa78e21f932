/*
 * certificate.c - loading a certificate chain and its private key.
 *
 * A certificate (RFC 5280) says: this public key belongs to this name, from
 * this day to that; signed, somebody you trust. A server shows it to everybody,
 * so an impostor has it as well. What tells them apart is a signature that only
 * the private key can make. So what matters here is that the two belong
 * together, and that both are of the one kind that we can sign with: EC P-256.
 *
 * A wrong file is the commonest fault there is when TLS is set up, so each way
 * to be wrong has its own text. Functions here return that text, or NULL if all
 * is well; credentials_load(), where to start reading, puts the path before it.
 * leaf.c reads the certificate itself.
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "certificate.h"

#include "../bytes/bytes.h"
#include "der.h"
#include "leaf.h"
#include "pem.h"

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

static const char bad_base64[] = "not valid base64";
static const char trailing[] = "bytes left over after the end of its DER";

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

/* Everything here is one SEQUENCE, and nothing follows it. */
static const char *read_outermost(const unsigned char *data, size_t size,
                                  struct bytes *body)
{
    struct bytes in = {data, size};

    if (!der_read(&in, DER_SEQUENCE, body))
        return bad_der;
    return in.size > 0 ? trailing : NULL;
}

/* --- The certificates ---------------------------------------------------- */

/*
 * Append a certificate to the chain, and look into it if it is the first. There
 * is room for it: as text it took more, and all the text fits into as much.
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
        fault = leaf_read(leaf, body);
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
 * The first private key in the file; other blocks may come before it. The old
 * way to encrypt one (RFC 1421 4.6.1.1) puts "Proc-Type: 4,ENCRYPTED" and other
 * such lines in front of the base64.
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
        return pem_is(&block, "RSA PRIVATE KEY") ? rsa_key : not_ec;

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
    if (!leaf->signs)
        return "its keyUsage has no digitalSignature, and TLS 1.3 needs that";
    leaf_warn(leaf, path, credentials->chain_warning, CREDENTIALS_LINE_SIZE);
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
    if (mode & (S_IWGRP | S_IROTH | S_IWOTH)) /* a group may read it */
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
