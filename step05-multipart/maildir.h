/* maildir.h - durable delivery. See maildir.c. TUTORIAL.md, chapter 3. */
#ifndef MAILDIR_H
#define MAILDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
    MAIL_MAX = 1024,  /* octets of the path of the mail directory */
    MAILBOX_MAX = 64, /* a local-part, RFC 5321 4.5.3.1.1 */
    MESSAGE_NAME_MAX = 255,
    MAIL_PATH_SIZE = MAIL_MAX + MAILBOX_MAX + MESSAGE_NAME_MAX + 8,
};

/* One message on its way into one or more mailboxes. */
struct delivery {
    const char *mail;                /* the directory of all mailboxes */
    FILE *file;                      /* in tmp/ */
    int error;                       /* errno of the first fault, or 0 */
    char id[64];                     /* unique on this host */
    char name[MESSAGE_NAME_MAX + 1]; /* unique anywhere: the file's name */
    char tmp_path[MAIL_PATH_SIZE];
};

/* Make what is missing: the mail directory itself, and in it a mailbox for
 * postmaster (RFC 5321 4.5.1). Returns 0, or errno. */
int maildir_prepare(const char *mail);

/*
 * Find the mailbox for a local-part, as it is written or in lower case, and
 * write its name. What a mailbox lacks is made. Returns 0; ENOENT if there is
 * none; or another errno if it is there and broken, or the mail directory is
 * not what it was. A name that could lead out of that directory is no mailbox.
 */
int maildir_find(const char *mail, const char *local_part,
                 char name[MAILBOX_MAX + 1]);

/* Create the file of a new message in tmp/ of a mailbox, to write the message
 * into. False: delivery->error says why. */
bool maildir_begin(struct delivery *delivery, const char *mail,
                   const char *mailbox, const char *hostname);

/* Append to the message. A fault is kept, and shows in maildir_commit(). */
void maildir_write(struct delivery *delivery, const void *data, size_t size);

/*
 * Make the message appear, whole and durable, in new/ of each mailbox, or in
 * none of them. When this returns true it survives a power cut. False:
 * delivery->error says why.
 */
bool maildir_commit(struct delivery *delivery,
                    char mailboxes[][MAILBOX_MAX + 1], size_t count);

/* Every delivery that has begun ends with this: nothing is left in tmp/. */
void maildir_end(struct delivery *delivery);

/* Log that mail cannot be taken now, and return the reply that says so. error:
 * the errno that tells why; a full disk is 452, all else 451. */
const char *maildir_reply(int error);

#endif
