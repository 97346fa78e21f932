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
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* "mail/you/new/NAME"; where part or name is "", the directory above. */
static void make_path(char path[MAIL_PATH_SIZE], const char *mail,
                      const char *mailbox, const char *part, const char *name)
{
    snprintf(path, MAIL_PATH_SIZE, "%s/%s/%s/%s", mail, mailbox, part, name);
}

/* Write a directory's names to the disk. Returns 0, or errno. */
static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    int error = fd >= 0 && fsync(fd) == 0 ? 0 : errno;

    if (fd >= 0)
        close(fd);
    return error;
}

/* Make what a mailbox lacks: git drops empty directories, and rsync or zip can.
 * A file may have such a name: because of the "/" at the end of the path,
 * access(2) then fails. */
static int complete(const char *mail, const char *mailbox)
{
    static const char *const parts[] = {"tmp", "new", "cur"};
    char path[MAIL_PATH_SIZE];
    bool made = false;

    for (size_t i = 0; i < 3; i++) {
        make_path(path, mail, mailbox, parts[i], "");
        if (access(path, F_OK) == 0)
            continue;
        if (mkdir(path, 0700) != 0 && access(path, F_OK) != 0)
            return errno;
        made = true;
    }
    make_path(path, mail, mailbox, "", "");
    return made ? sync_directory(path) : 0;
}

int maildir_prepare(const char *mail)
{
    char path[MAIL_PATH_SIZE];
    int error;

    if (strlen(mail) > MAIL_MAX)
        return ENAMETOOLONG;
    umask(077); /* mail is private */
    make_path(path, mail, "postmaster", "", "");
    if ((mkdir(mail, 0700) != 0 && errno != EEXIST) ||
        (mkdir(path, 0700) != 0 && errno != EEXIST))
        return errno;
    error = complete(mail, "postmaster");
    if (!error)
        error = sync_directory(mail);
    if (error)
        return error;
    make_path(path, mail, "..", "", ""); /* where its own name is */
    error = sync_directory(path);
    return error == EACCES ? 0 : error; /* not ours: so we have not made it */
}

static int look_for(const char *mail, const char *mailbox)
{
    char path[MAIL_PATH_SIZE];
    struct stat status;
    int error;

    snprintf(path, sizeof(path), "%s/%s", mail, mailbox);
    if (lstat(path, &status) != 0)
        return errno;
    if (!S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode))
        return ENOENT;
    error = complete(mail, mailbox);
    return error == ENOENT ? ENOTDIR : error; /* a link that leads nowhere */
}

int maildir_find(const char *mail, const char *local_part,
                 char name[MAILBOX_MAX + 1])
{
    int error;

    if (!*local_part || strlen(local_part) > MAILBOX_MAX ||
        *local_part == '.' || strchr(local_part, '/'))
        return ENOENT;
    memcpy(name, local_part, strlen(local_part) + 1);
    error = look_for(mail, name);
    for (char *c = name; *c && error == ENOENT; c++)
        *c = (char)tolower((unsigned char)*c);
    if (error == ENOENT)
        error = look_for(mail, name);
    if (error == ENOENT && look_for(mail, "postmaster") != 0)
        error = ENODEV; /* it is always there, unless nothing is mounted */
    return error;
}

/* The name of a message: time, microseconds, process and a counter. Process ids
 * come round within a minute under load, so they alone would not do. */
static void make_name(struct delivery *delivery, const char *hostname)
{
    static unsigned number;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(delivery->id, sizeof(delivery->id), "%lld.M%ldP%ldQ%u",
             (long long)now.tv_sec, now.tv_nsec / 1000, (long)getpid(),
             ++number);
    snprintf(delivery->name, sizeof(delivery->name), "%s.%.180s", delivery->id,
             hostname);
    for (char *c = delivery->name; *c; c++)
        if (*c == '/' || *c == ':') /* these have a meaning in a Maildir */
            *c = '_';
}

bool maildir_begin(struct delivery *delivery, const char *mail,
                   const char *mailbox, const char *hostname)
{
    make_name(delivery, hostname);
    make_path(delivery->tmp_path, mail, mailbox, "tmp", delivery->name);
    delivery->mail = mail;
    delivery->file = fopen(delivery->tmp_path, "w+x");
    delivery->error = delivery->file ? 0 : errno;
    return delivery->file;
}

void maildir_write(struct delivery *delivery, const void *data, size_t size)
{
    if (!delivery->error && fwrite(data, 1, size, delivery->file) != size)
        delivery->error = errno;
}

/* Is the message in new/ already? It is if two recipients have the same
 * mailbox, by its name or by a symbolic link. */
static bool is_linked(const struct delivery *delivery, const char *path)
{
    struct stat ours, theirs;

    return errno == EEXIST && fstat(fileno(delivery->file), &ours) == 0 &&
           lstat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
           ours.st_ino == theirs.st_ino;
}

bool maildir_commit(struct delivery *delivery,
                    char mailboxes[][MAILBOX_MAX + 1], size_t count)
{
    const char *mail = delivery->mail, *name = delivery->name;
    FILE *file = delivery->file;
    char path[MAIL_PATH_SIZE];
    size_t linked = 0;

    errno = EIO; /* ferror(3) gives no reason */
    if (!delivery->error &&
        (ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0))
        delivery->error = errno;
    while (!delivery->error && linked < count) {
        make_path(path, mail, mailboxes[linked], "new", name);
        if (link(delivery->tmp_path, path) != 0 && !is_linked(delivery, path)) {
            delivery->error = errno;
            break;
        }
        make_path(path, mail, mailboxes[linked++], "new", "");
        delivery->error = sync_directory(path);
    }
    while (delivery->error && linked > 0) { /* all of them, or none */
        make_path(path, mail, mailboxes[--linked], "new", name);
        unlink(path);
    }
    unlink(delivery->tmp_path);
    return !delivery->error;
}

void maildir_end(struct delivery *delivery)
{
    unlink(delivery->tmp_path); /* if it is there still */
    fclose(delivery->file);
}

const char *maildir_reply(int error)
{
    output_log("cannot store a message: %s", strerror(error));
    if (error == ENOSPC || error == EDQUOT || error == EFBIG)
        return "452 4.3.1 no room to store that";
    return "451 4.3.0 cannot store that";
}
