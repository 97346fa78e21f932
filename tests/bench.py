#!/usr/bin/env python3
"""Measure the steps beside something known: same machine, same run, interleaved.

    make bench                      everything, three rounds
    python3 tests/bench.py --quick  one round of a tenth, to see that it works

Rates drift between runs by more than most changes make: trust the ratios within
one run, and the CPU per message. Load and yardstick are Postfix's smtp-source
and smtp-sink, where they are installed; what is missing is left out with a
note. Everything is written to one fresh directory per run and deleted at the
very end, because deleting thousands of files slows ext4 down for minutes.
"""
import argparse
import base64
import ctypes
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import smtplib
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tls_library

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("SMTPD_BUILD", HERE.parent / "build"))
PLACES = os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/postfix/sbin:/usr/libexec/postfix"
TICKS = os.sysconf("SC_CLK_TCK")

# name: (what it is, smtp-source's arguments, messages, bytes of each)
LOADS = {
    "A": ("1 KiB, one per connection, 20 at a time", ["-s", "20", "-l", "1024"], 3000, 1024),
    "B": ("1 KiB, 20 kept connections", ["-s", "20", "-l", "1024", "-d"], 3000, 1024),
    "C": ("5 MB, 4 kept connections", ["-s", "4", "-l", "5000000", "-d"], 50, 5000000),
    "L": ("1 KiB, one after the other", ["-s", "1", "-l", "1024", "-d"], 500, 1024),
}


def tool(name):
    return shutil.which(name, path=PLACES)


def step_program(number):
    return next((str(path) for path in sorted(BUILD.glob("step%02d-*" % number))), None)


# --- servers ---

class Server:
    """One of our steps, or smtp-sink, in a fresh directory."""

    def __init__(self, directory, program=None, options=()):
        self.directory = Path(tempfile.mkdtemp(dir=directory))
        if program:
            for part in ("tmp", "new", "cur"):
                (self.directory / "mail" / "you" / part).mkdir(parents=True)
            command = [program, "-l", "127.0.0.1", "-p", "0", "-m", "mail", *options]
        else:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            user = ["-u", "nobody"] if os.geteuid() == 0 else []
            command = [tool("smtp-sink"), *user, "inet:127.0.0.1:%d" % self.port, "1024"]
        output = self.directory / "stdout"
        with open(output, "wb") as out:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=out,
                                            stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        for _ in range(500):
            found = re.search(rb"listening on \S+ port (\d+)", output.read_bytes())
            if program and found:
                self.port = int(found.group(1))
            if found or (not program and self.answers()):
                return
            time.sleep(0.01)
        sys.exit("bench.py: %s does not listen" % command[0])

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def cpu(self):
        """CPU seconds of the process and of its children that have ended."""
        fields = Path("/proc/%d/stat" % self.pid).read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:15])) / TICKS

    def children(self):
        tasks = Path("/proc/%d/task/%d/children" % (self.pid, self.pid))
        return [int(pid) for pid in tasks.read_text().split()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def kept(server):
    """Kept connections end with the client; the children's time counts once they are reaped."""
    for _ in range(200):
        if not server.children():
            return
        time.sleep(0.005)


def run_load(server, load, scale):
    """(messages per second, CPU microseconds per message)"""
    _, arguments, count, _ = LOADS[load]
    count = max(int(count * scale), 20)
    before, start = server.cpu(), time.monotonic()
    subprocess.run([tool("smtp-source"), *arguments, "-m", str(count), "-f", "a@localhost", "-t",
                    "you@localhost", "inet:127.0.0.1:%d" % server.port], check=True,
                   stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    kept(server)
    return count / seconds, (server.cpu() - before) / count * 1e6


def throughput(directory, steps, rounds, scale):
    """A to L for smtp-sink and the steps, interleaved."""
    servers = [("smtp-sink (keeps nothing)", None)] + [(Path(step_program(n)).name, step_program(n))
                                                       for n in steps]
    figures = {(name, load): [] for name, _ in servers for load in LOADS}
    for _ in range(rounds):
        for load in LOADS:
            for name, program in servers:
                server = Server(directory, program)
                figures[name, load].append(run_load(server, load, scale))
                server.stop()
    median = {key: [statistics.median(column) for column in zip(*values)] for key, values in figures.items()}
    for load, (what, _, _, size) in LOADS.items():
        print("\n%s: %s\n  %-28s %10s %10s %12s %8s"
              % (load, what, "", "messages/s", "MB/s", "CPU us/each", "ratio"))
        yardstick = median[servers[0][0], load][0]
        for name, _ in servers:
            rate, cpu = median[name, load]
            print("  %-28s %10.0f %10.1f %12.0f %8.2f"
                  % (name, rate, rate * size / 1e6, cpu, rate / yardstick))


# --- parsing ---

def big_message():
    """30 MB: a text and an attachment of 22 MB in base64."""
    pick = random.Random(30)
    data = base64.encodebytes(pick.getrandbits(8 * 22000000).to_bytes(22000000,
                                                                      "big")).replace(b"\n", b"\r\n")
    return (b"From: a@example.org\r\nSubject: big\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
            b"boundary=b\r\n\r\n"
            b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: application/zip; "
            b"name=a.zip\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n" + data + b"--b--\r\n")


def cpu_of_command(command):
    """(CPU seconds, peak memory in MiB) of a command."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def cpu_of_server(directory, program, options, message):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    server = Server(directory, program, options)
    with smtplib.SMTP("127.0.0.1", server.port) as client:
        client.sendmail("a@localhost", ["you@localhost"], message)
    server.stop()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(after[:2]) - sum(before[:2])


def gmime_program(directory):
    """A small program on GMime, where it is installed."""
    try:
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "gmime-3.0"], stdout=subprocess.PIPE,
                               check=True,
                               stderr=subprocess.DEVNULL).stdout.decode().split()
        program = str(directory / "gmime")
        subprocess.run(["cc", "-O2", "-o", program, str(HERE / "bench_gmime.c"), *flags], check=True,
                       stderr=subprocess.DEVNULL)
        return program
    except (OSError, subprocess.CalledProcessError):
        return None


PYTHON = """
import email, sys
with open(sys.argv[1], "rb") as file:
    message = email.message_from_binary_file(file)
for number, part in enumerate(message.walk()):
    if not part.is_multipart():
        with open("%s/%d" % (sys.argv[2], number), "wb") as out:
            out.write(part.get_payload(decode=True))
"""


def parsing(directory, rounds):
    message = big_message()
    (directory / "big.eml").write_bytes(message)
    arguments = [str(directory / "big.eml"), str(directory)]
    gmime = gmime_program(directory)
    rows = {"Python email": lambda: cpu_of_command([sys.executable, "-c", PYTHON, *arguments])}
    if gmime:
        rows["GMime"] = lambda: cpu_of_command([gmime, *arguments])
    plain, full = step_program(3), step_program(5)
    if plain and full:
        rows["step 5, receipt and storing too"] = lambda: (cpu_of_server(directory, full, ["-x", "parts"],
                                                                         message), 0)
        rows["step 3, which does not parse"] = lambda: (cpu_of_server(directory, plain, [], message), 0)
    figures = {name: [] for name in rows}
    for _ in range(rounds):
        for name, measure in rows.items():
            figures[name].append(measure())
    median = {name: [statistics.median(column) for column in zip(*values)]
              for name, values in figures.items()}
    print("\nParse a message of %.0f MB and write its parts to files" % (len(message) / 1e6))
    if plain and full:
        median["step 5 less step 3: parsing"] = [median["step 5, receipt and storing too"][0] -
                                                 median["step 3, which does not parse"][0], 0]
    for name, (cpu, memory) in median.items():
        print("  %-34s %6.3f s of CPU%s" % (name, cpu, ", peak %.0f MiB" % memory if memory else ""))
    if not gmime:
        print("  (no GMime here: libgmime-3.0-dev)")


# --- memory and syncs ---

def rollup(pid):
    """Kilobytes by name, from /proc/PID/smaps_rollup."""
    text = Path("/proc/%d/smaps_rollup" % pid).read_text()
    return {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}


def memory(directory, steps):
    """Idle: the mean of fifty connections, so that what all share with the parent counts for each only by
    its part."""
    print("\nMemory of one connection\n  %-28s %16s %34s"
          % ("", "idle, PSS KiB", "inside a 40 MB DATA, private KiB"))
    for number in steps:
        server = Server(directory, step_program(number))
        crowd = [smtplib.SMTP("127.0.0.1", server.port) for _ in range(50)]
        for client in crowd:
            client.ehlo()
        pids = server.children() or [server.pid]
        idle = sum(rollup(pid)["Pss"] for pid in pids) / len(pids)
        for client in crowd:
            client.close()
        time.sleep(0.5)     # they are gone
        client = smtplib.SMTP("127.0.0.1", server.port)
        client.ehlo()
        child = (server.children() or [server.pid])[0]
        for command in ("MAIL FROM:<a@localhost>", "RCPT TO:<you@localhost>", "DATA"):
            client.docmd(command)
        client.sock.sendall((b"x" * 998 + b"\r\n") * 40000)
        time.sleep(0.5)     # the last of it is read
        busy = rollup(child)
        print("  %-28s %16d %34d"
              % (Path(step_program(number)).name, idle, busy["Private_Clean"] + busy["Private_Dirty"]))
        client.sock.close()
        server.stop()


def syncs(directory, steps):
    """System calls that wait for the disk, per message."""
    if not tool("strace"):
        return print("\n(no strace here: syncs per message are not counted)")
    print("\nSyncs per message")
    for number in steps:
        server = Server(directory, step_program(number))
        log = server.directory / "strace"
        tracer = subprocess.Popen([tool("strace"), "-f", "-q", "-e",
                                   "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync", "-o", str(log),
                                   "-p", str(server.pid)], stderr=subprocess.DEVNULL)
        while not log.exists():
            time.sleep(0.01)
        time.sleep(0.2)
        for _ in range(10):
            with smtplib.SMTP("127.0.0.1", server.port) as client:
                client.sendmail("a@localhost", ["you@localhost"], b"Subject: x\r\n\r\nbody\r\n")
        server.stop()
        tracer.wait()
        calls = re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.M)
        kinds = ", ".join("%g %s" % (calls.count(kind) / 10, kind) for kind in sorted(set(calls)))
        print("  %-28s %s" % (Path(step_program(number)).name, kinds or "none"))


# --- TLS ---

SUITE = "TLS_CHACHA20_POLY1305_SHA256"
WITH_TLS = ["-c", "certificate.pem", "-k", "key.pem"]
BIG = b"Subject: big\r\n\r\n" + (b"x" * 98 + b"\r\n") * 50000 + b".\r\n"


class OpenSSL(Server):
    """openssl s_server, with the certificate and key of another server."""

    def __init__(self, credentials):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = ["openssl", "s_server", "-accept", "127.0.0.1:%d" % self.port, "-cert",
                   credentials / "certificate.pem", "-key",
                   credentials / "key.pem", "-tls1_3", "-ciphersuites", SUITE, "-groups", "X25519",
                   "-num_tickets", "0", "-quiet"]
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        for _ in range(500):
            if self.answers():
                return
            time.sleep(0.01)
        sys.exit("bench.py: openssl s_server does not listen")


def client_context():
    """No check of the certificate: a client's work does not count here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def say(sock, *lines):
    """Commands, one after the other; each waits for the end of its reply."""
    for line in lines:
        if line:
            sock.sendall(line.encode() + b"\r\n")
        reply = b""
        while not re.search(rb"(^|\n)\d\d\d [^\n]*\n$", reply):
            reply += sock.recv(4096) or b"000 \n"


def connect(port, context, starttls):
    sock = socket.create_connection(("127.0.0.1", port), 30)
    if starttls:
        say(sock, "", "EHLO client.example")
    if starttls and context:
        say(sock, "STARTTLS")
    return context.wrap_socket(sock) if context else sock


def one_handshake(port, context, starttls):
    with connect(port, context, starttls) as sock:
        if context and sock.cipher()[0] != SUITE:
            sys.exit("bench.py: another suite, %s" % sock.cipher()[0])
        if context:
            sock.unwrap()       # both say close_notify, so all of the handshake is done


def handshakes(directory, rounds, count):
    """CPU of the server for full handshakes, x25519 and P-256 signatures. The client is the same for
    each."""
    servers = {"step 6, with fork and STARTTLS": (Server(directory, step_program(6), WITH_TLS),
                                                  client_context(), True)}
    ours = servers["step 6, with fork and STARTTLS"][0]
    servers["step 6, the same without TLS"] = (ours, None, True)
    if tool("openssl"):
        servers["openssl s_server, one process"] = (OpenSSL(ours.directory), client_context(), False)
    figures = {name: [] for name in servers}
    for _ in range(rounds):
        for name, (server, context, starttls) in servers.items():
            before = server.cpu()
            for _ in range(count):
                one_handshake(server.port, context, starttls)
            kept(server)
            figures[name].append((server.cpu() - before) / count)
    for server in {id(server): server for server, _, _ in servers.values()}.values():
        server.stop()
    median = {name: statistics.median(values) for name, values in figures.items()}
    alone = "step 6, the difference: a handshake"
    median[alone] = median["step 6, with fork and STARTTLS"] - median["step 6, the same without TLS"]
    print("\nFull TLS 1.3 handshakes: x25519, ChaCha20-Poly1305, ECDSA with P-256\n  %-38s %12s %18s"
          % ("", "CPU us/each", "per CPU second"))
    for name, cpu in median.items():
        print("  %-38s %12.0f %18.0f" % (name, cpu * 1e6, 1 / max(cpu, 1e-9)))


def deliver_big(port, tls, count):
    with connect(port, client_context() if tls else None, True) as sock:
        say(sock, "EHLO client.example")
        for _ in range(count):
            say(sock, "MAIL FROM:<a@localhost>", "RCPT TO:<you@localhost>", "DATA")
            sock.sendall(BIG)
            say(sock, "")


def big_messages(directory, rounds, count):
    """5 MB messages over kept connections, from 4 processes. The sender is the same for each, inside TLS or
    not."""
    rows = {"step 6, plaintext": (step_program(6), WITH_TLS, False),
            "step 6, TLS": (step_program(6), WITH_TLS, True)}
    if tool("smtp-sink"):
        rows = {"smtp-sink, plaintext (keeps nothing)": (None, (), False), **rows}
    figures, fork = {name: [] for name in rows}, multiprocessing.get_context("fork")
    for _ in range(rounds):
        for name, (program, options, tls) in rows.items():
            server = Server(directory, program, options)
            senders = [fork.Process(target=deliver_big, args=(server.port, tls, count)) for _ in range(4)]
            before, start = server.cpu(), time.monotonic()
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            seconds = time.monotonic() - start
            kept(server)
            figures[name].append((4 * count / seconds, (server.cpu() - before) / (4 * count)))
            server.stop()
    print("\n5 MB messages from 4 processes in Python, kept connections\n  %-38s %10s %12s %8s"
          % ("", "MB/s", "CPU us/each", "ratio"))
    median = {name: [statistics.median(column) for column in zip(*values)]
              for name, values in figures.items()}
    yardstick = next(iter(median.values()))[0]
    for name, (rate, cpu) in median.items():
        print("  %-38s %10.1f %12.0f %8.2f" % (name, rate * len(BIG) / 1e6, cpu * 1e6, rate / yardstick))


def rate_of(function, seconds):
    """Calls per second of CPU time."""
    count, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        function()
        count += 1
    return count / (time.process_time() - start)


def seal_rate(library, name, seconds):
    """MB/s of an AEAD over 16 KiB."""
    aead, size = tls_library.aead(library, name), 16384
    key, data, out = tls_library.opaque(), bytes(size), ctypes.create_string_buffer(size + 16)
    aead.init(key, b"k" * aead.key_size)
    return rate_of(lambda: aead.seal(key, b"n" * 12, b"header", 6, data, size, out), seconds) * size / 1e6


def call_rate(library, name, *sizes):
    """Calls per second of a function whose first argument is an output of up to 65 bytes."""
    function, out = getattr(library, name), ctypes.create_string_buffer(65)
    function.argtypes = [ctypes.c_void_p] * (1 + len(sizes))
    inputs = [b"\x5a" * size for size in sizes]
    return lambda seconds: rate_of(lambda: function(out, *inputs), seconds)


def openssl_speed(pattern, arguments, seconds, **environment):
    """A figure out of `openssl speed`; None without openssl."""
    try:
        done = subprocess.run(["openssl", "speed", "-seconds", str(max(1, round(seconds))), *arguments],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env={**os.environ, **environment},
                              universal_newlines=True)
    except OSError:
        return None
    found = re.search(pattern, done.stdout, re.M)
    return float(found.group(1)) if found else None


# name: (unit, what measures ours, pattern and arguments for openssl speed, what makes the unit of its
# figure)
PRIMITIVES = {
    "ChaCha20-Poly1305, 16 KiB": ("MB/s", lambda library: lambda seconds: seal_rate(
        library, "aead_chacha20_poly1305", seconds),
                                  r"^ChaCha20-Poly1305 +([\d.]+)k",
                                  ["-bytes", "16384", "-evp", "chacha20-poly1305"], 1e-3),
    "AES-128-GCM, 16 KiB": ("MB/s", lambda library: lambda seconds: seal_rate(library, "aead_aes128_gcm",
                                                                              seconds),
                            r"(?i)^AES-128-GCM +([\d.]+)k", ["-bytes", "16384", "-evp", "aes-128-gcm"],
                            1e-3),
    "P-256 signatures": ("/s", lambda library: call_rate(library, "ecdsa_sign", 32, 32),
                         r"nistp256\) +\S+ +\S+ +([\d.]+)", ["ecdsap256"], 1),
    "X25519": ("/s", lambda library: call_rate(library, "x25519", 32, 32), r"\(X25519\) +\S+ +([\d.]+)",
               ["ecdhx25519"], 1),
    "P-256 key agreement": ("/s", lambda library: call_rate_p256(library), r"\(nistp256\) +\S+ +([\d.]+)",
                            ["ecdhp256"], 1),
}


def call_rate_p256(library):
    """The other side's key has to be a point of the curve."""
    public, private, shared = ctypes.create_string_buffer(65), b"\x5a" * 32, ctypes.create_string_buffer(32)
    for name, count in (("p256_public_key", 2), ("p256_ecdh", 3)):
        getattr(library, name).argtypes = [ctypes.c_void_p] * count
    library.p256_public_key(public, private)
    return lambda seconds: rate_of(lambda: library.p256_ecdh(shared, private, public), seconds)


def primitives(rounds, seconds):
    """Our plain C beside OpenSSL: with the processor's vector and AES instructions put out of its reach, and
    with them."""
    library = tls_library.load()
    print("\nPrimitives, per CPU second\n  %-28s %12s %12s %22s %22s"
          % ("", "", "ours", "OpenSSL, ia32cap=0", "OpenSSL"))
    for name, (unit, measure, pattern, arguments, factor) in PRIMITIVES.items():
        ours, columns = measure(library), [[], [], []]
        for _ in range(rounds):
            columns[0].append(ours(seconds))
            columns[1].append(openssl_speed(pattern, arguments, seconds, OPENSSL_ia32cap="0"))
            columns[2].append(openssl_speed(pattern, arguments, seconds))
        figures = [statistics.median(column) if None not in column else None for column in columns]
        figures[1:] = [figure and figure * factor for figure in figures[1:]]
        shown = ["-" if figure is None else "%.0f" % figure if figure is figures[0]
                 else "%.0f (%.2f)" % (figure, figures[0] / figure)
                 for figure in figures]
        print("  %-28s %12s %12s %22s %22s" % (name, unit, *shown))
    print("  (in brackets: ours as a part of it)")


def tls(directory, rounds, quick):
    if not step_program(6):
        return
    handshakes(directory, rounds, 60 if quick else 600)
    big_messages(directory, rounds, 2 if quick else 12)
    primitives(rounds, 0.2 if quick else 1)


def main():
    parser = argparse.ArgumentParser(description="Measure the steps beside something known.")
    parser.add_argument("--quick", action="store_true", help="one round of a tenth")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", default="3,5,6", help="default: 3,5,6")
    parser.add_argument("--only", choices=["throughput", "parsing", "memory", "syncs", "tls"])
    options = parser.parse_args()
    steps = [int(n) for n in options.steps.split(",") if step_program(int(n))]
    rounds = 1 if options.quick else options.rounds
    if not steps:
        sys.exit("bench.py: nothing in %s: run `make` first" % BUILD)
    print("%d CPUs, median of %d rounds, steps %s" % (os.cpu_count(), rounds, steps))
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    try:
        wanted = lambda name: options.only in (None, name)
        if wanted("throughput") and tool("smtp-source") and tool("smtp-sink"):
            throughput(directory, steps, rounds, 0.1 if options.quick else 1)
        elif wanted("throughput"):
            print("\n(no smtp-source and smtp-sink here: install Postfix to measure throughput)")
        if wanted("parsing"):
            parsing(directory, rounds)
        if wanted("memory"):
            memory(directory, steps)
        if wanted("syncs"):
            syncs(directory, steps)
        if wanted("tls"):
            tls(directory, rounds, options.quick)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
