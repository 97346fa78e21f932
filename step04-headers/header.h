/* header.h - the fields of a header. See header.c. TUTORIAL.md, chapter 4. */
#ifndef HEADER_H
#define HEADER_H

#include "slice.h"

enum {
    /* Octets of one field that are looked at. RFC 5322 sets no limit, and a
     * sender may put a megabyte there: a person will not read it. */
    FIELD_MAX = 65536,
};

struct field {
    struct slice name, value; /* the value as it stands, with its folds */
};

/*
 * Cut the next field off *rest. False at the end of the header: *rest is then
 * the body. What is not a field (no name, no colon) ends a header too, and
 * counts as body. RFC 5322 2.2, with the blanks before the colon of 4.5.
 */
bool header_next(struct slice *rest, struct field *field);

/* Pass over blanks, line ends and comments, which may be nested. The text of
 * the last comment goes to *comment, unless that is NULL. RFC 5322 3.2.2. */
void header_skip_cfws(struct slice *rest, struct text *comment);

/* Take the quoted-string at the start of *rest, append its value without the
 * quotes. One that does not end goes up to the end. RFC 5322 3.2.4. */
void header_quoted_string(struct slice *rest, struct text *text);

#endif
