"""Promises of the comments that no test of a stage can ask for: of another program they would ask too
much, or they do not show in what is said.
"""
import os
import re
import subprocess
import sys

import pytest

import tls_crypto
import tls_library
import tls_model
from report import Receiver, compare, header, mixed
from server import Server, environment
from tls_client import TlsClient


@pytest.fixture
def receive(start):
    return Receiver(start)


def preloaded(directory, source, **variables):
    """An environment in which functions of libc, or of a library, are those of this C."""
    (directory / "preloaded.c").write_text(source)
    subprocess.run(["cc", "-std=c11", "-o", "preloaded.so", "-fPIC", "-shared", "preloaded.c"], check=True,
                   cwd=str(directory))
    return {**environment(), "LD_PRELOAD": str(directory / "preloaded.so"), **variables}


needs_preload = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="LD_PRELOAD is for Linux")


# ---- connections

# A kernel that is short of buffers: a write to a socket or a pipe takes seven octets at most.
SHORT = r"""
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t write(int fd, const void *data, size_t size)
{
    struct stat status;

    if (fstat(fd, &status) == 0 && (S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode)) && size > 7)
        size = 7;
    return syscall(SYS_write, fd, data, size);
}
"""


@needs_preload
def test_what_a_write_does_not_take_is_written_by_the_next(start, tmp_path):
    """write(2) may take only a part: of replies, of records of TLS, and of the report"""
    server = start(env=preloaded(tmp_path, SHORT))
    client = server.connect()
    client.ehlo()
    client.deliver(header("Subject: piece by piece"))
    client.quit()
    assert "piece by piece" in "\n".join(server.wait_for_report())
    client = TlsClient("127.0.0.1", server.port, starttls=True)
    client.handshake()
    client.write(b"NOOP\r\n")
    assert client.read_line().startswith(b"250")


def test_a_client_has_five_minutes(strace):
    """RFC 5321 4.5.3.2.7: without -t a server waits so long, for what is said and for who reads it"""
    server, watcher = strace("-e", "trace=setsockopt")
    server.connect().quit()
    calls = "\n".join(watcher.calls())
    for option in "SO_RCVTIMEO", "SO_SNDTIMEO":
        assert re.search(option + r'\w*, (.*\btv_sec=300\b|",\\1\\0)', calls), calls     # 300 is \x2c \x01


# ---- TLS

# A wipe() that notes what it wipes. The shared library lets the program's own be replaced.
SPY = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void wipe(void *memory, size_t size)
{
    int fd = open(getenv("SPY"), O_WRONLY | O_CREAT | O_APPEND, 0600);

    if (write(fd, memory, size) < 0)
        abort();
    close(fd);
    memset(memory, 0, size);
}
"""


@needs_preload
@pytest.mark.parametrize("suite", [0x1301, 0x1303], ids=["aes128", "chacha20"])
def test_secrets_are_wiped_after_use(tmp_path, suite):
    """All secrets of a connection are wiped (RFC 8446 appendix E.1): those of the handshake too"""
    library = tls_library.build()
    source = str(tls_library.REPOSITORY / "tests" / "tls_server.c")
    subprocess.run(["cc", "-std=c11", "-o", "tls_server", "-I", str(tls_library.SOURCES), source, str(library),
                    "-Wl,-rpath," + str(library.parent)], check=True, cwd=str(tmp_path))
    wiped = tmp_path / "wiped"
    server = Server([tmp_path / "tls_server", "0"], tmp_path, 1,
                    {"env": preloaded(tmp_path, SPY, SPY=str(wiped))})
    try:
        client = TlsClient("127.0.0.1", server.port)
        client.handshake(suites=[suite])
        client.write(b"hello\r\n")
        assert client.read_line() == b"hello\r\n"
        client.send_alert("close_notify", level=1)
        client.expect_alert("close_notify")
    finally:
        server.kill()
    keys, text = client.keys, wiped.read_bytes()
    share = tls_model.Reader(client.server_extensions[tls_model.KEY_SHARE][4:]).bytes(32)
    shared = tls_crypto.x25519(client.shares[client.group], share)
    secrets = {"the client's handshake secret": keys.client_handshake,
               "the server's handshake secret": keys.server_handshake,
               "the master secret": keys.master_secret, "the shared secret": shared,
               "the client's traffic secret": keys.client_application,
               "the server's traffic secret": keys.server_application,
               "its key": tls_model.expand_label(keys.server_application, "key", b"", client.aead.key_size)}
    assert [name for name, secret in secrets.items() if secret not in text] == []


def test_what_the_operator_is_warned_of(start, tmp_path):
    """A key that others may read, and a program that goes on as root"""
    start(directory=tmp_path / "server").expect_end()
    (tmp_path / "server" / "key.pem").chmod(0o644)
    server = start(directory=tmp_path / "server")
    server.connect().quit()     # who is greeted comes after the last of the warnings; a signal may come before
    server.expect_end()
    text = server.stderr_text()
    assert re.search(r"warning: \S*key\.pem: ", text), text
    assert ("warning: this runs as root" in text) == (os.geteuid() == 0), text


# ---- the report

def test_the_250_comes_before_the_report(strace):
    """What follows the promise can no longer lose the mail: so it is said first"""
    server, watcher = strace("-e", "trace=write,writev,sendto,sendmsg")
    client = server.connect()
    client.ehlo()
    client.deliver(header("Subject: first the promise"))
    client.quit()
    server.wait_for_report()
    calls = "\n".join(watcher.calls())
    assert 0 <= calls.find('"250 2.0.0 stored') < calls.find('"message ')


def test_what_is_there_twice(receive):
    """Of addresses all are shown, and of the type of a part the first counts"""
    report = receive(header("To: a@b.test", "Subject: x", "To: c@d.test", "Content-Type: image/png",
                            "Content-Type: text/plain"))
    assert report["To"] == "a@b.test, c@d.test" and " image/png, " in "\n".join(report.lines)


def test_a_message_in_utf_8_is_a_message(receive):
    """message/global, RFC 6532 3.7"""
    report = receive(header("Content-Type: message/global", body=b"Content-Type: image/png\r\n\r\nx\r\n"))
    assert "image/png" in "\n".join(report.lines)


def test_parts_that_are_not_shown_are_told(receive):
    """A report with a part left out says so"""
    report = receive(mixed(*[((), b"x")] * 5000))
    assert "there are more than" in report.lines[-1]


# ---- dates

DIALECTS = [        # a stage's tests take "none" for these: the standard does not have them
    ("Tue Nov 05 2024 10:00:00 GMT+0100 (CET)", "2024-11-05T09:00:00Z"),
    ("Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z"),
    ("21-Nov-1997 09:55:06 GMT", "1997-11-21T09:55:06Z"),
    ("Tue, 5 Nov 2024 10:00:00 +1", "2024-11-05T09:00:00Z"),
    ("Mon, 15 Jul 2024 10:00:00 PM +0000", None), ("1 Jan 2001 00:00:00 +030", None),
    ("mar., 5 nov. 2024 10:00:00 +0100", "2024-11-05T09:00:00Z"),
]


def test_dates_as_programs_write_them(receive):
    """What date.c says that it reads, and what it says it does not guess"""
    reports = receive.all([header("Date: " + value) for value, _ in DIALECTS])
    compare([(value, expected, report["Date"]) for (value, expected), report in zip(DIALECTS, reports)])
