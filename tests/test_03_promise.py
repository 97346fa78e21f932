"""Stage 3: the 250 after DATA is a promise.

Whatever happens after it, the message is there, whole; whatever happens before it,
there is no part of a message in new/. Processes are killed, disks are full, and
where strace(1) is at hand system calls are watched and made to fail.
"""
import hashlib
import os
import random
import re
import resource
import shutil
import subprocess
import threading
import time

import pytest

from client import ConversationError
from server import eventually, trace_and_content


# ======== 3.2 Keep it

SEED = int(os.environ.get("SMTPD_TEST_SEED", time.time_ns() % 1000000))

# ---- messages that tell whether they are whole

def sealed(body):
    """A message that carries the hash of its body."""
    return b"X-Hash: " + hashlib.sha256(body).hexdigest().encode() + b"\r\n\r\n" + body


def seal_of(stored):
    """The hash that a stored message carries. Fails where the message is not whole."""
    head, body = trace_and_content(stored)[2].split(b"\n\n", 1)
    seal = head.split(b": ")[1]
    came = hashlib.sha256(body.replace(b"\n", b"\r\n")).hexdigest().encode()
    assert came == seal, "a partial message in new/: %r..." % stored[:300]
    return seal


def random_message(chance):
    return sealed(b"".join(b"%064x\r\n" % chance.getrandbits(256)
                           for _ in range(int(2 ** chance.uniform(0, 12)))))


# ---- kill -9

def send_until_the_end(server, chance, promised):
    """One session: message after message, until the server is gone. What got its 250 is noted."""
    try:
        client = server.connect()
        client.ehlo()
        while True:
            message = random_message(chance)
            client.deliver(message, recipients=("ann@localhost", "bob@localhost"))
            promised.append(message.split(b"\r\n")[0].split(b": ")[1])
            client.log.clear()
    except (ConversationError, OSError):
        pass


@pytest.mark.key
@pytest.mark.parametrize("attempt", range(4))
def test_kill_9_breaks_no_promise(start, attempt):
    """After kill -9 at any instant every message that had its 250 is whole in new/, and no part of another
    is there (RFC 5321 6.1)"""
    print("SMTPD_TEST_SEED=%d" % SEED)
    chance = random.Random(SEED + attempt)
    server = start("-l", "127.0.0.1", mailboxes=("ann", "bob"))
    promised = []
    seeds = [chance.random() for _ in range(4)]
    sessions = [threading.Thread(target=send_until_the_end, args=(server, random.Random(seed), promised))
                for seed in seeds]
    for session in sessions:
        session.start()
    assert eventually(lambda: len(promised) > 10), "four sessions have not got ten messages through"
    time.sleep(chance.uniform(0, 0.1))      # the instant
    server.kill()
    for session in sessions:
        session.join()
    for mailbox in ("ann", "bob"):
        stored = [seal_of(message) for message in server.messages(mailbox)]
        missing = set(promised) - set(stored)
        assert not missing, "%d of %d promised messages are lost in %s" % (len(missing), len(promised),
                                                                           mailbox)
    again = start("-l", "127.0.0.1", directory=server.directory, mailboxes=())
    client = again.connect()
    client.ehlo()
    client.deliver(sealed(b"after the crash\r\n"), recipients="ann@localhost")
    assert len(again.messages("ann")) == len(stored_names(server, "ann")) >= len(promised) + 1


# ---- system calls, watched and made to fail

SYNC, LINK = r"(?:fsync|fdatasync)\(\d+<([^>]*)>", r"(?:link|linkat|renameat2)\("


@pytest.mark.plaintext
def test_the_250_comes_last(strace):
    """The file is written and synced, linked into new/, the directory synced, and only then comes the 250"""
    calls = "fsync,fdatasync,sync,syncfs,link,linkat,rename,renameat,renameat2,write,writev,sendto,sendmsg"
    server, watcher = strace("-e", "trace=" + calls)
    client = server.connect()
    client.ehlo()
    client.deliver(sealed(b"x\r\n" * 30000))
    client.quit()
    name = server.new()[0].name
    assert eventually(lambda: any('"221 ' in line for line in watcher.calls()))
    events = [event for event in map(lambda line: event_of(line, name), watcher.calls()) if event]
    assert "354" in events, "strace has not seen the conversation"
    events = events[events.index("354"):]
    assert [event for event in events if event != "write the file"] == ["354", "fsync the file", "link",
                                                                        "fsync new", "250"]
    late = events[events.index("fsync the file"):]
    assert "write the file" not in late, "expected: nothing is written after fsync\ncame:     %s" % late


def event_of(line, name):
    """What a line of strace's means for the delivery of the message of that name."""
    synced = re.search(SYNC, line)
    if synced:
        path = synced.group(1)
        return "fsync the file" if path.endswith("/tmp/" + name) else "fsync " + os.path.basename(path)
    if re.search(LINK, line):
        return "link"
    if re.search(r"rename(at)?\(", line):
        return "rename"
    if re.search(r"writev?\(\d+<[^>]*/you/tmp/", line):
        return "write the file"
    return "354" if '"354' in line else "250" if '"250 ' in line else None


def dirsynced(lines):
    """What was made and what was synced of directories, in order, as [("mkdir" or "fsync", path)]."""
    for line in lines:
        made = re.search(r'mkdir(?:at)?\((?:[^,"]*, )?"([^"]*)".* = 0', line)
        synced = re.search(SYNC, line)
        if made or synced:
            yield "mkdir" if made else "fsync", os.path.realpath((made or synced).group(1))


def expect_durable(events):
    """The name of each directory that was made is on the disk: the one above it was synced after that."""
    for number, (what, path) in enumerate(events):
        if what == "mkdir" and ("fsync", os.path.dirname(path)) not in events[number:]:
            raise AssertionError("expected: %s is synced once %s is made in it\ncame:     %s"
                                 % (os.path.dirname(path), os.path.basename(path), events))


@pytest.mark.robust
@pytest.mark.plaintext
def test_a_mailbox_that_is_mended_is_durable(strace):
    """What a mailbox lacked is made and synced before the 250: else a power cut takes new/ away with the
    mail in it"""
    server, watcher = strace("-e", "trace=mkdir,mkdirat,fsync,fdatasync,write,writev,sendto,sendmsg")
    (server.mail / "you" / "new").rmdir()
    client = server.connect()
    client.ehlo()
    client.mail()
    client.send("RCPT TO:<you@localhost>")
    if client.expect(250, 451).code == 451:
        return
    client.send("DATA")
    client.expect(354)
    client.send_message(sealed(b"x\r\n"))
    client.expect(250)
    assert eventually(lambda: any('"354' in line for line in watcher.calls()))
    lines = watcher.calls()
    expect_durable(list(dirsynced(lines)))


@pytest.mark.robust
@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace on this machine")
def test_a_new_mail_directory_is_durable(start, tmp_path):
    """The mail directory and postmaster's mailbox, where they are made at the start, are synced before it
    says that it listens"""
    log = tmp_path / "strace.txt"
    strace = ["strace", "-f", "-y", "-s", "300", "-o", str(log), "-e", "trace=mkdir,mkdirat,fsync,fdatasync"]
    server = start(mailboxes=(), wrapper=strace)
    server.kill()
    expect_durable(list(dirsynced(log.read_text().splitlines())))


@pytest.mark.robust
@pytest.mark.parametrize("fault", [
    "fsync,fdatasync:error=EIO:when=1", "fsync,fdatasync:error=EIO:when=2",
    "fsync,fdatasync:error=EIO:when=3", "fsync,fdatasync:error=ENOSPC:when=1",
    "link,linkat:error=ENOSPC:when=1", "link,linkat:error=ENOSPC:when=2", "link,linkat:error=EEXIST:when=1",
    "link,linkat:error=EDQUOT"])
def test_a_call_that_fails_breaks_the_delivery(strace, fault):
    """Where a call of the delivery fails there is no 250, and no copy in any mailbox; a full disk
    or quota is 452"""
    server, watcher = strace("-e", "trace=" + fault.split(":")[0], "-e", "inject=" + fault,
                             mailboxes=("ann", "bob"))
    client = server.connect()
    client.ehlo()
    reply = expect_refusal(client, sealed(b"x\r\n"), ("ann@localhost", "bob@localhost"))
    assert reply.code == 452 or not re.search("ENOSPC|EDQUOT", fault), "a full disk is 452"
    expect_nothing_left(server, ("ann", "bob"))
    watcher.end()
    client.deliver(sealed(b"y\r\n"), recipients=("ann@localhost", "bob@localhost"))
    assert seal_of(server.only_message("ann")) == seal_of(server.only_message("bob"))


# ======== 3.3 Hold the line

def stored_names(server, mailbox):
    return {path.name for path in server.new(mailbox)}


# ---- a full disk

def begin_anew(client):
    """No RFC says whether DATA that is refused in place of its 354 ends the transaction: RSET does."""
    __tracebackhide__ = True
    client.send("RSET")
    client.expect(250)


def expect_refusal(client, message, recipients=("you@localhost",)):
    """RFC 5321 4.2.5: 452 (or 451), at the latest after the dot."""
    __tracebackhide__ = True
    client.mail()
    for recipient in recipients:
        client.rcpt(recipient)
    client.send("DATA")
    reply = client.expect(354, 452, 451)
    if reply.code == 354:
        client.send_message(message)
        reply = client.expect(452, 451)
    client.expect_in_sync()
    begin_anew(client)
    return reply


def expect_nothing_left(server, mailboxes=("you",)):
    for mailbox in mailboxes:
        assert server.tmp(mailbox) == []
        assert server.new(mailbox) == []


def no_large_files():
    """No file may grow beyond 100 kB: for a program, a disk that is full (RLIMIT_FSIZE, EFBIG)."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.robust
@pytest.mark.parametrize("size", [100000, 150000, 2000000])
def test_a_file_that_can_not_grow(start, size):
    """A file that can't grow: 452, nothing is left, and the session goes on (RFC 5321 4.2.5)"""
    server = start(preexec_fn=no_large_files)
    client = server.connect()
    client.ehlo()
    reply = expect_refusal(client, sealed((b"x" * 99 + b"\r\n") * (size // 100)))
    assert reply.code == 452 and client.is_right(reply.enhanced, ("4.3.1", "4.2.2", "4.3.0"))
    expect_nothing_left(server)
    client.deliver(sealed(b"small\r\n"))
    seal_of(server.only_message())


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MiB with room for 64 files, where the machine lets us make one."""
    directory = tmp_path / "small disk"
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "tmpfs", str(directory)]
    if (os.geteuid() != 0 or not shutil.which("mount")
            or subprocess.run(command, stderr=subprocess.DEVNULL).returncode):
        pytest.skip("a file system can't be mounted here")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


@pytest.mark.robust
def test_a_full_disk(small_disk, start):
    """A full disk: 452, what was promised stays, and later there is room again (RFC 5321 4.2.5)"""
    server = start(directory=small_disk)
    client = server.connect()
    client.ehlo()
    client.deliver(sealed(b"before\r\n"))
    before = server.messages()
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 700000)
    assert expect_refusal(client, sealed(b"x" * 400000 + b"\r\n")).code == 452
    assert expect_refusal(client, sealed((b"x" * 99 + b"\r\n") * 30000)).code == 452
    assert server.messages() == before and server.tmp() == []
    filler.unlink()
    client.deliver(sealed(b"x" * 400000 + b"\r\n"))
    assert len({seal_of(message) for message in server.messages()}) == 2


@pytest.mark.robust
@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_disk_without_room_for_another_name(small_disk, start, room):
    """A disk without room for another name: 452, whichever of the names of a delivery it is that does not
    fit"""
    server = start(directory=small_disk, mailboxes=("ann", "bob"))
    client = server.connect()
    client.ehlo()
    fillers = []
    while os.statvfs(str(small_disk)).f_ffree > room:
        fillers.append(small_disk / ("filler%d" % len(fillers)))
        fillers[-1].touch()
    assert expect_refusal(client, sealed(b"x\r\n"), ("ann@localhost", "bob@localhost")).code == 452
    expect_nothing_left(server, ("ann", "bob"))
    for filler in fillers:
        filler.unlink()
    client.deliver(sealed(b"x\r\n"), recipients=("ann@localhost", "bob@localhost"))
    assert seal_of(server.only_message("ann")) == seal_of(server.only_message("bob"))


# ---- a mailbox that goes away

@pytest.mark.robust
def test_a_mailbox_that_is_gone_when_the_message_comes(server, client):
    """A mailbox that went away after RCPT: no 250 for the message, and the session goes on (RFC 5321
    4.2.5)"""
    client.ehlo()
    client.mail()
    client.rcpt()
    shutil.rmtree(str(server.mail / "you"))
    client.send("DATA")
    if client.expect(354, 451, 452, 550).code == 354:
        client.send_message(sealed(b"x\r\n"))
        client.expect(451, 452, 550)
    client.expect_in_sync()
    begin_anew(client)
    client.deliver(sealed(b"x\r\n"), recipients="postmaster")


@pytest.mark.robust
def test_one_of_two_mailboxes_is_gone_at_the_dot(start):
    """One of two mailboxes that went away: 451 or 452, and nobody has a copy yet"""
    server = start(mailboxes=("ann", "bob"))
    client = server.connect()
    client.ehlo()
    client.envelope(recipients=("ann@localhost", "bob@localhost"))
    shutil.rmtree(str(server.mail / "bob"))
    client.send_message(sealed(b"x\r\n"))
    client.expect(451, 452)
    client.expect_in_sync()
    expect_nothing_left(server, ("ann",))
