/*
 * credentials_make.c - a key and a certificate, for whoever has none.
 *
 * Nothing is removed or overwritten but what this start has made itself: O_EXCL
 * makes a file only where there is nothing, not even a link. The key comes
 * first. So of several servers that start at the same time, one makes the key
 * and the others say that it is there. A crash in between leaves a key with no
 * certificate, and the next start says so: a person has to decide what to do.
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "credentials_make.h"

#include "../bytes/bytes.h"
#include "../exchange/random.h"
#include "pem.h"
#include "self_signed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERTIFICATE_MAX = 16384 }; /* room for 60 names of the greatest length */

/* Make a new file, whole and on the disk; or none, and errno says why. */
static bool write_pem(const char *path, mode_t mode, const char *label,
                      const struct writer *der)
{
    char text[2 * CERTIFICATE_MAX];
    int file, reason;

    /* pem.c is not constant time, and the file has an owner who may read it */
    secret_unmark(der->data, der->used);
    errno = E2BIG; /* the names */
    if (der->failed ||
        !pem_encode(label, der->data, der->used, text, sizeof text))
        return false;
    file = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (file < 0)
        return false;
    errno = ENOSPC; /* if less is written than there is, that is why */
    bool good = write(file, text, strlen(text)) == (ssize_t)strlen(text) &&
                fchmod(file, mode) == 0 && fsync(file) == 0;
    reason = errno;
    close(file);
    if (!good)
        unlink(path);
    wipe(text, sizeof text);
    errno = reason;
    return good;
}

/* Make both, or none, and errno says why. */
static bool make_both(const char *chain_path, const char *key_path,
                      const char *const *names, size_t names_count)
{
    unsigned char key[P256_KEY_SIZE], public_key[P256_PUBLIC_KEY_SIZE];
    unsigned char der[CERTIFICATE_MAX];
    struct writer out = writer_start(der, sizeof der);

    do
        random_bytes(key, sizeof key);
    while (!p256_public_key(public_key, key));
    self_signed_private_key(&out, key);
    bool good = write_pem(key_path, 0600, "EC PRIVATE KEY", &out);
    wipe(der, sizeof der);

    out = writer_start(der, sizeof der);
    self_signed_certificate(&out, key, names, names_count, time(NULL));
    wipe(key, sizeof key);
    if (good && !write_pem(chain_path, 0644, "CERTIFICATE", &out)) {
        int reason = errno;
        unlink(key_path);
        errno = reason;
        good = false;
    }
    return good;
}

bool credentials_make(const char *chain_path, const char *key_path,
                      const char *const *names, size_t names_count, char *error,
                      size_t error_size)
{
    bool chain = access(chain_path, F_OK) == 0;
    bool key = access(key_path, F_OK) == 0;

    if (chain && key)
        return true; /* as nearly always */
    if (chain || key) {
        snprintf(error, error_size, "%s is missing, but %s is there",
                 chain ? key_path : chain_path, chain ? chain_path : key_path);
        return false;
    }
    if (make_both(chain_path, key_path, names, names_count))
        return true;
    snprintf(error, error_size, "cannot make %s and %s: %s", chain_path,
             key_path, strerror(errno));
    return false;
}
