/* options.h - the command line. TUTORIAL.md, chapter 1. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

/* What the command line says. Set once by main(), then only read. */
struct config {
    const char **addresses; /* -l: where to listen; ends in NULL */
    const char *port;       /* -p */
    long timeout;           /* -t: seconds */
    bool verbose;           /* -v: show what is said, on standard error */
    const char **domains;   /* -d: whose mail is accepted; ends in NULL */
    const char *mail;       /* -m: the directory of all mailboxes */
    long size_max;          /* -s: octets of the largest message */
};

/* Set in *config what the command line says; what it does not mention keeps
 * its value. Wrong usage ends the program with exit status 2. */
void options_parse(struct config *config, int argc, char **argv);

#endif
