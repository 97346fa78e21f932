/*
 * random.c - random bytes, from getentropy(3).
 *
 * The kernel keeps a generator seeded from noise in the hardware; it is the
 * only good source a program has. rand() is not: whoever has seen a few of
 * its values knows the rest. We keep no generator of our own, which would have
 * to be seeded once and would then be copied by fork(): two children would
 * draw the same "random" numbers and hand out the same keys.
 *
 * getentropy() never returns less than what was asked for, needs no file
 * descriptor (/dev/urandom does, and they can run out) and can't be
 * interrupted. It fails only on a kernel without the system call (ENOSYS, Linux
 * before 3.17, or a sandbox that forbids it), and then from the first call on.
 * So it is a fault that shows at the start, and nothing that a peer can cause.
 * TUTORIAL.md, chapter 6.5.
 */

#define _DEFAULT_SOURCE /* getentropy() came to POSIX only in 2024 */

#include "random.h"

#include "../bytes/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h> /* where glibc, macOS and FreeBSD have getentropy() */
#include <unistd.h>     /* where musl has it */

void random_bytes(void *out, size_t size)
{
    if (getentropy(out, size) != 0) {
        perror("smtpd: cannot get random bytes from the kernel");
        exit(1);
    }
    secret_mark(out, size);
}
