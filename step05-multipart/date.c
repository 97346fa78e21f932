/*
 * date.c - the Date field, RFC 5322 3.3 and 4.3.
 *
 *     Sun, 22 Nov 2026 09:22:36 +0300 (MSK)
 *
 * Comments may be anywhere in it. Without them, strptime(3) can read it. A word
 * or a number counts only where its meaning fits: "mar." before a comma is not
 * March but a French Tuesday. What fits no form is no date. Start
 * reading at date_utc(), at the end. TUTORIAL.md, chapter 4.
 */
#define _XOPEN_SOURCE 700 /* for strptime() */
#include "date.h"
#include "header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/*
 * Copy value into text without what means nothing: comments, folds, commas and
 * dots, and the hyphens of 22-Nov-2026. Each becomes a blank.
 */
static void simplify(struct slice value, char *text, size_t size)
{
    bool time = false; /* after it a hyphen is the sign of a zone */

    for (size_t i = 0; value.size > 0 && i < size - 1; i++) {
        size_t before = value.size;
        unsigned char c;

        header_skip_cfws(&value, NULL);
        c = value.size < before ? ' ' : value.data[0];
        time = time || c == ':';
        text[i] = (char)(strchr(time ? "," : ",.-", c) ? ' ' : c);
        value = slice_from(value, value.size == before);
    }
}

/* Read day and time, in one of the forms that are in use. Returns what is after
 * them, the zone; NULL if this is none of the forms. */
static const char *parse_time(const char *text, struct tm *tm)
{
    const char *day = text + strcspn(text, "0123456789"), *rest;

    rest = strptime(day, "%d %b %Y %H : %M", tm);
    if (!rest) /* as asctime(3) writes it */
        rest = strptime(text, " %a %b %d %H : %M : %S %Y", tm);
    if (!rest) /* as JavaScript does */
        rest = strptime(text, " %a %b %d %Y %H : %M", tm);
    if (rest && rest[strspn(rest, " ")] == ':')
        rest = strptime(rest, " : %S", tm);
    return rest;
}

/*
 * zone = ( "+" / "-" ) 4DIGIT, in minutes; some write +03:00, +3 or GMT+0300.
 * Of the names of RFC 5322 4.3 all but these are UTC, or say nothing that can
 * be relied on. False if it is none of these: then it could be any time.
 */
static bool parse_zone(const char *text, int *zone)
{
    static const char *const names[] = {"EDT", "EST", "CDT", "CST",
                                        "MDT", "MST", "PDT", "PST"};
    int hours = 0, minutes = 0, length = 0;
    char name[32] = "";
    size_t digits;

    sscanf(text, " %31[A-Za-z]%n", name, &length);
    text += length;
    if (isalnum((unsigned char)*text) || strcasecmp(name, "AM") == 0 ||
        strcasecmp(name, "PM") == 0)
        return false; /* half a day more or less */
    *zone = 0;
    for (int i = 0; i < 8; i++)
        if (strcasecmp(name, names[i]) == 0)
            *zone = -(4 + (i + 1) / 2) * 60;
    text += strspn(text, " ");
    if (*text != '+' && *text != '-')
        return *name || !*text;
    digits = strspn(text + 1, "0123456789");
    if (digits == 0 || digits == 3)
        return false;
    if (sscanf(text + 1, "%2d:%2d", &hours, &minutes) < 2)
        sscanf(text + 1, "%2d%2d", &hours, &minutes);
    *zone = (*text == '-' ? -1 : 1) * (hours * 60 + minutes);
    return *zone > -24 * 60 && *zone < 24 * 60;
}

/* Days from 1970-01-01. The year begins in March here, so that the leap day is
 * its last. */
static long long days(int year, int month, int day)
{
    long long years = year - (month < 3);

    return years * 365 + years / 4 - years / 100 + years / 400 +
           ((month + 9) % 12 * 306 + 5) / 10 + day - 719469;
}

void date_utc(struct slice value, struct text *out)
{
    char text[128] = "", utc[32];
    struct tm tm = {0};
    const char *rest;
    int year, month, zone;
    long long day;
    time_t time;

    simplify(value, text, sizeof(text));
    rest = parse_time(text, &tm);
    if (!rest || !parse_zone(rest, &zone))
        return;
    year = 1900 + tm.tm_year;
    if (year < 1000) /* RFC 5322 4.3: two digits, or three */
        year += year < 50 ? 2000 : 1900;
    month = tm.tm_mon + 1;
    day = days(year, month, tm.tm_mday);
    if (day >= days(year + month / 12, month % 12 + 1, 1) || tm.tm_sec > 60 ||
        year < 1900 || year > 9998)
        return;
    time = (time_t)(day * 24 * 3600 +
                    (tm.tm_hour * 60 + tm.tm_min - zone) * 60 + tm.tm_sec);
    strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", gmtime(&time));
    text_add(out, slice_of(utc));
}
