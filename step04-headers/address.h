/* address.h - lists of addresses. See address.c. TUTORIAL.md, chapter 4. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "text.h"

/* One mailbox of a list: what a person reads, and where the mail goes. */
struct address {
    struct text name; /* decoded; empty if there is none */
    struct text spec; /* local-part@domain, as it was written */
};

/* Cut the next mailbox off *rest, the value of a From, To or Cc field. Members
 * of a group count like others. False at the end. RFC 5322 3.4 and 4.4. */
bool address_next(struct slice *rest, struct address *address);

#endif
