/*
 * tree.c - show the parts of a message.
 *
 *     multipart/mixed
 *     ├─ 1 multipart/alternative
 *     │  ├─ 1.1 text/plain; charset=koi8-r, 312 bytes
 *     │  └─ 1.2 text/html; charset=utf-8, 540 bytes
 *     └─ 2 application/pdf, 35120 bytes
 *
 * The numbers are those of IMAP (RFC 3501 6.4.5). TUTORIAL.md, chapter 5.
 */
#define _POSIX_C_SOURCE 200809L
#include "tree.h"
#include "extract.h"
#include "mime.h"
#include "parameter.h"
#include "show.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So much is shown of a type or a charset, and of a name. */
enum { TOKEN_SHOWN_MAX = 128, NAME_SHOWN_MAX = 512 };

/* Where the parts of one message go. */
struct target {
    const char *extract; /* the directory of option -x, or NULL */
    const char *name;    /* of the message, and of a directory in there */
    int directory;       /* the same, open; -1: nowhere */
};

static void print_lower(FILE *out, struct slice slice)
{
    struct text text;

    text.size = 0;
    slice = slice_first(slice, TOKEN_SHOWN_MAX);
    for (size_t i = 0; i < slice.size; i++)
        text_add_char(&text, (char)tolower(slice.data[i]));
    show_text(out, text_slice(&text));
}

/* The lines that lead to a part from those above it. */
static void print_branches(FILE *out, const struct mime *mime,
                           const struct part *part)
{
    bool last[MIME_DEPTH_MAX];
    unsigned depth = part->depth;

    for (unsigned i = depth; i > 0; i--) {
        last[i - 1] = part->last;
        part = &mime->parts[part->parent];
    }
    fputs("  ", out);
    for (unsigned i = 0; i + 1 < depth; i++)
        fputs(last[i] ? "   " : "│  ", out);
    if (depth > 0)
        fputs(last[depth - 1] ? "└─ " : "├─ ", out);
}

static void print_type(FILE *out, const struct part *part)
{
    struct text charset;

    charset.size = 0;
    print_lower(out, part->type);
    fputc('/', out);
    print_lower(out, part->subtype);
    if (slice_is(part->type, "text") &&
        parameter_find(part->content_type, "charset", &charset)) {
        fputs("; charset=", out);
        print_lower(out, text_slice(&charset));
    }
}

/* The rest of the line of a leaf: its size, and its file or its name. */
static void print_content(FILE *out, const struct mime *mime,
                          const struct part *part, const struct target *target)
{
    char file[EXTRACT_NAME_SIZE];
    unsigned long long size;
    struct text name;
    bool as_it_came, ok = extract_part(mime, part, target->directory, file,
                                       &size, &as_it_came);
    int error = errno;

    fprintf(out, ", %llu bytes", size);
    if (!ok || (target->extract && target->directory < 0)) {
        fprintf(out, " (not extracted: %s)", strerror(error));
    } else if (target->extract) {
        fprintf(out, " -> %s/%s/", target->extract, target->name);
        show_text(out, (struct slice){(unsigned char *)file, strlen(file)});
        fputs(as_it_came ? " (as it came)" : "", out);
    } else if (extract_file_name(part, &name)) {
        fputs(" \"", out);
        show_text(out, slice_first(text_slice(&name), NAME_SHOWN_MAX));
        fputc('"', out);
    }
}

static void print_part(FILE *out, const struct mime *mime,
                       const struct part *part, const struct target *target)
{
    char number[MIME_NUMBER_SIZE];

    print_branches(out, mime, part);
    mime_number(mime, part, number);
    if (part->ordinal > 0)
        fprintf(out, "%s ", number);
    print_type(out, part);
    if (part->kind == PART_LEAF)
        print_content(out, mime, part, target);
    else if (part->kind == PART_MESSAGE)
        fprintf(out, ", %zu bytes", part->body.size);
    fputc('\n', out);
}

void tree_print(FILE *out, struct slice message, const char *name,
                const char *extract, int extract_root)
{
    struct mime *mime = malloc(sizeof(*mime)); /* touched as it fills */
    struct target target = {extract, name, -1};

    if (!mime)
        return;
    if (extract && mkdirat(extract_root, name, 0700) == 0)
        target.directory =
            openat(extract_root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mime_parse(mime, message);
    for (size_t i = 0; i < mime->count; i++)
        print_part(out, mime, &mime->parts[i], &target);
    if (mime->cut)
        fprintf(out, "  there are more than %d parts\n", MIME_PARTS_MAX);
    if (target.directory >= 0)
        close(target.directory);
    mime_free(mime);
    free(mime);
}
