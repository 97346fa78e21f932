"""Stage 2, station 2.4: strangers. How many clients, how long they may be silent, and how all of it ends.

Each of these holds inside TLS and on the later steps too.
"""
import os
import resource
import signal
import socket
import subprocess
import sys

import pytest

from client import TIMEOUT, Client, escape
from server import StartError, children_of, environment, eventually, has_ipv6, status_in_words
from test_01_echo import expect_answer, expect_fault, send_until_it_blocks


# ======== 2.4 Strangers

@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_both_loopback_addresses_by_default(start):
    """Without -l it listens on both loopback addresses, 127.0.0.1 and ::1, with the same port"""
    server = start()
    assert eventually(lambda: len(server.listening) == 2)
    assert sorted(address for address, _ in server.listening) == ["127.0.0.1", "::1"]
    expect_answer(server.connect(socket.AF_INET))
    expect_answer(server.connect(socket.AF_INET6))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_option_l_takes_an_ipv6_address(start):
    """-l takes an IPv6 address, too"""
    server = start("-l", "::1")
    assert [address for address, _ in server.listening] == ["::1"]
    expect_answer(server.connect())


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_option_l_may_be_repeated(start):
    """-l may be repeated: it listens on each address, with a line for each"""
    server = start("-l", "::1", "-l", "127.0.0.1")
    assert eventually(lambda: len(server.listening) == 2)
    assert sorted(address for address, _ in server.listening) == ["127.0.0.1", "::1"]
    expect_answer(server.connect(socket.AF_INET))
    expect_answer(server.connect(socket.AF_INET6))


@pytest.mark.robust
@pytest.mark.parametrize("options", [["-t", "soon"], ["-t", "-5"], ["-t", "0"], ["-t"]], ids=" ".join)
def test_wrong_usage_of_t(run, options):
    """A wrong value of -t ends with status 2 and words on standard error"""
    expect_fault(run("-p", "0", *options), 2)


@pytest.mark.robust
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux gives the whole of 127.0.0.0/8")
def test_many_addresses(start):
    """Of many -l each is listened on, or the program ends with status 1 and says why"""
    addresses = ["127.0.0.%d" % last for last in range(1, 31)]
    try:
        server = start(*[word for address in addresses for word in ("-l", address)])
    except StartError as error:
        assert "exit status 1" in str(error), "expected: exit status 1\ncame:     %s" % error
        return
    assert eventually(lambda: len(server.listening) == len(addresses))
    for place in server.listening:
        Client(socket.create_connection(place, TIMEOUT)).close()


# ---- many clients

def test_200_clients_at_once(server):
    """At least 200 clients are served at the same time"""
    clients = [server.connect() for _ in range(200)]
    for client in clients:
        client.send("NOOP")
    for client in reversed(clients):
        came = client.read_line()
        assert came == b"NOOP" or came.startswith(b"250 ")


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


@pytest.mark.robust
@pytest.mark.plaintext
def test_one_address_can_not_have_it_all(start):
    """One client too many from one address is told 421 and sent away; who comes from elsewhere, or later, is
    served"""
    server = start("-l", "127.0.0.1")
    clients, refused = connect_until_refused(server, 400)
    assert refused and len(clients) >= 200
    try:
        others, _ = connect_until_refused(server, 1, source=("127.0.0.2", 0))
        assert others
    except OSError:
        pass    # only Linux gives the whole of 127.0.0.0/8
    server.send_signal(signal.SIGSTOP)      # so that the client speaks first
    client = Client(socket.create_connection(server.listening[0], TIMEOUT))
    client.send("NOOP")
    server.send_signal(signal.SIGCONT)
    assert client.read_line().startswith(b"421")
    client.expect_closed(orderly=True)
    for client in clients:
        client.close()
    assert eventually(lambda: answers(server)), "the place of a client that left is not given to another"


@pytest.mark.robust
@pytest.mark.plaintext
def test_more_clients_than_fit(start):
    """Clients beyond the limit, which is 200 or more, are told 421 and sent away, however many addresses they
    come from"""
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


@pytest.mark.robust
@pytest.mark.plaintext
def test_a_burst_of_connections_is_queued(server):
    """200 connections that come while the program is busy wait in the backlog, and none of them is lost"""
    server.send_signal(signal.SIGSTOP)
    try:
        socks = []
        for _ in range(200):
            sock = socket.socket()
            sock.settimeout(0.5)
            socks.append(sock)
            sock.connect(server.listening[0])
    except OSError as error:
        pytest.fail("expected: 200 connections wait for accept(2)\n"
                    "came:     %s, after %d" % (error, len(socks)))
    finally:
        server.send_signal(signal.SIGCONT)
    for sock in socks:
        client = Client(sock)
        client.send("NOOP")
        assert client.read_line().startswith((b"NOOP", b"220"))


# ---- time

def test_a_client_that_says_nothing_is_sent_away(start):
    """A client that is silent for -t seconds is sent away, in the middle of a line too (RFC 5321
    4.5.3.2.7)"""
    server = start("-t", "1")
    waiting = []
    for words in (b"", b"NOO", b"NOOP\r"):
        client = server.connect()
        client.send_raw(words)
        waiting.append(client)
    for client in waiting:
        rest = client.read_to_the_end()
        # a last line may say why
        assert rest == b"" or rest.endswith(b"\r\n") and rest.count(b"\r\n") == 1


@pytest.mark.robust
def test_a_client_that_does_not_read_is_sent_away(start):
    """-t holds for a client that does not read, too: nothing of its own is left after that time (RFC 5321
    4.5.3.2)"""
    server = start("-t", "1", "-l", "127.0.0.1")
    send_until_it_blocks(server.connect())
    assert eventually(lambda: not children_of(server.pid)), "its process waits on"


@pytest.mark.robust
@pytest.mark.plaintext
@pytest.mark.parametrize("calls", ["read,recvfrom,recvmsg", "write,sendto,sendmsg"])
def test_a_call_that_is_interrupted_is_made_again(strace, calls):
    """A system call that a signal interrupts (EINTR) is made again, and the conversation goes on"""
    server, watcher = strace("-e", "trace=" + calls, "-e", "inject=%s:error=EINTR:when=2+3" % calls)
    client = server.connect()
    for number in range(10):
        expect_answer(client, "NOOP %d" % number)
    assert any("EINTR" in line for line in watcher.calls())


# ---- the end

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                         ids=lambda number: number.name)
def test_a_clean_end(start, number):
    """SIGTERM, SIGINT and SIGHUP end every connection, with 421 or without a word; no new client is taken,
    and the status is 0"""
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
    server.expect_end()
    with pytest.raises(OSError):
        socket.create_connection(server.listening[0], TIMEOUT)


ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM}


@pytest.mark.robust
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP],
                         ids=lambda number: number.name)
def test_a_clean_end_for_who_was_started_with_signals_blocked(start, number):
    """SIGTERM, SIGINT and SIGHUP end the program whatever signal mask it was started with"""
    server = start("-l", "127.0.0.1", preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ENDING))
    gone, there = server.connect(), server.connect()
    expect_answer(gone)
    expect_answer(there)
    gone.close()
    server.send_signal(number)
    expected = "the end of the connection, at most after a 421, on %s" % number.name
    rest = there.read_to_the_end(expected)
    if rest and not rest.startswith(b"421 "):
        there.fail(expected, escape(rest))
    there.close()
    server.expect_end()


@pytest.mark.robust
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_clean_end_for_who_was_started_with_signals_ignored(start, number):
    """SIGTERM and SIGINT end a program that was started with these signals ignored, as a shell does it in
    the background"""
    server = start("-l", "127.0.0.1",
                   preexec_fn=lambda: [signal.signal(n, signal.SIG_IGN) for n in (number, signal.SIGCHLD)])
    client = server.connect()
    expect_answer(client)
    server.send_signal(number)
    client.read_to_the_end()
    client.close()
    server.expect_end()


def test_the_end_leaves_no_process(start):
    """At the end no process is left that holds a client's connection"""
    server = start("-l", "127.0.0.1")
    clients = [server.connect() for _ in range(10)]
    for client in clients:
        expect_answer(client)
    server.send_signal(signal.SIGTERM)
    for client in clients:
        client.read_to_the_end()
        client.close()
    server.expect_end()


@pytest.mark.robust
def test_the_end_does_not_wait_for_a_client_that_does_not_read(start):
    """A client that does not read can't hold up the end"""
    server = start("-l", "127.0.0.1")
    for _ in range(3):
        send_until_it_blocks(server.connect())
    server.expect_end()


# ---- whoever started it

MANY = 1100     # more than FD_SETSIZE, the length of an fd_set


def open_many():
    """All descriptors up to MANY are in use when the program starts."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 500, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    fd = 0
    while fd < MANY:
        fd = os.dup(0)
        os.set_inheritable(fd, True)


@pytest.mark.robust
@pytest.mark.skipif(0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[1] < MANY + 500,
                    reason="so many files can't be open here")
def test_more_than_1024_descriptors_are_open(start):
    """More than 1024 descriptors that were open at the start do no harm"""
    server = start("-l", "127.0.0.1", preexec_fn=open_many, close_fds=False)
    clients = [server.connect() for _ in range(5)]
    for client in clients:
        expect_answer(client)
        client.close()
    server.expect_end()


@pytest.mark.robust
@pytest.mark.plaintext
@pytest.mark.parametrize("closed", [(0,), (2,), (0, 2)], ids=str)
def test_started_without_standard_streams(start, closed):
    """With standard input or standard error closed at the start nothing that is meant for a person goes to a
    client"""
    server = start("-v", "-l", "127.0.0.1", preexec_fn=lambda: [os.close(fd) for fd in closed])
    clients = [server.connect() for _ in range(3)]
    for client in clients:
        for number in range(5):
            expect_answer(client, "NOOP %d" % number)
        client.sock.shutdown(socket.SHUT_WR)
        client.expect_closed()


def start_without_stdout(program, options, directory):
    """A server that can't say where it listens: the port is chosen before. Returns the process and its
    address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    process = subprocess.Popen([*program, "-l", "127.0.0.1", *map(str, options), "-p", str(address[1])],
                               cwd=str(directory),
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


@pytest.mark.robust
def test_started_without_standard_output(program, step, tmp_path):
    """With standard output closed at the start the program serves, or it ends with status 1"""
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


@pytest.mark.robust
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_standard_output_that_takes_nothing(run):
    """Where the line with the port can't be written: exit status 1, and one line on standard error"""
    full = os.open("/dev/full", os.O_WRONLY)
    expect_fault(run("-l", "127.0.0.1", "-p", "0", preexec_fn=lambda: os.dup2(full, 1)), 1)
    os.close(full)


@pytest.mark.robust
@pytest.mark.plaintext
def test_a_start_that_nobody_reads_can_be_ended(program, tmp_path):
    """A start whose first line waits for room in a full pipe is ended by a signal, with status 0"""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    for size in (4096, 1):
        try:
            while True:
                os.write(write_end, b"x" * size)
        except BlockingIOError:
            pass
    os.set_blocking(write_end, True)

    def is_listening():
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    with subprocess.Popen([*program, "-p", str(port), "-l", "127.0.0.1"], cwd=str(tmp_path), stdout=write_end,
                          stderr=subprocess.DEVNULL) as process:
        try:
            assert eventually(is_listening), ("expected: it listens on 127.0.0.1 port %d\n"
                                              "came:     nobody does" % port)
            process.send_signal(signal.SIGTERM)
            try:
                came = status_in_words(process.wait(TIMEOUT))
            except subprocess.TimeoutExpired:
                came = "it runs on, for %g seconds" % TIMEOUT
            assert came == "exit status 0", "expected: SIGTERM ends it with exit status 0\ncame:     " + came
        finally:
            process.kill()
            os.close(read_end)
            os.close(write_end)


@pytest.mark.robust
@pytest.mark.plaintext
def test_a_fork_that_fails_is_told(strace):
    """Where no process can be made, by a program that makes them, the client is sent away, the operator gets
    a line, and later there is room again"""
    server, watcher = strace("-e", "trace=fork,vfork,clone,clone3", "-e",
                             "inject=fork,vfork,clone,clone3:error=EAGAIN")
    clients, refused = connect_until_refused(server, 1)
    if refused:
        assert eventually(server.stderr_text), "expected: a line on stderr"
    watcher.end()
    assert eventually(lambda: answers(server))


@pytest.mark.robust
def test_recipients_up_to_the_limit(start):
    """At least 100 recipients are taken, then 452, and the transaction goes on with those (RFC 5321
    4.5.3.1.8, 4.5.3.1.10)"""
    names = ["user%d" % number for number in range(100)]
    client = start(mailboxes=names).connect()
    client.ehlo()
    client.mail()
    for name in names:
        client.rcpt(name + "@localhost")
    client.send("RCPT TO:<user0@localhost>")
    client.expect(452, 250)
    client.send_raw(b"".join(b"RCPT TO:<user%d@localhost>\r\n" % (number % 100) for number in range(1000)))
    replies = [client.expect(452, 250) for _ in range(1000)]
    assert replies[-1].code == 452 and client.is_right(replies[-1].enhanced, ["4.5.3"])
    client.expect_in_sync()
    client.send("RSET")
    client.expect(250)
    client.mail()
    client.rcpt("user1@localhost")


@pytest.mark.robust
def test_one_recipient_again_and_again(client):
    """The limit holds for one recipient said a thousand times, too, and RSET begins the count anew (RFC 5321
    4.5.3.1.8)"""
    client.ehlo()
    for _ in range(2):
        client.mail()
        client.send_raw(b"RCPT TO:<you@localhost>\r\n" * 1001)
        codes = [client.expect(250, 452).code for _ in range(1001)]
        assert codes[:100] == [250] * 100 and codes[-1] == 452 and codes == sorted(codes)
        client.send("RSET")
        client.expect(250)


@pytest.mark.robust
@pytest.mark.key
def test_the_20th_faulty_command_is_the_last(client):
    """After 20 faulty commands comes 421 and the end (RFC 5321 4.3.2, 7.8)"""
    client.ehlo()
    for line in ["FROB", "MAIL FROM:<", "RCPT TO:<you@localhost>", "NOOPE",
                 "MAIL FROM:<a@example.org> FROB"] * 4:
        client.send(line)
        client.expect(500, 501, 502, 503, 553, 555)
    client.expect(421, enhanced=("4.7.0", "4.3.2", "4.5.0"))
    client.expect_closed()


@pytest.mark.robust
def test_19_faulty_commands_are_forgiven(client):
    """Nineteen faulty commands are forgiven; a refused recipient and a command that is known and not done
    (502) are no fault of the client"""
    client.ehlo()
    for _ in range(19):
        client.send("FROB")
        client.expect(500)
    client.mail()
    for _ in range(30):
        client.send("RCPT TO:<you@elsewhere.example>")
        client.expect(550)
        client.send("EXPN staff")
        client.expect(502, 550)
    client.rcpt()


def test_the_last_words_arrive_whatever_else_was_sent(client):
    """The last replies arrive and the end is orderly, however much the client has sent after them (RFC 1122
    4.2.2.13)"""
    client.ehlo()
    client.send_raw(b"FROB\r\n" * 20000)
    for _ in range(20):
        client.expect(500)
    client.expect(421)
    client.expect_closed(orderly=True)


# ---- HTTP

SMTP_IN_A_BODY = ("EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<you@localhost>\r\n"
                  "DATA\r\nSubject: from a browser\r\n\r\nx\r\n.\r\nQUIT\r\n")


def request(line):
    """What a browser can be made to send to any port, with a text of somebody else's in it"""
    return ("%s\r\nHost: mx.example.org:25\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
            % (line, len(SMTP_IN_A_BODY), SMTP_IN_A_BODY)).encode()


@pytest.mark.robust
@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST / HTTP/1.1", "PUT /x?y=z HTTP/1.0",
                                  "OPTIONS * HTTP/1.1", "CONNECT mx.example.org:25 HTTP/1.1",
                                  "PRI * HTTP/2.0"])
def test_http_is_hung_up_on(client, line):
    """A request of HTTP gets one 421 and the end, whatever comes after its first line"""
    client.send_raw(request(line))
    client.expect(421)
    client.expect_closed(orderly=True)


@pytest.mark.robust
@pytest.mark.parametrize("size", [3000, 70000])
def test_http_with_a_long_line_is_hung_up_on(client, size):
    """HTTP whose first line is too long to be looked at is hung up on at its next line"""
    client.send_raw(request("POST /%s HTTP/1.1" % ("a" * size)))
    if client.expect(421, 500).code == 500:
        client.expect(421)
    client.expect_closed()


# ---- time and the end

def test_silence(start):
    """After -t seconds of silence the client is told 421 and sent away, in the middle of a line or a
    transaction too (RFC 5321 4.5.3.2)"""
    server = start("-t", "1")
    words = [b"", b"MAI", b"EHLO client.example\r", b"FROB\r\nNOOP\n",
             b"EHLO client.example\r\nMAIL FROM:<alice@example.org>\r\n"]
    clients = []
    for said in words:
        clients.append(server.connect())
        clients[-1].send_raw(said)
    for client, said in zip(clients, words):
        for _ in range(said.count(b"\n")):
            client.read_reply()
        client.expect(421, enhanced="4.4.2")
        client.expect_closed()


def test_whoever_waits_is_told_of_the_end(start):
    """At SIGTERM each client that waits is told 421 (RFC 5321 3.8)"""
    server = start()
    clients = [server.connect() for _ in range(5)]
    clients[0].ehlo()
    clients[1].ehlo()
    clients[1].mail()
    clients[2].send_raw(b"EH")
    clients[2].wait_until_read()
    server.send_signal(signal.SIGTERM)
    for client in clients:
        client.expect(421, enhanced=("4.3.2", "4.3.0"))
        client.expect_closed()
        client.close()
    server.expect_end()
