/* path.h - the addresses of an envelope. See path.c. TUTORIAL.md, chapter 2. */
#ifndef PATH_H
#define PATH_H

#include <stdbool.h>
#include <stddef.h>

enum {
    DOMAIN_MAX = 255,     /* octets, RFC 5321 4.5.3.1.2 */
    PATH_SIZE = 2048,     /* as long as a command line: see below */
    SIZE_DIGITS_MAX = 20, /* RFC 1870 section 3 */
};

/*
 * local-part "@" domain. The null reverse-path <> has neither. RFC 5321
 * 4.5.3.1.1 has 64 octets for a local-part, but those who forward mail put a
 * whole address and a number of theirs into it.
 */
struct path {
    char local_part[PATH_SIZE]; /* its value: without quotes */
    char domain[DOMAIN_MAX + 1];
    char text[PATH_SIZE]; /* as it was written */
    bool utf8;            /* has octets that only SMTPUTF8 allows */
};

/* The parameters of MAIL. */
struct mail_parameters {
    unsigned long long size; /* SIZE=, RFC 1870; 0 if not given */
    bool smtputf8;           /* SMTPUTF8, RFC 6531 */
};

enum parameters_status {
    PARAMETERS_OK,
    PARAMETERS_UNKNOWN,   /* a keyword that was not offered */
    PARAMETERS_BAD_VALUE, /* a known one with a wrong or a second value */
};

/*
 * Parse a reverse-path or forward-path, from its "<" to its ">", at *at, which
 * is moved behind it. A source route is accepted and forgotten. False if it is
 * not one, or too long. RFC 5321 4.1.2.
 */
bool path_parse(const char **at, struct path *path);

/* Parse the rest of a MAIL command: *( SP esmtp-param ). RFC 5321 4.1.2. */
enum parameters_status path_parse_parameters(const char *at,
                                             struct mail_parameters *values);

/* True if text starts with prefix, in any case. */
bool path_starts_with(const char *text, const char *prefix);

#endif
