"""Run what TUTORIAL.md says: its console blocks, in a copy of the repository, and its SMTP conversations.

The blocks of a chapter run in order in one bash. Each chapter has a network of its own (a namespace, where the system
allows it), so that chapters can run side by side and all use port 2525, and in it an ordinary user, not root: port 25 is
shut to it as it is to a reader. Where the system does not allow it they run one after another. Start reading at
run_chapter().
"""
import contextlib
import fcntl
import functools
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import stations
from client import ConversationError
from server import Server, StartError, make_mailbox
from tutorial_text import PLACEHOLDERS, Fault, compare, to_pattern

TIMEOUT_SCALE = float(os.environ.get("SMTPD_TEST_TIMEOUT_SCALE", "1"))
COMMAND_SECONDS = 60 * TIMEOUT_SCALE
START_SECONDS = 20 * TIMEOUT_SCALE      # until a program has begun to say something, or has ended, on a busy machine
SILENT_SECONDS = 0.5 * TIMEOUT_SCALE    # what a program has that says nothing
PORT = 2525
OWN_NETWORK = [sys.executable, str(Path(__file__).with_name("own_network.py"))]     # before a command

# Programs that a reader may have to install. A block with one that is not there is skipped, unless CHECK_ALL is set.
TOOLS = {"nc", "swaks", "openssl", "curl", "tshark", "msmtp", "mutt", "gnutls-cli", "xxd", "strace", "hexdump", "telnet",
         "ss", "gdb", "valgrind", "perl", "clang", "hostname"}

# What an interactive bash says of its jobs; ours is not interactive and says nothing
JOB_LINE = re.compile(r"\[\d+\][+-]?\s+(\d+|<pid>|(Done|Terminated|Killed|Exit \d+|Running)\b.*)$")

# Reads commands from descriptor $1, each ended by a NUL. After each: its exit status, and the jobs that still run.
DRIVER = r"""
tutorial_status() { return $tutorial_last; }
tutorial_last=0
while IFS= read -r -d '' tutorial_command <&$1; do
    eval "tutorial_status; eval \"\$tutorial_command\" </dev/null $1<&-"
    tutorial_last=$?
    printf '\036%d %s\036' $tutorial_last "$(jobs -rp | tr '\n' ' ')"
done
kill $(jobs -p) 2>/dev/null
"""


# ---- a network of one's own

@functools.lru_cache(maxsize=None)
def has_own_network():
    return sys.platform == "linux" and subprocess.call(
        [*OWN_NETWORK, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


@contextlib.contextmanager
def network():
    """The words before a command that put it into a network of its own; or, without one, the machine's for us alone."""
    if has_own_network():
        yield OWN_NETWORK
        return
    with open(Path(tempfile.gettempdir()) / ("smtpd-tutorial-%d.lock" % os.getuid()), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        deadline = time.monotonic() + COMMAND_SECONDS
        while is_port_taken() and time.monotonic() < deadline:
            time.sleep(0.1)
        yield [*OWN_NETWORK, "--shared"]


def is_port_taken():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", PORT)) == 0


# ---- a copy of the repository

def copy_repository(root, target, up_to=None):
    """The steps, tests and Makefile with their times, and the programs, so that `make` has little to do. `up_to`: the last step
    that is built."""
    target = Path(target)
    target.mkdir(parents=True)
    wanted = [*root.glob("step[0-9][0-9]-*"), *root.glob("build/step[0-9][0-9]-*"),
              *(root / name for name in ("tests", "Makefile", "README.md", "TUTORIAL.md", "LICENSE"))]
    for path in filter(Path.exists, wanted):
        place = target / path.relative_to(root)
        place.parent.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, place, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        else:
            shutil.copy2(path, place)
    if (target / "Makefile").exists():
        goals = [] if up_to is None else ["build/" + path.name for path in root.glob("step[0-9][0-9]-*") if int(path.name[4:6]) <= up_to]
        done = subprocess.run(["make", "-s", "-j2", *goals], cwd=target, env=environment(target), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        assert done.returncode == 0, "make in a copy of the repository:\n" + done.stdout
    return target


def environment(directory):
    """What a reader has, not what this test run has. What make builds for one look is built without optimizing, which takes
    less time than it saves."""
    dropped = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "SMTPD_BUILD", "TUTORIAL", "PYTHONPATH",
               "PYTHONDONTWRITEBYTECODE", "SSLKEYLOGFILE", "PYTEST_CURRENT_TEST")
    kept = {name: value for name, value in os.environ.items() if name not in dropped and not name.startswith("LC_")}
    return {**kept, "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "TERM": "dumb", "COLUMNS": "80", "HOME": str(Path(directory).parent),
            "PYTHONPYCACHEPREFIX": str(Path(directory).parent / "pycache"), "CFLAGS": "-O0", "TZ": os.environ.get("TZ", "UTC")}


# ---- one bash

class Stuck(Exception):
    """A command did not end."""


class Shell:
    """A bash that is given one command after another. All that it starts ends with it."""

    def __init__(self, directory, prefix=()):
        commands, self.commands = os.pipe()
        self.output, output = os.pipe()
        self.process = subprocess.Popen(
            [*prefix, "bash", "--norc", "--noprofile", "-c", DRIVER, "bash", str(commands)], cwd=str(directory),
            env=environment(directory), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            pass_fds=(commands,))
        os.close(commands)
        os.close(output)
        self.buffer, self.jobs, self.seconds = b"", [], {}

    def run(self, command, seconds=None):
        """Run a command; returns (output, exit status)."""
        seconds = seconds or COMMAND_SECONDS
        os.write(self.commands, command.encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            found = re.search(rb"\x1e(\d+) ([\d ]*)\x1e", self.buffer)
            if found:
                break
            ready, _, _ = select.select([self.output], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self.output, 65536) if ready else b""
            if not data:
                came = self.buffer.decode("utf-8", "backslashreplace")
                raise Stuck(("it did not end within %g seconds" % seconds if not ready else "the shell ended") + "\n" + came)
            self.buffer += data
        output, self.buffer = self.buffer[:found.start()], self.buffer[found.end():]
        self.jobs = [int(word) for word in found.group(2).split()]
        return output.decode("utf-8", "backslashreplace").replace("\r\n", "\n"), int(found.group(1))

    def settle(self):
        """Wait until no job serves a connection any more: then it has printed all there is to print."""
        deadline = time.monotonic() + SILENT_SECONDS
        while any(children(pid) for pid in self.jobs) and time.monotonic() < deadline:
            time.sleep(0.005)

    def listening(self):
        """The ports in its network on which somebody listens (Linux: the state 0A in /proc/net/tcp)."""
        found = []
        for name in ("tcp", "tcp6"):
            with contextlib.suppress(OSError):
                lines = Path("/proc/%d/net/%s" % (self.process.pid, name)).read_text().splitlines()[1:]
                found += [line.split()[1] for line in lines if line.split()[3] == "0A"]
        return sorted(found)

    def close(self):
        """End bash and all that it has started. Its children are not reaped by anyone else: their numbers are theirs."""
        deadline = time.monotonic() + START_SECONDS
        while running(descendants(self.process.pid)) and time.monotonic() < deadline:
            for pid in running(descendants(self.process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.commands)
        os.close(self.output)


def children(pid):
    try:
        return [int(word) for word in Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]
    except OSError:
        return []


def descendants(pid):
    return [one for child in children(pid) for one in (*descendants(child), child)]


def running(pids):
    """Those that have not ended yet; of one that has, only the number is left until its parent asks for it."""
    states = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            states[pid] = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0]
    return [pid for pid, state in states.items() if state not in "ZX"]


# ---- a console block

class Command:
    def __init__(self, line, text):
        self.line, self.text, self.expected = line, text, []


def read_commands(block):
    """The commands of a console block with what they are to print, and the faults of its form."""
    commands, faults = [], []
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            commands.append(Command(number, line[2:]))
        elif not commands:
            faults.append(Fault(number, "a console block begins with a command", "$ command", line))
        elif (line.startswith("> ") or line == ">") and not commands[-1].expected and is_unfinished(commands[-1].text):
            commands[-1].text += "\n" + line[2:]
        else:
            commands[-1].expected.append((number, line))
    return commands, faults


def is_unfinished(command):
    """Would bash ask for more? After a backslash, within quotes, a here-document or a compound command."""
    done = subprocess.run(["bash", "-n", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    return command.endswith("\\") or bool(re.search(rb"unexpected E(OF|nd of file)|unexpected end of file|here-document", done.stderr))


def missing_tools(commands):
    words = {word for command in commands for word in re.findall(r"(?:^|[|;&(]|\$\(|\bsudo|\btime|\btimeout \S+)\s*([\w.-]+)", command.text, re.M)}
    return sorted(tool for tool in words & TOOLS if shutil.which(tool) is None)


STATION = re.compile(r"python3 tests/run\.py (\d) --station (\d\.\d+) \| tail -n 1")


def run_command(shell, command, directory, placeholders):
    """The faults of one command: what it printed is compared with what the text says it prints. In a run of all tests those
    of a station are asked there, and not here again."""
    shell.settle()
    station = STATION.fullmatch(command.text)
    if station and "SMTPD_ALL_TESTS" in os.environ and stations.stage_of(stations.find(station[2]).number) == int(station[1]):
        return []
    files, listening, jobs, start = output_files(command, directory), shell.listening(), set(shell.jobs), time.monotonic()
    output, _ = shell.run(command.text)
    shell.seconds[command.line] = time.monotonic() - start
    if set(shell.jobs) - jobs:
        wait_for_start(shell, files, listening)
    for job in re.findall(r"\bkill (?:-(?:TERM|INT|KILL|9) )?(%\??\w+|\$!)", command.text):
        shell.run("wait %s 2>/dev/null" % job)
    expected = [(number, line) for number, line in command.expected if not JOB_LINE.match(line)]
    while expected and not expected[-1][1].strip():
        expected.pop()
    came = output.split("\n")
    while came and not came[-1].strip():
        came.pop()
    fault = compare([line for _, line in expected], came, placeholders)
    if not fault:
        return []
    index, wanted, instead = fault
    unknown = sorted(set(re.findall(r"<[a-z]+>", wanted)) - set(placeholders))
    hint = " (no placeholder: %s)" % " ".join(unknown) if unknown else ""
    line = expected[index][0] if expected else command.line
    return [Fault(line, "`%s` printed something else%s" % (command.text.split("\n")[0], hint), wanted, instead)]


def output_files(command, directory):
    """{path: its state} of the files that a command's output goes to."""
    return states(Path(directory, name) for name in re.findall(r">\s*([\w./-]+)", command.text) if name != "/dev/null")


def states(paths):
    return {path: path.stat() if path.exists() else None for path in paths}


def wait_for_start(shell, before, listening):
    """A program in the background has started once it has written to the file that its output goes to. One that writes
    nothing has started when it listens, or has had some time."""
    start = time.monotonic()
    while time.monotonic() - start < (START_SECONDS if before else SILENT_SECONDS):
        listens = shell.listening() != listening
        if any(state and state.st_size and state != before[path] for path, state in states(before).items()) or (listens and not before):
            return
        time.sleep(0.02)
        shell.run("true")
        if not shell.jobs or (listens and time.monotonic() - start > SILENT_SECONDS):
            return


# ---- a chapter

def run_chapter(text, blocks, template, scratch):
    """Run the console blocks of a chapter. Returns (faults, reasons why blocks were skipped, {line: seconds})."""
    directory = Path(scratch)
    shutil.copytree(template, directory, symlinks=True)
    faults, skipped = [], []
    with network() as prefix, contextlib.closing(Shell(directory, prefix)) as shell:
        shell.run("true", START_SECONDS)        # the time that bash takes to start is no command's
        try:
            for block in blocks:
                if block.words[0] == "eml":
                    save_message(block, directory)
                elif block.words[:2] == ["c", "program"]:
                    save_program(block, directory)
                elif block.words[:2] == ["diff", "edit"]:
                    faults += edit(block, directory)
                else:
                    run_block(text, block, shell, directory, faults, skipped)
            if shell.jobs:
                last = [block.line for block in blocks if block.words[0] == "console"][-1]
                faults.append(Fault(last, "a program still runs at the end of the chapter", "$ kill %1", "%d running" % len(shell.jobs)))
        except Stuck as stuck:
            faults.append(stuck.args[1])
    return faults, skipped, shell.seconds


def save_message(block, directory):
    if len(block.words) > 1:
        (directory / Path(block.words[1]).name).write_text("\n".join(block.lines) + "\n", encoding="utf-8")


def save_program(block, directory):
    path = directory / block.words[2]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(block.lines) + "\n", encoding="utf-8")


def edit(block, directory):
    """Make a change to a file as a reader would: the old lines stand in it, one after the other, and only once."""
    path = directory / block.words[2]
    if not path.is_file():
        return [Fault(block.line, "an edit changes a file that is there", "", block.words[2])]
    lines, start = path.read_text(encoding="utf-8").split("\n"), 0
    pieces = [[]]
    for line in block.lines:
        if line.strip() == "...":
            pieces.append([])
        else:
            pieces[-1].append(line or " ")
    for piece in filter(None, pieces):
        old = [line[1:] for line in piece if line[0] in " -"]
        places = [place for place in range(start, len(lines) - len(old) + 1) if lines[place:place + len(old)] == old]
        if len(places) != 1 or not old:
            return [Fault(block.line, "the old lines of an edit stand in %s once" % block.words[2], "\n".join(old), "%d times" % len(places))]
        new = [line[1:] for line in piece if line[0] in " +"]
        lines[places[0]:places[0] + len(old)] = new
        start = places[0] + len(new)
    path.write_text("\n".join(lines), encoding="utf-8")
    return []


def run_block(text, block, shell, directory, faults, skipped):
    commands, wrong_form = read_commands(block)
    faults += wrong_form
    missing = missing_tools(commands)
    if missing and os.environ.get("CHECK_ALL"):
        faults.append(Fault(block.line, "not installed: " + " ".join(missing)))
    if missing:
        skipped.append("%s:%d: not installed: %s" % (text.name, block.line, " ".join(missing)))
        return
    for command in commands:
        try:
            found = run_command(shell, command, directory, PLACEHOLDERS)
        except Stuck as stuck:
            raise Stuck("", Fault(command.line, "`%s` is stuck" % command.text.split("\n")[0], "it ends", str(stuck))) from None
        if found and skipped:
            skipped.append("%s:%d: differs, perhaps as blocks before it were skipped" % (text.name, command.line))
        else:
            faults += found


# ---- an SMTP conversation

ESCAPE = re.compile(r"\\(r|n|t|\\|x[0-9a-fA-F]{2})")


def octets(line):
    """What a line `C: ...` sends: CR LF is added, unless it ends with an escape, as in the trace of -v."""
    if not re.search(r"\\(r|n|t|x[0-9a-fA-F]{2})$", line):
        return line.encode() + b"\r\n"
    simple = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
    return b"".join(
        simple.get(piece) or bytes.fromhex(piece[1:]) if odd else piece.encode()
        for odd, piece in ((at % 2, piece) for at, piece in enumerate(ESCAPE.split(line))))


@contextlib.contextmanager
def started(program, step, options):
    """A server in a fresh directory, with a mailbox for you."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, "server")
        place.mkdir()
        if step >= 3:
            make_mailbox(place / "mail", "you")
        server = Server([program, "-p", "0", *options], place, step)
        try:
            yield server
        finally:
            server.stop()


def run_conversation(text, block, program, step):
    """Start a server, hold a conversation with it as the block says. Returns faults."""
    try:
        with started(program, step, block.words[2:]) as server:
            return converse(text, block, server.connect(greeting=False))
    except StartError as error:
        return [Fault(block.line, "the program does not start", "", str(error))]


def converse(text, block, client):
    pending, number = b"", block.line
    try:
        for number, line in enumerate(block.lines, block.line + 1):
            if line.startswith("C: ") or line == "C:":
                pending += octets(line[3:])
            elif line.startswith("S: ") or line == "S:":
                if pending:
                    client.send_raw(pending)
                pending = b""
                came = client.read_line(line).decode("utf-8", "backslashreplace")
                if not to_pattern(line[3:], PLACEHOLDERS).fullmatch(came):
                    return [Fault(number, "the server said something else", line, "S: " + came)]
            else:
                return [Fault(number, "a line of a conversation begins with C: or S:", "", line)]
        if pending:
            client.send_raw(pending)
        return nothing_more(client, number)
    except ConversationError as error:
        return [Fault(number, "the conversation ended otherwise", "", str(error))]
    finally:
        client.close()


def nothing_more(client, number):
    """The server has said all that it says to this."""
    with contextlib.suppress(OSError):
        client.sock.shutdown(socket.SHUT_WR)
    rest = client.read_to_the_end()
    return [Fault(number, "the server said more", "nothing", rest.decode("utf-8", "backslashreplace"))] if rest else []


@functools.lru_cache(maxsize=None)
def handshake_bytes(program):
    """One handshake with a program that speaks STARTTLS, in hexadecimal: what was sent, what came, and all the messages
    as they are when nothing is encrypted."""
    from tls_client import TlsClient
    try:
        with started(program, 6, ("-c", "certificate.pem", "-k", "key.pem")) as server:
            client = TlsClient(*server.listening[0], starttls=True)
            client.sock = wire = Recorder(client.sock)
            client.handshake()
            client.write(b"NOOP\r\n")
            client.read_line()
            client.close()
    except (ConversationError, StartError):
        return ()       # its own tests say what is wrong
    return wire.sent.hex(), wire.received.hex(), client.transcript.hex()


class Recorder:
    """A socket that remembers what went through it."""

    def __init__(self, sock):
        self.sock, self.sent, self.received = sock, b"", b""

    def sendall(self, data):
        self.sent += data
        self.sock.sendall(data)

    def recv(self, size):
        data = self.sock.recv(size)
        self.received += data
        return data

    def __getattr__(self, name):
        return getattr(self.sock, name)
