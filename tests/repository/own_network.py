#!/usr/bin/env python3
"""Run a command with a network of its own, whose loopback is all there is, as an ordinary user. Linux.

    python3 tests/repository/own_network.py bash
    python3 tests/repository/own_network.py --no-ipv6 bash     a network that knows only IPv4
    python3 tests/repository/own_network.py --shared bash      with the machine's network, and as who you are

Every port is free in there, and those below 1024 are shut: even root is user 1000 in there, and not privileged. The
machine has another name, too, so that nobody relies on the real one. None of it needs privileges: namespaces(7). Some
systems forbid it; then the exit status is 1.

In each case the command becomes the parent of all its descendants that lose theirs, prctl(2): so they can be found.
"""
import ctypes
import fcntl
import os
import socket
import struct
import sys

CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNET = 0x04000000, 0x10000000, 0x40000000      # <linux/sched.h>
PR_SET_CHILD_SUBREAPER = 36                                                         # <linux/prctl.h>
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40                               # <linux/sockios.h>, <net/if.h>
ORDINARY = 1000
HOST_NAME = "reader-1.example.net"


LIBC = ctypes.CDLL(None, use_errno=True)


def enter(ipv6=True):
    user, group = os.getuid(), os.getgid()
    if LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, line in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (user or ORDINARY, user)),
                       ("gid_map", "%d %d 1" % (group or ORDINARY, group))):
        with open("/proc/self/" + name, "w") as file:
            file.write(line)
    if not ipv6:
        with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w") as file:
            file.write("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP | IFF_RUNNING))
    socket.sethostname(HOST_NAME)


def main(command):
    if hasattr(LIBC, "prctl"):
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if command[0] == "--shared":
        command = command[1:]
    elif command[0] == "--no-ipv6":
        command = command[1:]
        enter(ipv6=False)
    else:
        enter()
    os.execvp(command[0], command)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (OSError, AttributeError) as error:
        sys.exit("own_network.py: %s" % error)
