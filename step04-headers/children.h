/* children.h - the processes that serve the clients. TUTORIAL.md, chapter 1. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

enum {
    CLIENTS_MAX = 512,             /* at once; RFC 5321 4.5.4.2 expects many */
    CLIENTS_PER_NETWORK_MAX = 256, /* so that no single one can fill them */
    NETWORK_SIZE = 8,
};

/*
 * What counts as one client when connections are counted: an IPv4 address, or
 * an IPv6 /64, which is what a provider gives to one customer.
 */
struct network {
    unsigned char bytes[NETWORK_SIZE];
};

struct child {
    pid_t pid;
    struct network network;
};

struct children {
    struct child list[CLIENTS_MAX];
    size_t count;
};

/* The network that address belongs to. */
struct network network_of(const struct sockaddr_storage *address);

/* True if there is room for one more client from this network. */
bool children_have_room(const struct children *children,
                        const struct network *network);

/* Remember a child. There must be room. */
void children_add(struct children *children, pid_t pid,
                  const struct network *network);

/* Forget the children that have ended. Never blocks. */
void children_reap(struct children *children);

/* Tell all children to finish, and wait until they have. Somebody must have
 * asked for SIGCHLD. */
void children_stop(struct children *children);

#endif
