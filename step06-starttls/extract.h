/* extract.h - write the parts to files. See extract.c. TUTORIAL.md, chapter 5.
 */
#ifndef EXTRACT_H
#define EXTRACT_H

#include "mime.h"
#include "text.h"

enum {
    FILE_NAME_MAX = 100, /* octets of the name that a sender chose */
    EXTRACT_NAME_SIZE = MIME_NUMBER_SIZE + FILE_NAME_MAX + 2,
};

/* Open the directory for parts; make it if it is missing. Returns its file
 * descriptor, or -1 with errno set. */
int extract_open(const char *directory);

/* Append the file name that the sender gave a part, decoded, but not made
 * safe. False if it has none. RFC 2183 2.3, RFC 2045 for the old "name". */
bool extract_file_name(const struct part *part, struct text *text);

/*
 * Write the content of a leaf to a new file in directory, or nowhere if that is
 * -1. Text that is shown in the mail becomes UTF-8, if all of it can be
 * converted, and *as_it_came is true if not; everything else is written byte
 * for byte. The file's name goes to name: the number of the part and what is
 * safe of the name it has. *size: the octets of the content, before any change
 * of charset. False, with errno set: it could not be written.
 */
bool extract_part(const struct mime *mime, const struct part *part,
                  int directory, char name[EXTRACT_NAME_SIZE],
                  unsigned long long *size, bool *as_it_came);

#endif
