/*
 * charset.c - any character set to UTF-8.
 *
 * iconv(3) of libc knows the character sets; here is what it leaves to its
 * caller: names that senders use but iconv does not know, and octets that stand
 * for no character.
 * TUTORIAL.md, chapter 4.
 */
#include "charset.h"
#include "utf8.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { CHARSET_NAME_MAX = 40 /* RFC 2978 2.3: names fit in that */ };

/*
 * Names that senders use and iconv does not know, or takes too narrowly: a
 * sender who writes iso-8859-1 does not want its control characters, but does
 * want the quotes of windows-1252. These are labels of the WHATWG Encoding
 * Standard, without "-" and "_". US-ASCII is a part of UTF-8; those who declare
 * it and send more mostly send UTF-8.
 */
static const char *const aliases[][2] = {
    {"utf-8", " utf8 usascii ascii ansix3.41968 unicode11utf8 unicode20utf8 "},
    {"utf-16", " unicode csunicode unicodefeff ucs2 iso10646ucs2 "},
    {"utf-16be", " unicodefffe "},
    {"windows-1252", " iso88591 isoir100 csisolatin1 latin1 l1 ibm819 cp819 "},
    {"windows-1254", " iso88599 isoir148 csisolatin5 latin5 l5 "},
    {"iso-8859-6", " iso88596e iso88596i csiso88596e csiso88596i "},
    {"iso-8859-7", " suneugreek "},
    {"iso-8859-8", " iso88598e iso88598i csiso88598e csiso88598i visual "
                   "logical "},
    {"iso-8859-15", " csisolatin9 l9 "},
    {"cp874", " iso885911 tis620 dos874 "},
    {"koi8-r", " koi koi8 koi8r "},
    {"macintosh", " macroman "},
    {"mac-cyrillic", " maccyrillic macukrainian "},
    {"gb18030", " gb2312 gb231280 gbk chinese csgb2312 csiso58gb231280 "
                "isoir58 "},
    {"big5", " csbig5 cnbig5 "},
    {"cp949", " euckr cseuckr ksc5601 ksc56011987 ksc56011989 csksc56011987 "
              "isoir149 korean windows949 "},
    {"euc-jp-ms", " eucjp cseucpkdfmtjapanese "},
    {"iso-2022-jp-3", " iso2022jp csiso2022jp "},
    {"cp932", " shiftjis csshiftjis sjis mskanji ms932 windows31j "},
};

/*
 * Copy just the name, in lower case: some senders put quotes around it, or a
 * comment or a parameter after it, or "x-" before. A "/" would be an order to
 * iconv. Returns what is meant by it: an alias, or the name itself.
 */
static const char *meaning_of(struct slice name, char out[CHARSET_NAME_MAX + 1])
{
    char key[CHARSET_NAME_MAX + 3] = " ";
    size_t used = 0, key_used = 1;

    while (name.size > 0 && strchr(" \t\n\"'", name.data[0]))
        name = slice_from(name, 1);
    while (slice_starts_with(name, "x-"))
        name = slice_from(name, 2);
    for (; used < CHARSET_NAME_MAX && used < name.size; used++) {
        unsigned char c = (unsigned char)tolower(name.data[used]);
        if (!isalnum(c) && (!c || !strchr("-_.+", c)))
            break;
        out[used] = (char)c;
        if (isalnum(c) || c == '.')
            key[key_used++] = (char)c;
    }
    if (used == 0)
        out[used++] = '?'; /* iconv takes "" for a charset */
    out[used] = '\0';
    key[key_used] = ' ';
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strstr(aliases[i][1], key))
            return aliases[i][0];
    return out;
}

bool charset_open(struct charset *charset, struct slice name)
{
    char itself[CHARSET_NAME_MAX + 1];
    const char *meaning =
        meaning_of(name.size > 0 ? name : slice_of("utf-8"), itself);
    bool known;

    charset->wrong = false;
    charset->unit = strncmp(meaning, "utf-16", 6) == 0 ||
                            strncmp(meaning, "iso-2022-", 9) == 0
                        ? 2
                        : 1;
    charset->iconv = iconv_open("UTF-8", meaning);
    if (charset->iconv == (iconv_t)-1)
        charset->iconv = iconv_open("UTF-8", itself); /* iconvs differ */
    known = charset->iconv != (iconv_t)-1;
    if (!known)
        charset->iconv = iconv_open("UTF-8", "UTF-8");
    return known;
}

/* Convert as much of *in as fits into out, with an octet FF for what is wrong.
 * The other half of a wrong character is skipped too, or all that follows would
 * be read shifted. */
static size_t convert(struct charset *charset, struct slice *in,
                      char out[CHARSET_PIECE / 3], bool last)
{
    /* POSIX has this parameter without const, but does not write there */
    char *from = (char *)(size_t)in->data, *to = out;
    size_t from_left = in->size, to_left = CHARSET_PIECE / 3;

    while (from_left > 0 && iconv(charset->iconv, &from, &from_left, &to,
                                  &to_left) == (size_t)-1) {
        size_t bad = charset->unit < from_left ? charset->unit : from_left;
        if (errno == E2BIG || (errno == EINVAL && !last) || to_left == 0)
            break;
        *to++ = '\xFF';
        to_left--;
        from += bad;
        from_left -= bad;
    }
    if (from_left == 0 && last) /* it may have kept a character back */
        iconv(charset->iconv, NULL, NULL, &to, &to_left);
    *in = slice_from(*in, in->size - from_left);
    return (size_t)(to - out);
}

/* What iconv wrote is checked again: from UCS-4, for one, it makes octets that
 * are not UTF-8. Each may become three, hence CHARSET_PIECE / 3. */
size_t charset_convert(struct charset *charset, struct slice *in,
                       char out[CHARSET_PIECE], bool last)
{
    char middle[CHARSET_PIECE / 3];
    struct slice rest = {(unsigned char *)middle, 0};
    size_t used = 0;

    rest.size = convert(charset, in, middle, last);
    while (rest.size > 0) {
        bool valid;
        size_t length = utf8_length(rest.data, rest.size, &valid);
        struct slice next =
            valid ? slice_first(rest, length) : slice_of("\uFFFD");

        charset->wrong = charset->wrong || !valid;
        memcpy(out + used, next.data, next.size);
        used += next.size;
        rest = slice_from(rest, length);
    }
    return used;
}

bool charset_is_known(struct slice name)
{
    struct charset charset;
    bool known = charset_open(&charset, name);

    iconv_close(charset.iconv);
    return known;
}

void charset_to_text(struct slice name, struct slice in, struct text *text)
{
    struct charset charset;
    char out[CHARSET_PIECE];
    size_t size;

    charset_open(&charset, name);
    while ((size = charset_convert(&charset, &in, out, true)) > 0)
        text_add(text, (struct slice){(unsigned char *)out, size});
    iconv_close(charset.iconv);
}
