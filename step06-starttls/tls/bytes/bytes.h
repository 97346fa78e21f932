#ifndef BYTES_H
#define BYTES_H

/*
 * bytes.h - what all the cryptography in this directory leans on: integers to
 * bytes and back, and the few habits that keep a secret a secret.
 *
 * The rule everywhere in tls/ is constant time: which instructions run, and
 * which addresses they touch, may depend on sizes and on public bytes, never
 * on a key or on anything computed from one. So no `if (secret)`, no
 * `table[secret]`, no division of secrets. A choice is made by arithmetic
 * instead: with a mask of all ones or all zeros, (a & mask) | (b & ~mask).
 * Clocks are good enough to tell one side of a branch from the other over a
 * network, and a cache line once touched is visible from the next process.
 * TUTORIAL.md, chapter 6.2.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The full product of two 64-bit numbers. Not in C11, but gcc and clang have
 * it on every 64-bit machine; __extension__ tells -Wpedantic that we know.
 * It is one multiply instruction; without it we would need four, and carries.
 */
__extension__ typedef unsigned __int128 u128;

/*
 * Overwrite memory[0..size) with zeros, also where the compiler can see that
 * nobody reads it again and would drop a plain memset(). An array that
 * held a secret is wiped when its function ends; what the compiler spills from
 * registers to the stack we can't reach. The stack dies with its process.
 */
void wipe(void *memory, size_t size);

/*
 * Are a[0..size) and b[0..size) the same? Takes the same time wherever they
 * differ: memcmp() stops at the first difference, and so tells an attacker who
 * guesses a tag how many leading bytes were right. The verdict itself is
 * public, callers branch on it.
 */
bool bytes_equal_ct(const void *a, const void *b, size_t size);

/*
 * The same value, in a way that the optimiser can't see through. Without it a
 * compiler that proves a mask to be either 0 or ~0 may well turn
 * (a & mask) | (b & ~mask) back into the branch that we took care to avoid.
 * A volatile object has to be read as if anything could have changed it.
 */
static inline uint64_t value_barrier(uint64_t value)
{
    volatile uint64_t hidden = value;
    return hidden;
}

/*
 * Where a secret is born (a private key, random bytes, a shared secret) and
 * where a result of it becomes public (a ciphertext, a signature, a public
 * key). Both do nothing, except in a build with -DCT_CHECK run under valgrind:
 * there a secret counts as uninitialised memory, and valgrind complains about
 * every branch and every address that depends on such memory. That is just
 * what constant time forbids.
 */
void secret_mark(const void *memory, size_t size);
void secret_unmark(const void *memory, size_t size);

/*
 * Integers to and from bytes. Big-endian, the most significant byte first, is
 * the order of the network, of SHA-256 and of AES; little-endian is that of
 * ChaCha20, Poly1305 and X25519. Shifts don't ask how this machine stores its
 * integers or if p is aligned; compilers turn each into one load or store.
 */
static inline uint32_t load_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           (uint32_t)p[3];
}

static inline uint32_t load_le32(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
           (uint32_t)p[0];
}

static inline uint64_t load_be64(const unsigned char *p)
{
    return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline uint64_t load_le64(const unsigned char *p)
{
    return (uint64_t)load_le32(p + 4) << 32 | load_le32(p);
}

static inline void store_be32(unsigned char *p, uint32_t value)
{
    p[0] = (unsigned char)(value >> 24);
    p[1] = (unsigned char)(value >> 16);
    p[2] = (unsigned char)(value >> 8);
    p[3] = (unsigned char)value;
}

static inline void store_le32(unsigned char *p, uint32_t value)
{
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
    p[2] = (unsigned char)(value >> 16);
    p[3] = (unsigned char)(value >> 24);
}

static inline void store_be64(unsigned char *p, uint64_t value)
{
    store_be32(p, (uint32_t)(value >> 32));
    store_be32(p + 4, (uint32_t)value);
}

static inline void store_le64(unsigned char *p, uint64_t value)
{
    store_le32(p, (uint32_t)value);
    store_le32(p + 4, (uint32_t)(value >> 32));
}

#endif
