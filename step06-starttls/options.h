/* options.h - the command line. TUTORIAL.md, chapter 1. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { NAMES_MAX = 64 };

/* The values of an option that may be repeated. */
struct names {
    const char *name[NAMES_MAX];
    size_t count;
};

/* What the command line says. Set once by main(), then only read. */
struct config {
    struct names addresses; /* -l: where to listen */
    long port;              /* -p */
    long timeout;           /* -t: seconds */
    bool verbose;           /* -v */
    struct names domains;   /* -d: whose mail is accepted here */
    long size_max;          /* -s: octets of the largest message */
    const char *mail;       /* -m: the directory of all mailboxes */
    int mail_root;          /* the same, open */
    const char *extract;    /* -x: the directory for parts, or NULL */
    int extract_root;       /* the same, open */
    const char *chain;      /* -c: the certificate, or NULL: no TLS */
    const char *key;        /* -k: its private key */
    const char *user;       /* -u: who to become, or NULL */

    /* made of -c and -k, for STARTTLS; NULL: it is not offered */
    struct tls_config *tls;
};

/* Set in *config what the command line says; what it does not mention keeps
 * its value. Wrong usage ends the program with exit status 2. */
void options_parse(struct config *config, int argc, char **argv);

/* A start-up fault: one line that names the thing at fault, exit status 1. */
void die(const char *format, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

#endif
