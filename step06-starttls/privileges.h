/* privileges.h - no longer root. See privileges.c. TUTORIAL.md, chapter 6. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/* Become user for good; without one (NULL) stay who we are. Any fault ends the
 * program. */
void privileges_drop(const char *user);

/* Say so on standard error if this is still root. */
void privileges_warn(void);

#endif
