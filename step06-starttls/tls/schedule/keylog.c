/*
 * keylog.c - the file that SSLKEYLOGFILE names (RFC 9850).
 *
 * A line is a label, the client's random and a secret, both in hexadecimal:
 *
 *     CLIENT_HANDSHAKE_TRAFFIC_SECRET 9a3f...c1 07b2...5e
 *
 * The file is opened before the server gives up its privileges. Many children
 * append to it, each line with a single write(2), so lines never mix.
 * TUTORIAL.md, chapter 6.9.
 */
#define _POSIX_C_SOURCE 200809L
#include "keylog.h"

#include "../bytes/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LABEL_SIZE_MAX = 40, HEX_SIZE = 2 * (KEYLOG_RANDOM_SIZE + SHA256_SIZE) };

/* Accept only a file that nobody but us can open. O_NONBLOCK: a pipe is refused
 * too, without waiting for its reader. */
int keylog_open(const char *path)
{
    struct stat status;
    int fd = open(path,
                  O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
                      O_CLOEXEC,
                  S_IRUSR | S_IWUSR);

    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

static char *put_hex(char *to, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++, to += 2)
        snprintf(to, 3, "%02x", bytes[i]);
    return to;
}

void keylog_write(int fd, const char *label,
                  const unsigned char client_random[KEYLOG_RANDOM_SIZE],
                  const unsigned char secret[SHA256_SIZE])
{
    char line[LABEL_SIZE_MAX + 1 + HEX_SIZE + 3];
    char *end = line;

    if (fd < 0)
        return;
    secret_unmark(secret, SHA256_SIZE); /* it is given away here */
    end += snprintf(line, LABEL_SIZE_MAX + 1, "%s ", label);
    end = put_hex(end, client_random, KEYLOG_RANDOM_SIZE);
    *end++ = ' ';
    end = put_hex(end, secret, SHA256_SIZE);
    *end++ = '\n';
    if (write(fd, line, (size_t)(end - line)) < 0)
        errno = 0; /* no log then; the mail matters more */
    wipe(line, sizeof line);
}
