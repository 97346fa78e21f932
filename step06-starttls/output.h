/* output.h - what the operator reads. See output.c. TUTORIAL.md, chapter 4. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write text of size octets to fd, which is standard output or standard error.
 * What other processes write with this does not get in between. Where nobody
 * reads, this waits for a second, and the next time for a tenth of it: then the
 * rest of the text is given up, at the end of a line. False if something was.
 */
bool output_write(int fd, const char *text, size_t size);

/* One line of the log, on standard error; format: without "smtpd: " and LF. */
void output_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
