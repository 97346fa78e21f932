/*
 * answer.c - the other side: send one message by SMTP (RFC 5321).
 *
 *     send HOST PORT FROM TO <message
 *
 * Exit status 0: the receiver has promised to keep it. 69: refused for good,
 * 75: perhaps later; these are EX_UNAVAILABLE and EX_TEMPFAIL of sysexits(3).
 * Start reading at main().
 */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REFUSED = 69, LATER = 75 };

/* A stream has one buffer for both directions, so there are two. */
static FILE *in, *out;

static void give_up(int status, const char *why)
{
    fprintf(stderr, "send: %s\n", why);
    exit(status);
}

/* Wait for a reply: a line, or several, of which all but the last have a
 * hyphen after the code (RFC 5321 4.2). Returns the code. */
static int read_reply(char line[1024])
{
    do {
        if (!fgets(line, 1024, in))
            give_up(LATER, "the connection is gone");
        line[strcspn(line, "\r\n")] = '\0';
    } while (strlen(line) > 3 && line[3] == '-');
    return atoi(line);
}

/* Send a line, unless format is NULL, and wait for a reply that begins with
 * this digit. Another one is the end, unless it may be refused. */
static int ask(int digit, bool may_be_refused, const char *format, ...)
{
    char line[1024];
    va_list list;
    int code;

    if (format) {
        va_start(list, format);
        vfprintf(out, format, list);
        va_end(list);
        fputs("\r\n", out);
        fflush(out);
    }
    code = read_reply(line);
    if (code / 100 != digit && !may_be_refused) {
        fputs("QUIT\r\n", out);
        fflush(out);
        give_up(code / 100 == 5 ? REFUSED : LATER, line);
    }
    return code;
}

/* RFC 5321 4.5.2: a line that begins with a dot gets another one. */
static void send_message(FILE *message)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    while ((length = getline(&line, &size, message)) > 0) {
        while (length > 0 && strchr("\r\n", line[length - 1]))
            length--;
        if (length > 0 && line[0] == '.')
            fputc('.', out);
        fwrite(line, 1, (size_t)length, out);
        fputs("\r\n", out);
    }
    free(line);
}

static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int fd = -1;

    if (getaddrinfo(host, port, &hints, &list) != 0)
        give_up(LATER, "no such host");
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    return fd;
}

int main(int argc, char **argv)
{
    int fd;

    if (argc != 5)
        give_up(64, "usage: send HOST PORT FROM TO <message");
    signal(SIGPIPE, SIG_IGN);
    fd = connect_to(argv[1], argv[2]);
    if (fd < 0 || !(in = fdopen(fd, "r")) || !(out = fdopen(dup(fd), "w")))
        give_up(LATER, "cannot connect");
    ask(2, false, NULL);
    if (ask(2, true, "EHLO localhost") / 100 != 2)
        ask(2, false, "HELO localhost");
    ask(2, false, "MAIL FROM:<%s>", argv[3]);
    ask(2, false, "RCPT TO:<%s>", argv[4]);
    ask(3, false, "DATA");
    send_message(stdin);
    ask(2, false, ".");
    fputs("QUIT\r\n", out); /* it is kept: nothing that comes now matters */
    fflush(out);
    return 0;
}
