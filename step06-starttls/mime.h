/* mime.h - the tree of parts. See mime.c. TUTORIAL.md, chapter 5. */
#ifndef MIME_H
#define MIME_H

#include "text.h"
#include "transfer.h"

enum {
    MIME_DEPTH_MAX = 50,   /* levels; RFC 2046 5.1 sets no limit */
    MIME_PARTS_MAX = 1000, /* parts of a message that are looked at */
    MIME_NUMBER_SIZE = 12 * MIME_DEPTH_MAX,
    MIME_UNWRAPPED_MAX = 8, /* encoded messages in it that are opened... */
    MIME_UNWRAPPED_SIZE_MAX = 256 * 1024, /* ... and the octets of one */
};

enum part_kind { PART_LEAF, PART_MULTIPART, PART_MESSAGE };

struct part {
    const struct part *parent, *last_child; /* NULL: there is none */
    int depth;                              /* how many parents there are */
    int children;
    int ordinal; /* among its siblings, from 1; 0: bears its parent's number,
                    as RFC 3501 6.4.5 says */
    enum part_kind kind;
    bool unknown_type; /* what its field says is no type: counts as text */
    enum encoding encoding;
    struct slice type, subtype;                     /* upper or lower case */
    struct slice content_type, content_disposition; /* the whole values */
    struct slice body;
};

/* All parts of a message, in the order that they have in it. */
struct mime {
    struct part parts[MIME_PARTS_MAX];
    int count;
    bool cut; /* there are more parts than the list can hold */
    unsigned char *unwrapped[MIME_UNWRAPPED_MAX];
    int unwrapped_count;
};

/* Take message apart into *mime. It refers to the octets of the message, which
 * must stay. Needs mime_free(). */
void mime_parse(struct mime *mime, struct slice message);
void mime_free(struct mime *mime);

/* Write the number of a part, such as "1.2": RFC 3501 6.4.5. */
void mime_number(const struct part *part, char number[MIME_NUMBER_SIZE]);

#endif
