/* tree.h - show the parts of a message. See tree.c. TUTORIAL.md, chapter 5. */
#ifndef TREE_H
#define TREE_H

#include "slice.h"

#include <stdio.h>

/*
 * Print the tree of the parts of message. With an extract directory (its name,
 * and open as extract_root) each leaf is written to a file in it, in a
 * directory that bears the name of the message; otherwise extract is NULL.
 */
void tree_print(FILE *out, struct slice message, const char *name,
                const char *extract, int extract_root);

#endif
