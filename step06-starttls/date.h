/* date.h - the Date field. See date.c. TUTORIAL.md, chapter 4. */
#ifndef DATE_H
#define DATE_H

#include "slice.h"

enum { DATE_SIZE = 80 /* more than is used */ };

/* Write the date-time in value as "2026-11-22T06:22:36Z", in UTC. False if it
 * is none, or impossible. RFC 5322 3.3 and 4.3. */
bool date_format(struct slice value, char out[DATE_SIZE]);

#endif
