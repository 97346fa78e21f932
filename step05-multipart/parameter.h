/* parameter.h - parameters of a field. See parameter.c. TUTORIAL.md, ch. 5. */
#ifndef PARAMETER_H
#define PARAMETER_H

#include "slice.h"

/* Cut a token off *rest, with the blanks and comments around it: what types and
 * the names of parameters are made of. RFC 2045 5.1. */
struct slice parameter_token(struct slice *rest);

/*
 * Append the value of a parameter of a field ("charset" of Content-Type) to
 * text, decoded to UTF-8. False if there is none. RFC 2045 5.1, and RFC 2231
 * with its continuations and charsets. Encoded words do not belong here, but
 * senders put them here, so they are decoded as well.
 */
bool parameter_find(struct slice field, const char *name, struct text *text);

#endif
