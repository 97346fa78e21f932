/*
 * report_parts.c - the parts of a message, shown.
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
#include "report_parts.h"
#include "extract.h"
#include "mime.h"
#include "parameter.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How much is shown of a type or a charset, and of a name. */
enum { TOKEN_SHOWN_MAX = 128, NAME_SHOWN_MAX = 512 };

/* What is printed, and where its parts go. */
struct tree {
    FILE *out;
    const char *extract; /* the directory of option -x, or NULL */
    const char *name;    /* of the message, and of a directory in there */
    int directory;       /* the same, open; or -errno; -1: nowhere */
};

/* The lines that lead to a part from those above it; own: its own branch. */
static void print_branches(FILE *out, const struct part *part, bool own)
{
    if (!part->parent)
        return;
    print_branches(out, part->parent, false);
    if (part->parent->last_child == part)
        fputs(own ? "└─ " : "   ", out);
    else
        fputs(own ? "├─ " : "│  ", out);
}

static void print_lower(FILE *out, struct slice slice)
{
    struct text text;

    text.size = 0;
    slice = slice_first(slice, TOKEN_SHOWN_MAX);
    for (size_t i = 0; i < slice.size; i++)
        text_add_char(&text, (unsigned char)tolower(slice.data[i]));
    text_show(out, text_slice(&text));
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
static void print_content(const struct tree *tree, const struct part *part)
{
    struct extract extract;
    struct text name;
    bool ok = extract_part(part, tree->directory, &extract);
    int error = ok ? -tree->directory : errno;

    fprintf(tree->out, ", %zu bytes", extract.size);
    if (!ok || (tree->extract && tree->directory < 0)) {
        fprintf(tree->out, " (not extracted: %s)", strerror(error));
    } else if (tree->extract) {
        fprintf(tree->out, " -> %s/%s/", tree->extract, tree->name);
        text_show(tree->out, slice_of(extract.name));
        fputs(extract.as_it_came ? " (as it came)" : "", tree->out);
    } else if (extract_file_name(part, &name)) {
        fputs(" \"", tree->out);
        text_show(tree->out, slice_first(text_slice(&name), NAME_SHOWN_MAX));
        fputc('"', tree->out);
    }
}

static void print_part(const struct tree *tree, const struct part *part)
{
    char number[MIME_NUMBER_SIZE];

    fputs("  ", tree->out);
    print_branches(tree->out, part, true);
    mime_number(part, number);
    if (part->ordinal > 0)
        fprintf(tree->out, "%s ", number);
    print_type(tree->out, part);
    if (part->kind == PART_LEAF)
        print_content(tree, part);
    else if (part->kind == PART_MESSAGE)
        fprintf(tree->out, ", %zu bytes", part->body.size);
    fputc('\n', tree->out);
}

void report_parts(FILE *out, struct slice message, const char *name,
                  const char *extract)
{
    struct mime *mime = malloc(sizeof(*mime)); /* takes memory as it fills */
    struct tree tree = {out, extract, name, -1};
    int root = mime && extract ? open(extract, O_RDONLY | O_DIRECTORY) : -1;

    if (!mime)
        return;
    if (root >= 0) {
        if (mkdirat(root, name, 0700) == 0)
            tree.directory = openat(root, name, O_RDONLY | O_DIRECTORY);
        close(root);
    }
    tree.directory = extract && tree.directory < 0 ? -errno : tree.directory;
    mime_parse(mime, message);
    for (int i = 0; i < mime->count; i++)
        print_part(&tree, &mime->parts[i]);
    if (mime->cut)
        fprintf(out, "  there are more than %d parts\n", MIME_PARTS_MAX);
    if (tree.directory >= 0)
        close(tree.directory);
    mime_free(mime);
    free(mime);
}
