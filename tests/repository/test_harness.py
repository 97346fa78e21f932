"""The suite itself: does it see faults, and say clearly what it saw?

A program that is wrong on purpose is put under test, and what pytest prints is read.
"""
import ast
import contextlib
import os
import random
import re
import shlex
import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import client as client_module
import run as runner
import server as server_module
import spec
import stations
from client import Client, ConversationError, dot_stuff, escape, unread_bytes
from conftest import TESTS, program_of_step
from server import ConnectError, Server, StartError, trace_and_content

# Says what it is told to say, line by line, to one client after the other.
PUPPET = '''
import os, signal, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
signal.signal(signal.SIGTERM, lambda *_: os._exit(EXIT))
print("listening on 127.0.0.1 port %d" % listener.getsockname()[1], flush=True)
while True:
    sock, _ = listener.accept()
    stream = sock.makefile("rwb")
    stream.write(b"220 puppet ESMTP\\r\\n")
    stream.flush()
    for line in stream:
        stream.write(SAYS)
        stream.flush()
'''


@pytest.fixture
def puppet(tmp_path):
    """puppet(says, status): a command whose every reply is the same, and which ends with that status."""
    def puppet(says=b"250 2.0.0 ok\r\n", status=0):
        program = tmp_path / "puppet.py"
        program.write_text(PUPPET.replace("SAYS", repr(says)).replace("EXIT", str(status)))
        return [sys.executable, str(program)]
    return puppet


@pytest.fixture
def peer():
    """A client, and the socket at the other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(socket.create_connection(listener.getsockname()))
        other, _ = listener.accept()
    with other:
        yield client, other


def run_python(*arguments, **environment):
    """Returns (exit status, all that was printed)."""
    done = subprocess.run([sys.executable, *map(str, arguments)], env={**os.environ, **environment},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return done.returncode, done.stdout


def run_pytest(tmp_path, text, command, *options, **environment):
    """Run tests of station 2.1, written as text, against a program. Returns (exit status, what was printed)."""
    sample = tmp_path / "test_02_sample.py"
    sample.write_text("import pytest\n# ======== 2.1\n" + text)
    return run_python("-m", "pytest", "-c", TESTS / "pytest.ini", "-p", "conftest", sample, "--step", 2, "--prog", " ".join(command),
                      "--basetemp", tmp_path / "base", *options, PYTHONPATH=str(TESTS), **environment)


# ---- inside TLS

def test_option_tls(tmp_path):
    """--tls: the session is a fresh one inside TLS, and what looks at the socket is left out."""
    status, output = run_pytest(tmp_path, """
import ssl

def test_inside(client, server):
    assert isinstance(client.sock, ssl.SSLSocket) and server.tls
    client.send("MAIL FROM:<alice@example.org>")
    client.expect(503)
    client.ehlo()
    client.quit()

@pytest.mark.plaintext
def test_the_socket(client):
    assert False

def test_a_start_that_fails(run):
    assert False
""", program_of_step(6), "--step", "6", "--tls")
    assert status == 0 and "1 passed, 2 deselected" in output, output


# ---- stations and levels

LEVELS = """
@pytest.mark.robust
def test_for_strangers():
    pass

# ======== 2.2 Paths
def test_path():
    pass

@pytest.mark.station("2.1")
def test_first():
    pass
"""


def names_in(output):
    return re.findall(r"::test_(\w+) PASSED", output)


def test_core_comes_first_in_the_order_of_the_stations(tmp_path, puppet):
    status, output = run_pytest(tmp_path, LEVELS, puppet(), "-v")
    assert (status, names_in(output)) == (0, ["first", "path", "for_strangers"]), output


@pytest.mark.parametrize("options, names", [
    (["--station", "2.1"], ["first", "for_strangers"]), (["--station", "2.2"], ["path"]), (["-m", "robust"], ["for_strangers"]),
    (["-m", "core"], ["first", "path"]), (["--stage", "1"], [])], ids=str)
def test_a_part_of_a_stage(tmp_path, puppet, options, names):
    assert names_in(run_pytest(tmp_path, LEVELS, puppet(), "-v", *options)[1]) == names


def test_a_test_without_a_station_is_refused(tmp_path, puppet):
    sample = tmp_path / "test_02_sample.py"
    sample.write_text("def test_nowhere():\n    pass\n")
    status, output = run_python("-m", "pytest", "-c", TESTS / "pytest.ini", "-p", "conftest", sample, "--step", 2, PYTHONPATH=str(TESTS))
    assert status not in (0, 5) and "test_nowhere" in output and "to which station it belongs" in output


def test_the_banners_have_the_titles_of_the_table():
    for path in TESTS.glob("test_*.py"):
        for _, number, title in stations.banners(path.read_text(encoding="utf-8")):
            assert title == stations.find(number).title, path.name


# Still too wide to be shown.
WIDE = {"test_06_certificate.py", "test_06_folders.py",
        "test_06_key_schedule.py", "test_06_primitives_curves.py", "test_06_primitives_symmetric.py"}


def test_what_a_class_sees_fits_a_projector():
    """110 columns"""
    wide = {"%s:%d" % (path.name, number) for path in [*TESTS.glob("*.py"), *(TESTS / "labs").glob("*.py")]
            if path.name not in WIDE
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > 110}
    assert wide == set()


def test_each_test_says_what_it_asks():
    """make spec prints the first line of each; it says in words what is demanded"""
    wordless = [name for _, _, line, name in spec.all_requirements() if not re.search(r"[a-z]{3,} .*[A-Za-z]{2,}", line)]
    assert wordless == []


def test_a_stage_is_specified_station_by_station():
    for stage in stations.STAGES:
        text = "\n".join(spec.spec(stage))
        for row in stations.STATIONS:
            assert ("\n%s %s\n" % (row.number, row.title) in text) == (stations.stage_of(row.number) == stage), row


def asked_in(path):
    """What a test file asks for in so many words: reply codes, statuses of a start that fails, options."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tables = {node.targets[0].id: node.value for node in tree.body
              if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    for call in ast.walk(tree):
        if isinstance(call, (ast.List, ast.Tuple)) and call.elts:       # the codes of a row
            numbers = [getattr(each, "value", None) for each in call.elts]
            if all(type(number) is int and 200 <= number < 556 for number in numbers):
                yield from map(str, numbers)
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        words = [tables.get(getattr(getattr(word, "value", word), "id", ""), word) for word in call.args]
        constants = [node.value for word in words for node in ast.walk(word) if isinstance(node, ast.Constant)]
        if name == "expect":
            yield from ("%d" % code for code in constants if type(code) is int and 200 <= code < 600)
        elif name == "expect_fault":
            yield from ("status %d" % word.value for word in call.args[1:2] if isinstance(word, ast.Constant))
        elif name in ("start", "run"):
            yield from (word for word in constants if re.match("-[a-zA-Z]$", str(word)))


@pytest.mark.parametrize("stage", [1, 2, 3, 4, 5])
def test_no_test_asks_for_what_the_page_does_not_name(stage):
    """Reply codes, exit statuses and options: they stand on the page of the stage, or on an earlier one"""
    page = "\n".join("\n".join(spec.spec(number)) for number in range(1, stage + 1))
    asked = {word for path in TESTS.glob("test_%02d_*.py" % stage) for word in asked_in(path)}
    assert asked or stage == 5
    missing = [word for word in sorted(asked)
               if not re.search(r"(?<![\w-])%s(?![\w-])" % word.replace("status ", "(status |wrong usage is )"), page)]
    assert missing == [], "make spec-%02d does not name these: %s" % (stage, " ".join(missing))


def test_each_station_asks_something_of_everybody():
    """Those of stage 6 that a program is not asked for from outside are tested in the repository"""
    core = {number for number, robust, _, _ in spec.all_requirements() if not robust}
    assert core >= {number for number in stations.NUMBERS if stations.stage_of(number) < 6}


# ---- bytes and replies

def test_bytes_are_shown_so_that_they_can_be_read():
    assert escape(b"a\r\n\0\x1b\xff\\") == "a\\r\\n\\x00\\x1b\\xff\\\\"
    assert escape(b"x" * 1000).endswith("(1000 bytes in all)")


def test_dots_are_doubled_as_smtplib_does():
    chance = random.Random(1)
    for _ in range(500):
        message = b"".join(chance.choice([b".", b"a", b"\r\n"]) for _ in range(chance.randrange(12)))
        assert dot_stuff(message) == smtplib._quote_periods(message)


def test_a_reply_of_several_lines(peer):
    client, other = peer
    other.sendall(b"250-mx.example\r\n250-SIZE 1000\r\n250 PIPELINING\r\n550 5.1.1 no\r\n")
    reply = client.expect(250)
    assert reply.keywords == {"SIZE": "1000", "PIPELINING": ""} and reply.enhanced == ""
    assert client.expect(550, enhanced="5.1.1").enhanced == "5.1.1"


@pytest.mark.parametrize("says", [
    b"550 5.1.1 no\r\n", b"25 ok\r\n", b"250ok\r\n", b"250-a\r\n251 b\r\n", b"250 ok\n", b"\r\n", b"250 2.0.0 ok", b"",
    b"250 2.1.5 not this one\r\n"])
def test_a_wrong_reply_is_a_failure(peer, says):
    client, other = peer
    client.send("NOOP")
    other.sendall(says)
    other.shutdown(socket.SHUT_WR)
    with pytest.raises(ConversationError):
        client.expect(250, enhanced="2.0.0")


def test_silence_is_a_failure(peer, monkeypatch):
    monkeypatch.setattr(client_module, "TIMEOUT", 0.05)
    client, other = peer
    client.sock.settimeout(0.05)
    other.sendall(b"250 unfin")
    with pytest.raises(ConversationError, match="nothing for 0.05 seconds, after an unfinished line: 250 unfin"):
        client.expect(250)


@pytest.mark.parametrize("replies, good", [
    ("214 2.0.0 help", True), ("211 help", True), ("250 help", True), ("502 not here", False)])
def test_help_may_be_answered_in_several_ways(peer, replies, good):
    client, other = peer
    other.sendall((replies + "\r\n").encode() * 2)
    with contextlib.nullcontext() if good else pytest.raises(ConversationError):
        client.expect_in_sync()


@pytest.mark.parametrize("code", ["214", "250"])
def test_a_reply_too_many_is_a_failure(peer, code):
    client, other = peer
    other.sendall(b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n" + b"%s 2.0.0 help\r\n" % code.encode() * 2)
    client.expect(250)
    with pytest.raises(ConversationError):
        client.expect_in_sync()


@pytest.mark.parametrize("announced, came, good", [
    (False, "", True), (False, "5.1.1 ", True), (False, "5.7.1 ", False), (True, "", False), (True, "5.1.1 ", True)])
def test_enhanced_codes_are_asked_of_those_who_announce_them(peer, announced, came, good):
    """RFC 2034 4"""
    client, other = peer
    other.sendall(b"250-mx.example\r\n250 %s\r\n" % (b"ENHANCEDSTATUSCODES" if announced else b"SIZE"))
    client.expect(250)
    other.sendall(b"550 %sno\r\n" % came.encode())
    with contextlib.nullcontext() if good else pytest.raises(ConversationError):
        client.expect(550, enhanced="5.1.1")


def test_words_after_the_end_are_a_failure(peer):
    client, other = peer
    other.sendall(b"250 2.0.0 ok\r\n")
    other.shutdown(socket.SHUT_WR)
    with pytest.raises(ConversationError):
        client.expect_closed()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells")
def test_what_the_other_end_has_not_read_is_known(peer):
    client, other = peer
    client.send_raw(b"hello")
    assert unread_bytes(client.sock.getpeername(), client.sock.getsockname()) == 5
    other.recv(5)
    assert unread_bytes(client.sock.getpeername(), client.sock.getsockname()) == 0
    client.wait_until_read()


def test_our_two_fields_and_the_rest():
    stored = b"Return-Path: <>\nReceived: a\n\tb\nX: y\n\nz\n"
    assert trace_and_content(stored) == (b"Return-Path: <>\n", b"Received: a\n\tb\n", b"X: y\n\nz\n")
    with pytest.raises(AssertionError):
        trace_and_content(b"X: y\n\nz\n")


def test_an_output_that_floods_is_cut():
    shown = server_module.excerpt(["x" * 1000] * 100000)
    assert len(shown) < 20000 and shown.startswith("(100000 lines, ")
    assert server_module.excerpt([]) == "nothing" and server_module.excerpt(["a"]) == "a"


def test_a_table_gives_credit_by_row(tmp_path, puppet):
    """In the results that pytest writes for other programs"""
    text = "import report\ndef test_sample():\n    report.compare([('a', 1, 1), ('b', 2, 3), ('c', 4, 4)])\n"
    output = run_pytest(tmp_path, text, puppet(), "--junitxml", tmp_path / "results.xml")[1]
    assert "1 of 3 differ" in output and '<property name="rows" value="2 of 3" />' in (tmp_path / "results.xml").read_text()


# ---- what a failure shows

CONVERSATION = '''
def test_sample(client):
    """RFC 5321 4.1.4"""
    client.send("RCPT TO:<you@localhost>")
    client.expect(503)
'''


def test_a_failure_shows_what_is_needed_to_understand_it(tmp_path, puppet):
    status, output = run_pytest(tmp_path, CONVERSATION, puppet(b"250 2.1.5 \xffine\r\n"))
    assert status == 1
    command = shlex.join(["python3", "tests/run.py", "2", "test_02_sample.py::test_sample", "--prog", " ".join(puppet())])
    assert "again: " + command in output
    for shown in ("1  S: 220 puppet ESMTP\\r\\n", "2  C: RCPT TO:<you@localhost>\\r\\n", "3  S: 250 2.1.5 \\xffine\\r\\n",
                  "expected: 503", "came:     250 2.1.5", "RFC 5321 4.1.4", "TUTORIAL.md, chapter 2, station 2.1", "client.expect(503)"):
        assert shown in output
    assert "client.py" not in output, "the inside of the helper is of no interest"


def test_a_failed_assert_says_in_words_what_was_expected(tmp_path, puppet):
    text = 'def test_sample(client):\n    """Two is three\n    (RFC 2)\n\n    more"""\n    assert len("ab") == 3\n'
    output = run_pytest(tmp_path, text, puppet())[1]
    assert re.search(r"E +AssertionError: expected: Two is three \(RFC 2\)\nE +came: +assert 2 == 3", output), output


def test_a_failed_assert_shows_the_conversation_too(tmp_path, puppet):
    status, output = run_pytest(tmp_path, "def test_sample(client):\n    client.ehlo()\n    assert 1 == 2\n", puppet())
    assert status == 1
    assert "2  C: EHLO client.example\\r\\n" in output


def test_a_program_that_is_not_there(tmp_path):
    status, output = run_pytest(tmp_path, CONVERSATION, ["/no/such/program"])
    assert status == 3
    assert "no such program: /no/such/program" in output


@pytest.mark.parametrize("program, words", [
    ("import sys; sys.exit('cannot listen')", ["cannot listen", "listening on ADDRESS port N"]),
    ("print('hello', flush=True)", ["hello"])])
def test_a_program_that_does_not_listen(tmp_path, program, words):
    with pytest.raises(StartError) as raised:
        Server([sys.executable, "-c", program], tmp_path, 2)
    assert all(word in str(raised.value) for word in words)


def test_a_program_that_ends_badly(tmp_path, puppet):
    """How it ends is a test of its own, not an error at the end of each other one."""
    text = "def test_sample(client):\n    client.ehlo()\ndef test_the_end(server):\n    assert server.stop() == 0\n"
    assert "1 failed, 1 passed" in run_pytest(tmp_path, text, puppet(status=7))[1]


def test_a_program_that_dies_on_the_way(tmp_path, puppet):
    """It counts once, as a failure of the test in which it died."""
    text = ("import os, signal, server as helper\ndef test_sample(server):\n    os.kill(server.pid, signal.SIGKILL)\n"
            "    assert helper.eventually(server.has_ended)\n")
    status, output = run_pytest(tmp_path, text, puppet())
    assert status == 1 and "ended with signal 9 (SIGKILL)" in output and "1 failed in" in output, output


@pytest.mark.parametrize("report", [
    "==1==ERROR: AddressSanitizer: heap-buffer-overflow", "main.c:1:2: runtime error: index 9 out of bounds"])
def test_what_a_sanitizer_says_fails_a_test(tmp_path, puppet, report):
    command = puppet()
    program = Path(command[1])
    program.write_text("import sys\nprint(%r, file=sys.stderr, flush=True)\n" % report + program.read_text())
    status, output = run_pytest(tmp_path, "def test_sample(client):\n    client.ehlo()\n", command)
    assert status == 1 and report in output


def test_a_program_that_does_not_let_anybody_in(tmp_path):
    server = Server([sys.executable, "-c", "import time\nprint('listening on 127.0.0.1 port 1', flush=True); time.sleep(60)"], tmp_path, 2)
    with pytest.raises(ConnectError, match="expected: a connection to 127.0.0.1 port 1\ncame:"):
        server.connect()
    server.kill()


def test_a_program_that_should_have_ended_by_itself(tmp_path, puppet):
    output = run_pytest(tmp_path, "def test_sample(run):\n    run('-Z')\n", puppet(), SMTPD_TEST_TIMEOUT_SCALE="0.05")[1]
    assert "expected: it says what is wrong and ends" in output and "came:     it runs on, for 0.5 seconds" in output


def test_lines_that_come_in_pieces(tmp_path):
    """Some programs write a line and its end separately; looking at what came so far must not tear it."""
    server = Server([sys.executable, "-c", "import os, time\nos.write(1, b'listening on 127.0.0.1 port 1\\nmess')\n"
                     "time.sleep(0.3); os.write(1, b'age one\\n'); time.sleep(60)"], tmp_path, 2)
    assert server.listening == [("127.0.0.1", 1)]
    assert server.stdout_lines()[1:] in ([], ["message one"])
    assert server.wait_for_report() == ["message one"]
    server.kill()


def test_nothing_is_left_running(tmp_path, puppet):
    server = Server(puppet(), tmp_path, 2)
    server.connect().ehlo()
    assert server.stop() == 0
    with pytest.raises(OSError):
        os.kill(server.pid, 0)


def test_the_end_is_asked_for_once(tmp_path):
    """A second signal may reach a program that is ending."""
    server = Server([sys.executable, "-c", "import os, signal, time; signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'told\\n'))\n"
                     "print('listening on 127.0.0.1 port 1', flush=True); time.sleep(0.5)\nos._exit(0)"], tmp_path, 2)
    server.send_signal(signal.SIGTERM)
    assert server.stop() == 0
    server.end()
    assert server.lines == ["listening on 127.0.0.1 port 1", "told"]


def test_where_waitid_is_missing(tmp_path, puppet, monkeypatch):
    """Python had it on macOS only from 3.13 on."""
    monkeypatch.delattr(os, "waitid", raising=False)
    server = Server(puppet(), tmp_path, 2)
    server.connect().ehlo()
    assert not server.has_ended() and server.stop() == 0 and server.has_ended()


# ---- a program that says nothing, or never comes to an end

SILENT = "def test_one(client):\n    client.ehlo()\n" + "".join(
    "def test_%s(client):\n    client.ehlo()\n" % word for word in ("two", "three", "four", "five"))


@pytest.mark.parametrize("program", [
    "time.sleep(60)", "sys.exit('no')", "import socket; s = socket.create_server(('127.0.0.1', 0))\n"
    "print('listening on 127.0.0.1 port %d' % s.getsockname()[1], flush=True); time.sleep(60)"], ids=["silent", "ends", "deaf"])
def test_a_program_that_says_nothing_is_given_up(tmp_path, program):
    script = tmp_path / "silent.py"
    script.write_text("import sys, time\n" + program)
    status, output = run_pytest(tmp_path, SILENT, [sys.executable, str(script)], SMTPD_TEST_TIMEOUT_SCALE="0.05")
    assert status != 0 and "never said a word" in output, output
    assert re.search(r"\b3 (failed|errors)", output) and not re.search(r"\b[45] (failed|errors)", output)


def test_a_program_that_starts_is_not_given_up(tmp_path, puppet):
    """Wherever else it fails."""
    text = SILENT + "".join("def test_%s(start):\n    start('-l', 'nowhere.invalid', wrapper=['false'])\n" % word
                            for word in ("six", "seven", "eight", "nine"))
    assert "4 failed, 5 passed" in run_pytest(tmp_path, text, puppet())[1]


def test_a_run_has_a_limit(tmp_path, puppet):
    text = "import time\n" + SILENT.replace("client.ehlo()", "time.sleep(0.2)")
    status, output = run_pytest(tmp_path, text, puppet(), "--limit", "0.5")
    assert status != 0 and "the rest was not run" in output and "5 passed" not in output, output


def test_a_program_that_does_not_want_to_end(tmp_path, puppet, monkeypatch):
    server = Server([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
                     "print('listening on 127.0.0.1 port 1', flush=True); time.sleep(60)"], tmp_path, 2)
    monkeypatch.setattr(server_module, "TIMEOUT", 0.1)
    with pytest.raises(AssertionError, match="did not end"):
        server.stop()
    assert server.process.returncode == -signal.SIGKILL


# ---- which tests run

def collected(*options):
    output = run_python("-m", "pytest", "-q", "--collect-only", "-c", TESTS / "pytest.ini", TESTS, *options)[1]
    return {line.split("::")[0].split("/")[-1] for line in output.splitlines() if "::" in line}, output


def test_stages_are_cumulative():
    assert collected("--step", "1")[0] == {"test_01_echo.py"}
    files, output = collected("--step", "3")
    assert {"test_01_echo.py", "test_02_commands.py", "test_03_data.py", "test_03_promise.py"} <= files
    assert not any("04" in name or "05" in name or "06" in name for name in files)
    assert "test_it_says_nothing_first" not in output and "test_data_is_the_next_layer" not in output
    files, output = collected("--step", "2", "--stage", "3", "--from-stage", "3")
    assert "test_03_data.py" in files and "test_02_commands.py" not in files
    assert "test_harness.py" in collected("--repository")[0]


# ---- the runner

def run_runner(*arguments):
    status, output = run_python(TESTS / "run.py", *arguments)
    return status, output.rstrip("\n").split("\n")


@pytest.mark.parametrize("test, status, line", [
    ("test_a_line_for_each_socket", 0, "1 passed, 0 failed"), ("test_a_line_is_whole", 1, "0 passed, 1 failed")])
def test_the_last_line_sums_up(puppet, test, status, line):
    """A puppet does listen, but it does not answer as it should."""
    came, lines = run_runner("1", "--prog", " ".join(puppet(b"220 fine\r\n")), "--", "-k", test)
    assert (came, lines[-1]) == (status, line), "\n".join(lines)


def test_a_run_without_tests_has_failed(puppet):
    came, lines = run_runner("1", "--prog", " ".join(puppet()), "--", "-k", "there_is_no_such_test")
    assert (came, lines[-1]) == (1, "0 passed, 0 failed")


@pytest.mark.parametrize("name, line", [
    ("test_02_commands.py::test_an_unknown_verb", None), ("test_01_echo.py::test_wrong_usage[-p +25]", "0 passed, 1 failed"),
    ("tests/test_01_echo.py::test_wrong_usage[-p  25]", "0 passed, 1 failed"), ("test_01_echo.py::test_wrong_usage[-p]", "0 passed, 1 failed"),
    ("test_01_echo.py::test_wrong_usage", "0 passed, 10 failed")])
def test_one_test_by_its_name(puppet, name, line):
    """With its row, whatever is in it; without the row all of them; or else it is said that there is none"""
    command = puppet()
    Path(command[1]).write_text("print('hello')")
    came, lines = run_runner("1", "--prog", " ".join(command), name)      # or before the options, as it is told
    if line:
        assert lines[-1] == line, lines
    else:
        assert came == 1 and "there is no such test here: " + name in "\n".join(lines)


def test_a_station_by_its_number(puppet):
    came, lines = run_runner("1", "--station", "9.9", "--prog", " ".join(puppet()))
    assert came == 1 and "there is no station 9.9" in "\n".join(lines)


def test_a_program_of_ones_own_needs_no_compiler():
    """make test-01 PROG=... compiles nothing"""
    lines = subprocess.run(["make", "--no-print-directory", "-n", "test-01", "PROG=mine", "--always-make"], cwd=str(TESTS.parent), stdout=subprocess.PIPE,
                           universal_newlines=True).stdout.splitlines()
    assert len(lines) == 1 and lines[0].endswith('tests/run.py 01 --prog "mine"'), lines


def test_a_run_without_a_program_has_failed():
    came, lines = run_runner("1", "--prog", "/no/such/program")
    assert came == 1 and "no such program: /no/such/program" in "\n".join(lines)
    assert lines[-1] == "0 passed, 1 failed"


def test_without_pytest_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(runner, "with_pytest", lambda: None)
    monkeypatch.setattr(runner, "install_into_venv", lambda: False)
    monkeypatch.setattr(runner, "install_with_package_manager", lambda: False)
    with pytest.raises(SystemExit, match="pytest"):
        runner.find_python()


def test_the_runner_is_old_python():
    """It must be able to say so where Python is old: Python 3.6 has to parse it."""
    import ast
    ast.parse((TESTS / "run.py").read_text(), feature_version=(3, 6))
    for name in TESTS.rglob("*.py"):
        ast.parse(name.read_text(), feature_version=(3, 8))
