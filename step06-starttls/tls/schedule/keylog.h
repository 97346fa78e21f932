#ifndef KEYLOG_H
#define KEYLOG_H

/*
 * keylog.h - secrets for Wireshark, in a file that the operator asked for.
 *
 * Whoever has this file can read the connections in it. That is the point: with
 * it and a capture, a class can look inside. Nobody else should ask for it.
 * TUTORIAL.md, chapter 6.9.
 */

#include "../hash/sha256.h"

enum { KEYLOG_RANDOM_SIZE = 32 };

/*
 * Open the file, or make it, to be appended to. -1, and errno, on a failure;
 * EPERM if it is not a regular file that only we can open. A symbolic link is
 * not followed.
 */
int keylog_open(const char *path);

/*
 * Append one line. label is one of those that Wireshark knows, client_random
 * tells the connection. Does nothing if fd is negative; a full disk is no
 * reason to end a connection, so there is no error.
 */
void keylog_write(int fd, const char *label,
                  const unsigned char client_random[KEYLOG_RANDOM_SIZE],
                  const unsigned char secret[SHA256_SIZE]);

#endif
