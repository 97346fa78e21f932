/*
 * path.c - the addresses of an envelope, and the parameters after them.
 *
 *     MAIL FROM:<"Mrs. T"@mx.example.org> SIZE=1234 BODY=8BITMIME
 *
 * One function for each rule of the grammar in RFC 5321 4.1.2, under the rule's
 * name. Each gets a pointer to the place where the rule is to match, moves it
 * to the end of what matched, and says whether it did. Start reading at the
 * end, with path_parse(). TUTORIAL.md, chapter 2.
 */
#define _POSIX_C_SOURCE 200809L
#include "path.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool skip(char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* UTF8-non-ascii (RFC 6531 3.3). The NUL after the text stops it in time. */
static bool utf8_non_ascii(char **at)
{
    bool valid;
    size_t length = utf8_length((const unsigned char *)*at, 4, &valid);

    if (!valid || (unsigned char)**at < 0x80)
        return false;
    *at += length;
    return true;
}

/* Letters, digits and some more: one of them at least. */
static bool word(char **at, const char *more)
{
    const char *start = *at;

    for (;;)
        if (isalnum((unsigned char)**at) || (**at && strchr(more, **at)))
            (*at)++;
        else if (!utf8_non_ascii(at))
            return *at > start;
}

/*
 * Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
 * QcontentSMTP   = qtextSMTP / quoted-pairSMTP
 * qtextSMTP      = %d32-33 / %d35-91 / %d93-126
 * quoted-pairSMTP = %d92 %d32-126
 */
static bool quoted_string(char **at)
{
    if (!skip(at, '"'))
        return false;
    while (!skip(at, '"')) {
        skip(at, '\\');
        if (isprint((unsigned char)**at))
            (*at)++;
        else if (!utf8_non_ascii(at))
            return false;
    }
    return true;
}

/* Local-part = Dot-string / Quoted-string, where Dot-string = Atom *("." Atom).
 * Senders on phones in Japan have dots where the rule has none, as in "a..b"
 * and "a.": they are taken as they come. */
static bool local_part(char **at)
{
    return **at == '"' ? quoted_string(at) : word(at, "!#$%&'*+-/=?^_`{|}~.");
}

/* Domain = sub-domain *("." sub-domain)
 * sub-domain = Let-dig [Ldh-str]; real names have "_" as well */
static bool domain(char **at)
{
    do {
        const char *start = *at;
        if (!word(at, "-_") || *start == '-' || (*at)[-1] == '-')
            return false;
    } while (skip(at, '.'));
    return true;
}

/* Copy what was matched, [start, end), if it fits; NUL-terminate it. */
static bool copy(char *out, size_t size, const char *start, const char *end)
{
    int length = (int)(end - start);

    return snprintf(out, size, "%.*s", length, start) < (int)size;
}

/* address-literal = "[" ( IPv4-address-literal / IPv6-address-literal ) "]" */
static bool address_literal(char **at)
{
    bool ipv6 = strncasecmp(*at, "[IPv6:", 6) == 0;
    char *start = *at + (ipv6 ? 6 : 1);
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary; /* large enough for both */

    *at = start + strcspn(start, "]");
    return copy(address, sizeof(address), start, *at) && skip(at, ']') &&
           inet_pton(ipv6 ? AF_INET6 : AF_INET, address, &binary) == 1;
}

/* A-d-l ":", where A-d-l = "@" Domain *( "," "@" Domain ): a source route. It
 * must be accepted and should be ignored (RFC 5321 appendix C). */
static bool source_route(char **at)
{
    do {
        if (!skip(at, '@') || !domain(at))
            return false;
    } while (skip(at, ','));
    return skip(at, ':');
}

/* Take the quotes off a local-part, in place. */
static void unquote(char *text)
{
    char *out = text;

    if (*text != '"')
        return;
    for (const char *in = text + 1; in[1]; in++) {
        if (*in == '\\')
            in++;
        *out++ = *in;
    }
    *out = '\0';
}

/* Mailbox = Local-part "@" ( Domain / address-literal ). "Postmaster" alone is
 * allowed as well (RFC 5321 4.1.1.3). */
static bool mailbox(char **at, struct path *path)
{
    const char *start = *at, *host;

    if (!local_part(at) ||
        !copy(path->local_part, sizeof(path->local_part), start, *at))
        return false;
    unquote(path->local_part);
    *path->domain = '\0';
    if (skip(at, '@')) {
        host = *at;
        if (!(*host == '[' ? address_literal(at) : domain(at)) ||
            !copy(path->domain, sizeof(path->domain), host, *at))
            return false;
    } else if (strcasecmp(path->local_part, "postmaster") != 0) {
        return false;
    }
    return copy(path->text, sizeof(path->text), start, *at);
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">", and the null reverse-path "<>". What
 * follows it on the line begins with a blank. */
bool path_parse(char **at, struct path *path)
{
    *path->text = '\0';
    if (!skip(at, '<') || (**at == '@' && !source_route(at)))
        return false;
    if ((**at != '>' || (*at)[-1] != '<') && !mailbox(at, path))
        return false;
    if (!skip(at, '>') || (**at && **at != ' '))
        return false;
    *at += strspn(*at, " ");
    return true;
}

bool path_is_utf8(const struct path *path)
{
    for (const char *c = path->text; *c; c++)
        if ((unsigned char)*c >= 0x80)
            return true;
    return false;
}

const char *path_parameters(char *at, const char *const *keywords,
                            const char **values)
{
    while (*at) {
        char *word = at;
        size_t length = strcspn(word, " ="), i = 0;

        if (length == 0)
            return "501 5.5.4 a parameter has no name";
        at += strcspn(at, " ");
        while (*at == ' ')
            *at++ = '\0';
        while (keywords[i] && (strlen(keywords[i]) != length ||
                               strncasecmp(word, keywords[i], length) != 0))
            i++;
        if (!keywords[i])
            return "555 5.5.4 a parameter is not known here";
        if (values[i])
            return "501 5.5.4 a parameter is there twice";
        values[i] = word + length;
    }
    return NULL;
}
