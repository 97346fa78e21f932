/*
 * date.c - the Date field, RFC 5322 3.3 and 4.3.
 *
 *     Sun, 22 Nov 2026 09:22:36 +0300 (MSK)
 *
 * Senders differ in order, in zones and in what they leave out. So this looks
 * at one token after the other and asks what it can be: a name, a number with
 * colons, a number with a sign, a plain number. TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "date.h"
#include "header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct date {
    long day, month, year, hour, minute, second;
    long zone; /* minutes east of UTC */
    bool has_time;
};

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* RFC 5322 4.3. All other names, the military letters among them, say nothing
 * that can be relied on, and count as UTC. */
static const struct zone {
    const char *name;
    int hours;
} zones[] = {
    {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
    {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
};

static void take_name(struct slice name, struct date *date)
{
    for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++)
        if (slice_starts_with(name, months[i]) && date->month < 0)
            date->month = (long)i + 1;
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
        if (slice_is(name, zones[i].name))
            date->zone = zones[i].hours * 60L;
}

/* Take at most max digits off *rest. Returns how many, and their value. */
static size_t take_digits(struct slice *rest, size_t max, long *value)
{
    size_t digits = 0;

    *value = 0;
    while (digits < max && digits < rest->size && isdigit(rest->data[digits]))
        *value = *value * 10 + (rest->data[digits++] - '0');
    *rest = slice_from(*rest, digits);
    return digits;
}

/* A ":" and the digits behind it, with the comments that 4.3 allows there. */
static bool take_colon(struct slice *rest, long *value)
{
    struct slice behind = *rest;

    header_skip_cfws(&behind, NULL);
    if (!slice_starts_with(behind, ":"))
        return false;
    *rest = slice_from(behind, 1);
    header_skip_cfws(rest, NULL);
    return take_digits(rest, 2, value) > 0;
}

/* time-of-day = hour ":" minute [ ":" second ]; the hour has been taken */
static bool take_time(struct slice *rest, long hour, struct date *date)
{
    if (date->has_time || !take_colon(rest, &date->minute))
        return false;
    date->hour = hour;
    date->has_time = true;
    take_colon(rest, &date->second);
    return true;
}

/* zone = ( "+" / "-" ) 4DIGIT; some write +03:00. Before the time a sign is no
 * zone, but a part of 22-Nov-2026. */
static void take_zone(struct slice *rest, struct date *date)
{
    long number, minutes, sign = rest->data[0] == '-' ? -1 : 1;
    size_t digits;

    *rest = slice_from(*rest, 1);
    if (!date->has_time)
        return;
    digits = take_digits(rest, 4, &number);
    if (digits == 4)
        date->zone = sign * (number / 100 * 60 + number % 100);
    else if (digits == 2 && take_colon(rest, &minutes))
        date->zone = sign * (number * 60 + minutes);
}

/* An hour, a day or a year. RFC 5322 4.3: a year of two digits, 00 to 49, is
 * one from 2000 to 2049; other short ones count from 1900. */
static void take_number(struct slice *rest, struct date *date)
{
    long number;
    size_t digits = take_digits(rest, 5, &number);

    if (take_time(rest, number, date))
        return;
    if (date->day < 0 && digits <= 2)
        date->day = number;
    else if (date->year < 0 && digits == 2 && number < 50)
        date->year = 2000 + number;
    else if (date->year < 0 && digits < 4)
        date->year = 1900 + number;
    else if (date->year < 0)
        date->year = number;
}

static struct slice take_letters(struct slice *rest)
{
    size_t length = 0;
    struct slice letters;

    while (length < rest->size && isalpha(rest->data[length]))
        length++;
    letters = slice_first(*rest, length);
    *rest = slice_from(*rest, length);
    return letters;
}

static void take_token(struct slice *rest, struct date *date)
{
    unsigned char c = rest->data[0];

    if (isalpha(c))
        take_name(take_letters(rest), date);
    else if (isdigit(c))
        take_number(rest, date);
    else if (c == '+' || c == '-')
        take_zone(rest, date);
    else
        *rest = slice_from(*rest, 1);
}

static bool is_leap(long year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static long days_in(long month, long year)
{
    static const long days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

static bool is_possible(const struct date *date)
{
    return date->year >= 1900 && date->year <= 9998 && date->month >= 1 &&
           date->day >= 1 && date->day <= days_in(date->month, date->year) &&
           date->hour <= 23 && date->minute <= 59 && date->second <= 60 &&
           date->zone > -24 * 60 && date->zone < 24 * 60;
}

/* Shift to UTC: by less than a day, so that one step over a border will do. */
static void to_utc(struct date *date)
{
    long minutes = date->hour * 60 + date->minute - date->zone;

    if (minutes < 0 && --date->day == 0) {
        if (--date->month == 0) {
            date->month = 12;
            date->year--;
        }
        date->day = days_in(date->month, date->year);
    }
    if (minutes >= 24 * 60 && ++date->day > days_in(date->month, date->year)) {
        date->day = 1;
        if (++date->month > 12) {
            date->month = 1;
            date->year++;
        }
    }
    minutes = (minutes + 24 * 60) % (24 * 60);
    date->hour = minutes / 60;
    date->minute = minutes % 60;
}

bool date_format(struct slice value, char out[DATE_SIZE])
{
    struct date date = {.day = -1, .month = -1, .year = -1};

    for (header_skip_cfws(&value, NULL); value.size > 0;
         header_skip_cfws(&value, NULL))
        take_token(&value, &date);
    if (!is_possible(&date))
        return false;
    to_utc(&date);
    snprintf(out, DATE_SIZE, "%04ld-%02ld-%02ldT%02ld:%02ld:%02ldZ", date.year,
             date.month, date.day, date.hour, date.minute, date.second);
    return true;
}
