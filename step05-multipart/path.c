/*
 * path.c - the addresses of an envelope, and the parameters behind them.
 *
 *     MAIL FROM:<"Mrs. T"@mx.example.org> SIZE=1234 BODY=8BITMIME
 *
 * One function for each rule of the grammar in RFC 5321 4.1.2, under the rule's
 * name. Each gets a pointer to the place where the rule is to match, moves it
 * behind what matched, and says whether it did. Start reading at the end, with
 * path_parse(). TUTORIAL.md, chapter 2.
 */
#define _POSIX_C_SOURCE 200809L
#include "path.h"
#include "utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

enum { LABEL_MAX = 63 /* octets between two dots, RFC 1035 2.3.4 */ };

bool path_starts_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool skip(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* UTF8-non-ascii (RFC 6531 3.3). The NUL behind the text stops it in time. */
static bool utf8_non_ascii(const char **at)
{
    bool valid;
    size_t length = utf8_length((const unsigned char *)*at, 4, &valid);

    if (!valid || (unsigned char)**at < 0x80)
        return false;
    *at += length;
    return true;
}

/* atext (RFC 5322 3.2.3), widened by RFC 6531 3.3 */
static bool atext(const char **at)
{
    if (isalnum((unsigned char)**at) ||
        (**at && strchr("!#$%&'*+-/=?^_`{|}~", **at))) {
        (*at)++;
        return true;
    }
    return utf8_non_ascii(at);
}

/* Dot-string = Atom *("." Atom), but telephones in Japan have addresses with
 * dots anywhere in them. */
static bool dot_string(const char **at)
{
    const char *start = *at;

    while (skip(at, '.') || atext(at))
        ;
    return *at > start;
}

/*
 * Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
 * QcontentSMTP   = qtextSMTP / quoted-pairSMTP
 * qtextSMTP      = %d32-33 / %d35-91 / %d93-126
 * quoted-pairSMTP = %d92 %d32-126
 */
static bool quoted_string(const char **at)
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

/* Local-part = Dot-string / Quoted-string */
static bool local_part(const char **at)
{
    return **at == '"' ? quoted_string(at) : dot_string(at);
}

/* sub-domain = Let-dig [Ldh-str]; "_" is not in it, but in real names */
static bool sub_domain(const char **at)
{
    const char *start = *at;

    while (isalnum((unsigned char)**at) || **at == '-' || **at == '_' ||
           (unsigned char)**at >= 0x80)
        if ((unsigned char)**at < 0x80)
            (*at)++;
        else if (!utf8_non_ascii(at))
            return false;
    return *at > start && *at - start <= LABEL_MAX && *start != '-' &&
           (*at)[-1] != '-';
}

/* Domain = sub-domain *("." sub-domain) */
static bool domain(const char **at)
{
    do {
        if (!sub_domain(at))
            return false;
    } while (skip(at, '.'));
    return true;
}

/* address-literal = "[" ( IPv4-address-literal / IPv6-address-literal ) "]" */
static bool address_literal(const char **at)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary; /* large enough for both */
    size_t length;
    bool ipv6;

    if (!skip(at, '['))
        return false;
    ipv6 = path_starts_with(*at, "IPv6:");
    if (ipv6)
        *at += strlen("IPv6:");
    length = strcspn(*at, "]");
    if (length >= sizeof(address))
        return false;
    memcpy(address, *at, length);
    address[length] = '\0';
    *at += length;
    return skip(at, ']') &&
           inet_pton(ipv6 ? AF_INET6 : AF_INET, address, &binary) == 1;
}

/* A-d-l ":", where A-d-l = "@" Domain *( "," "@" Domain ): a source route. It
 * must be accepted and should be ignored (RFC 5321 appendix C). */
static bool source_route(const char **at)
{
    do {
        if (!skip(at, '@') || !domain(at))
            return false;
    } while (skip(at, ','));
    return skip(at, ':');
}

/* Copy what was matched, [start, end), if it fits; NUL-terminate it. */
static bool copy(char *out, size_t size, const char *start, const char *end)
{
    size_t length = (size_t)(end - start);

    if (length >= size)
        return false;
    memcpy(out, start, length);
    out[length] = '\0';
    return true;
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
static bool mailbox(const char **at, struct path *path)
{
    const char *start = *at, *domain_start;

    if (!local_part(at) ||
        !copy(path->local_part, sizeof(path->local_part), start, *at))
        return false;
    unquote(path->local_part);
    if (**at == '>' && strcasecmp(path->local_part, "postmaster") == 0)
        return copy(path->text, sizeof(path->text), start, *at);
    if (!skip(at, '@'))
        return false;
    domain_start = *at;
    if (!(**at == '[' ? address_literal(at) : domain(at)))
        return false;
    return copy(path->domain, sizeof(path->domain), domain_start, *at) &&
           copy(path->text, sizeof(path->text), start, *at);
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">", and the null reverse-path "<>" */
bool path_parse(const char **at, struct path *path)
{
    memset(path, 0, sizeof(*path));
    if (!skip(at, '<'))
        return false;
    if (skip(at, '>'))
        return true;
    if (**at == '@' && !source_route(at))
        return false;
    if (!mailbox(at, path) || !skip(at, '>'))
        return false;
    for (const char *c = path->text; *c; c++)
        if ((unsigned char)*c >= 0x80)
            path->utf8 = true;
    return true;
}

/* ---- Parameters --------------------------------------------------------- */

/* size-value = 1*20DIGIT (RFC 1870). More than fits is as good as infinite. */
static bool parse_size(const char *value, struct mail_parameters *values)
{
    size_t digits = value ? strspn(value, "0123456789") : 0;

    if (digits == 0 || digits > SIZE_DIGITS_MAX || value[digits])
        return false;
    for (; *value; value++) {
        unsigned digit = (unsigned)(*value - '0');
        values->size = values->size > (~0ULL - digit) / 10
                           ? ~0ULL
                           : values->size * 10 + digit;
    }
    return true;
}

/* "7BIT" / "8BITMIME" (RFC 6152): it is all the same to us */
static bool parse_body(const char *value, struct mail_parameters *values)
{
    (void)values;
    return value && (strcasecmp(value, "7BIT") == 0 ||
                     strcasecmp(value, "8BITMIME") == 0);
}

/* No value (RFC 6531 3.4) */
static bool parse_smtputf8(const char *value, struct mail_parameters *values)
{
    values->smtputf8 = true;
    return !value;
}

static const struct parameter {
    const char *keyword;
    bool (*parse)(const char *value, struct mail_parameters *values);
} parameters[] = {
    {"SIZE", parse_size},
    {"BODY", parse_body},
    {"SMTPUTF8", parse_smtputf8},
};

enum { PARAMETERS = sizeof(parameters) / sizeof(parameters[0]) };

/* esmtp-param = esmtp-keyword ["=" esmtp-value]; seen: a bit for each row */
static enum parameters_status parse_parameter(char *text, unsigned *seen,
                                              struct mail_parameters *values)
{
    char *equals = strchr(text, '=');
    size_t i = 0;

    if (equals)
        *equals = '\0';
    while (i < PARAMETERS && strcasecmp(text, parameters[i].keyword) != 0)
        i++;
    if (i == PARAMETERS)
        return PARAMETERS_UNKNOWN;
    if (*seen & 1U << i ||
        !parameters[i].parse(equals ? equals + 1 : NULL, values))
        return PARAMETERS_BAD_VALUE;
    *seen |= 1U << i;
    return PARAMETERS_OK;
}

enum parameters_status path_parse_parameters(const char *at,
                                             struct mail_parameters *values)
{
    enum parameters_status status = PARAMETERS_OK;
    unsigned seen = 0;
    char text[64]; /* longer than any parameter known here */

    memset(values, 0, sizeof(*values));
    while (status == PARAMETERS_OK && *at) {
        const char *start = at + strspn(at, " ");
        if (start == at)
            return PARAMETERS_BAD_VALUE; /* glued to what is before */
        at = start + strcspn(start, " ");
        if (!copy(text, sizeof(text), start, at))
            return PARAMETERS_UNKNOWN;
        if (*text)
            status = parse_parameter(text, &seen, values);
    }
    return status;
}
