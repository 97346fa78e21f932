"""A station needs no station after it: the programs that a reader has on the way pass the tests up to there.

They are made out of our steps, by leaving out what the later stations of the step bring. And the table is true: what it
says of files and functions is there.
"""
import os
import re
import shutil
import subprocess
import sys

import pytest

import stations
from conftest import REPOSITORY, TESTS


def step_directory(number):
    return next(REPOSITORY.glob("step%02d-*" % number))


# ---- programs of a station, made of those of its step

class Program:
    """A copy of a step, out of which things are taken."""

    def __init__(self, step, directory):
        self.directory = directory / "program"
        shutil.copytree(str(step_directory(step)), str(self.directory))

    def take(self, name, step):
        """A file of another step."""
        shutil.copy(str(step_directory(step) / name), str(self.directory / name))

    def edit(self, name, *changes):
        """(what is there, what is there instead) of a file, once each; what is not there is a fault of this test."""
        path = self.directory / name
        text = path.read_text()
        for old, new in changes:
            assert old in text, "%s has changed: there is no\n%s" % (name, old)
            text = text.replace(old, new, 1)
        path.write_text(text)

    def function(self, file, name, body=None):
        """A function with another body, or without one: left out."""
        path = self.directory / file
        found = re.search(r"(?:^/\*(?:[^*]|\*(?!/))*\*/\n)?^[a-z][^;={}]*\b%s\([^;{}]*\)\s*\n\{\n.*?^\}\n" % name,
                          path.read_text(), re.M | re.S)
        assert found, "%s has changed: there is no function %s" % (file, name)
        head = found.group().split("\n{\n")[0] + "\n{\n"
        self.edit(file, (found.group(), head + body + "}\n" if body is not None else ""))

    def build(self):
        command = "cc -O1 -w -o ../smtpd *.c"
        done = subprocess.run(command, shell=True, cwd=str(self.directory), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        assert done.returncode == 0, done.stdout
        return self.directory.parent / "smtpd"


def without_processes(program):
    """1.3: one client after the other, and no word about how it ends."""
    program.edit("main.c", ("if (fd >= 0 && fork() == 0) {\n        close(listener);\n", "if (fd >= 0) {\n"),
                 ("        _exit(0); /* which closes the connection */\n", ""),
                 ("    signal(SIGTERM, end);\n    signal(SIGINT, end);\n    signal(SIGCHLD, SIG_IGN);", "    signal(SIGPIPE, SIG_IGN);"))
    program.function("main.c", "end")


def without_lines(program):
    """1.2: what one read gives goes back."""
    program.function("session.c", "session_run", "    ssize_t n;\n\n    while ((n = read(conn->fd, conn->in, sizeof(conn->in))) > 0)\n"
                     "        write(conn->fd, conn->in, (size_t)n);\n")
    program.edit("session.c", ('#include "session.h"\n', '#include "session.h"\n#include <unistd.h>\n'))


def without_strangers(program):
    """2.4: one address, no list of children, nobody is told of the end, faults are not counted."""
    program.take("main.c", 1)
    program.edit("main.c", ('.address = "127.0.0.1", .port', ".port"), ("getaddrinfo(config->address,", "getaddrinfo(address_of(config),"),
                 ("conn_init(&conn, fd, config->verbose);\n        session_run(&conn);\n",
                  "conn_init(&conn, fd, 0, config->verbose, &never);\n        session_run(&conn, config);\n        conn_close(&conn);\n"),
                 ("/* The socket for what", 'static const char *address_of(const struct config *config)\n{\n'
                  '    return *config->addresses ? *config->addresses : "127.0.0.1";\n}\n\nstatic volatile sig_atomic_t never;\n\n/* The socket for what'))
    for _ in range(2):
        program.edit("main.c", ("config->address,", "address_of(config),"))
    program.edit("session.c", ("        if (++session->faults == FAULTS_MAX)\n", "        if (false)\n"), ('strstr(argument, "HTTP/")', "false"),
                 ("(length > 0 && line[length - 1] == ':')", "false"))
    program.function("conn.c", "conn_refuse")


def without_pipelining(program):
    """2.3: each reply leaves alone, and the end is an end. (At once, or each EHLO would wait for a delayed ACK: 40 ms.)"""
    program.edit("session.c", ('    conn_printf(session->conn, "250-PIPELINING\\r\\n");\n', ""))
    program.edit("conn.c", ("    if (sizeof(conn->out) - conn->out_size <= LINE_SIZE)\n        conn_flush(conn);", "    conn_flush(conn);"))
    program.function("conn.c", "conn_close", "    close(conn->fd);\n")
    program.edit("conn.c", ('#include "conn.h"\n', '#include "conn.h"\n#include <netinet/in.h>\n#include <netinet/tcp.h>\n'),
                 ("    conn->fd = fd;\n", "    conn->fd = fd;\n    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));\n"))


def without_paths(program):
    """2.2: whatever stands between < and > is an address, and everybody has a mailbox here."""
    program.edit("path.c", ("bool path_parse(", "bool path_parse_later("))
    program.edit("session.c", ('#include "path.h"\n', '#include "path.h"\n#include <stdio.h>\n'),
                 ("static const char *command_mail(",
                  'bool path_parse(char **at, struct path *path)\n{\n    path->text[0] = path->domain[0] = 0;\n    path->local_part[0] = 0;\n'
                  '    return sscanf(*at, "<%2000[^>]>", path->text) == 1 && sscanf(path->text, "%*[^@]@%250s", path->domain) == 1 &&\n'
                  '           (*at = strchr(*at, \'>\') + 1);\n}\n\nstatic const char *command_mail('))
    program.function("session.c", "is_local", "    return true;\n")


def without_limits(program):
    """3.3: every message is taken as it is."""
    program.edit("session.c", ('    conn_printf(session->conn, "250-8BITMIME\\r\\n");\n', ""),
                 ('    conn_printf(session->conn, "250-SIZE %ld\\r\\n", session->config->size_max);\n', ""))
    text = (program.directory / "session.c").read_text()
    mail = text[text.index("    fault = path_parameters("):text.index("    memcpy(session->sender, path.text")]
    program.edit("session.c", (mail, '    if (*argument)\n        return "555 5.5.4 a parameter is not known here";\n'))
    program.function("session.c", "parse_size")
    program.function("path.c", "path_parameters")
    program.edit("receive.c", ("        if (!data->bare && data->size <= session->config->size_max)\n    ", ""))
    text = (program.directory / "receive.c").read_text()
    refusals = text[text.index("    if (data->size > session->config->size_max)\n        return"):text.index("    if (!maildir_commit(")]
    program.edit("receive.c", (refusals, ""), ("    session->faults = 0;\n", ""))
    program.function("receive.c", "count_received")


def without_files(program):
    """5.4: there is no -x."""
    program.edit("options.c", ('"l:p:t:vd:m:s:x:"', '"l:p:t:vd:m:s:"'))


def without_promises(program):
    """3.2: a file that appears under its name, for the first recipient, who need not have a mailbox."""
    program.function("maildir.c", "maildir_commit", "    char path[MAIL_PATH_SIZE];\n\n    fflush(delivery->file);\n"
                     "    make_path(path, delivery->mail, mailboxes[0], \"new\", delivery->name);\n"
                     "    return rename(delivery->tmp_path, path) == 0;\n")
    program.function("maildir.c", "maildir_find", "    snprintf(name, MAILBOX_MAX + 1, \"%s\", local_part);\n    return 0;\n")
    program.function("maildir.c", "maildir_prepare", "    return mkdir(mail, 0700) == 0 || errno == EEXIST ? 0 : errno;\n")
    program.function("maildir.c", "maildir_end", "    fclose(delivery->file);\n")
    for name in ("sync_directory", "complete", "look_for", "is_linked"):
        program.function("maildir.c", name)
    program.function("receive.c", "prepend_fields")
    program.edit("receive.c", ("    prepend_fields(session, &delivery);\n", ""))
    program.function("conn.c", "conn_set_peer")
    program.edit("main.c", ("    conn_set_peer(&conn, peer);\n", ""))
    program.function("session.c", "greet", "    session->stage = GREETED;\n    reset(session);\n    return true;\n")


STATIONS = {
    "1.1": [without_processes, without_lines],
    "1.2": [without_processes],
    "1.3": [],
    "2.1": [without_strangers, without_pipelining, without_paths],
    "2.2": [without_strangers, without_pipelining],
    "2.3": [without_strangers],
    "2.4": [],
    "3.1": [without_limits, without_promises],
    "3.2": [without_limits],
    "3.3": [],
    "5.3": [without_files],
}


def outcome_of(number, directory):
    """Build the program of a station and ask it what its step asks up to there. Returns (exit status, the failed tests, all of it)."""
    stage = stations.stage_of(number)
    program = Program(stage, directory)
    for change in STATIONS[number]:
        change(program)
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "-c", str(TESTS / "pytest.ini"), str(TESTS), "--step", str(stage),
               "--from-stage", str(stage), "--up-to", number, "--prog", str(program.build()), "--basetemp", str(directory / "tests")]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode, re.findall(r"^FAILED \S*?(test_\w+.py::.*?)(?: - .*)?$", done.stdout, re.M), done.stdout


def test_the_sections_of_the_text_have_the_titles_of_the_table():
    """Where the text has a section of that number"""
    headings = dict(re.findall(r"^###+ (\d\.\d+) (.*)$", (REPOSITORY / "TUTORIAL.md").read_text(encoding="utf-8"), re.M))
    for row in stations.STATIONS:
        assert headings.get(row.number, row.title) == row.title


def test_what_a_station_brings_is_there():
    """The files and functions that the table names, in the directory of the step; and each new file of a step is named"""
    for row in stations.STATIONS:
        directory = step_directory(stations.stage_of(row.number))
        for name, functions in row.brings.items():
            files = list(directory.glob(name))
            assert files, "%s: no file %s in %s" % (row.number, name, directory.name)
            text = "".join(path.read_text() for path in files)
            missing = [word for word in functions.split() if not re.search(r"\b%s\b" % re.escape(word), text)]
            assert not missing, "%s: %s has no %s" % (row.number, name, " ".join(missing))


@pytest.mark.parametrize("number", [number for number, changes in STATIONS.items() if changes])
def test_nothing_that_a_station_asks_needs_a_later_one(number, tmp_path):
    status, failed, output = outcome_of(number, tmp_path)
    assert not failed, "these need a later station than %s:\n%s\n%s" % (number, "\n".join(failed), output[-5000:])
    assert status == 0, output[-5000:]


FOLDERS = ["bytes", "hash", "cipher", "exchange", "signature", "certificate", "record", "schedule", "handshake"]


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """{folder of tls/: its object files}"""
    found = {}
    for name in FOLDERS:
        directory = tmp_path_factory.mktemp(name)
        sources = [str(path) for path in sorted((step_directory(6) / "tls" / name).glob("*.c"))]
        subprocess.run(["cc", "-c", "-fPIC"] + sources, cwd=str(directory), check=True)
        found[name] = [str(path) for path in sorted(directory.glob("*.o"))]
    return found


@pytest.mark.parametrize("number, last", [("6.2", "hash"), ("6.4", "cipher"), ("6.5", "exchange"), ("6.6", "signature"),
                                          ("6.7", "certificate"), ("6.8", "record"), ("6.9", "schedule")])
def test_the_folders_of_tls_so_far_pass_their_station(number, last, objects, tmp_path):
    """With a library of the folders up to there, as a reader has it who types them one by one"""
    library = tmp_path / "tls.so"
    parts = [path for name in FOLDERS[:FOLDERS.index(last) + 1] for path in objects[name]]
    subprocess.run(["cc", "-shared", "-o", str(library)] + parts, check=True)
    done = subprocess.run([sys.executable, str(TESTS / "run.py"), "6", "--station", number], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, env={**os.environ, "TLS_LIBRARY": str(library)})
    assert done.returncode == 0 and re.search(r"^[1-9]\d* passed, 0 failed$", done.stdout, re.M), done.stdout[-5000:]
