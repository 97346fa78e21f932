/*
 * options.c - the command line.
 *
 * An option is one line of the usage and one case of the switch. Start reading
 * at options_parse(). TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void usage(void)
{
    fputs("usage: smtpd [options]\n"
          "  -l address  listen here (default: loopback, IPv4 and IPv6)\n"
          "  -p port     default 2525; 0 takes any free port\n"
          "  -t seconds  idle timeout (default 300)\n"
          "  -v          show the conversation on standard error\n"
          "  -d domain   accept mail for this domain (default: localhost)\n",
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
    const char **address = calloc((size_t)argc + 1, sizeof(*address));
    const char **domain = calloc((size_t)argc + 1, sizeof(*domain));
    int option;

    if (!address || !domain)
        errx(1, "no memory");
    config->addresses = address;
    config->domains = domain;
    *domain = "localhost"; /* unless -d says otherwise */
    while ((option = getopt(argc, argv, "l:p:t:vd:")) != -1)
        switch (option) {
        case 'l':
            *address++ = optarg;
            break;
        case 'p':
            number(0, 65535);
            config->port = optarg;
            break;
        case 't':
            config->timeout = number(1, 86400);
            break;
        case 'v':
            config->verbose = true;
            break;
        case 'd':
            *domain++ = optarg;
            break;
        default:
            usage();
        }
    if (optind < argc)
        usage();
}
