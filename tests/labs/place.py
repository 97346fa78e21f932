"""Where a program is run: as whom, in which directory, and what it writes elsewhere. Start at class Place."""
import contextlib
import os
import pwd
import re
import resource
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from limits import (COMMON, COPIED, FILE_SIZE, FIRST_UID, LABS, LAST_UID, NOT_ITS, PREFIX, PROCESSES,
                    REPOSITORY, TESTS, Fault, mb)
from processes import adopt_orphans, below, kill_all, reap

sys.path.insert(0, str(TESTS))

import run          # noqa: E402


# ---- the user that the program runs as

def own_user():
    """A user id that nobody has and nothing runs as. 0 where we are not root: the program runs as we do."""
    if os.geteuid() != 0:
        return 0
    used = set()
    for name in filter(str.isdigit, os.listdir("/proc") if Path("/proc").exists() else []):
        with contextlib.suppress(OSError):
            used.add(Path("/proc", name).stat().st_uid)
    for uid in range(FIRST_UID + os.getpid() % (LAST_UID - FIRST_UID), LAST_UID + 1):
        with contextlib.suppress(KeyError):
            pwd.getpwuid(uid)
            continue
        if uid not in used:
            return uid
    raise Fault("No user id from %d to %d is free to run the program as." % (FIRST_UID, LAST_UID))


def become(uid):
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def can(uid, path, mode):
    """May that user do this with the file?"""
    if not uid:
        return os.access(str(path), mode)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            become(uid)
            os._exit(0 if os.access(str(path), mode) else 1)
        os._exit(2)
    return os.waitpid(pid, 0)[1] == 0


def tasks_of(uid):
    """How many threads a user has; many, where nobody tells."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc") if Path("/proc/self/task").exists() else []):
        with contextlib.suppress(OSError):
            if os.stat("/proc/" + name).st_uid == uid:
                count += len(os.listdir("/proc/%s/task" % name))
    return count or 10000


def limit(uid):
    """In the child, before it becomes anything else: what holds for all that comes after it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    most = PROCESSES + 200 + (0 if uid else tasks_of(os.geteuid()))     # the kernel counts all of a user's
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


# ---- the program

def words_of(program):
    """PROG as a list of words, paths made whole. A fault that can be seen without a start is said."""
    words = shlex.split(program or "")
    if not words:
        raise Fault("No program is named: PROG=path/to/program.")
    for number, word in enumerate(words):
        path = Path(word)
        looks_like_one = "/" in word or number == 0 or re.search(r"\.(py|rb|js|pl|sh|lua|php|jar)$", word)
        if path.exists():
            words[number] = str(path.absolute())
        elif number == 0 and "/" not in word and shutil.which(word):
            words[number] = shutil.which(word)
        elif looks_like_one and not word.startswith("-"):
            raise Fault("There is no %s." % word)
    if Path(words[0]).is_dir():
        raise Fault("%s is a directory, not a program." % program)
    if not os.access(words[0], os.X_OK):
        raise Fault("%s is not executable: chmod +x %s" % (shlex.split(program)[0], shlex.split(program)[0]))
    return words


def size_of(directory):
    return sum(path.lstat().st_size for path in directory.rglob("*") if not path.is_dir())


class Place:
    """Where a program is run: a directory of its own for all that it writes, the tests, and the program
    itself where the user that it runs as can read it. On leaving, nothing is left."""

    def __init__(self, program, hidden=None):
        self.program, self.hidden = program, hidden
        self.notes = []
        self.words = words_of(program)
        self.uid = own_user()
        self.files = None

    def __enter__(self):
        adopt_orphans()
        memory = COMMON[2]
        roomy = os.access(str(memory), os.W_OK) and shutil.disk_usage(str(memory)).free > 2 ** 30
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=str(memory) if roomy else None)).resolve()
        self.root.chmod(0o711)
        self.home, self.common, self.work = (self.make(name) for name in ("home", "common", "work"))
        try:
            self.tests = self.copy_of_tests() if self.uid or self.hidden else TESTS
            self.words = self.within_reach(self.words)
            self.outside = Outside(self)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        kill_all(lambda table: below(table, os.getpid()))
        reap()
        shutil.rmtree(str(self.root), ignore_errors=True)

    def make(self, name):
        path = self.root / name
        path.mkdir()
        if self.uid:
            os.chown(str(path), self.uid, self.uid)
        return path

    def copy_of_tests(self):
        """The tests where the user can read them; the hidden ones where only we can."""
        target = self.root / "suite" / "tests"
        shutil.copytree(str(TESTS), str(target), ignore=shutil.ignore_patterns(
            "__pycache__", "fuzz", "ct", "labs", "repository"))
        (target / "labs").mkdir()
        shutil.copy(str(LABS / "plugin.py"), str(target / "labs"))
        for path in [target.parent, *target.parent.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        if self.hidden:
            if not Path(self.hidden).is_dir():
                raise Fault("There is no directory %s of hidden tests." % self.hidden)
            shutil.copytree(str(self.hidden), str(target / "hidden"),
                            ignore=shutil.ignore_patterns("__pycache__"))
            (target / "hidden").chmod(0o700)
        return target

    def within_reach(self, words):
        """The words of the command with those files copied that the user can't read."""
        copied = {}
        for number, word in enumerate(words):
            path = Path(word)
            wanted = os.R_OK | os.X_OK if number == 0 else os.R_OK
            if not self.uid or not path.is_absolute() or can(self.uid, path, wanted):
                continue
            if number == 0 and len(words) > 1:
                words[0] = self.other_interpreter(path)
                continue
            if path.parent not in copied:
                copied[path.parent] = self.copy_folder(path, len(copied))
            words[number] = str(copied[path.parent] / path.name)
        return words

    def other_interpreter(self, path):
        """The user may not run this one: another of the same name, or it is said."""
        places = os.environ.get("PATH", "").split(os.pathsep) + ["/usr/local/bin", "/usr/bin"]
        names = ["%s/%s" % (place, path.name) for place in places]
        found = [name for name in names if os.access(name, os.X_OK) and can(self.uid, name, os.X_OK)]
        said = "%s can't be run by the unprivileged user that the program runs as" % path
        if not found:
            raise Fault("%s, and there is no other %s on the PATH." % (said, path.name))
        self.notes.append("%s; %s is used instead." % (said, found[0]))
        return found[0]

    def copy_folder(self, path, number):
        folder, target = path.parent, self.root / ("program%d" % number)
        if folder in (REPOSITORY, Path.home(), Path("/")) or size_of(folder) > COPIED:
            target.mkdir()
            shutil.copy(str(path), str(target))
            self.notes.append("Of the folder %s only %s was copied: it is too large (the runner's limit: %s)."
                              % (folder, path.name, mb(COPIED)))
        else:
            shutil.copytree(str(folder), str(target), symlinks=False, ignore_dangling_symlinks=True,
                            ignore=shutil.ignore_patterns(".git", "__pycache__"))
        for each in [target, *target.rglob("*")]:
            mode = each.stat().st_mode
            runs = each.is_dir() or mode & 0o100
            each.chmod(mode | (0o055 if runs else 0o044))
        return target

    def environment(self):
        return {**run.ENVIRONMENT, "HOME": str(self.home), "TMPDIR": str(self.common),
                "PYTHONDONTWRITEBYTECODE": "1"}

    def prepare_child(self):
        limit(self.uid)


# ---- what is written outside

class Outside:
    """What lies in the places where a program has no business. check() says what is new, and puts it away."""

    def __init__(self, place):
        self.place = place
        self.own_folders = {Path(word).parent for word in place.words if Path(word).is_absolute()}
        self.before = self.look()

    def look(self):
        found = {}
        for name, directory in (("HOME", self.place.home), ("the temporary directory", self.place.common)):
            for path in directory.iterdir():
                if not path.name.startswith("smtpd-"):      # those of the tests themselves
                    found[path] = name, None
        for directory in COMMON:
            self.look_into(directory, "the common temporary directory %s" % directory, found)
        for directory, folders, files in os.walk(str(REPOSITORY)):
            at = Path(directory)
            folders[:] = [name for name in folders if not NOT_ITS.match(name) and name != "__pycache__"
                          and (at, name) != (REPOSITORY, "build") and (at / name) not in self.own_folders]
            if at not in self.own_folders:
                self.look_into(at, "the repository", found)
        return found

    def look_into(self, directory, name, found):
        with contextlib.suppress(OSError), os.scandir(str(directory)) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    state = entry.stat(follow_symlinks=False)
                    ours = state.st_uid == (self.place.uid or os.geteuid())
                    if ours and not NOT_ITS.match(entry.name) and entry.name not in ("build", "__pycache__"):
                        is_directory = entry.is_dir(follow_symlinks=False)
                        found[Path(entry.path)] = name, None if is_directory else state.st_mtime_ns

    def check(self):
        """Sentences."""
        said = []
        now = self.look()
        for path, (name, changed) in sorted(now.items()):
            if path not in self.before and path.parent not in now:
                where = str(path).replace(str(self.place.home), "$HOME")
                where = where.replace(str(self.place.common), "$TMPDIR")
                said.append("It wrote outside its directory, into %s: %s%s"
                            % (name, where, self.put_away(path)))
            elif path in self.before and changed != self.before[path][1]:
                said.append("It wrote outside its directory, into %s: it changed %s." % (name, path))
                self.before[path] = name, changed
        return said

    def put_away(self, path):
        """What is the program's beyond doubt is removed. Else it might be somebody else's, and is moved."""
        if self.place.uid or self.place.root in path.parents:
            shutil.rmtree(str(path)) if path.is_dir() and not path.is_symlink() else path.unlink()
            return " (removed)."
        aside = Path(tempfile.mkdtemp(prefix=PREFIX + "moved-", dir=str(REPOSITORY / "build")
                                      if os.access(str(REPOSITORY / "build"), os.W_OK) else None))
        shutil.move(str(path), str(aside / path.name))
        return " (moved to %s)." % aside
