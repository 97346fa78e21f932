/*
 * options.c - the command line.
 *
 * An option is one line of the usage and one case of the switch. Start reading
 * at options_parse(). TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void usage(void)
{
    fputs("usage: smtpd [options]\n"
          "  -l address  listen here (default: 127.0.0.1)\n"
          "  -p port     default 2525; 0 takes any free port\n"
          "  -v          show the conversation on standard error\n",
          stderr);
    exit(2);
}

/* The argument of an option that takes a number from min to max. */
static long number(long min, long max)
{
    char *end;
    long value = strtol(optarg, &end, 10);

    if (!isdigit((unsigned char)*optarg) || *end || value < min || value > max)
        usage();
    return value;
}

void options_parse(struct config *config, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "l:p:v")) != -1)
        switch (option) {
        case 'l':
            config->address = optarg;
            break;
        case 'p':
            number(0, 65535);
            config->port = optarg;
            break;
        case 'v':
            config->verbose = true;
            break;
        default:
            usage();
        }
    if (optind < argc)
        usage();
}
