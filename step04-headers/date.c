/*
 * date.c - the Date field, RFC 5322 3.3 and 4.3.
 *
 *     Sun, 22 Nov 2026 09:22:36 +0300 (MSK)
 *
 * Comments may stand anywhere in it. Without them, scanf(3) can read it. A
 * number or a name counts only at a place where it can be what it says: "mar."
 * before a comma is a Tuesday in France. What fits no form is no date. Start
 * reading at date_utc(), at the end. TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "date.h"
#include "header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct date {
    int day, month, year, hour, minute, second;
    int zone; /* minutes east of UTC */
};

/* The place of a name in a list; size if it is none of them. Three letters of
 * one will do. */
static int find_name(const char *name, const char *const *list, int size)
{
    int i = 0;

    while (i < size &&
           (strlen(name) < 3 || strncasecmp(name, list[i], strlen(name)) != 0))
        i++;
    return i;
}

static int find_month(const char *name)
{
    static const char *const months[] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"};

    return find_name(name, months, 12) + 1;
}

/*
 * zone = ( "+" / "-" ) 4DIGIT; some write +03:00, +3 or GMT+0300. Of the names
 * of RFC 5322 4.3 all but these are UTC, or say nothing that can be relied on.
 * False if it is none of all that: then the time could be any.
 */
static bool find_zone(const char *text, int *zone)
{
    static const char *const names[] = {"EDT", "EST", "CDT", "CST",
                                        "MDT", "MST", "PDT", "PST"};
    int hours = 0, minutes = 0, place, digits;
    char name[32] = "";
    bool junk;

    sscanf(text, " %31[A-Za-z]", name);
    text += strspn(text, " ") + strlen(name);
    junk = isalnum((unsigned char)*text);
    text += strspn(text, " ");
    place = find_name(name, names, 8);
    *zone = place < 8 ? -(4 + (place + 1) / 2) * 60 : 0;
    if (strcasecmp(name, "AM") == 0 || strcasecmp(name, "PM") == 0)
        return false; /* half a day more or less */
    if (*text != '+' && *text != '-')
        return *name ? !junk : *text == '\0';
    digits = (int)strspn(text + 1, "0123456789");
    if (digits == 4)
        sscanf(text + 1, "%2d%2d", &hours, &minutes);
    else if (digits == 1 || digits == 2)
        sscanf(text + 1, "%2d :%2d", &hours, &minutes);
    else
        return false;
    *zone = (*text == '-' ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

/* Days from 1970-01-01. The year begins in March here, so that the leap day is
 * its last. */
static long long days(int year, int month, int day)
{
    long long years = year - (month < 3);

    return years * 365 + years / 4 - years / 100 + years / 400 +
           ((month + 9) % 12 * 306 + 5) / 10 + day - 719469;
}

static bool is_possible(const struct date *date)
{
    int month = date->month, year = date->year;

    return month <= 12 && year >= 1900 && year <= 9998 && date->day >= 1 &&
           date->day <= days(year + month / 12, month % 12 + 1, 1) -
                            days(year, month, 1) &&
           date->hour >= 0 && date->hour <= 23 && date->minute >= 0 &&
           date->minute <= 59 && date->second >= 0 && date->second <= 60 &&
           date->zone > -24 * 60 && date->zone < 24 * 60;
}

/* Read day and time, in one of the forms that are in use: that of the RFC, that
 * of asctime(3) and that of JavaScript. */
static bool parse(const char *text, struct date *date)
{
    const char *day = text + strcspn(text, "0123456789");
    char month[10];
    int end = 0, more = 0;

    if (sscanf(day, "%2d%*[-., ]%9[A-Za-z]%*[-., ]%5d%*[, ]%2d : %2d%n",
               &date->day, month, &date->year, &date->hour, &date->minute,
               &end) == 5)
        text = day;
    else if (sscanf(text,
                    "%*9[A-Za-z]%*[., ]%9[A-Za-z] %2d %2d : %2d : %2d %5d%n",
                    month, &date->day, &date->hour, &date->minute,
                    &date->second, &date->year, &end) != 6 &&
             sscanf(text, "%*9[A-Za-z]%*[., ]%9[A-Za-z] %2d %5d %2d : %2d%n",
                    month, &date->day, &date->year, &date->hour, &date->minute,
                    &end) != 5)
        return false;
    if (sscanf(text + end, " : %2d%n", &date->second, &more) == 1)
        end += more;
    date->month = find_month(month);
    if (date->year < 1000) /* RFC 5322 4.3: two digits, or three */
        date->year += date->year < 50 ? 2000 : 1900;
    return find_zone(text + end, &date->zone) && is_possible(date);
}

void date_utc(struct slice value, struct text *out)
{
    char text[128] = "", utc[32];
    struct date date = {0};
    time_t time;

    for (size_t i = 0; value.size > 0 && i < sizeof(text) - 1; i++) {
        size_t before = value.size;

        header_skip_cfws(&value, NULL);
        text[i] = ' '; /* for each comment and fold */
        if (value.size == before)
            text[i] = (char)value.data[0];
        value = slice_from(value, value.size == before);
    }
    if (!parse(text + strspn(text, " "), &date))
        return;
    time =
        (time_t)(days(date.year, date.month, date.day) * 24 * 3600 +
                 (date.hour * 60 + date.minute - date.zone) * 60 + date.second);
    strftime(utc, sizeof(utc), "%Y-%m-%dT%H:%M:%SZ", gmtime(&time));
    text_add(out, slice_of(utc));
}
