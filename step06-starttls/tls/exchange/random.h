#ifndef RANDOM_H
#define RANDOM_H

/*
 * random.h - bytes that nobody can guess, from the kernel.
 * TUTORIAL.md, chapter 6.5.
 */

#include <stddef.h>

/*
 * Fill out[0..size), at most 256 bytes. The bytes count as secret (see
 * secret_mark() in bytes.h); whoever publishes them unmarks them. There is no
 * way to go on without randomness, so a failure ends the process: random.c says
 * when that can be.
 */
void random_bytes(void *out, size_t size);

#endif
