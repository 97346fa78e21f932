/*
 * options.c - the command line.
 *
 * An option is one row of a table: its letter, its kind, and which member of
 * struct config it sets. Start reading at option_rows. TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum option_kind { OPTION_FLAG, OPTION_NUMBER, OPTION_TEXT, OPTION_NAMES };

static const struct option_row {
    char letter;
    enum option_kind kind;
    size_t offset; /* of the value in struct config */
    long min, max; /* of a number */
    const char *help;
} option_rows[] = {
    {'l', OPTION_NAMES, offsetof(struct config, addresses), 0, 0,
     "address  listen here (default: loopback, IPv4 and IPv6)"},
    {'p', OPTION_NUMBER, offsetof(struct config, port), 0, 65535,
     "port     default 2525; 0 takes any free port"},
    {'t', OPTION_NUMBER, offsetof(struct config, timeout), 1, 86400,
     "seconds  idle timeout (default 300)"},
    {'v', OPTION_FLAG, offsetof(struct config, verbose), 0, 0,
     "         show the conversation on standard error"},
};

enum { OPTION_ROWS = sizeof(option_rows) / sizeof(option_rows[0]) };

static void usage(void)
{
    fputs("usage: smtpd [options]\n", stderr);
    for (size_t i = 0; i < OPTION_ROWS; i++)
        fprintf(stderr, "  -%c %s\n", option_rows[i].letter,
                option_rows[i].help);
    exit(2);
}

static long parse_number(const struct option_row *row, const char *text)
{
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (errno || !isdigit((unsigned char)*text) || *end || number < row->min ||
        number > row->max) {
        fprintf(stderr, "smtpd: -%c takes a number from %ld to %ld\n",
                row->letter, row->min, row->max);
        exit(2);
    }
    return number;
}

static void set_option(struct config *config, const struct option_row *row,
                       const char *text)
{
    void *value = (char *)config + row->offset;
    struct names *names = value;

    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)value = true;
        break;
    case OPTION_NUMBER:
        *(long *)value = parse_number(row, text);
        break;
    case OPTION_TEXT:
        *(const char **)value = text;
        break;
    case OPTION_NAMES:
        if (names->count == NAMES_MAX) {
            fprintf(stderr, "smtpd: more than %d times -%c\n", NAMES_MAX,
                    row->letter);
            exit(2);
        }
        names->name[names->count++] = text;
        break;
    }
}

void options_parse(struct config *config, int argc, char **argv)
{
    char letters[2 * OPTION_ROWS + 1];
    size_t size = 0;
    int letter;

    for (size_t i = 0; i < OPTION_ROWS; i++) {
        letters[size++] = option_rows[i].letter;
        if (option_rows[i].kind != OPTION_FLAG)
            letters[size++] = ':';
    }
    letters[size] = '\0';
    while ((letter = getopt(argc, argv, letters)) != -1) {
        size_t i = 0;
        while (i < OPTION_ROWS && option_rows[i].letter != letter)
            i++;
        if (i == OPTION_ROWS)
            usage();
        set_option(config, &option_rows[i], optarg);
    }
    if (optind < argc)
        usage();
}

void die(const char *format, ...)
{
    va_list arguments;

    fputs("smtpd: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputs("\n", stderr);
    exit(EXIT_FAILURE);
}
