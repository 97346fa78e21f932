/* privileges.h - no longer root. See privileges.c. TUTORIAL.md, chapter 6. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/* Become user for good. Without one (NULL) stay who we are, but warn if that is
 * root. Any fault ends the program. */
void privileges_drop(const char *user);

#endif
