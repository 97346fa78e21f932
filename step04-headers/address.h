/* address.h - lists of addresses. See address.c. TUTORIAL.md, chapter 4. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "text.h"

/* Append the mailboxes of a list, the value of a From, To or Cc field, as a
 * person reads them: names decoded, no comments or routes, and just the members
 * of groups. RFC 5322 3.4 and 4.4. What does not fit is cut off, with "...". */
void address_list(struct slice value, struct text *out);

#endif
