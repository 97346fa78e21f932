/*
 * tls_server.c - the TLS of step 6 without a mail server around it, for tests.
 *
 *     tls_server number
 *
 * It listens on a free port of 127.0.0.1, forks for each connection, and echoes
 * what it reads. Its data begin with that sequence number: for the test of the
 * KeyUpdate that is due after millions of records. A certificate is made where
 * there is none.
 */
#define _POSIX_C_SOURCE 200809L

#include "certificate/credentials_make.h"
#include "handshake/tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t first_sequence;

static void fail(const char *what)
{
    fprintf(stderr, "tls_server: %s\n", what);
    exit(1);
}

static ssize_t socket_read(void *context, void *buffer, size_t size)
{
    return read(*(int *)context, buffer, size);
}

static bool socket_write(void *context, const void *buffer, size_t size)
{
    const char *bytes = buffer;

    while (size > 0) {
        ssize_t n = write(*(int *)context, bytes, size);

        if (n < 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Let the peer read what was sent last before the connection goes away. */
static void linger(int fd)
{
    char buffer[4096];

    shutdown(fd, SHUT_WR);
    while (read(fd, buffer, sizeof(buffer)) > 0)
        ;
    close(fd);
}

static void serve(int fd, const struct tls_config *config)
{
    struct tls_io io = {&fd, socket_read, socket_write};
    struct tls *tls = malloc(sizeof(*tls));
    struct timeval limit = {.tv_sec = 10};
    static char buffer[65536];
    int one = 1;
    ssize_t n;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (tls && tls_accept(tls, config, io)) {
        tls->records.writing.sequence += first_sequence;
        while ((n = tls_read(tls, buffer, sizeof(buffer))) > 0)
            if (!tls_write(tls, buffer, (size_t)n))
                break;
        tls_close(tls);
    }
    free(tls);
    linger(fd);
}

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        fail("cannot listen");
    printf("listening on 127.0.0.1 port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void get_credentials(struct credentials *credentials, const char *chain,
                            const char *key)
{
    static const char *const names[] = {"localhost"};
    char error[CREDENTIALS_LINE_SIZE];

    if (access(chain, F_OK) != 0 &&
        !credentials_make(chain, key, names, 1, error, sizeof(error)))
        fail(error);
    if (!credentials_load(credentials, chain, key, error, sizeof(error)))
        fail(error);
}

int main(int argc, char **argv)
{
    struct credentials credentials;
    struct tls_config config = {.credentials = &credentials, .keylog_fd = -1};
    int listener;

    if (argc != 2)
        fail("usage: tls_server number");
    first_sequence = strtoull(argv[1], NULL, 0);
    get_credentials(&credentials, "certificate.pem", "key.pem");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    listener = listen_anywhere();
    for (;;) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            continue;
        if (fork() == 0) {
            close(listener);
            serve(fd, &config);
            _exit(0);
        }
        close(fd);
    }
}
