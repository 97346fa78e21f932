/*
 * extract.c - write the parts to files.
 *
 * What a part is called was decided by a stranger, and here it becomes the name
 * of a file: "../../.ssh/authorized_keys" must not do what it says. So a file
 * is made in one directory only, under a name that starts with the number of
 * the part, and only if there is none of that name. TUTORIAL.md, chapter 5.
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

int extract_open(const char *directory)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return -1;
    return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- Names -------------------------------------------------------------- */

static const struct extension {
    const char *type, *subtype, *extension;
} extensions[] = {
    {"text", "plain", "txt"},        {"text", "html", "html"},
    {"text", "calendar", "ics"},     {"text", "csv", "csv"},
    {"text", "xml", "xml"},          {"image", "jpeg", "jpg"},
    {"image", "png", "png"},         {"image", "gif", "gif"},
    {"image", "webp", "webp"},       {"image", "svg+xml", "svg"},
    {"audio", "mpeg", "mp3"},        {"video", "mp4", "mp4"},
    {"application", "pdf", "pdf"},   {"application", "zip", "zip"},
    {"application", "json", "json"}, {"application", "xml", "xml"},
    {"message", "rfc822", "eml"},    {"message", "global", "eml"},
};

static const char *find_extension(const struct part *part)
{
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (slice_is(part->type, extensions[i].type) &&
            slice_is(part->subtype, extensions[i].subtype))
            return extensions[i].extension;
    return slice_is(part->type, "text") || slice_is(part->type, "message")
               ? "txt"
               : "bin";
}

bool extract_file_name(const struct part *part, struct text *text)
{
    text->size = 0;
    return (parameter_file_name(part->content_disposition, "filename", text) &&
            slice_trim(text_slice(text)).size > 0) ||
           (parameter_file_name(part->content_type, "name", text) &&
            slice_trim(text_slice(text)).size > 0);
}

/* Append what may be part of a file name to out[0..used), which ends at max.
 * Returns the new length. */
static size_t make_safe(struct slice name, char out[FILE_NAME_MAX], size_t used,
                        size_t max)
{
    while (name.size > 0) {
        bool valid;
        size_t length = utf8_length(name.data, name.size, &valid);
        bool keep = valid && !utf8_is_harmful(name.data, length) &&
                    name.data[0] != '/' && name.data[0] != '\\' &&
                    (name.data[0] != '.' || used > 0);

        if (used + (keep ? length : 1) > max)
            break;
        memcpy(out + used, keep ? (const char *)name.data : "_",
               keep ? length : 1);
        used += keep ? length : 1;
        name = slice_from(name, length);
    }
    return used;
}

/* The extension of a file name with its dot: empty if there is none, or if it
 * is too long to be one. */
static struct slice extension_of(struct slice name)
{
    size_t size = 1;

    while (size < name.size && size < FILE_EXTENSION_MAX &&
           name.data[name.size - size] != '.')
        size++;
    return name.size > size && name.data[name.size - size] == '.'
               ? slice_from(name, name.size - size)
               : slice_first(name, 0);
}

/* Of a name that is too long the end of the stem goes, not the extension. */
static size_t shorten(struct slice name, char out[FILE_NAME_MAX])
{
    struct slice extension = extension_of(name);
    size_t used = make_safe(slice_first(name, name.size - extension.size), out,
                            0, FILE_NAME_MAX - extension.size);

    return make_safe(extension, out, used, FILE_NAME_MAX);
}

static void make_name(const struct mime *mime, const struct part *part,
                      char name[EXTRACT_NAME_SIZE])
{
    char number[MIME_NUMBER_SIZE], safe[FILE_NAME_MAX];
    struct text given;

    mime_number(mime, part, number);
    if (extract_file_name(part, &given))
        snprintf(name, EXTRACT_NAME_SIZE, "%s-%.*s", number,
                 (int)shorten(slice_trim(text_slice(&given)), safe), safe);
    else
        snprintf(name, EXTRACT_NAME_SIZE, "%s.%s", number,
                 find_extension(part));
}

/* ---- Content ------------------------------------------------------------ */

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR)
            return false;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_converted(int fd, struct charset *charset, struct slice *in,
                            bool last)
{
    char out[PIECE_SIZE];
    size_t size;

    while ((size = charset_convert(charset, in, out, sizeof(out), last)) > 0)
        if (!write_all(fd, out, size))
            return false;
    return true;
}

/* Decode, convert, write, a piece after the other. A character that a piece
 * cuts in two waits at the start of the buffer for its other half. *converted:
 * nothing was wrong. */
static bool write_text(int fd, struct decoder *decoder, struct slice name,
                       unsigned long long *size, bool *converted)
{
    unsigned char piece[CHARACTER_MAX + PIECE_SIZE];
    size_t kept = 0, n;
    struct charset charset;
    bool known = charset_open(&charset, name), ok = true;

    do {
        struct slice in;
        n = decode_next(decoder, piece + kept, PIECE_SIZE);
        *size += n;
        in = (struct slice){piece, kept + n};
        ok = write_converted(fd, &charset, &in, n == 0);
        *converted = known && !charset.wrong;
        kept = in.size < CHARACTER_MAX ? in.size : 0;
        memmove(piece, in.data, kept);
    } while (ok && *converted && n > 0);
    charset_close(&charset);
    return ok;
}

static bool write_octets(int fd, struct decoder *decoder,
                         unsigned long long *size)
{
    unsigned char piece[PIECE_SIZE];
    size_t n;

    while ((n = decode_next(decoder, piece, sizeof(piece))) > 0) {
        *size += n;
        if (fd >= 0 && !write_all(fd, (const char *)piece, n))
            return false;
    }
    return true;
}

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

/* Shown text becomes UTF-8, if it is what it says: *as_it_came if it is not. */
static bool write_content(int fd, const struct part *part,
                          unsigned long long *size, bool *as_it_came)
{
    struct decoder decoder;
    struct text charset;
    bool ok = true, converted = false;

    *size = 0;
    decode_init(&decoder, part->encoding, part->body, !is_text(part));
    *as_it_came = fd >= 0 && is_shown(part);
    if (*as_it_came && is_text(part) && part->encoding != ENCODING_UNKNOWN) {
        charset.size = 0;
        parameter_find(part->content_type, "charset", &charset);
        ok = write_text(fd, &decoder, text_slice(&charset), size, &converted);
        *as_it_came = !converted;
        if (!ok || converted)
            return ok;
        if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
            return false;
        *size = 0;
        decode_init(&decoder, part->encoding, part->body, false);
    }
    return write_octets(fd, &decoder, size);
}

bool extract_part(const struct mime *mime, const struct part *part,
                  int directory, char name[EXTRACT_NAME_SIZE],
                  unsigned long long *size, bool *as_it_came)
{
    int fd = -1, error = 0;
    bool ok;

    make_name(mime, part, name);
    if (directory >= 0) {
        fd = openat(directory, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        error = fd < 0 ? errno : 0;
    }
    ok = write_content(fd, part, size, as_it_came) && !error;
    if (!error)
        error = errno;
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && !ok) { /* half a file is none; but how large is the part? */
        unlinkat(directory, name, 0);
        write_content(-1, part, size, as_it_came);
    }
    errno = error;
    return ok;
}
