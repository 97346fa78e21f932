/* extract.h - write the parts to files. See extract.c. TUTORIAL.md, chapter 5.
 */
#ifndef EXTRACT_H
#define EXTRACT_H

#include "mime.h"

enum {
    FILE_NAME_MAX = 100, /* octets of the name that a sender chose */
    EXTRACT_NAME_SIZE = MIME_NUMBER_SIZE + FILE_NAME_MAX + 2,
};

/* A file that a part was written to. */
struct extract {
    char name[EXTRACT_NAME_SIZE]; /* the number of the part, and its name, made
                                     safe */
    size_t size;     /* of the content, before any change of charset */
    bool as_it_came; /* text, of which not all could be converted */
};

/* Make the directory for parts, if it is missing. Returns 0, or errno. */
int extract_prepare(const char *directory);

/* Append the file name that the sender gave a part, decoded, but not made
 * safe. False if it has none. RFC 2183 2.3, RFC 2045 for the old "name". */
bool extract_file_name(const struct part *part, struct text *text);

/*
 * Write the content of a leaf to a new file in directory, or nowhere if that is
 * -1. Text that is shown in the mail becomes UTF-8, if all of it can be
 * converted; everything else is written byte for byte. False, with errno set:
 * it could not be written.
 */
bool extract_part(const struct part *part, int directory,
                  struct extract *extract);

#endif
