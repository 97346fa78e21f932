"""Stage 1: a server on a socket, one process per connection.

Each of these holds on the later steps too: wherever a line is asked and answered,
an echo will do as well as an SMTP reply.
"""
import os
import resource
import signal
import socket
import threading

import pytest

from client import TIMEOUT
from server import Server, StartError, children_of, eventually, status_in_words


# ======== 1.1 Four calls and a read

def expect_answer(client, line="NOOP"):
    """One line goes, one comes back: the same (an echo), or 250 (SMTP)."""
    __tracebackhide__ = True
    came = client.ask(line)
    if came != line.encode() and not came.startswith(b"250 "):
        client.fail("%s as it was sent (an echo), or a reply 250 (SMTP)" % line, came)


# ---- what it says when it starts

@pytest.mark.key
def test_a_line_for_each_socket_it_listens_on(start):
    """The first thing on standard output is `listening on 127.0.0.1 port 2525`, a line for each socket"""
    server = start()
    assert all(0 < port < 65536 for _, port in server.listening)
    lines = server.stdout_lines()
    count = sum(line.startswith("listening on ") for line in lines)
    assert count == len(server.listening) and all(line.startswith("listening on ") for line in lines[:count])


def test_option_l_chooses_the_address(start):
    """-l chooses the address: what is printed is what was asked for, and a client can connect there"""
    server = start("-l", "127.0.0.1")
    assert [address for address, _ in server.listening] == ["127.0.0.1"]
    expect_answer(server.connect())


def test_option_p_chooses_the_port(start):
    """-p chooses the port, and 0 takes any that is free"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = start("-l", "127.0.0.1", "-p", port)
    assert server.listening == [("127.0.0.1", port)]
    expect_answer(server.connect())


def test_the_port_can_be_had_again_at_once(start):
    """The connections of a server that has just ended do not keep the next one from its port
    (SO_REUSEADDR)"""
    first = start("-l", "127.0.0.1")
    client = first.connect()
    expect_answer(client)
    first.kill()
    client.read_to_the_end()    # the server is the first to close: its end lingers in TIME_WAIT
    client.close()
    second = start("-l", "127.0.0.1", "-p", first.port)
    expect_answer(second.connect())


# ---- what it says when it can't start

def expect_fault(result, status, *words):
    """One line that names the program and the thing at fault."""
    came = "%s; standard output: %r; standard error: %r" % (
        status_in_words(result.returncode), result.stdout[-300:], result.stderr[-1000:])
    for right, expected in [
            (result.returncode == status, "exit status %d" % status),
            (not result.stdout, "nothing on standard output"),
            (result.stderr.strip(), "words on standard error"),
            (status != 1 or (result.stderr.count("\n") == 1 and result.stderr.endswith("\n")),
             "one line on standard error"),
            *((str(word) in result.stderr, "%s in the line on standard error" % word) for word in words)]:
        assert right, "expected: %s\ncame:     %s" % (expected, came)


@pytest.mark.robust
def test_a_port_in_use(run):
    """A port that is taken: exit status 1, and one line on standard error with the address and the port"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expect_fault(run("-l", "127.0.0.1", "-p", port), 1, "127.0.0.1", port)


@pytest.mark.robust
@pytest.mark.parametrize("address", ["203.0.113.77", "a" * 300], ids=["not ours", "not one"])
def test_an_address_that_is_not_ours(run, address):
    """An address that this machine does not have, or that is none: exit status 1, and one line on standard
    error that names it"""
    expect_fault(run("-l", address, "-p", "0"), 1, address)


@pytest.mark.robust
@pytest.mark.parametrize("options", [
    ["-Z"], ["-p"], ["-p", "smtp2525"], ["-p", "70000"], ["-p", "-1"], ["-p", ""], ["-p", "0x19"],
    ["-p", " 25"], ["-p", "+25"],
    ["-p", "0", "one-word-too-many"]], ids=" ".join)
def test_wrong_usage(run, options):
    """Wrong usage, such as an unknown option or a port that is no number, ends with status 2 and words on
    standard error"""
    expect_fault(run(*options), 2)


@pytest.mark.only_step(1)
def test_it_says_nothing_first(client):
    """The echo has no greeting: the first octets that come are the line that was sent"""
    client.send("hello")
    assert client.read_line() == b"hello"


@pytest.mark.robust
def test_the_default_port(program, step, tmp_path):
    """Without -p it listens on port 2525"""
    options = ["-m", "mail"] if step >= 3 else []
    try:
        server = Server([*program, "-l", "127.0.0.1", *options], tmp_path, step)
    except StartError:
        pytest.skip("another program has port 2525 here")
    try:
        assert server.listening == [("127.0.0.1", 2525)]
    finally:
        server.end()


@pytest.mark.robust
def test_a_second_server_on_the_same_port(start):
    """A second program can't listen on a port that has one already"""
    first = start("-l", "127.0.0.1")
    with pytest.raises(StartError):
        start("-l", "127.0.0.1", "-p", first.port)


# ======== 1.2 Lines

def test_option_v_shows_the_conversation_on_stderr(start):
    """-v shows the conversation on standard error, and nothing of it on standard output"""
    server = start("-v")
    client = server.connect()
    expect_answer(client, "NOOP said-on-the-wire")
    client.close()
    server.stop()
    assert "said-on-the-wire" in server.stderr_text()
    assert not any("said-on-the-wire" in line for line in server.stdout_lines())


@pytest.mark.robust
def test_what_is_shown_can_not_command_the_terminal(start):
    """With -v no control character that a client sends reaches the terminal as it is"""
    server = start("-v")
    client = server.connect()
    client.ask("NOOP \x1b]0;owned\x07 \x9b31m")
    client.close()
    server.stop()
    text = server.stderr_text()
    assert "owned" in text
    assert all(c in "\n\t" or c.isprintable() for c in text)


@pytest.mark.robust
def test_a_line_of_the_trace_is_one_write(start):
    """With -v a line is shown in one write: the processes of other clients write to the same terminal"""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)     # keeps writes apart
    with ours, theirs:
        ours.settimeout(TIMEOUT)
        expect_answer(start("-v", stderr=theirs).connect(), "NOOP all-in-one")
        writes = []
        while b"all-in-one" not in b"".join(writes):
            writes.append(ours.recv(65536))
    assert b"NOOP all-in-one" in writes[-1] and writes[-1].endswith(b"\n")


# ---- lines

@pytest.mark.only_step(1)
@pytest.mark.parametrize("line", [b"", b" ", b"hello", b"a" * 2046, "Алиса".encode(),
                                  b"\t" + bytes([*range(32, 127), *range(128, 256)])],
                         ids=["empty", "blank", "word", "longest", "UTF-8", "bytes"])
def test_each_line_comes_back(client, line):
    """Each line comes back as it went, up to 2046 octets and the CR LF, whatever they are, control characters
    aside"""
    client.send(line)
    assert client.read_line() == line


@pytest.mark.robust
@pytest.mark.only_step(1)
@pytest.mark.parametrize("octet", [b"\0", b"\1", b"\r", b"\x1b", b"\x7f"], ids=lambda octet: octet.hex())
def test_a_control_character_has_no_place_in_a_line(client, octet):
    """A line with a control character other than TAB is refused with one answer, and the next line is a line
    again"""
    client.send(b"NO" + octet + b"OP")
    assert b"NO" + octet not in client.read_line()
    expect_answer(client)


@pytest.mark.only_step(1)
def test_lines_come_back_in_order(client):
    """A thousand lines in one go come back in their order"""
    lines = [b"line %d" % number for number in range(1000)]
    client.send_raw(b"".join(line + b"\r\n" for line in lines))
    assert [client.read_line() for _ in lines] == lines


@pytest.mark.key
def test_a_line_is_whole_however_its_bytes_come(client):
    """A line is answered once and whole, whether it comes octet by octet or three lines come in four
    pieces"""
    client.send_byte_by_byte(b"NOOP\r\n")
    assert client.read_line() in (b"NOOP", ) or client.log[-1][1].startswith(b"250 ")
    client.send_in_pieces(b"NO", b"OP\r", b"\nNOOP\r\nNO", b"OP\r\n")
    answers = [client.read_line() for _ in range(3)]
    assert len(set(answers)) == 1
    expect_answer(client)


@pytest.mark.robust
def test_a_line_that_is_too_long_is_answered_once(client):
    """A line over the limit is refused with one answer, and the next line is a line again (RFC 5321
    4.5.3.1.9)"""
    for size in (10000, 65536, 300000):
        client.send_raw(b"NOOP " + b"a" * (size - 7) + b"\r\n")
        came = client.read_line()
        assert not came.startswith((b"NOOP", b"250"))
        expect_answer(client)
    client.send_in_pieces(b"a" * 9000, b"NOOP\r\n")      # its end is not a line of its own
    came = client.read_line()
    assert not came.startswith((b"NOOP", b"250"))
    expect_answer(client)


@pytest.mark.robust
def test_one_answer_whatever_the_length(client):
    """Near 512, 1024, 2048 and 4096 octets, where programs have their limit, a line is taken or refused, and
    never cut in two (RFC 5321 4.5.3.1.4)"""
    for size in (*range(508, 516), *range(1020, 1030), *range(2040, 2056), *range(4090, 4102)):
        client.send_raw(b"NOOP " + b"a" * (size - 7) + b"\r\nNOOP\r\n")
        client.read_line()
        came = client.read_line()
        assert came == b"NOOP" or came.startswith(b"250 ")


def test_a_bare_lf_does_not_end_a_line_silently(client):
    """Only CR LF ends a line; one that ends in LF alone is answered with a hint (RFC 5321 2.3.8)"""
    client.send_raw(b"NOOP\n")
    came = client.read_line()
    assert not came.startswith((b"NOOP", b"250"))
    expect_answer(client)


@pytest.mark.plaintext
def test_bytes_after_the_last_line_are_not_a_line(server):
    """What a client leaves unfinished when it goes was no line and is not answered"""
    client = server.connect()
    client.send_raw(b"NOOP\r\nNOO")
    client.sock.shutdown(socket.SHUT_WR)
    came = client.read_line()
    assert came == b"NOOP" or came.startswith(b"250 ")
    client.expect_closed()


# ======== 1.3 A process for each client

def test_a_slow_client_holds_nobody_up(server):
    """A client that stops in the middle of a line holds nobody up, and is answered when it goes on"""
    slow = server.connect()
    slow.send_raw(b"NO")
    for _ in range(20):
        fast = server.connect()
        expect_answer(fast)
        fast.close()
    slow.send_raw(b"OP\r\n")
    came = slow.read_line()
    assert came == b"NOOP" or came.startswith(b"250 ")


FILLER = b"NOOP and some more to fill what the kernel holds\r\n"


def send_until_it_blocks(client):
    """Send and never read, until the program takes no more: from then on it waits for us to read. Returns
    how many lines that were, and what is still to be sent of them."""
    client.sock.settimeout(0.5)
    count, unsent = 0, b""
    try:
        while True:
            if not unsent:
                count, unsent = count + 1000, FILLER * 1000
            unsent = unsent[client.sock.send(unsent):]
    except socket.timeout:
        client.sock.settimeout(TIMEOUT)
        return count, unsent


def test_a_client_that_does_not_read_holds_nobody_up(server):
    """A client that sends and never reads holds nobody up"""
    send_until_it_blocks(server.connect())
    expect_answer(server.connect())


@pytest.mark.robust
@pytest.mark.plaintext
def test_an_answer_that_goes_in_parts(server):
    """Where write(2) takes only a part of an answer, as when the process is stopped meanwhile, the rest
    follows"""
    client = server.connect()
    count, unsent = send_until_it_blocks(client)
    for number in (signal.SIGSTOP, signal.SIGCONT) * 3:
        os.killpg(server.pid, number)

    def send_the_rest():
        client.sock.sendall(unsent)
        client.sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send_the_rest)
    sender.start()
    answers = client.read_to_the_end().split(b"\r\n")
    sender.join()
    assert answers.pop() == b"" and len(answers) == count and len(set(answers)) == 1


def test_clients_that_vanish(server):
    """A client that resets the connection costs that connection and nothing else"""
    for last_words in (b"", b"NOO", b"NOOP\r\n" * 100):
        client = server.connect()
        client.send_raw(last_words)
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    expect_answer(server.connect())


@pytest.mark.plaintext
def test_nothing_is_left_of_a_client_that_left(server):
    """When a client has gone no process of its own is left, and no zombie"""
    for _ in range(20):
        client = server.connect()
        expect_answer(client)
        client.sock.shutdown(socket.SHUT_WR)
        client.expect_closed()
        client.close()
    assert eventually(lambda: not children_of(server.pid)), children_of(server.pid)


@pytest.mark.robust
def test_descriptors_are_given_back(start):
    """A hundred clients, one after another, are served by a program that may have 64 descriptors"""
    server = start("-l", "127.0.0.1", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    for _ in range(100):
        client = server.connect()
        expect_answer(client)
        client.close()


@pytest.mark.robust
def test_a_client_does_not_keep_the_port(start):
    """The process of a client has that client's socket and no other: when the program was killed the next one
    has its port at once"""
    first = start("-l", "127.0.0.1")
    client = first.connect()
    expect_answer(client)
    first.was_told_to_end = True
    first.process.kill()
    assert eventually(first.has_ended)
    expect_answer(start("-l", "127.0.0.1", "-p", first.port).connect())


def test_clients_in_parallel(server):
    """Twenty clients at a time get each its own answers"""
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
    if failures:
        raise failures[0]


# ---- the end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_ends_when_it_is_told_to(start, number):
    """SIGTERM and SIGINT end the program with status 0"""
    server = start()
    client = server.connect()
    expect_answer(client)
    client.close()
    server.send_signal(number)
    server.expect_end()
