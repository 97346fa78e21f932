/* maildir.h - durable delivery. See maildir.c. TUTORIAL.md, chapter 3. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    MAILBOX_NAME_MAX = 64, /* a local-part, RFC 5321 4.5.3.1.1 */
    MESSAGE_NAME_MAX = 255,
    MESSAGE_ID_MAX = 63,
    MAIL_PATH_SIZE = MAILBOX_NAME_MAX + MESSAGE_NAME_MAX + 8,
};

/* One message on its way into one or more mailboxes. */
struct delivery {
    int root;                        /* the directory of all mailboxes */
    int fd;                          /* the file in tmp/ */
    int error;                       /* errno of the first fault, or 0 */
    char id[MESSAGE_ID_MAX + 1];     /* unique on this host */
    char name[MESSAGE_NAME_MAX + 1]; /* unique anywhere: the file's name */
    char tmp_path[MAIL_PATH_SIZE];   /* below root */
};

/* Open the directory of all mailboxes, with a mailbox for postmaster; make
 * what is missing. Returns its file descriptor, or -1 with errno set. */
int maildir_open(const char *directory);

/*
 * Find the mailbox for a local-part, as it is written or in lower case, and
 * write its name. Returns 0; ENOENT if there never was one; or another errno if
 * that cannot be told now. A name that could lead out of the mail directory is
 * no mailbox, whatever exists. What a mailbox lacks is made. root becomes what
 * directory is now.
 */
int maildir_find(int root, const char *directory, const char *local_part,
                 char name[MAILBOX_NAME_MAX + 1]);

/* Create the file of a new message in tmp/ of a mailbox. number: one that this
 * process has not used before. False: delivery->error says why. */
bool maildir_begin(struct delivery *delivery, int root, const char *mailbox,
                   const char *hostname, unsigned number);

/* Append to the message. A fault is kept, and shows in maildir_commit(). */
void maildir_write(struct delivery *delivery, const void *data, size_t size);

/*
 * Make the message appear, whole and durable, in new/ of each mailbox, or in
 * none of them. When this returns true it survives a power cut. False:
 * delivery->error says why, and nothing is left behind.
 */
bool maildir_commit(struct delivery *delivery, const char *const *mailboxes,
                    size_t count);

/* Give the message up, and leave nothing behind. */
void maildir_abort(struct delivery *delivery);

/* Every delivery that has begun ends with this. */
void maildir_close(struct delivery *delivery);

#endif
