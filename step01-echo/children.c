/*
 * children.c - the processes that serve the clients.
 *
 * The parent keeps a list of them for three reasons: to limit how many there
 * are, to keep one client from taking all the places, and to be able to tell
 * them that it is over. TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "children.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>

struct network network_of(const struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
    struct network network = {{0}};

    if (address->ss_family == AF_INET6)
        memcpy(network.bytes, &ipv6->sin6_addr, NETWORK_SIZE);
    else
        memcpy(network.bytes, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
    return network;
}

bool children_have_room(const struct children *children,
                        const struct network *network)
{
    size_t same = 0;

    for (size_t i = 0; i < children->count; i++)
        if (memcmp(&children->list[i].network, network, NETWORK_SIZE) == 0)
            same++;
    return children->count < CLIENTS_MAX && same < CLIENTS_PER_NETWORK_MAX;
}

void children_add(struct children *children, pid_t pid,
                  const struct network *network)
{
    children->list[children->count++] = (struct child){pid, *network};
}

void children_reap(struct children *children)
{
    pid_t pid;

    while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
        size_t i = 0;
        while (i < children->count && children->list[i].pid != pid)
            i++;
        if (i < children->count) /* the last one takes the free place */
            children->list[i] = children->list[--children->count];
    }
}

/* A signal can reach a child just before it blocks in read(2), too early to
 * interrupt it and too late to be seen: so they are told again. SIGCHLD is
 * blocked but for the pause, so that it ends the pause and is not lost. */
void children_stop(struct children *children)
{
    sigset_t end_of_child, none;

    sigemptyset(&none);
    sigemptyset(&end_of_child);
    sigaddset(&end_of_child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &end_of_child, NULL);
    for (children_reap(children); children->count > 0;
         children_reap(children)) {
        struct timespec pause = {.tv_sec = 1};

        for (size_t i = 0; i < children->count; i++)
            kill(children->list[i].pid, SIGTERM);
        pselect(0, NULL, NULL, NULL, &pause, &none);
    }
}
