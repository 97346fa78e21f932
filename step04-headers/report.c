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
#include "word.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The fields that are shown, in this order, and how their values are read. */
static const struct row {
    const char *name, *label;
    void (*read)(struct slice value, struct text *out);
} rows[] = {
    {"From", "  From:    ", address_list},
    {"To", "  To:      ", address_list},
    {"Cc", "  Cc:      ", address_list},
    {"Subject", "  Subject: ", word_decode},
    {"Date", "  Date:    ", date_utc},
    {"Message-ID", "  Message-ID: ", word_decode},
};

/* RFC 5322 3.6 allows each of these once. If a field of addresses comes twice,
 * both are shown, as far as there is room; of any other, the first. All fields
 * of one name together may not cost more time than a single long one. */
static void print_field(FILE *out, const struct row *row, struct slice message)
{
    struct field field;
    struct text text;
    size_t seen = 0;

    text.size = 0;
    while ((text.size == 0 || row->read == address_list) && seen < FIELD_MAX &&
           header_next(&message, &field))
        if (slice_is(field.name, row->name)) {
            row->read(field.value, &text);
            seen += field.value.size;
        }
    if (text.size > 0) {
        fputs(row->label, out);
        text_show(out, text_slice(&text));
        fputc('\n', out);
    }
}

static void print_report(FILE *out, const struct session *session,
                         const struct delivery *delivery, struct slice message)
{
    fprintf(out, "message %s to ", delivery->name);
    for (size_t i = 0; i < session->recipients_count; i++) {
        fputs(i > 0 ? ", " : "", out);
        text_show(out, slice_of(session->recipients[i]));
    }
    fprintf(out, ", %zu bytes\n", message.size);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        print_field(out, &rows[i], message);
}

void report_message(const struct session *session,
                    const struct delivery *delivery)
{
    char *text = NULL;
    size_t text_size = 0;
    struct stat status;
    void *map;
    FILE *out;

    if (fstat(fileno(delivery->file), &status) != 0)
        return;
    map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE,
               fileno(delivery->file), 0);
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
