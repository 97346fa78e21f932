/* report_parts.h - the parts of a message, shown. TUTORIAL.md, chapter 5. */
#ifndef REPORT_PARTS_H
#define REPORT_PARTS_H

#include "text.h"

/*
 * Print the tree of the parts of message. With an extract directory (its name,
 * and open as extract_root) each leaf is written to a file in it, in a
 * directory that bears the name of the message; otherwise extract is NULL.
 */
void report_parts(FILE *out, struct slice message, const char *name,
                  const char *extract, int extract_root);

#endif
