/*
 * charset.c - any character set to UTF-8.
 *
 * iconv(3) of libc knows the character sets; here is what it leaves to its
 * caller: names that senders use and iconv does not know, what to do with
 * octets that stand for no character, and text that is UTF-8 already.
 * TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "charset.h"
#include "utf8.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum {
    CHARSET_NAME_MAX = 40, /* RFC 2978 2.3: names fit in that */
    MIDDLE_SIZE = 4096,
};

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* What senders write, and what they mean by it. US-ASCII is a part of UTF-8;
 * those who declare it and send more mostly send that. */
static const struct alias {
    const char *name, *meaning;
} aliases[] = {
    {"utf8", "utf-8"},
    {"us-ascii", "utf-8"},
    {"ascii", "utf-8"},
    {"gb2312", "gb18030"}, /* a subset, declared for the whole */
    {"gbk", "gb18030"},
    {"x-gbk", "gb18030"},
    {"x-big5", "big5"},
    {"ks_c_5601-1987", "cp949"},
    {"ks_c_5601", "cp949"},
    {"ksc5601", "cp949"},
    {"windows-949", "cp949"},
    {"euc-kr", "cp949"},
    {"euc-jp", "euc-jp-ms"}, /* with the signs that Windows adds */
    {"x-euc-jp", "euc-jp-ms"},
    {"iso-2022-jp", "iso-2022-jp-3"}, /* with half-width katakana */
    {"shift_jis", "cp932"},
    {"shift-jis", "cp932"},
    {"sjis", "cp932"},
    {"x-sjis", "cp932"},
    {"iso-8859-8-i", "iso-8859-8"}, /* RFC 1556: only the order differs */
    {"iso-8859-8-e", "iso-8859-8"},
    {"unicode-1-1-utf-7", "utf-7"},
};

/* What is meant by a name: an alias, or the name itself. */
static const char *meaning_of(struct slice name, const char *itself)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (slice_is(name, aliases[i].name))
            return aliases[i].meaning;
    return itself;
}

bool charset_open(struct charset *charset, struct slice name)
{
    char itself[CHARSET_NAME_MAX + 1] = "utf-8";
    const char *meaning;

    name = slice_first(slice_trim(name), CHARSET_NAME_MAX);
    if (name.size > 0) {
        memcpy(itself, name.data, name.size);
        itself[name.size] = '\0';
    }
    meaning = meaning_of(name, itself);
    charset->iconv = (iconv_t)-1;
    charset->escapes = slice_starts_with(name, "iso-2022-");
    charset->unit = slice_starts_with(name, "utf-32")                       ? 4
                    : slice_starts_with(name, "utf-16") || charset->escapes ? 2
                                                                            : 1;
    if (strcasecmp(meaning, "utf-8") == 0)
        return true;
    /* a "/" would be an instruction to iconv, not a part of a name */
    if (!strchr(itself, '/')) {
        charset->iconv = iconv_open("UTF-8", meaning);
        if (charset->iconv == (iconv_t)-1) /* not each iconv knows them all */
            charset->iconv = iconv_open("UTF-8", itself);
    }
    return charset->iconv != (iconv_t)-1;
}

/* Pass on what is UTF-8, and nothing else. */
static size_t convert_utf8(struct slice *in, char *out, size_t size, bool last)
{
    size_t used = 0;

    while (in->size > 0) {
        bool valid;
        size_t length = utf8_length(in->data, in->size, &valid);
        size_t room = valid ? length : sizeof(replacement) - 1;

        if (used + room > size)
            break;
        if (!valid && length == in->size && !last && in->data[0] >= 0xC2)
            break; /* it may be the start of a character */
        memcpy(out + used, valid ? (const char *)in->data : replacement, room);
        used += room;
        *in = slice_from(*in, length);
    }
    return used;
}

/* How many octets to pass over where in begins with a wrong one: its other
 * half too, or all that follows would be read shifted. In ISO-2022 an escape
 * sequence is read octet by octet. */
static size_t bad_length(const struct charset *charset, const char *in,
                         size_t size)
{
    size_t length = charset->unit;

    if (charset->escapes && (*in <= ' ' || *in > '~'))
        length = 1;
    return length < size ? length : size;
}

/* As much of *in as fits into out, by iconv. */
static size_t convert_foreign(struct charset *charset, struct slice *in,
                              char *out, size_t size, bool last)
{
    /* POSIX has this parameter without const, but does not write there */
    char *from = (char *)(size_t)in->data, *to = out;
    size_t from_left = in->size, to_left = size;

    while (from_left > 0 && iconv(charset->iconv, &from, &from_left, &to,
                                  &to_left) == (size_t)-1) {
        size_t bad = bad_length(charset, from, from_left);
        if (errno == E2BIG || (errno == EINVAL && !last) ||
            to_left < sizeof(replacement))
            break;
        memcpy(to, replacement, sizeof(replacement) - 1);
        to += sizeof(replacement) - 1;
        to_left -= sizeof(replacement) - 1;
        from += bad;
        from_left -= bad;
    }
    if (from_left == 0 && last) /* it may have kept a character back */
        iconv(charset->iconv, NULL, NULL, &to, &to_left);
    *in = slice_from(*in, in->size - from_left);
    return size - to_left;
}

/* What iconv writes is looked at once more: from UCS-4, for one, it makes
 * octets that are no UTF-8. Each of them may become three, hence the third. */
size_t charset_convert(struct charset *charset, struct slice *in, char *out,
                       size_t size, bool last)
{
    char middle[MIDDLE_SIZE];
    size_t room = size / 3 < sizeof(middle) ? size / 3 : sizeof(middle);
    struct slice converted = {(unsigned char *)middle, 0};

    if (charset->iconv == (iconv_t)-1)
        return convert_utf8(in, out, size, last);
    converted.size = convert_foreign(charset, in, middle, room, last);
    return convert_utf8(&converted, out, size, true);
}

void charset_close(struct charset *charset)
{
    if (charset->iconv != (iconv_t)-1)
        iconv_close(charset->iconv);
}

bool charset_to_text(struct slice name, struct slice in, struct text *text)
{
    struct charset charset;
    bool known = charset_open(&charset, name);
    char out[512];
    size_t size;

    while (known &&
           (size = charset_convert(&charset, &in, out, sizeof(out), true)) > 0)
        text_add(text, out, size);
    charset_close(&charset);
    return known;
}
