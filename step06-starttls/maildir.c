/*
 * maildir.c - durable delivery.
 *
 * A mailbox is a directory with tmp/, new/ and cur/, a message is a file. The
 * 250 after DATA is a promise that no crash and no power cut may break:
 *
 *     write tmp/NAME                    a crash leaves litter, never a message
 *     fsync the file                    its bytes are on the disk
 *     link  tmp/NAME to new/NAME        it appears, whole, in one instant
 *     fsync the directory new/          its name is on the disk
 *     unlink tmp/NAME                   only now is "250" said
 *
 * link(2) and not rename(2): where the new name exists already, link fails, but
 * rename silently destroys the message that has it. Start reading at
 * maildir_commit(). TUTORIAL.md, chapter 3.
 */
#define _POSIX_C_SOURCE 200809L
#include "maildir.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What a mailbox is made of. */
static const char *const parts[] = {"", "tmp", "new", "cur"};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* Put the names in a directory on the disk. */
static bool sync_directory(int root, const char *path)
{
    int fd = openat(root, path, O_RDONLY | O_DIRECTORY);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return ok;
}

static bool make_directory(int root, const char *path)
{
    return mkdirat(root, path, 0700) == 0 || errno == EEXIST;
}

static bool make_mailbox(int root, const char *mailbox)
{
    char path[MAIL_PATH_SIZE];

    for (size_t i = 0; i < PARTS; i++) {
        snprintf(path, sizeof(path), "%s/%s", mailbox, parts[i]);
        if (!make_directory(root, path))
            return false;
    }
    return sync_directory(root, mailbox) && sync_directory(root, ".");
}

static bool is_whole(int root, const char *mailbox)
{
    char path[MAIL_PATH_SIZE];
    struct stat status;

    for (size_t i = 0; i < PARTS; i++) {
        snprintf(path, sizeof(path), "%s/%s", mailbox, parts[i]);
        if (fstatat(root, path, &status, 0) != 0)
            return false;
        errno = ENOTDIR;
        if (!S_ISDIR(status.st_mode))
            return false;
    }
    return true;
}

/*
 * 0 if there is such a mailbox, ENOENT if not, or why that cannot be told.
 * Tools that copy files leave out empty directories: those are made again. A
 * link that leads nowhere is a mailbox, but not now.
 */
static int look_for(int root, const char *mailbox)
{
    struct stat status;

    if (fstatat(root, mailbox, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if (fstatat(root, mailbox, &status, 0) != 0)
        return errno == ENOENT ? ENOTDIR : errno;
    if (!S_ISDIR(status.st_mode))
        return ENOENT;
    if (is_whole(root, mailbox) ||
        (make_mailbox(root, mailbox) && is_whole(root, mailbox)))
        return 0;
    return errno == ENOENT ? ENOTDIR : errno;
}

int maildir_open(const char *directory)
{
    int root;

    if (!make_directory(AT_FDCWD, directory))
        return -1;
    root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root >= 0)
        sync_directory(root, ".."); /* where its own name is, if it is new */
    if (root >= 0 && !make_mailbox(root, "postmaster")) {
        int error = errno;
        close(root);
        errno = error;
        return -1;
    }
    return root;
}

/* Make root what directory is now: a backup may have been put in its place. */
static int reopen(int root, const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || dup2(fd, root) < 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return error == ENOENT ? ENODEV : error;
}

int maildir_find(int root, const char *directory, const char *local_part,
                 char name[MAILBOX_NAME_MAX + 1])
{
    size_t length = strlen(local_part);
    int fault;

    if (length == 0 || length > MAILBOX_NAME_MAX || *local_part == '.' ||
        strchr(local_part, '/'))
        return ENOENT;
    fault = reopen(root, directory);
    if (fault)
        return fault;
    memcpy(name, local_part, length + 1);
    fault = look_for(root, name);
    if (fault != ENOENT)
        return fault;
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    fault = look_for(root, name);
    if (fault == ENOENT && faccessat(root, "postmaster", F_OK, 0) != 0)
        return ENODEV; /* not the mail directory: it is not mounted */
    return fault;
}

/* The name of a message: time, microseconds, process and a counter. Process ids
 * come round within a minute under load, so they alone would not do. */
static void make_name(struct delivery *delivery, const char *hostname,
                      unsigned number)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(delivery->id, sizeof(delivery->id), "%lld.M%ldP%ldQ%u",
             (long long)now.tv_sec, now.tv_nsec / 1000, (long)getpid(), number);
    snprintf(delivery->name, sizeof(delivery->name), "%s.%.180s", delivery->id,
             hostname);
    for (char *c = delivery->name; *c; c++)
        if (*c == '/' || *c == ':') /* these have a meaning in a Maildir */
            *c = '_';
}

bool maildir_begin(struct delivery *delivery, int root, const char *mailbox,
                   const char *hostname, unsigned number)
{
    delivery->root = root;
    make_name(delivery, hostname, number);
    snprintf(delivery->tmp_path, sizeof(delivery->tmp_path), "%s/tmp/%s",
             mailbox, delivery->name);
    delivery->fd = openat(root, delivery->tmp_path,
                          O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    delivery->error = delivery->fd < 0 ? errno : 0;
    return delivery->fd >= 0;
}

void maildir_write(struct delivery *delivery, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0 && !delivery->error) {
        ssize_t n = write(delivery->fd, at, size);
        if (n >= 0) {
            at += n;
            size -= (size_t)n;
        } else if (errno != EINTR) {
            delivery->error = errno;
        }
    }
}

static void new_path(char path[MAIL_PATH_SIZE], const char *mailbox,
                     const char *name)
{
    snprintf(path, MAIL_PATH_SIZE, "%s/new/%s", mailbox, name);
}

/* Take the message out of the first count mailboxes again. */
static void withdraw(const struct delivery *delivery,
                     const char *const *mailboxes, size_t count)
{
    char path[MAIL_PATH_SIZE];

    for (size_t i = 0; i < count; i++) {
        new_path(path, mailboxes[i], delivery->name);
        unlinkat(delivery->root, path, 0);
    }
}

/* Is the message in new/ already? So it is where two recipients have the same
 * mailbox, by a symbolic link. */
static bool is_linked(const struct delivery *delivery, const char *path)
{
    struct stat ours, theirs;

    return errno == EEXIST && fstat(delivery->fd, &ours) == 0 &&
           fstatat(delivery->root, path, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Link the message into new/ of each mailbox. What cannot be made durable in
 * all of them is taken back from those that have it. */
static void publish(struct delivery *delivery, const char *const *mailboxes,
                    size_t count)
{
    char path[MAIL_PATH_SIZE];

    for (size_t i = 0; i < count && !delivery->error; i++) {
        size_t linked = i;
        new_path(path, mailboxes[i], delivery->name);
        if (linkat(delivery->root, delivery->tmp_path, delivery->root, path,
                   0) == 0 ||
            is_linked(delivery, path)) {
            linked++;
            new_path(path, mailboxes[i], "");
            if (sync_directory(delivery->root, path))
                continue;
        }
        delivery->error = errno;
        withdraw(delivery, mailboxes, linked);
    }
}

bool maildir_commit(struct delivery *delivery, const char *const *mailboxes,
                    size_t count)
{
    if (!delivery->error && fsync(delivery->fd) != 0)
        delivery->error = errno;
    publish(delivery, mailboxes, count);
    maildir_abort(delivery); /* in tmp/ it has done its duty */
    return !delivery->error;
}

void maildir_abort(struct delivery *delivery)
{
    unlinkat(delivery->root, delivery->tmp_path, 0);
}

void maildir_close(struct delivery *delivery)
{
    close(delivery->fd);
}
