/*
 * output.c - what the operator reads, on standard output and standard error.
 *
 * Whoever reads may stop: a pager waits for a key, and then the pipe to it is
 * full. No client may wait for that longer than a moment. O_NONBLOCK would be
 * no help: it would be set for all who share the pipe, programs that are not
 * ours among them. So this writes at once only what a pipe is sure to take if
 * poll(2) calls it writable. Start reading at output_write(). TUTORIAL.md,
 * chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TICK = 10 /* milliseconds */, TICKS_MAX = 100, LOG_LINE_SIZE = 512 };

/* What to write next: whole lines, but no more than a pipe takes in one go. */
static size_t piece_size(const char *text, size_t size)
{
    size_t piece = PIPE_BUF;

    if (size <= PIPE_BUF)
        return size;
    while (piece > 0 && text[piece - 1] != '\n')
        piece--;
    return piece > 0 ? piece : PIPE_BUF;
}

bool output_write(int fd, const char *text, size_t size)
{
    static int patience = TICKS_MAX;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int ticks = patience;

    while (fcntl(fd, F_SETLK, &lock) != 0 && ticks > 0 &&
           (errno == EACCES || errno == EAGAIN))
        ticks -= poll(NULL, 0, TICK) <= 0;
    while (size > 0 && ticks > 0) {
        ssize_t n = 0;
        if (poll(&ready, 1, TICK) <= 0)
            ticks--;
        else if ((n = write(fd, text, piece_size(text, size))) < 0)
            break;
        text += n;
        size -= (size_t)n;
    }
    lock.l_type = F_UNLCK;
    fcntl(fd, F_SETLK, &lock);
    patience = size > 0 ? TICKS_MAX / 10 : TICKS_MAX;
    return size == 0;
}

void output_log(const char *format, ...)
{
    char text[LOG_LINE_SIZE] = "smtpd: ";
    va_list arguments;
    size_t size;

    va_start(arguments, format);
    vsnprintf(text + 7, sizeof(text) - 8, format, arguments);
    va_end(arguments);
    size = strlen(text);
    text[size++] = '\n';
    output_write(STDERR_FILENO, text, size);
}
