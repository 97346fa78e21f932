"""Stage 1: a server on a socket, one process per connection.

Each of these holds on the later steps too: wherever a line is asked and answered,
an echo will do as well as an SMTP reply.
"""
import os
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

from client import TIMEOUT, TIMEOUT_SCALE, Client
from server import StartError, children_of, environment, eventually
from test_promise import strace  # noqa: F401, a fixture

pytestmark = pytest.mark.stage(1)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def expect_answer(client, line="NOOP"):
    """One line goes, one comes back: the same (an echo), or 250 (SMTP)."""
    __tracebackhide__ = True
    came = client.ask(line)
    if came != line.encode() and not came.startswith(b"250 "):
        client.fail("an answer to " + line, came)


# ---- what it says when it starts

@pytest.mark.key
def test_a_line_for_each_socket_it_listens_on(start):
    """The first lines on standard output, before anything else is printed there"""
    server = start()
    assert server.listening[0][0] == "127.0.0.1"
    assert all(0 < port < 65536 for _, port in server.listening)
    lines = server.stdout_lines()
    count = sum(line.startswith("listening on ") for line in lines)
    assert count == len(server.listening) and all(line.startswith("listening on ") for line in lines[:count])


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_both_loopback_addresses_by_default(start):
    server = start()
    assert eventually(lambda: len(server.listening) == 2)
    assert sorted(address for address, _ in server.listening) == ["127.0.0.1", "::1"]
    expect_answer(server.connect(socket.AF_INET))
    expect_answer(server.connect(socket.AF_INET6))


@pytest.mark.parametrize("address", [
    "127.0.0.1",
    pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6"))])
def test_option_l_chooses_the_address(start, address):
    server = start("-l", address)
    assert [name for name, _ in server.listening] == [address]
    expect_answer(server.connect())


def test_option_p_chooses_the_port(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = start("-l", "127.0.0.1", "-p", port)
    assert server.listening == [("127.0.0.1", port)]
    expect_answer(server.connect())


def test_the_port_can_be_had_again_at_once(start):
    """The connections of a server that has just ended do not keep the next one from its port (SO_REUSEADDR)."""
    first = start("-l", "127.0.0.1")
    client = first.connect()
    expect_answer(client)
    first.send_signal(signal.SIGTERM)
    client.read_to_the_end()    # the server is the first to close: its end of the connection lingers in TIME_WAIT
    client.close()
    first.stop()
    second = start("-l", "127.0.0.1", "-p", first.port)
    expect_answer(second.connect())


def test_option_v_shows_the_conversation_on_stderr(start):
    server = start("-v")
    client = server.connect()
    expect_answer(client, "NOOP said-on-the-wire")
    client.close()
    server.stop()
    assert "said-on-the-wire" in server.stderr_text()
    assert not any("said-on-the-wire" in line for line in server.stdout_lines())


def test_what_is_shown_can_not_command_the_terminal(start):
    """An escape sequence from outside must not reach a terminal as it is."""
    server = start("-v")
    client = server.connect()
    client.ask("NOOP \x1b]0;owned\x07 \x9b31m")
    client.close()
    server.stop()
    text = server.stderr_text()
    assert "owned" in text
    assert all(c in "\n\t" or c.isprintable() for c in text)


# ---- what it says when it can't start

def expect_fault(result, status, *words):
    """One line that names the program and the thing at fault."""
    assert result.returncode == status, result
    assert result.stdout == ""
    if status == 1:
        assert result.stderr.count("\n") == 1 and result.stderr.endswith("\n"), result.stderr
    assert result.stderr.strip()
    for word in words:
        assert str(word) in result.stderr


def test_a_port_in_use(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expect_fault(run("-l", "127.0.0.1", "-p", port), 1, "127.0.0.1", port)


def test_an_address_that_is_not_ours(run):
    expect_fault(run("-l", "203.0.113.77", "-p", "0"), 1, "203.0.113.77")


@pytest.mark.parametrize("options", [
    ["-Z"], ["-p"], ["-p", "smtp2525"], ["-p", "70000"], ["-p", "-1"], ["-p", ""], ["-p", "0x19"],
    ["-p", " 25"], ["-p", "+25"],
    ["-t", "soon"], ["-t", "-5"], ["-p", "0", "one-word-too-many"]], ids=" ".join)
def test_wrong_usage(run, options):
    expect_fault(run(*options), 2)


# ---- lines

@pytest.mark.only_step(1)
@pytest.mark.parametrize("line", [b"", b" ", b"hello", b"a" * 2046, "Алиса".encode(), bytes(range(14, 256))],
                         ids=["empty", "blank", "word", "longest", "UTF-8", "bytes"])
def test_each_line_comes_back(client, line):
    client.send(line)
    assert client.read_line() == line


@pytest.mark.only_step(1)
def test_it_says_nothing_first(client):
    """The echo has no greeting: the first bytes that come are the first line that went."""
    client.send("hello")
    assert client.read_line() == b"hello"


@pytest.mark.only_step(1)
def test_lines_come_back_in_order(client):
    lines = [b"line %d" % number for number in range(1000)]
    client.send_raw(b"".join(line + b"\r\n" for line in lines))
    assert [client.read_line() for _ in lines] == lines


@pytest.mark.key
def test_a_line_is_whole_however_its_bytes_come(client):
    """TCP hands over bytes, not lines."""
    client.send_byte_by_byte(b"NOOP\r\n")
    assert client.read_line() in (b"NOOP", ) or client.log[-1][1].startswith(b"250 ")
    client.send_in_pieces(b"NO", b"OP\r", b"\nNOOP\r\nNO", b"OP\r\n")
    answers = [client.read_line() for _ in range(3)]
    assert len(set(answers)) == 1
    expect_answer(client)


def test_a_line_that_is_too_long_is_answered_once(client):
    """RFC 5321 4.5.3.1.4, 4.5.3.1.9: the next line is a line again."""
    for size in (10000, 65536, 300000):
        client.send_raw(b"NOOP " + b"a" * (size - 7) + b"\r\n")
        came = client.read_line()
        assert not came.startswith((b"NOOP", b"250"))
        expect_answer(client)
    client.send_in_pieces(b"a" * 9000, b"NOOP\r\n")      # its end is not a line of its own
    came = client.read_line()
    assert not came.startswith((b"NOOP", b"250"))
    expect_answer(client)


def test_one_answer_whatever_the_length(client):
    """Around the limit (here 2048 octets; RFC 5321 demands 512) a line is either taken or refused, never cut in two."""
    for size in (*range(508, 516), *range(1020, 1030), *range(2040, 2056), *range(4090, 4102)):
        client.send_raw(b"NOOP " + b"a" * (size - 7) + b"\r\nNOOP\r\n")
        client.read_line()
        came = client.read_line()
        assert came == b"NOOP" or came.startswith(b"250 ")


def test_a_bare_lf_does_not_end_a_line_silently(client):
    """RFC 5321 2.3.8: only CR LF ends a line; whoever types into a plain netcat is told how."""
    client.send_raw(b"NOOP\n")
    assert b"nc -C" in client.read_line()
    expect_answer(client)


@pytest.mark.plaintext
def test_bytes_after_the_last_line_are_not_a_line(server):
    """A client that goes away in the middle of a line did not send one."""
    client = server.connect()
    client.send_raw(b"NOOP\r\nNOO")
    client.sock.shutdown(socket.SHUT_WR)
    came = client.read_line()
    assert came == b"NOOP" or came.startswith(b"250 ")
    client.expect_closed()


# ---- many clients

def test_200_clients_at_once(server):
    clients = [server.connect() for _ in range(200)]
    for client in clients:
        client.send("NOOP")
    for client in reversed(clients):
        came = client.read_line()
        assert came == b"NOOP" or came.startswith(b"250 ")


def test_a_slow_client_holds_nobody_up(server):
    slow = server.connect()
    slow.send_raw(b"NO")
    for _ in range(20):
        fast = server.connect()
        expect_answer(fast)
        fast.close()
    slow.send_raw(b"OP\r\n")
    came = slow.read_line()
    assert came == b"NOOP" or came.startswith(b"250 ")


def test_a_client_that_does_not_read_holds_nobody_up(server):
    deaf = server.connect()
    deaf.sock.settimeout(0.2)
    try:
        while True:
            deaf.sock.sendall(b"NOOP and some more to fill what the kernel holds\r\n" * 1000)
    except socket.timeout:
        pass
    expect_answer(server.connect())


def test_clients_that_vanish(server):
    """A reset in the middle of a line, or before the answer is read, costs that connection and nothing else."""
    for last_words in (b"", b"NOO", b"NOOP\r\n" * 100):
        client = server.connect()
        client.send_raw(last_words)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    expect_answer(server.connect())


def connect_until_refused(server, most, source=None):
    """Clients that stay, and the one that was turned away (or None)."""
    clients = []
    while len(clients) < most:
        client = Client(socket.create_connection(server.listening[0], TIMEOUT, source_address=source))
        client.send("NOOP")
        line = client.read_line()
        if line.startswith(b"421"):
            client.expect_closed()
            return clients, client
        if line.startswith(b"220"):
            client.read_line()
        clients.append(client)
    return clients, None


def answers(server):
    clients, refused = connect_until_refused(server, 1)
    for client in clients:
        client.close()
    return not refused


@pytest.mark.plaintext
def test_one_address_can_not_have_it_all(start):
    """One client too many is told so at once; whoever comes from elsewhere is served, and so is who comes later."""
    server = start("-l", "127.0.0.1")
    clients, refused = connect_until_refused(server, 400)
    assert refused and len(clients) >= 200
    try:
        others, _ = connect_until_refused(server, 1, source=("127.0.0.2", 0))
        assert others
    except OSError:
        pass    # only Linux gives the whole of 127.0.0.0/8
    for client in clients:
        client.close()
    assert eventually(lambda: answers(server)), "the place of a client that left is not given to another"


@pytest.mark.plaintext
def test_more_clients_than_fit(start):
    """However many addresses they come from."""
    server = start("-l", "127.0.0.1")
    clients = []
    try:
        for last in range(2, 8):
            more, refused = connect_until_refused(server, 150, source=("127.0.0.%d" % last, 0))
            clients += more
            if refused:
                break
    except OSError:
        pytest.skip("only Linux gives the whole of 127.0.0.0/8")
    assert refused and len(clients) >= 200
    expect_answer(clients[0])


@pytest.mark.plaintext
def test_a_burst_of_connections_is_queued(server):
    """The backlog is at least 1024 (or what the machine allows): no SYN is lost while the program forks."""
    server.send_signal(signal.SIGSTOP)
    try:
        socks = []
        for _ in range(200):
            sock = socket.socket()
            sock.settimeout(0.5)
            socks.append(sock)
            sock.connect(server.listening[0])
    finally:
        server.send_signal(signal.SIGCONT)
    for sock in socks:
        client = Client(sock)
        client.send("NOOP")
        assert client.read_line().startswith((b"NOOP", b"220"))


@pytest.mark.plaintext
def test_nothing_is_left_of_a_client_that_left(server):
    """Children are reaped: no zombies, and no process per client that has gone."""
    for _ in range(20):
        client = server.connect()
        expect_answer(client)
        client.sock.shutdown(socket.SHUT_WR)
        client.expect_closed()
        client.close()
    assert eventually(lambda: not children_of(server.pid)), children_of(server.pid)


# ---- time

def test_a_client_that_says_nothing_is_sent_away(start):
    """RFC 5321 4.5.3.2.7: the time is option -t, and silence in the middle of a line is silence too."""
    server = start("-t", "1")
    waiting = []
    for words in (b"", b"NOO", b"NOOP\r"):
        client = server.connect()
        client.send_raw(words)
        waiting.append(client)
    for client in waiting:
        rest = client.read_to_the_end()
        assert rest == b"" or rest.endswith(b"\r\n") and rest.count(b"\r\n") == 1    # a last line may say why


# ---- the end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_clean_end(start, number):
    """No new clients, those who are there are told, and the exit status is 0."""
    server = start("-l", "127.0.0.1")
    idle, busy = server.connect(), server.connect()
    expect_answer(idle)
    busy.send_raw(b"NO")
    busy.wait_until_read()
    server.send_signal(number)
    for client in (idle, busy):
        rest = client.read_to_the_end()
        assert rest == b"" or rest.startswith(b"421 ")
        client.close()
    assert server.stop() == 0
    with pytest.raises(OSError):
        socket.create_connection(server.listening[0], TIMEOUT)


ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_clean_end_for_who_was_started_with_signals_blocked(start, number):
    """A signal mask is inherited through exec, and some launchers leave one behind"""
    server = start("-l", "127.0.0.1", preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ENDING))
    gone, there = server.connect(), server.connect()
    expect_answer(gone)
    expect_answer(there)
    gone.close()
    server.send_signal(number)
    rest = there.read_to_the_end()
    assert rest == b"" or rest.startswith(b"421 ")
    there.close()
    assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_clean_end_for_who_was_started_with_signals_ignored(start, number):
    """As a shell does for what runs in the background: SIG_IGN is inherited too"""
    server = start("-l", "127.0.0.1", preexec_fn=lambda: [signal.signal(n, signal.SIG_IGN) for n in (number, signal.SIGCHLD)])
    client = server.connect()
    expect_answer(client)
    server.send_signal(number)
    client.read_to_the_end()
    client.close()
    assert server.stop() == 0


def test_the_end_leaves_no_process(start):
    """Each client's connection is closed, so nobody is left who holds it."""
    server = start("-l", "127.0.0.1")
    clients = [server.connect() for _ in range(10)]
    for client in clients:
        expect_answer(client)
    server.send_signal(signal.SIGTERM)
    for client in clients:
        client.read_to_the_end()
        client.close()
    assert server.stop() == 0


def test_the_end_does_not_wait_for_a_client_that_does_not_read(start):
    server = start("-l", "127.0.0.1")
    deaf = server.connect()
    deaf.sock.settimeout(0.2)
    try:
        while True:
            deaf.sock.sendall(b"NOOP\r\n" * 10000)
    except socket.timeout:
        pass
    assert server.stop() == 0


def test_a_second_server_on_the_same_port(start):
    """SO_REUSEADDR must not let two programs share a port."""
    first = start("-l", "127.0.0.1")
    with pytest.raises(StartError):
        start("-l", "127.0.0.1", "-p", first.port)


def test_clients_in_parallel(server):
    """20 clients at a time, from 4 threads: each gets its own answers."""
    failures = []

    def talk(name):
        try:
            for number in range(5):
                clients = [server.connect() for _ in range(5)]
                for client in clients:
                    expect_answer(client, "NOOP %s-%d" % (name, number))
                for client in clients:
                    client.close()
        except AssertionError as error:
            failures.append(error)

    threads = [threading.Thread(target=talk, args=("thread%d" % number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


# ---- whoever started it

MANY = 1100     # more than FD_SETSIZE, the length of an fd_set


def open_many():
    """All descriptors up to MANY are in use when the program starts."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    fd = 0
    while fd < MANY:
        fd = os.dup(0)
        os.set_inheritable(fd, True)


@pytest.mark.skipif(0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < MANY + 500, reason="so many files can't be open here")
def test_more_than_1024_descriptors_are_open(start):
    """select(2) has no room for more; poll(2) has"""
    server = start("-l", "127.0.0.1", preexec_fn=open_many, close_fds=False)
    clients = [server.connect() for _ in range(5)]
    for client in clients:
        expect_answer(client)
        client.close()
    assert server.stop() == 0


@pytest.mark.plaintext
@pytest.mark.parametrize("closed", [(0,), (2,), (0, 2)], ids=str)
def test_started_without_standard_streams(start, closed):
    """`2>&-`: what is meant for a person must not go to whatever gets that number"""
    server = start("-v", "-l", "127.0.0.1", preexec_fn=lambda: [os.close(fd) for fd in closed])
    clients = [server.connect() for _ in range(3)]
    for client in clients:
        for number in range(5):
            expect_answer(client, "NOOP %d" % number)
        client.sock.shutdown(socket.SHUT_WR)
        client.expect_closed()


def start_without_stdout(program, options, directory):
    """A server that can't say where it listens: the port is chosen before. Returns the process and its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    process = subprocess.Popen([*program, "-l", "127.0.0.1", *map(str, options), "-p", str(address[1])], cwd=str(directory),
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(),
                               preexec_fn=lambda: os.close(1))

    def listens():
        try:
            socket.create_connection(address, TIMEOUT).close()
            return True
        except OSError:
            return process.poll() is not None
    assert eventually(listens)
    return process, address


def test_started_without_standard_output(program, step, tmp_path):
    """`>&-`: it serves, or it says that it can't and ends with 1"""
    options = ["-m", "mail"] if step >= 3 else []
    process, address = start_without_stdout(program, options, tmp_path)
    if process.poll() is None:
        client = Client(socket.create_connection(address, TIMEOUT))
        if step > 1:
            client.expect(220)
        expect_answer(client)
        client.close()
        process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT) in (0, 1)


@pytest.mark.plaintext
def test_a_fork_that_fails_is_told(strace):  # noqa: F811
    """The client is told to come again, the operator gets a line; later there is room again"""
    server, watcher = strace("-e", "trace=fork,vfork,clone,clone3", "-e", "inject=fork,vfork,clone,clone3:error=EAGAIN")
    clients, refused = connect_until_refused(server, 1)
    if refused:
        assert eventually(server.stderr_text), "expected: a line on stderr"
    watcher.end()
    assert eventually(lambda: answers(server))


def test_a_trace_that_nobody_reads(start):
    """`-v 2>&1 | less`: when the pipe is full, the conversation goes on without its trace"""
    read_end, write_end = os.pipe()
    try:
        server = start("-v", "-l", "127.0.0.1", stderr=write_end)
        began = time.monotonic()
        for _ in range(3):
            client = server.connect()
            for _ in range(40):
                client.send_raw((b"NOOP " + b"a" * 60 + b"\r\n") * 20)
                for _ in range(20):
                    client.read_line()
            client.sock.close()
        assert time.monotonic() - began < 8 * TIMEOUT_SCALE     # a second for each, and what a busy machine takes
        assert server.stop() == 0
    finally:
        os.close(read_end)
        os.close(write_end)
