"""The bounds that a program of one's own may set elsewhere: ours are where the code says they are.

Each bound is read from the source, and the message goes a little beyond it: what is shown ends there.
"""
import re
import shutil
import signal
import subprocess

import pytest

from conftest import REPOSITORY
from report import Receiver, header
from server import environment
from tutorial_run import OWN_NETWORK, has_own_network

STEP = REPOSITORY / "step06-starttls"


def bound(name, file):
    """The value of a constant in our source."""
    return int(re.search(r"\b%s = (\d+)" % name, (STEP / file).read_text())[1])


@pytest.mark.parametrize("beyond", [0, 1], ids=["as many as are allowed", "one more"])
def test_charsets_of_one_text(start, beyond):
    """To open a charset costs time. A word that needs one more stays as it was."""
    allowed = bound("CHARSETS_MAX", "word.c")
    words = ["=?%s?Q?w?=" % ("utf-8", "koi8-r")[number % 2] for number in range(allowed + beyond)]
    report = Receiver(start)(header("Subject: " + "\r\n ".join(words)))
    assert report["Subject"].replace(" ", "") == "w" * allowed + "".join(words[allowed:])


@pytest.mark.parametrize("beyond", [0, 1], ids=["as long as is allowed", "one more"])
def test_a_type_and_its_charset(start, beyond):
    """RFC 2045 5.1: a token has no limit there"""
    allowed = bound("TOKEN_SHOWN_MAX", "report_parts.c")
    report = Receiver(start)(header("Content-Type: text/%s; charset=%s" % ("s" * (allowed + beyond), "c" * (allowed + beyond))))
    node, = report.nodes
    assert (node.type, node.charset) == ("text/" + "s" * allowed, "c" * allowed)


@pytest.mark.parametrize("beyond", [0, 1], ids=["as long as is allowed", "one more"])
def test_the_name_of_a_part(start, beyond):
    """RFC 2183 2.3"""
    allowed = bound("NAME_SHOWN_MAX", "report_parts.c")
    report = Receiver(start)(header("Content-Type: application/pdf", "Content-Disposition: attachment; filename=" + "n" * (allowed + beyond)))
    node, = report.nodes
    assert node.name == "n" * allowed




def test_a_new_mail_directory_is_durable(program, tmp_path):
    """What is in it is only found after a power cut if its own name is on the disk"""
    if not shutil.which("strace"):
        pytest.skip("there is no strace on this machine")
    log = tmp_path / "strace.txt"
    options = ["-p", "0", "-m", "new-mail", "-c", "c.pem", "-k", "k.pem"]
    with subprocess.Popen(["strace", "-f", "-y", "-o", str(log), "-e", "trace=mkdir,mkdirat,fsync,write", *program, *options], cwd=str(tmp_path),
                          env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True) as process:
        if not process.stdout.readline():
            pytest.skip("strace can't watch a process here: " + process.stderr.readline())
        pid = log.read_text().split()[0]
        subprocess.run(["kill", pid])
        assert process.wait() == 0
    calls = log.read_text()
    calls = calls[:calls.index('"listening on')]
    made = calls.index('"new-mail"')
    assert re.search(r"fsync\(\d+<%s>\) += 0" % re.escape(str(tmp_path)), calls[made:])


@pytest.mark.skipif(not has_own_network(), reason="namespaces are not allowed here")
def test_a_host_without_ipv6(program, tmp_path):
    """By default it listens on what there is"""
    command = [OWN_NETWORK[0], OWN_NETWORK[1], "--no-ipv6", *program, "-p", "0", "-m", "mail", "-c", "c.pem", "-k", "k.pem"]
    with subprocess.Popen(command, cwd=str(tmp_path), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate()
        assert process.returncode == 0, errors
    assert [line.split()[2] for line in (first + rest).splitlines() if line.startswith("listening")] == ["127.0.0.1"]


def test_nohup_is_honoured(start):
    """nohup(1) has SIGHUP ignored, so that its program outlives the terminal"""
    server = start(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    server.process.send_signal(signal.SIGHUP)      # not to end it: it has to go on
    server.connect().quit()
    assert server.stop() == 0
