/* report_parts.h - the parts of a message, shown. TUTORIAL.md, chapter 5. */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

#include "text.h"

/*
 * Print the tree of the parts of message. Each leaf is written to a file below
 * the directory extract, in one that bears the name of the message; where
 * extract is NULL, nothing is written.
 */
void report_parts(FILE *out, struct slice message, const char *name,
                  const char *extract);

#endif
