/*
 * main.c - listening sockets, and one child process per connection.
 *
 * The parent only listens. Each connection gets a child of its own, which runs
 * plain blocking code from top to bottom: a crash costs one connection, exit
 * gives all memory back, and nothing is shared. fork(2) copies what the parent
 * has mapped, so the parent stays small. Start reading at main(), at the end.
 * TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "children.h"
#include "conn.h"
#include "options.h"
#include "output.h"
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG = 1024, /* connections that may wait for accept(2) */
    LISTENERS_MAX = 16,
    WAIT = 1000, /* milliseconds */
};

struct server {
    struct pollfd listeners[LISTENERS_MAX];
    size_t listeners_count;
    long port; /* where -p says 0: the first one that was found free */
    struct children children;
};

/* Set by a signal: end, cleanly. Before clients are served, it just ends. */
static volatile sig_atomic_t stopping, serving;

/* ---- Listening sockets -------------------------------------------------- */

/* A socket that listens on one address, or -1 with errno set. It does not
 * block: a client may be gone again before accept(2). */
static int listen_on(const struct addrinfo *address)
{
    int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Where a socket listens, in figures. */
struct place {
    char host[64], port[8];
};

static struct place place_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);
    struct place place;

    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        getnameinfo((struct sockaddr *)&address, size, place.host,
                    sizeof(place.host), place.port, sizeof(place.port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        die("a listening socket has no name");
    return place;
}

/*
 * A fault that one of several addresses may have: ::1, on a host without IPv6,
 * or, by default, where only the IPv4 half of the port was free.
 */
static bool excusable(const struct config *config, int fault)
{
    return fault == EAFNOSUPPORT || fault == EADDRNOTAVAIL ||
           (fault == EADDRINUSE && config->port == 0 &&
            config->addresses.count == 0);
}

static void add_listener(struct server *server, int fd)
{
    if (server->listeners_count == LISTENERS_MAX)
        die("cannot listen on more than %d addresses", LISTENERS_MAX);
    server->listeners[server->listeners_count++] =
        (struct pollfd){.fd = fd, .events = POLLIN};
    server->port = strtol(place_of(fd).port, NULL, 10);
}

/*
 * Listen on each of these addresses. Returns 0, or what errno says of a fault
 * that nothing excuses: -l must lead to one listener at least.
 */
static int listen_on_all(struct server *server, const struct config *config,
                         const struct addrinfo *address)
{
    size_t before = server->listeners_count;
    int fault = 0;

    for (; address; address = address->ai_next) {
        int fd = listen_on(address);
        if (fd >= 0) {
            add_listener(server, fd);
            continue;
        }
        fault = errno;
        if (!excusable(config, fault))
            return fault;
    }
    if (config->addresses.count > 0 && server->listeners_count == before)
        return fault;
    return 0;
}

/* Listen on all addresses that name stands for. */
static void listen_on_name(struct server *server, const struct config *config,
                           const char *name)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char service[8];
    int error;

    snprintf(service, sizeof(service), "%ld", server->port);
    error = getaddrinfo(name, service, &hints, &found);
    if (error)
        die("cannot listen on %s port %s: %s", name, service,
            gai_strerror(error));
    error = listen_on_all(server, config, found);
    if (error)
        die("cannot listen on %s port %s: %s", name, service, strerror(error));
    freeaddrinfo(found);
}

static void open_listeners(struct server *server, const struct config *config)
{
    static const struct names loopback = {{"127.0.0.1", "::1"}, 2};
    const struct names *names =
        config->addresses.count > 0 ? &config->addresses : &loopback;

    server->port = config->port;
    for (size_t i = 0; i < names->count; i++)
        listen_on_name(server, config, names->name[i]);
    if (server->listeners_count == 0)
        die("cannot listen on any address");
}

/* Who reads this may connect, and may expect a clean end. */
static void announce(const struct server *server)
{
    serving = 1;
    for (size_t i = 0; i < server->listeners_count; i++) {
        struct place place = place_of(server->listeners[i].fd);
        printf("listening on %s port %s\n", place.host, place.port);
    }
    if (fflush(stdout) != 0)
        die("cannot write to standard output: %s", strerror(errno));
}

static void close_listeners(struct server *server)
{
    for (size_t i = 0; i < server->listeners_count; i++)
        close(server->listeners[i].fd);
}

/* ---- Connections -------------------------------------------------------- */

/* No room: say so and hang up, and let no client hold up the others. What it
 * has sent already is read: unread, it would make the close a reset. */
static void refuse(int fd)
{
    char unread[4096];

    fcntl(fd, F_SETFL, O_NONBLOCK);
    if (write(fd, session_busy, strlen(session_busy)) > 0)
        shutdown(fd, SHUT_WR);
    for (int i = 0; i < 16 && read(fd, unread, sizeof(unread)) > 0; i++)
        ;
    close(fd);
}

/* The life of a child. */
static void serve(struct server *server, const struct config *config, int fd)
{
    struct conn conn;

    close_listeners(server);
    conn_init(&conn, fd, config->timeout, config->verbose, &stopping);
    session_run(&conn, config);
    conn_close(&conn);
    _exit(EXIT_SUCCESS); /* exit(3) is for who has something to tidy up */
}

static void accept_client(struct server *server, const struct config *config,
                          int fd, const struct sockaddr_storage *address)
{
    struct network network = network_of(address);
    pid_t pid = -1;

    children_reap(&server->children);
    if (children_have_room(&server->children, &network)) {
        pid = fork();
        if (pid < 0)
            output_log("cannot fork: %s", strerror(errno));
    }
    if (pid == 0)
        serve(server, config, fd);
    if (pid < 0) {
        refuse(fd);
        return;
    }
    children_add(&server->children, pid, &network);
    close(fd);
}

/* Take all connections that wait on one listening socket. */
static void accept_clients(struct server *server, const struct config *config,
                           int listener)
{
    while (!stopping) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        int fd = accept(listener, (struct sockaddr *)&address, &size);

        if (fd >= 0) {
            accept_client(server, config, fd, &address);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            output_log("accept: %s", strerror(errno));
            poll(NULL, 0, 100); /* short of something: give it time */
            return;
        }
    }
}

/* A signal that comes just before the wait does not end it, but the wait is
 * short. */
static void run(struct server *server, const struct config *config)
{
    while (!stopping) {
        if (poll(server->listeners, server->listeners_count, WAIT) > 0)
            for (size_t i = 0; i < server->listeners_count; i++)
                if (server->listeners[i].revents)
                    accept_clients(server, config, server->listeners[i].fd);
        children_reap(&server->children);
    }
}

/* ---- The program -------------------------------------------------------- */

/* Descriptors 0 to 2 are open, whoever started this: or a socket or a mail
 * would get one of them, and what is meant for a person would go there. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

static void on_signal(int number)
{
    if (number == SIGCHLD) /* which has only to end the wait in run() */
        return;
    if (!serving) /* a start may wait for a file without end */
        _exit(EXIT_SUCCESS);
    stopping = 1;
}

/* None is blocked or ignored, whoever started this; but for SIGHUP, of which
 * nohup(1) wants just that. */
static void catch_signals(void)
{
    static const int caught[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, before;
    bool nohup =
        sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
        if (caught[i] != SIGHUP || !nohup)
            sigaction(caught[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error, no death */
    sigprocmask(SIG_SETMASK, &action.sa_mask, NULL);
}

int main(int argc, char **argv)
{
    struct config config = {
        .port = 2525,
        .timeout = 300, /* RFC 5321 4.5.3.2.7: at least five minutes */
    };
    struct server server = {.listeners_count = 0};

    open_standard_streams();
    options_parse(&config, argc, argv);
    catch_signals();
    open_listeners(&server, &config);
    announce(&server);
    run(&server, &config);
    close_listeners(&server);
    children_stop(&server.children);
    return EXIT_SUCCESS;
}
