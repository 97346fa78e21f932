/* path.h - the addresses of an envelope. See path.c. TUTORIAL.md, chapter 2. */
#ifndef PATH_H
#define PATH_H

#include "conn.h"

enum { DOMAIN_MAX = 255 /* octets, RFC 5321 4.5.3.1.2 */ };

/* local-part "@" domain. The null reverse-path <> has neither, and postmaster
 * needs no domain. A local-part may be as long as a line has room for: the 64
 * octets of RFC 5321 4.5.3.1.1 are what a server must take, not a limit. */
struct path {
    char text[LINE_SIZE];       /* as it was written */
    char local_part[LINE_SIZE]; /* its value: without quotes */
    char domain[DOMAIN_MAX + 1];
};

/*
 * Parse a reverse-path or forward-path, from its "<" to its ">" and the blanks
 * after it, at *at, which is moved to what follows. A source route is accepted
 * and forgotten. False if there is no path. RFC 5321 4.1.2.
 */
bool path_parse(char **at, struct path *path);

#endif
