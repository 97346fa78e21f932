"""All processes below us: who they are, how to end them, and whether they take too much (class Watch)."""
import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

from limits import GRACE, MEMORY, PROCESSES, mb


def processes():
    """{pid: (parent, group, session, resident octets, is a zombie)} of all there are."""
    if not Path("/proc/self/stat").exists():
        return processes_by_ps()
    found, page = {}, resource.getpagesize()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, ValueError, IndexError), open("/proc/%s/stat" % name, "rb") as stat:
            words = stat.read().rpartition(b")")[2].split()
            parent, group, session = map(int, words[1:4])
            found[int(name)] = parent, group, session, int(words[21]) * page, words[0] in b"ZX"
    return found


def processes_by_ps():
    out = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,pgid=,sess=,rss=,stat="], stdout=subprocess.PIPE,
                         universal_newlines=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return {int(row[0]): (int(row[1]), int(row[2]), int(row[2]), int(row[4]) * 1024, row[5].startswith("Z"))
            for row in rows}


def has_only(child):
    """Is this our only child? Linux tells without a look at every process there is."""
    with contextlib.suppress(OSError), open("/proc/self/task/%d/children" % os.getpid()) as children:
        return children.read().split() == [str(child)]
    return False


def below(table, root):
    """The pids of all that descend from a process, itself left out."""
    children = {}
    for pid, row in table.items():
        children.setdefault(row[0], []).append(pid)
    found, wanted = [], [root]
    while wanted:
        new = children.get(wanted.pop(), [])
        found += new
        wanted += new
    return found


def adopt_orphans():
    """From here on a process below us whose parent ends becomes our child: none gets lost (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)         # PR_SET_CHILD_SUBREAPER


def kill_all(choose, awaited=()):
    """Kill what choose(table) returns, until it returns nothing: stopped first, it can't fork on."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        table = processes()
        pids = [pid for pid in choose(table) if not table[pid][4]]
        if not pids:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)
        reap(awaited)
        time.sleep(0.01)


def reap(spared=()):
    """Take note of children that have ended, but for those that somebody waits for."""
    for pid, row in processes().items():
        if row[0] == os.getpid() and row[4] and pid not in spared:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


# ---- watching

class Watch:
    """Looks at all processes below us every now and then, and ends those of a program that takes too much."""

    def __init__(self, place, spare=()):
        self.place, self.spare, self.next = place, set(spare), 0
        self.awaited = self.spare       # whose end somebody else asks for

    def its(self, table):
        return [pid for pid in below(table, os.getpid()) if pid not in self.spare]

    def look(self):
        """A sentence, or None."""
        if time.monotonic() < self.next:
            return None
        table = processes()
        its = [pid for pid in self.its(table) if not table[pid][4]]
        biggest = max([table[pid][3] for pid in its], default=0)
        self.next = time.monotonic() + 0.1
        said = None
        if len(its) > PROCESSES:
            said = ("It forked without end: it had more than %d processes, the runner's limit on processes, "
                    "and was ended." % PROCESSES)
        elif biggest > MEMORY:
            said = ("A process of it took more than %s of memory, the runner's limit on memory, "
                    "and was ended." % mb(MEMORY))
        if said:
            kill_all(self.its, self.awaited)
        reap(self.awaited)
        return said

    def left_behind(self, pytest):
        """Of a test that is over: what still runs, and belongs to no server that does. It is killed."""
        def lost(table):
            servers = {pid for pid, row in table.items() if row[0] == pytest}
            return [pid for pid in self.its(table) if not table[pid][4] and pid not in servers
                    and not servers & {table[pid][1], table[pid][2]}
                    and not any(pid in below(table, server) for server in servers)]

        deadline = time.monotonic() + GRACE
        while not has_only(pytest):
            table = processes()
            pids = lost(table)
            if not pids:
                return []
            if time.monotonic() > deadline:
                break
            reap(self.awaited)
            time.sleep(0.01)
        else:
            return []
        moved = any(table[pid][2] == pid or table[pid][1] == pid for pid in pids)
        kill_all(lost, self.awaited)
        return ["It left %s behind when it had ended%s; killed." % (
            "a process" if len(pids) == 1 else "%d processes" % len(pids),
            ", in a session of its own (setsid)" if moved else "")]
