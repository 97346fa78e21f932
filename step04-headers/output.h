/* output.h - what the operator reads. See output.c. TUTORIAL.md, chapter 4. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write text of size octets to fd, which is standard output or standard error.
 * What other processes write with this does not get in between. If nobody
 * reads, this waits a second, the next time a tenth of one, and then drops the
 * rest of the text, at the end of a line. False if it dropped something.
 */
bool output_write(int fd, const char *text, size_t size);

/* Log one line on standard error; "smtpd: " and the LF are added to it. */
void output_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
