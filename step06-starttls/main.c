/*
 * main.c - listening sockets, and one child process per connection.
 *
 * The parent only listens. Each connection gets a child of its own, which runs
 * plain blocking code from top to bottom: a crash costs one connection, exit
 * gives all memory back, and nothing is shared. Start reading at main(), at the
 * end. TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "extract.h"
#include "maildir.h"
#include "options.h"
#include "output.h"
#include "privileges.h"
#include "session.h"
#include "starttls.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACKLOG = 1024, /* connections that may wait for accept(2) */
    LISTENERS_MAX = 16,
    CLIENTS_MAX = 512,             /* at once; RFC 5321 4.5.4.2 expects many */
    CLIENTS_PER_NETWORK_MAX = 256, /* so that no single one can fill them */
};

/* What the signal handlers reach; nothing else is shared with them. */
static volatile sig_atomic_t serving, stopping;
static struct pollfd listeners[LISTENERS_MAX];
static nfds_t listeners_count;

/* A process that serves a client, and where that client is. */
struct child {
    pid_t pid;
    unsigned long long network;
};

/* All that run at once; at the end each of them has to be told to stop. */
struct children {
    struct child list[CLIENTS_MAX];
    size_t count;
};

/* ---- Listening sockets -------------------------------------------------- */

/* A socket that listens on one address, or -1 with errno set. It does not
 * block: a client may be gone again before accept(2). */
static int listen_on(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM, 0);
    int one = 1;

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

/* Where a socket listens, in numbers. */
static void find_name(int listener, char host[64], char port[8])
{
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    getsockname(listener, (struct sockaddr *)&address, &size);
    getnameinfo((struct sockaddr *)&address, size, host, 64, port, 8,
                NI_NUMERICHOST | NI_NUMERICSERV);
}

/* Listen on all addresses that a name stands for. Those that fail are reported;
 * if all of them do, the program ends, unless the name is optional. If port is
 * "0", it becomes the one that was found free. */
static void listen_on_name(const char *name, char port[8], bool optional)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(name, port, &hints, &found);
    nfds_t before = listeners_count;
    char host[64];

    if (error)
        errx(1, "cannot listen on %s: %s", name, gai_strerror(error));
    for (struct addrinfo *at = found; at; at = at->ai_next) {
        int fd = listen_on(at);
        if (fd < 0) {
            warn("cannot listen on %s port %s", name, port);
            continue;
        }
        if (listeners_count == LISTENERS_MAX)
            errx(1, "cannot listen on more than %d addresses", LISTENERS_MAX);
        listeners[listeners_count++] = (struct pollfd){fd, POLLIN, 0};
        find_name(fd, host, port);
    }
    freeaddrinfo(found);
    if (listeners_count == before && !optional)
        _exit(1);
}

static void open_listeners(const struct config *config)
{
    char port[8];

    snprintf(port, sizeof(port), "%s", config->port);
    for (const char **name = config->addresses; *name; name++)
        listen_on_name(*name, port, false);
    if (listeners_count > 0)
        return;
    listen_on_name("127.0.0.1", port, false);
    listen_on_name("::1", port, true);
}

/* Say where clients may connect, now that they may. */
static void announce(void)
{
    char host[64], port[8];

    for (nfds_t i = 0; i < listeners_count; i++) {
        find_name(listeners[i].fd, host, port);
        printf("listening on %s port %s\n", host, port);
    }
    if (fflush(stdout) != 0)
        err(1, "cannot write to standard output");
}

static void close_listeners(void)
{
    for (nfds_t i = 0; i < listeners_count; i++)
        close(listeners[i].fd);
}

/* ---- Children ----------------------------------------------------------- */

/* What counts as one client: an IPv4 address, or an IPv6 /64, which is what a
 * provider gives to one customer. */
static unsigned long long network_of(const struct sockaddr_storage *peer)
{
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)peer;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)peer;
    unsigned long long network = ipv4->sin_addr.s_addr;

    if (peer->ss_family == AF_INET6)
        memcpy(&network, &ipv6->sin6_addr, sizeof(network));
    return network;
}

static bool has_room(const struct children *children,
                     unsigned long long network)
{
    size_t same = 0;

    for (size_t i = 0; i < children->count; i++)
        same += children->list[i].network == network;
    return children->count < CLIENTS_MAX && same < CLIENTS_PER_NETWORK_MAX;
}

/* Forget the children that have ended. */
static void reap(struct children *children)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
        for (size_t i = 0; i < children->count; i++)
            if (children->list[i].pid == pid) /* the last takes its place */
                children->list[i] = children->list[--children->count];
}

/* Tell all children to finish, and wait until they have. A signal can come just
 * before read(2) blocks, too early to interrupt it: so they are told again
 * after a second. */
static void stop(struct children *children)
{
    for (int waits = 0; children->count > 0; waits++) {
        for (size_t i = 0; i < children->count && waits % 50 == 0; i++)
            kill(children->list[i].pid, SIGTERM);
        poll(NULL, 0, 20);
        reap(children);
    }
}

/* ---- Connections -------------------------------------------------------- */

/* The life of a child. */
static void serve(const struct config *config, int fd,
                  const struct sockaddr_storage *peer)
{
    struct conn conn;

    close_listeners();
    listeners_count = 0; /* for on_signal(): these descriptors are free now */
    conn_init(&conn, fd, config->timeout, config->verbose, &stopping);
    conn_set_peer(&conn, peer);
    session_run(&conn, config);
    conn_close(&conn);
    _exit(0);
}

/* Give the next client a child process. */
static void accept_client(struct children *children,
                          const struct config *config, int listener)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(peer);
    int fd = accept(listener, (struct sockaddr *)&peer, &size);
    unsigned long long network = network_of(&peer);
    pid_t pid = -1;

    if (fd < 0) {
        poll(NULL, 0, 10); /* short of something, or the client is gone */
        return;
    }
    if (has_room(children, network) && (pid = fork()) < 0)
        output_log("fork: %s", strerror(errno));
    if (pid == 0)
        serve(config, fd, &peer);
    if (pid < 0) {
        conn_refuse(fd, "421 4.7.0 too many connections, come later\r\n");
        return;
    }
    children->list[children->count++] = (struct child){pid, network};
    close(fd); /* the child has it */
}

/* Serve, until a signal has closed the listening sockets. While there are
 * children, check once a second which of them have ended. */
static void run(struct children *children, const struct config *config)
{
    while (!stopping) {
        poll(listeners, listeners_count, children->count > 0 ? 1000 : -1);
        reap(children);
        for (nfds_t i = 0; i < listeners_count; i++)
            if (listeners[i].revents)
                accept_client(children, config, listeners[i].fd);
    }
}

/* ---- The program -------------------------------------------------------- */

/* Make sure that descriptors 0 to 2 are taken: otherwise a socket or a file
 * could get the number that the trace is written to. */
static void open_standard_streams(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

/* The end, in the parent and in a child. poll(2) returns at once if a socket is
 * closed, so it does not matter if the signal comes just before the call. */
static void on_signal(int number)
{
    (void)number;
    if (!serving) /* there are no children yet to be told */
        _exit(0);
    stopping = 1;
    close_listeners();
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */

    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (signal(SIGHUP, SIG_IGN) != SIG_IGN) /* nohup(1) */
        sigaction(SIGHUP, &action, NULL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error, not death */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow */
    sigprocmask(SIG_SETMASK, &action.sa_mask, NULL); /* none is blocked */
}

int main(int argc, char **argv)
{
    /* RFC 5321 4.5.3.2.7: a server waits for at least five minutes */
    static struct config config = {.port = "2525", .timeout = 300};
    struct children children = {.count = 0};

    config.mail = "mail";
    config.size_max = 50 * 1024 * 1024;
    open_standard_streams();
    options_parse(&config, argc, argv);
    catch_signals();
    open_listeners(&config);
    starttls_open(&config);
    privileges_drop(config.user);
    if ((errno = maildir_prepare(config.mail)) != 0)
        err(1, "cannot open the mail directory %s", config.mail);
    if (config.extract && (errno = extract_prepare(config.extract)) != 0)
        err(1, "cannot open the directory for parts %s", config.extract);
    announce();
    starttls_announce(&config);
    privileges_warn();
    serving = 1;
    run(&children, &config);
    stop(&children);
    starttls_close(&config);
    return 0;
}
