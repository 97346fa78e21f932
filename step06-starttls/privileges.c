/*
 * privileges.c - no longer root.
 *
 * Ports below 1024 take root to open, and the private key may be readable by
 * root only. Nothing after that needs root: whoever finds a hole in the program
 * should find as little as possible behind it. TUTORIAL.md, chapter 6.
 */
#define _DEFAULT_SOURCE /* for setgroups(2), which is in no standard */
#include "privileges.h"

#include <err.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

void privileges_drop(const char *user)
{
    struct passwd *entry;

    if (!user)
        return;
    errno = 0;
    entry = getpwnam(user);
    if (!entry)
        errx(1, "cannot become %s: %s", user,
             errno ? strerror(errno) : "there is no such user");
    /* groups first: without root it could not be done any more */
    if (setgroups(1, &entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
        setuid(entry->pw_uid) != 0)
        err(1, "cannot become %s", user);
    if (entry->pw_uid != 0 && (setuid(0) == 0 || geteuid() == 0))
        errx(1, "cannot stop being root");
}

void privileges_warn(void)
{
    if (geteuid() == 0)
        warnx("warning: this runs as root; -u user ends that");
}
