/*
 * credentials_make.c - two files that come into being as if they were one.
 *
 * A key without its certificate is of no use, a certificate with the key of
 * another even less. There is no system call that makes two files at once, but
 * there is an order in which every state on the way explains itself:
 *
 *   1. lock    KEY.new, which is made if need be
 *   2. write   the key to KEY.new, the certificate to CHAIN.new; fsync
 *   3. link    KEY.new to KEY, then CHAIN.new to CHAIN
 *   4. unlink  CHAIN.new, then KEY.new
 *
 * Another server that starts meanwhile waits for the lock, and then finds both.
 * A lock ends with its process, so a crash leaves none, and whoever comes next
 * goes on from what there is:
 *
 *   up to 3  neither KEY nor CHAIN: all is made anew, over the .new files
 *   in 3     KEY, and it is the same file as KEY.new: taken back, made anew
 *   from 4   both: only the .new files are to be removed
 *
 * The key comes first, as it is the one with such a proof of being unfinished.
 * Any other KEY without a CHAIN, or a CHAIN without a KEY, is a mistake of the
 * person who typed the command, and nothing that we should mend.
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "credentials_make.h"

#include "bytes.h"
#include "pem.h"
#include "random.h"
#include "self_signed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CERTIFICATE_MAX = 16384, /* room for 60 names of the greatest length */
    PATH_SIZE = PATH_MAX + sizeof ".new"
};

/* The files by their names, for the time being and for good. */
struct place {
    const char *chain, *key;
    char chain_new[PATH_SIZE], key_new[PATH_SIZE];
};

/* Also if we may not know, so that reading it tells why. */
static bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 || errno != ENOENT;
}

static bool is_path_of(const char *path, int file)
{
    struct stat a, b;

    return fstat(file, &a) == 0 && lstat(path, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * Open a file and wait for the lock on it; -1, with errno, if that can't be.
 * Whoever had the lock before us may have unlinked the file: then what we have
 * is the lock on something without a name, and we try again. A file that others
 * can read, or that belongs to them, must not get the key: EPERM.
 */
static int open_locked(const char *path)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;

    for (;;) {
        int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (file < 0)
            return -1;
        bool locked = fcntl(file, F_SETLKW, &all) == 0;
        if (locked && is_path_of(path, file) && fstat(file, &status) == 0) {
            if (status.st_uid == geteuid() && (status.st_mode & 077) == 0)
                return file;
            errno = EPERM;
            locked = false;
        }
        int reason = errno;
        close(file);
        errno = reason;
        if (!locked)
            return -1;
    }
}

/* --- 2: write ------------------------------------------------------------ */

static bool write_whole(int file, mode_t mode, const char *text)
{
    size_t size = strlen(text);

    if (ftruncate(file, 0) != 0 || fchmod(file, mode) != 0)
        return false;
    errno = ENOSPC; /* if less is written than there is, that is why */
    return write(file, text, size) == (ssize_t)size && fsync(file) == 0;
}

static bool write_pem(int file, mode_t mode, const char *label,
                      const struct writer *der)
{
    char text[2 * CERTIFICATE_MAX];

    errno = E2BIG; /* the names */
    if (der->failed ||
        !pem_encode(label, der->data, der->used, text, sizeof text))
        return false;
    secret_unmark(text, sizeof text); /* the owner of the file may read it */
    bool good = write_whole(file, mode, text);
    wipe(text, sizeof text);
    return good;
}

static bool write_both(const struct place *place, int key_file,
                       const char *const *names, size_t names_count)
{
    unsigned char key[P256_KEY_SIZE], public_key[P256_PUBLIC_KEY_SIZE];
    unsigned char der[CERTIFICATE_MAX];

    do
        random_bytes(key, sizeof key);
    while (!p256_public_key(public_key, key));

    struct writer out = writer_start(der, sizeof der);
    self_signed_private_key(&out, key);
    bool good = write_pem(key_file, 0600, "EC PRIVATE KEY", &out);
    wipe(der, sizeof der);

    out = writer_start(der, sizeof der);
    self_signed_certificate(&out, key, names, names_count, time(NULL));
    wipe(key, sizeof key);
    int file = open(place->chain_new, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644);
    good = good && file >= 0 && write_pem(file, 0644, "CERTIFICATE", &out);
    if (file >= 0)
        close(file);
    return good;
}

/* --- 3: link ------------------------------------------------------------- */

/* A name is on the disk only when the directory is. */
static bool sync_directory(const char *path)
{
    char directory[PATH_SIZE] = ".";
    const char *slash = strrchr(path, '/');

    if (slash != NULL)
        snprintf(directory, sizeof directory, "%.*s", (int)(slash + 1 - path),
                 path);
    int file = open(directory, O_RDONLY | O_DIRECTORY);
    if (file < 0)
        return false;
    bool good = fsync(file) == 0;
    close(file);
    return good;
}

/* Whatever comes to be on the disk first, KEY is not there without KEY.new. */
static void link_both(const struct place *place)
{
    if (!sync_directory(place->key) || link(place->key_new, place->key) != 0)
        return;
    if (sync_directory(place->key) &&
        link(place->chain_new, place->chain) == 0) {
        sync_directory(place->chain);
        return;
    }
    int reason = errno;
    unlink(place->key);
    errno = reason;
}

/* --- All of it ----------------------------------------------------------- */

/* Under the lock, which is on file: go on from what there is. */
static void make_both(const struct place *place, int file,
                      const char *const *names, size_t names_count)
{
    if (exists(place->chain))
        return;
    if (is_path_of(place->key, file))
        unlink(place->key);
    if (exists(place->key))
        return;
    if (write_both(place, file, names, names_count))
        link_both(place);
}

bool credentials_make(const char *chain_path, const char *key_path,
                      const char *const *names, size_t names_count, char *error,
                      size_t error_size)
{
    struct place place = {.chain = chain_path, .key = key_path};

    snprintf(place.chain_new, PATH_SIZE, "%s.new", chain_path);
    snprintf(place.key_new, PATH_SIZE, "%s.new", key_path);
    if (exists(chain_path) && exists(key_path) && !exists(place.key_new))
        return true; /* as nearly always */

    int file = open_locked(place.key_new), reason = errno;
    bool one = file >= 0 && is_path_of(place.chain_new, file);
    if (file >= 0) {
        if (!one)
            make_both(&place, file, names, names_count);
        reason = errno;
        unlink(place.chain_new);
        unlink(place.key_new);
        close(file);
    }
    bool chain = exists(chain_path), key = exists(key_path);
    if (!chain && !key && one)
        snprintf(error, error_size,
                 "%s: a certificate and its key can't be made in one file",
                 key_path);
    else if (!chain && !key)
        snprintf(error, error_size, "cannot make %s and %s: %s", chain_path,
                 key_path, strerror(reason));
    else if (!chain || !key)
        snprintf(error, error_size, "%s is missing, but %s is there",
                 chain ? key_path : chain_path, chain ? chain_path : key_path);
    return chain && key;
}
