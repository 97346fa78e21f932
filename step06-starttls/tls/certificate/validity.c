/*
 * validity.c - the time for which a certificate is valid.
 *
 * Times are texts here, all of one form, and the earlier of two is the one that
 * strcmp() puts first: so there is no calendar. Start reading at
 * validity_read().
 * TUTORIAL.md, chapter 6.7.
 */
#define _POSIX_C_SOURCE 200809L

#include "validity.h"

#include "der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Time ::= CHOICE { utcTime UTCTime, generalTime GeneralizedTime }
 *
 * YYMMDDHHMMSSZ, of 1950 to 2049, or YYYYMMDDHHMMSSZ (RFC 5280 4.1.2.5). With
 * the century put before it the first is like the second.
 */
static bool read_time(struct bytes *in, char text[16])
{
    struct bytes digits;
    size_t century = 0;

    if (der_read(in, DER_UTC_TIME, &digits) && digits.size == 13) {
        memcpy(text, digits.data[0] < '5' ? "20" : "19", 2);
        century = 2;
    } else if (!der_read(in, DER_GENERALIZED_TIME, &digits) ||
               digits.size != 15) {
        return false;
    }
    memcpy(text + century, digits.data, digits.size);
    text[15] = '\0';
    return strspn(text, "0123456789") == 14 && text[14] == 'Z';
}

/* Validity ::= SEQUENCE { notBefore Time, notAfter Time } */
bool validity_read(struct validity *validity, struct bytes content)
{
    return read_time(&content, validity->not_before) &&
           read_time(&content, validity->not_after) && content.size == 0;
}

void validity_warn(const struct validity *validity, const char *path,
                   char *line, size_t size)
{
    char now[16] = "";
    struct tm utc;
    time_t seconds = time(NULL);

    if (gmtime_r(&seconds, &utc) != NULL)
        strftime(now, sizeof now, "%Y%m%d%H%M%SZ", &utc);
    bool early = strcmp(now, validity->not_before) < 0;
    const char *day = early ? validity->not_before : validity->not_after;
    if (early || strcmp(now, validity->not_after) > 0)
        snprintf(line, size, "%s: %s %.4s-%.2s-%.2s", path,
                 early ? "not valid before" : "expired on", day, day + 4,
                 day + 6);
}
