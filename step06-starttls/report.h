/* report.h - tell a person what arrived. See report.c. TUTORIAL.md, ch. 4. */
#ifndef REPORT_H
#define REPORT_H

#include "session.h"

/* Print on standard output what was just stored: for whom, and what is in it.
 * Nothing depends on it: a fault in here costs the report, not the mail. */
void report_message(const struct session *session,
                    const struct delivery *delivery);

#endif
