/*
 * report.c - tell a person what arrived.
 *
 * The stored file is mapped into memory and taken apart there, after the
 * promise has been made: a fault in here can no longer lose a mail. Start
 * reading at report_message(), at the end. TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "report.h"
#include "address.h"
#include "date.h"
#include "header.h"
#include "output.h"
#include "show.h"
#include "tree.h"
#include "word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a list of addresses so many octets are shown, and of a field that comes
 * more than once so many: a stranger may send megabytes of either. */
enum { LIST_SIZE = 16384, FIELDS_MAX = 16 };

/* ---- Fields ------------------------------------------------------------- */

/* These print a value behind prefix; false if there was nothing to print. */

static bool print_unstructured(FILE *out, const char *prefix,
                               struct slice value)
{
    struct text text;

    text.size = 0;
    word_decode(value, &text);
    if (text.size > 0)
        fputs(prefix, out);
    show_text(out, text_slice(&text));
    return text.size > 0;
}

static bool print_date(FILE *out, const char *prefix, struct slice value)
{
    char date[DATE_SIZE];
    bool possible = date_format(value, date);

    if (possible)
        fprintf(out, "%s%s", prefix, date);
    return possible;
}

/* A name that has something in it which is special in a list is quoted, so that
 * no name can look like one more address. RFC 5322 3.2.4. */
static void print_name(FILE *out, struct slice name)
{
    struct text quoted;
    bool quote = false;

    quoted.size = 0;
    for (size_t i = 0; i < name.size; i++) {
        quote =
            quote || (name.data[i] && strchr("()<>[]:;@\\,\"", name.data[i]));
        if (name.data[i] == '"' || name.data[i] == '\\')
            text_add_char(&quoted, '\\');
        text_add_char(&quoted, (char)name.data[i]);
    }
    fputs(quote ? "\"" : "", out);
    show_text(out, quote ? text_slice(&quoted) : name);
    fputs(quote ? "\" " : " ", out);
}

static bool print_addresses(FILE *out, const char *prefix, struct slice value)
{
    struct address address;
    long end = ftell(out) + LIST_SIZE;
    bool any = false;

    for (; address_next(&value, &address); any = true) {
        bool named = address.name.size > 0;
        if (ftell(out) > end) {
            fputs(", ...", out);
            break;
        }
        fputs(any ? ", " : prefix, out);
        if (named)
            print_name(out, text_slice(&address.name));
        fputs(named ? "<" : "", out);
        show_text(out, text_slice(&address.spec));
        fputs(named ? ">" : "", out);
    }
    return any;
}

/* The fields that are shown, in this order. RFC 5322 3.6 has each of them only
 * once; of addresses that come twice all are shown, of others the first. */
static const struct field_row {
    const char *name, *prefix;
    bool (*print)(FILE *out, const char *prefix, struct slice value);
} field_rows[] = {
    {"From", "  From:    ", print_addresses},
    {"To", "  To:      ", print_addresses},
    {"Cc", "  Cc:      ", print_addresses},
    {"Subject", "  Subject: ", print_unstructured},
    {"Date", "  Date:    ", print_date},
    {"Message-ID", "  Message-ID: ", print_unstructured},
};

static void print_field(FILE *out, const struct field_row *row,
                        struct slice message)
{
    const char *prefix = row->prefix;
    long end = ftell(out) + LIST_SIZE;
    unsigned fields = 0;
    struct field field;

    while (fields < FIELDS_MAX && ftell(out) < end &&
           header_next(&message, &field)) {
        if (!slice_is(field.name, row->name))
            continue;
        fields++;
        if (!row->print(out, prefix, field.value))
            continue;
        prefix = ", ";
        if (row->print != print_addresses)
            break;
    }
    if (prefix != row->prefix)
        fputc('\n', out);
}

/* ---- The report --------------------------------------------------------- */

static void print_report(FILE *out, const struct session *session,
                         const struct delivery *delivery, struct slice message)
{
    const struct envelope *envelope = &session->envelope;
    const char *separator = "";

    fprintf(out, "message %s to ", delivery->name);
    for (size_t i = 0; i < envelope->recipients_count; i++) {
        const char *text = envelope->recipients[i].text;
        fputs(separator, out);
        show_text(out,
                  (struct slice){(const unsigned char *)text, strlen(text)});
        separator = ", ";
    }
    fprintf(out, ", %zu bytes\n", message.size);
    for (size_t i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++)
        print_field(out, &field_rows[i], message);
    tree_print(out, message, delivery->name, session->config->extract,
               session->config->extract_root);
}

void report_message(const struct session *session,
                    const struct delivery *delivery)
{
    char *text = NULL;
    size_t text_size = 0;
    struct stat status;
    void *map;
    FILE *out;

    if (fstat(delivery->fd, &status) != 0)
        return;
    map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE,
               delivery->fd, 0);
    if (map == MAP_FAILED)
        return;
    out = open_memstream(&text, &text_size);
    if (out) {
        print_report(out, session, delivery,
                     (struct slice){map, (size_t)status.st_size});
        if (fclose(out) == 0)
            output_write(STDOUT_FILENO, text, text_size);
        free(text);
    }
    munmap(map, (size_t)status.st_size);
}

void report_prepare(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out)
        fclose(out);
    free(text);
}
