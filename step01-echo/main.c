/*
 * main.c - a listening socket, and one child process per connection.
 *
 * The parent only listens. Each connection gets a child of its own, which runs
 * plain blocking code from top to bottom: a crash costs one connection, exit
 * gives all memory back, and nothing is shared. Start reading at main(), at the
 * end. TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "options.h"
#include "session.h"

#include <err.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 /* connections that may wait for accept(2) */ };

/* A socket that listens on one address, or -1 with errno set. */
static int listen_on(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    int one = 1;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The socket for what -l and -p say. A fault ends the program. */
static int open_listener(const struct config *config)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int fd, error = getaddrinfo(config->address, config->port, &hints, &found);

    if (error)
        errx(1, "cannot listen on %s: %s", config->address,
             gai_strerror(error));
    fd = listen_on(found);
    if (fd < 0)
        err(1, "cannot listen on %s port %s", config->address, config->port);
    freeaddrinfo(found);
    return fd;
}

/* Where a socket listens, in numbers. */
static void find_name(int listener, char host[64], char port[8])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    getsockname(listener, (struct sockaddr *)&address, &size);
    getnameinfo((struct sockaddr *)&address, size, host, 64, port, 8,
                NI_NUMERICHOST | NI_NUMERICSERV);
}

/* Say where clients may connect, now that they may. */
static void announce(int listener)
{
    char host[64], port[8];

    find_name(listener, host, port);
    printf("listening on %s port %s\n", host, port);
    fflush(stdout);
}

/* Give the next client a child process. The child's whole life is in here. */
static void accept_client(const struct config *config, int listener)
{
    struct conn conn;
    int fd = accept(listener, NULL, NULL);

    if (fd >= 0 && fork() == 0) {
        close(listener);
        conn_init(&conn, fd, config->verbose);
        session_run(&conn);
        _exit(0); /* which closes the connection */
    }
    close(fd); /* the child has it */
}

static void end(int number)
{
    (void)number;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct config config = {.address = "127.0.0.1", .port = "2525"};
    int listener;

    options_parse(&config, argc, argv);
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGCHLD, SIG_IGN); /* how a child ends does not matter to us */
    listener = open_listener(&config);
    announce(listener);
    for (;;)
        accept_client(&config, listener);
}
