#ifndef VALIDITY_H
#define VALIDITY_H

/*
 * validity.h - the time for which a certificate is valid.
 * TUTORIAL.md, chapter 6.7.
 */

#include "../bytes/wire.h"

#include <stdbool.h>

/* As texts, YYYYMMDDHHMMSSZ in UTC, which can be compared as texts. */
struct validity {
    char not_before[16];
    char not_after[16];
};

/* Read the content of a certificate's field `validity`; false if it is none. */
bool validity_read(struct validity *validity, struct bytes content);

/*
 * Write to line[0..size) what there is to say about a certificate from the file
 * at path if it is too early for it, or too late. Else line stays as it is.
 */
void validity_warn(const struct validity *validity, const char *path,
                   char *line, size_t size);

#endif
