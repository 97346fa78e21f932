/*
 * extract.c - write the parts to files.
 *
 * What a part is called was decided by a stranger, and here it becomes the name
 * of a file: "../../.ssh/authorized_keys" must not do what it says. So a file
 * is made in one directory only, under a name that starts with the number of
 * the part, and only if no file has that name. TUTORIAL.md, chapter 5.
 */
#define _POSIX_C_SOURCE 200809L
#include "extract.h"
#include "charset.h"
#include "parameter.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FILE_EXTENSION_MAX = 16,
    PIECE_SIZE = 32768,
    CHARACTER_MAX = 64, /* octets of a character that one piece cuts off */
};

int extract_prepare(const char *directory)
{
    int fd;

    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return errno;
    fd = open(directory, O_RDONLY | O_DIRECTORY);
    return fd < 0 ? errno : close(fd);
}

/* ---- Names -------------------------------------------------------------- */

/* The extension for a part without a name, from its type. That is the sender's
 * word too: so only these few are used. */
static const char *find_extension(const struct part *part)
{
    static const char *const extensions[] = {"html", "csv", "xml", "jpeg",
                                             "png",  "gif", "pdf", "zip"};

    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (slice_is(part->subtype, extensions[i]))
            return extensions[i];
    return slice_is(part->type, "text") || slice_is(part->type, "message")
               ? "txt"
               : "bin";
}

bool extract_file_name(const struct part *part, struct text *text)
{
    text->size = 0;
    return (parameter_find(part->content_disposition, "filename", text) &&
            slice_trim(text_slice(text)).size > 0) ||
           (parameter_find(part->content_type, "name", text) &&
            slice_trim(text_slice(text)).size > 0);
}

/* Copy a name, with "_" for what has no business in the name of a file. If it
 * is too long, the stem loses its end, but the extension stays: it decides
 * which program opens the file. */
static void make_safe(struct slice name, struct text *safe)
{
    size_t stem, extension = 1;

    for (safe->size = 0; name.size > 0;) {
        bool valid;
        size_t length = utf8_length(name.data, name.size, &valid);
        bool keep = valid && !utf8_is_harmful(name.data, length) &&
                    !strchr("/\\", name.data[0]) &&
                    (name.data[0] != '.' || safe->size > 0);

        text_add(safe, keep ? slice_first(name, length) : slice_of("_"));
        name = slice_from(name, length);
    }
    if (safe->size <= FILE_NAME_MAX)
        return;
    while (extension < FILE_EXTENSION_MAX &&
           safe->data[safe->size - extension] != '.')
        extension++;
    if (extension == FILE_EXTENSION_MAX)
        extension = 0; /* there is none */
    stem = FILE_NAME_MAX - extension;
    while ((safe->data[stem] & 0xC0) == 0x80)
        stem--; /* not in the middle of a character */
    memmove(safe->data + stem, safe->data + safe->size - extension, extension);
    safe->size = stem + extension;
}

static void make_name(const struct part *part, char name[EXTRACT_NAME_SIZE])
{
    char number[MIME_NUMBER_SIZE];
    struct text given, safe;

    mime_number(part, number);
    if (!extract_file_name(part, &given)) {
        snprintf(name, EXTRACT_NAME_SIZE, "%s.%s", number,
                 find_extension(part));
        return;
    }
    make_safe(slice_trim(text_slice(&given)), &safe);
    snprintf(name, EXTRACT_NAME_SIZE, "%s-%.*s", number, (int)safe.size,
             (const char *)safe.data);
}

/* ---- Content ------------------------------------------------------------ */

static bool is_text(const struct part *part)
{
    return slice_is(part->type, "text") && !part->unknown_type;
}

/* Text that a reader sees in the mail itself, RFC 2183: everything else is a
 * file, and nobody's to change. */
static bool is_shown(const struct part *part)
{
    struct slice rest = part->content_disposition;
    struct slice disposition = parameter_token(&rest);

    return slice_is(part->type, "text") &&
           (disposition.size == 0 || slice_is(disposition, "inline"));
}

/* Decode and write, piece by piece; nowhere if file is NULL. */
static bool write_octets(FILE *file, const struct part *part, size_t *size)
{
    struct transfer transfer = {
        .encoding = part->encoding, .crlf = !is_text(part), .rest = part->body};
    unsigned char piece[PIECE_SIZE];
    size_t n;

    for (*size = 0; (n = transfer_next(&transfer, piece, PIECE_SIZE)) > 0;
         *size += n)
        if (file && fwrite(piece, 1, n, file) < n)
            return false;
    return true;
}

/* The same, in UTF-8. A character cut in two by the end of a piece waits at the
 * start of the buffer for its other half. False if not all of the text was
 * written, because something in it can't be converted. */
static bool write_text(FILE *file, const struct part *part, size_t *size)
{
    struct transfer transfer = {.encoding = part->encoding, .rest = part->body};
    unsigned char piece[CHARACTER_MAX + PIECE_SIZE];
    char out[CHARSET_PIECE];
    struct slice in = {piece, 0};
    struct charset charset;
    struct text name;
    size_t n = 1, converted;
    bool good;

    name.size = 0;
    parameter_find(part->content_type, "charset", &name);
    good = charset_open(&charset, text_slice(&name));
    for (*size = 0; good && n > 0; *size += n) {
        memmove(piece, in.data, in.size);
        n = transfer_next(&transfer, piece + in.size, PIECE_SIZE);
        in = (struct slice){piece, in.size + n};
        while ((converted = charset_convert(&charset, &in, out, n == 0)) > 0 &&
               good)
            good = fwrite(out, 1, converted, file) == converted;
        good = good && !charset.wrong && in.size < CHARACTER_MAX;
    }
    iconv_close(charset.iconv);
    return good;
}

/* Shown text becomes UTF-8, if it is in the charset it names. */
static bool write_content(FILE *file, const struct part *part,
                          struct extract *extract)
{
    bool text =
        is_shown(part) && is_text(part) && part->encoding != ENCODING_UNKNOWN;

    if (text && (write_text(file, part, &extract->size) || ferror(file)))
        return !ferror(file);
    extract->as_it_came = is_shown(part);
    /* start again, and write it as it came; there may be no room, though, for
     * what is still buffered of the text */
    return fseek(file, 0, SEEK_SET) == 0 && ftruncate(fileno(file), 0) == 0 &&
           write_octets(file, part, &extract->size);
}

bool extract_part(const struct part *part, int directory,
                  struct extract *extract)
{
    FILE *file;
    int fd, error;
    bool ok;

    make_name(part, extract->name);
    extract->as_it_came = false;
    if (directory < 0)
        return write_octets(NULL, part, &extract->size);
    fd = openat(directory, extract->name,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    file = fd < 0 ? NULL : fdopen(fd, "w");
    ok = file && write_content(file, part, extract);
    error = errno;
    if (file && fclose(file) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (!file && fd >= 0)
        close(fd);
    if (!ok) { /* half a file is none; but how large is the part? */
        if (fd >= 0)
            unlinkat(directory, extract->name, 0);
        write_octets(NULL, part, &extract->size);
    }
    errno = error;
    return ok;
}
