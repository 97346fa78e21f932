/*
 * bytes.c - wiping, comparing and marking secrets. bytes.h says why.
 * TUTORIAL.md, chapter 6.2.
 */

#include "bytes.h"

#include <string.h>

#ifdef CT_CHECK
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_UNDEFINED(memory, size) ((void)(memory), (void)(size))
#define VALGRIND_MAKE_MEM_DEFINED(memory, size) ((void)(memory), (void)(size))
#endif

/*
 * The pointer is volatile: the compiler has to read it at each call, can't know
 * that it still leads to memset(), and so can't leave the call out.
 */
static void *(*const volatile memset_always)(void *, int, size_t) = memset;

void wipe(void *memory, size_t size)
{
    memset_always(memory, 0, size);
}

/* OR of all differences: zero only if there is none, and no early way out. */
bool bytes_equal_ct(const void *a, const void *b, size_t size)
{
    const unsigned char *x = a;
    const unsigned char *y = b;
    uint64_t difference = 0;

    for (size_t i = 0; i < size; i++)
        difference |= x[i] ^ y[i];
    difference = value_barrier(difference);
    secret_unmark(&difference, sizeof difference);
    return difference == 0;
}

void secret_mark(const void *memory, size_t size)
{
    VALGRIND_MAKE_MEM_UNDEFINED(memory, size);
}

void secret_unmark(const void *memory, size_t size)
{
    VALGRIND_MAKE_MEM_DEFINED(memory, size);
}
