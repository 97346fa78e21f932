/*
 * date.c - the Date field, RFC 5322 3.3 and 4.3.
 *
 *     Sun, 22 Nov 2026 09:22:36 +0300 (MSK)
 *
 * Comments may stand anywhere in it. Without them, scanf(3) can read it. A
 * number or a name counts only at a place where it can be what it says: "mar."
 * before a comma is a Tuesday in France. What fits no form is no date. Start
 * reading at date_format(), at the end. TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "date.h"
#include "header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DATE_TEXT_SIZE = 128 /* of a date without its comments */ };

struct date {
    int day, month, year, hour, minute, second;
    int zone; /* minutes east of UTC */
};

/* Three letters of the English name, or more of it; 0 if it is none. */
static int find_month(const char *name)
{
    static const char *const months[] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"};
    size_t length = strlen(name);

    for (int i = 0; length >= 3 && i < 12; i++)
        if (strncasecmp(name, months[i], length) == 0)
            return i + 1;
    return 0;
}

/* RFC 5322 4.3: all other names, the military letters among them, say nothing
 * that can be relied on, and count as UTC. */
static int zone_of_name(const char *name)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {
        {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
        {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
    };

    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
        if (strcasecmp(name, zones[i].name) == 0)
            return zones[i].hours * 60;
    return 0;
}

/* zone = ( "+" / "-" ) 4DIGIT; some write +03:00, +3 or GMT+0300. False if it
 * is none of all that: then the time could be any. */
static bool parse_zone(const char *text, int *zone)
{
    int hours = 0, minutes = 0, sign;
    size_t digits;
    char name[8] = "";

    if (sscanf(text, "%7[A-Za-z] ", name) == 1)
        text += strlen(name);
    text += strspn(text, " ");
    *zone = zone_of_name(name);
    if (strcasecmp(name, "AM") == 0 || strcasecmp(name, "PM") == 0)
        return false; /* half a day more or less */
    if (*text != '+' && *text != '-')
        return *name ? !isalnum((unsigned char)*text) : *text == '\0';
    sign = *text++ == '-' ? -1 : 1;
    digits = strspn(text, "0123456789");
    if (digits == 4)
        sscanf(text, "%2d%2d", &hours, &minutes);
    else if (digits == 1 || digits == 2)
        sscanf(text, "%2d :%2d", &hours, &minutes);
    else
        return false;
    *zone = sign * (hours * 60 + minutes);
    return true;
}

/* Read day and time, in one of the forms that are in use. Returns what is after
 * them, the zone; NULL if this is none of the forms. */
static const char *parse_time(const char *text, struct date *date,
                              char month[10])
{
    const char *day = text + strcspn(text, "0123456789");
    int end = 0, more = 0;

    if (sscanf(day, "%2d%*[-., ]%9[A-Za-z]%*[-., ]%5d%*[, ]%2d : %2d%n",
               &date->day, month, &date->year, &date->hour, &date->minute,
               &end) == 5)
        text = day;
    else if (sscanf(text, /* as asctime(3) writes it */
                    "%*9[A-Za-z]%*[., ]%9[A-Za-z] %2d %2d : %2d : %2d %5d%n",
                    month, &date->day, &date->hour, &date->minute,
                    &date->second, &date->year, &end) == 6)
        return text + end;
    else if (sscanf(text, /* as JavaScript does */
                    "%*9[A-Za-z]%*[., ]%9[A-Za-z] %2d %5d %2d : %2d%n", month,
                    &date->day, &date->year, &date->hour, &date->minute,
                    &end) != 5)
        return NULL;
    text += end;
    if (sscanf(text, " : %2d%n", &date->second, &more) != 1)
        date->second = more = 0;
    return text + more;
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
    long long first, next;

    if (date->month < 1 || date->year < 1900 || date->year > 9998)
        return false;
    first = days(date->year, date->month, 1);
    next = days(date->year + date->month / 12, date->month % 12 + 1, 1);
    return date->day >= 1 && date->day <= next - first && date->hour >= 0 &&
           date->hour <= 23 && date->minute >= 0 && date->minute <= 59 &&
           date->second >= 0 && date->second <= 60 && date->zone > -24 * 60 &&
           date->zone < 24 * 60;
}

/* Copy value into text[0..size), with one blank for each comment and fold. */
static void without_comments(struct slice value, char *text, size_t size)
{
    size_t used = 0;

    while (value.size > 0 && used + 1 < size) {
        size_t before = value.size;

        header_skip_cfws(&value, NULL);
        text[used++] = value.size < before ? ' ' : (char)value.data[0];
        if (value.size == before)
            value = slice_from(value, 1);
    }
    text[used] = '\0';
}

bool date_format(struct slice value, char out[DATE_SIZE])
{
    char text[DATE_TEXT_SIZE], month[10];
    struct date date;
    const char *zone;
    struct tm utc;
    time_t time;

    without_comments(value, text, sizeof(text));
    zone = parse_time(text + strspn(text, " "), &date, month);
    if (!zone || !parse_zone(zone + strspn(zone, " "), &date.zone))
        return false;
    date.month = find_month(month);
    if (date.year < 1000) /* RFC 5322 4.3: two digits, or three */
        date.year += date.year < 50 ? 2000 : 1900;
    if (!is_possible(&date))
        return false;
    time = (time_t)((days(date.year, date.month, date.day) * 24 + date.hour) *
                        3600 +
                    (date.minute - date.zone) * 60 + date.second);
    return strftime(out, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ",
                    gmtime_r(&time, &utc)) > 0;
}
