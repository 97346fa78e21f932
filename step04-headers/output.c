/*
 * output.c - what the operator reads, on standard output and standard error.
 *
 * Whoever reads may stop: a pager waits for a key, and then the pipe to it is
 * full. No client may wait for that longer than a moment. O_NONBLOCK would be
 * no help: it would be set for all who share the pipe, programs that are not
 * ours among them. So a timer interrupts the write. Start reading at
 * output_write(). TUTORIAL.md, chapter 4.
 */
#define _POSIX_C_SOURCE 200809L
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { PATIENCE = 1000 /* milliseconds */, LOG_LINE_SIZE = 512 };

/* Set by a signal: the time is up. */
static volatile sig_atomic_t expired;

static void on_alarm(int number)
{
    (void)number;
    expired = 1;
}

/* Interrupt what blocks after so long, and again and again after that: the
 * first signal may come just before it blocks. 0: no more. */
static void set_timer(long milliseconds)
{
    struct timeval time = {milliseconds / 1000, milliseconds % 1000 * 1000};
    struct itimerval timer = {.it_interval = time, .it_value = time};
    struct sigaction action = {.sa_handler = on_alarm};

    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

/* How much to write next: whole lines, as many as a pipe takes all or none. */
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
    static bool waited; /* in vain, the last time */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    expired = 0;
    set_timer(waited ? 1 : PATIENCE);
    while (fcntl(fd, F_SETLKW, &lock) != 0 && errno == EINTR && !expired)
        ;
    while (size > 0 && !expired) {
        ssize_t n = write(fd, text, piece_size(text, size));
        if (n < 0 && errno != EINTR)
            break;
        text += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    set_timer(0);
    lock.l_type = F_UNLCK;
    fcntl(fd, F_SETLK, &lock);
    waited = size > 0;
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
