"""Stage 6, the pieces: the key schedule and the record layer of our own TLS, called through ctypes.

Expected values are those of RFC 8448 section 3, and those of the model in tls_model.py, which has hashlib and hmac of
Python underneath. The model itself is held to the RFC here as well.
"""
import ctypes
import hashlib
import random
import subprocess

import pytest

import rfc8448 as trace
import tls_crypto
import tls_library
import tls_model as tls
from server import Server
from test_06_handshake import AES_128, CHACHA20, Peer, ask, expect_answer
from tls_library import Output

# ======== 6.9 The key schedule

HELLOS = trace.CLIENT_HELLO + trace.SERVER_HELLO
SERVER_FLIGHT = (trace.ENCRYPTED_EXTENSIONS + trace.CERTIFICATE + trace.CERTIFICATE_VERIFY + trace.SERVER_FINISHED)
CLOSE_NOTIFY = b"\1\0"

NONE, CLOSE_NOTIFY_CAME, TRANSPORT = 256, 0, 258    # enum alert, tls/record/record.h


@pytest.fixture(scope="module")
def library():
    library = tls_library.load()
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name, arguments in {
            "hkdf_expand_label": [pointer, ctypes.c_char_p, pointer, size, pointer, size],
            "derive_secret": [pointer, ctypes.c_char_p, pointer, pointer],
            "key_schedule_early": [pointer], "key_schedule_handshake": [pointer, pointer, size],
            "key_schedule_master": [pointer], "traffic_keys": [pointer, pointer, pointer, pointer],
            "next_traffic_secret": [pointer], "finished_verify_data": [pointer, pointer, pointer]}.items():
        function = getattr(library, name, None)
        if function:        # a library on its way has not all of them
            function.restype, function.argtypes = ctypes.c_bool if name == "hkdf_expand_label" else None, arguments
    return library


def derive(library, secret, label, transcript_hash):
    out = Output(32)
    library.derive_secret(secret, label.encode(), transcript_hash, out)
    return bytes(out)


def schedule(library, shared, hash_to_server_hello, hash_to_server_finished):
    """The whole of RFC 8446 7.1, by the functions of tls/schedule/key_schedule.c: {name: secret}."""
    secret, found = Output(32), {}
    library.key_schedule_early(secret)
    found["early"] = bytes(secret)
    library.key_schedule_handshake(secret, shared, len(shared))
    found["handshake"] = bytes(secret)
    for name in ("c hs traffic", "s hs traffic"):
        found[name] = derive(library, bytes(secret), name, hash_to_server_hello)
    library.key_schedule_master(secret)
    found["master"] = bytes(secret)
    for name in ("c ap traffic", "s ap traffic", "exp master"):
        found[name] = derive(library, bytes(secret), name, hash_to_server_finished)
    return found


# ---- the key schedule

def test_secrets_of_the_trace(library):
    """All secrets of the trace come out, from the early one to the master secret (RFC 8446 7.1, RFC 8448 3)"""
    found = schedule(library, trace.SHARED_SECRET, trace.HASH_TO_SERVER_HELLO, trace.HASH_TO_SERVER_FINISHED)
    assert found == {
        "early": trace.EARLY_SECRET, "handshake": trace.HANDSHAKE_SECRET, "master": trace.MASTER_SECRET,
        "c hs traffic": trace.CLIENT_HANDSHAKE_TRAFFIC_SECRET, "s hs traffic": trace.SERVER_HANDSHAKE_TRAFFIC_SECRET,
        "c ap traffic": trace.CLIENT_APPLICATION_TRAFFIC_SECRET,
        "s ap traffic": trace.SERVER_APPLICATION_TRAFFIC_SECRET, "exp master": trace.EXPORTER_MASTER_SECRET}


def test_a_secret_that_we_do_not_use(library):
    """Derive-Secret gives the resumption secret, too, which we do not use (RFC 8446 7.1, RFC 8448 3)"""
    assert (derive(library, trace.MASTER_SECRET, "res master", trace.HASH_TO_CLIENT_FINISHED)
            == trace.RESUMPTION_MASTER_SECRET)


def test_transcript_hashes_of_the_trace(library):
    """The hashes of the messages so far are those of the trace (RFC 8446 4.4.1, RFC 8448 3)"""
    for messages, expected in ((HELLOS, trace.HASH_TO_SERVER_HELLO),
                               (HELLOS + SERVER_FLIGHT, trace.HASH_TO_SERVER_FINISHED),
                               (HELLOS + SERVER_FLIGHT + trace.CLIENT_FINISHED, trace.HASH_TO_CLIENT_FINISHED)):
        digest = Output(32)
        library.sha256(messages, len(messages), digest)
        assert bytes(digest) == expected


@pytest.mark.parametrize("secret", trace.TRAFFIC_KEYS, ids=lambda secret: secret.hex()[:8])
def test_traffic_keys_of_the_trace(library, secret):
    """A traffic secret gives its key and its IV (RFC 8446 7.3, RFC 8448 3)"""
    key, iv = Output(16), Output(12)
    aead = tls_library.aead(library, "aead_aes128_gcm")
    library.traffic_keys(secret, ctypes.byref(aead), key, iv)
    assert (bytes(key), bytes(iv)) == trace.TRAFFIC_KEYS[secret]


def test_finished_of_the_trace(library):
    """The verify_data of Finished is that of the trace (RFC 8446 4.4.4, RFC 8448 3)"""
    for secret, messages, finished in (
            (trace.SERVER_HANDSHAKE_TRAFFIC_SECRET, HELLOS + SERVER_FLIGHT[:-36], trace.SERVER_FINISHED),
            (trace.CLIENT_HANDSHAKE_TRAFFIC_SECRET, HELLOS + SERVER_FLIGHT, trace.CLIENT_FINISHED)):
        key, verify_data = Output(32), Output(32)
        library.hkdf_expand_label(secret, b"finished", None, 0, key, 32)
        library.finished_verify_data(secret, hashlib.sha256(messages).digest(), verify_data)
        assert bytes(key) == trace.FINISHED_KEYS[secret]
        assert bytes(verify_data) == finished[4:]


def test_the_model_agrees_with_the_trace():
    """The model, which the other tests believe, agrees with the trace (RFC 8448 3)"""
    keys = tls.KeySchedule()
    shared = tls_crypto.x25519(trace.SERVER_PRIVATE_KEY, trace.CLIENT_PUBLIC_KEY)
    assert shared == tls_crypto.x25519(trace.CLIENT_PRIVATE_KEY, trace.SERVER_PUBLIC_KEY) == trace.SHARED_SECRET
    keys.shared_secret(shared, HELLOS)
    keys.server_finished(HELLOS + SERVER_FLIGHT)
    assert (keys.client_handshake, keys.server_handshake, keys.client_application, keys.server_application) == tuple(
        trace.TRAFFIC_KEYS)
    assert keys.exporter == trace.EXPORTER_MASTER_SECRET
    assert tls.verify_data(keys.server_handshake, HELLOS + SERVER_FLIGHT[:-36]) == trace.SERVER_FINISHED[4:]
    record_keys = tls.RecordKeys(tls_crypto.Aes128Gcm, keys.server_handshake)
    assert record_keys.seal(tls.HANDSHAKE, SERVER_FLIGHT) == trace.SERVER_FLIGHT_RECORD


def test_random_secrets_against_the_model(library):
    """Secrets, keys and verify_data agree with the model (RFC 8446 7.1 to 7.3, 4.4.4)"""
    chance = random.Random(8446)
    for _ in range(200):
        shared, hellos, flight = (chance.randbytes(size) for size in (32, chance.randrange(300), chance.randrange(300)))
        keys = tls.KeySchedule()
        keys.shared_secret(shared, hellos)
        keys.server_finished(hellos + flight)
        found = schedule(library, shared, tls.sha256(hellos), tls.sha256(hellos + flight))
        assert (found["c hs traffic"], found["s hs traffic"]) == (keys.client_handshake, keys.server_handshake)
        assert (found["c ap traffic"], found["s ap traffic"]) == (keys.client_application, keys.server_application)
        assert found["exp master"] == keys.exporter
        verify_data, secret = Output(32), Output(32, keys.client_application)
        library.finished_verify_data(keys.client_handshake, tls.sha256(hellos + flight), verify_data)
        assert bytes(verify_data) == tls.verify_data(keys.client_handshake, hellos + flight)
        library.next_traffic_secret(secret)
        assert bytes(secret) == tls.next_secret(keys.client_application)


@pytest.mark.parametrize("size", [1, 12, 16, 31, 32, 33, 48, 255])
def test_expand_label_of_all_sizes(library, size):
    """HKDF-Expand-Label has outputs of any size (RFC 8446 7.1, RFC 5869 2.3)"""
    secret, context = bytes(range(32)), bytes(range(100, 132))
    for label in ("c hs traffic", "key", "iv", "a"):
        out = Output(size)
        assert library.hkdf_expand_label(secret, label.encode(), context, 32, out, size)
        assert bytes(out) == tls.expand_label(secret, label, context, size)


@pytest.mark.parametrize("label, context", [(13, 0), (64, 32), (249, 255), (250, 0), (256, 0), (1, 256), (5000, 0)])
def test_a_label_that_is_too_long(library, label, context):
    """A label or a context that is too long for its octet of length is refused (RFC 8446 7.1)

    opaque label<7..255> with "tls13 " in it, opaque context<0..255>; a shorter one would be another key
    """
    secret, out = bytes(range(32)), Output(32)
    fits = label <= 249 and context <= 255
    assert library.hkdf_expand_label(secret, b"x" * label, bytes(context), context, out, 32) == fits
    assert bytes(out) == (tls.expand_label(secret, "x" * label, bytes(context), 32) if fits else b"\xa5" * 32)


def test_an_output_that_is_too_long(library):
    """An output of more than 255 blocks is refused (RFC 5869 2.3)"""
    secret, out = bytes(range(32)), Output(255 * 32 + 1)
    assert not library.hkdf_expand_label(secret, b"x", b"", 0, out, 255 * 32 + 1)
    assert bytes(out) == b"\xa5" * (255 * 32 + 1)
    assert library.hkdf_expand_label(secret, b"x", b"", 0, out, 255 * 32)


# ======== 6.8 Records

READ = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
WRITE = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Io(ctypes.Structure):
    """struct tls_io, tls/record/record.h"""
    _fields_ = [("context", ctypes.c_void_p), ("read", READ), ("write", WRITE)]


class Trace(ctypes.Structure):
    """struct trace, tls/record/trace.h"""
    _fields_ = [("line", ctypes.c_void_p)]


class Record(ctypes.Structure):
    """struct record, tls/record/record.h"""
    _fields_ = [("type", ctypes.c_int), ("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class RecordLayer:
    """tls/record/record.c on memory: input is what comes from the peer, written is a list of what went out at once."""

    def __init__(self, library, source=b"", piece=1 << 20):
        self.library, self.input, self.piece, self.written = library, source, piece, []
        self.memory = tls_library.opaque(65536)
        self.io = Io(None, READ(self.read), WRITE(self.write))
        library.record_init.argtypes = [ctypes.c_void_p, Io, Trace]
        library.record_append.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
        library.record_protect.argtypes = [ctypes.c_void_p, ctypes.c_int] + [ctypes.c_void_p] * 3
        library.record_init(self.memory, self.io, Trace(None))

    def read(self, context, buffer, size):
        data, self.input = self.input[:min(size, self.piece)], self.input[min(size, self.piece):]
        ctypes.memmove(buffer, data, len(data))
        return len(data)

    def write(self, context, buffer, size):
        self.written.append(ctypes.string_at(buffer, size))
        return True

    def keys(self, direction, secret, aead="aead_aes128_gcm"):
        aead = tls_library.aead(self.library, aead)
        key, iv = (tls.expand_label(secret, label, b"", size) for label, size in (("key", aead.key_size), ("iv", 12)))
        self.library.record_protect(self.memory, ["read", "write"].index(direction), ctypes.byref(aead), key, iv)

    def next_record(self):
        record = Record()
        alert = self.library.record_read(self.memory, ctypes.byref(record))
        return (record.type, ctypes.string_at(record.data, record.size)) if alert == NONE else alert

    def append(self, content_type, data):
        assert self.library.record_append(self.memory, content_type, data, len(data)) == NONE

    def flush(self):
        assert self.library.record_flush(self.memory) == NONE
        return b"".join(self.written)


def test_records_of_the_trace_are_opened(library):
    """The client's records of the trace are opened (RFC 8446 5.2, RFC 8448 3)"""
    records = RecordLayer(library, trace.CLIENT_FINISHED_RECORD)
    records.keys("read", trace.CLIENT_HANDSHAKE_TRAFFIC_SECRET)
    assert records.next_record() == (tls.HANDSHAKE, trace.CLIENT_FINISHED)
    records.input = trace.CLIENT_APPLICATION_DATA_RECORD + trace.CLIENT_CLOSE_NOTIFY_RECORD
    records.keys("read", trace.CLIENT_APPLICATION_TRAFFIC_SECRET)
    assert records.next_record() == (tls.APPLICATION_DATA, trace.APPLICATION_DATA)
    assert records.next_record() == CLOSE_NOTIFY_CAME


def test_records_of_the_traces_server_are_opened(library):
    """So are the server's: the sequence number counts, whatever is in them (RFC 8446 5.3, RFC 8448 3)"""
    records = RecordLayer(library, trace.NEW_SESSION_TICKET_RECORD + trace.SERVER_APPLICATION_DATA_RECORD
                          + trace.SERVER_CLOSE_NOTIFY_RECORD)
    records.keys("read", trace.SERVER_APPLICATION_TRAFFIC_SECRET)
    content_type, ticket = records.next_record()
    assert content_type == tls.HANDSHAKE and ticket[0] == tls.NEW_SESSION_TICKET
    assert records.next_record() == (tls.APPLICATION_DATA, trace.APPLICATION_DATA)
    assert records.next_record() == CLOSE_NOTIFY_CAME


def test_records_of_the_trace_are_written(library):
    """The server's records of the trace are written (RFC 8446 5.2, RFC 8448 3)"""
    for secret, contents, expected in (
            (trace.SERVER_HANDSHAKE_TRAFFIC_SECRET, [(tls.HANDSHAKE, SERVER_FLIGHT)], trace.SERVER_FLIGHT_RECORD),
            (trace.CLIENT_HANDSHAKE_TRAFFIC_SECRET, [(tls.HANDSHAKE, trace.CLIENT_FINISHED)],
             trace.CLIENT_FINISHED_RECORD),
            (trace.CLIENT_APPLICATION_TRAFFIC_SECRET,
             [(tls.APPLICATION_DATA, trace.APPLICATION_DATA), (tls.ALERT, CLOSE_NOTIFY)],
             trace.CLIENT_APPLICATION_DATA_RECORD + trace.CLIENT_CLOSE_NOTIFY_RECORD)):
        records = RecordLayer(library)
        records.keys("write", secret)
        for content_type, content in contents:
            records.append(content_type, content)
        assert records.flush() == expected
        assert len(records.written) == 1


def test_a_flight_of_messages_leaves_as_one_record(library):
    """The messages of a flight leave in one record, as in RFC 8448 3 (RFC 8446 5.1)"""
    records = RecordLayer(library)
    records.keys("write", trace.SERVER_HANDSHAKE_TRAFFIC_SECRET)
    for message in (trace.ENCRYPTED_EXTENSIONS, trace.CERTIFICATE, trace.CERTIFICATE_VERIFY, trace.SERVER_FINISHED):
        records.append(tls.HANDSHAKE, message)
    assert records.flush() == trace.SERVER_FLIGHT_RECORD


@pytest.mark.parametrize("piece", [1, 2, 5, 6, 100, 1 << 14])
def test_records_in_any_pieces(library, piece):
    """A record is whole however its octets come"""
    plaintexts = [b"x" * size for size in (1, 0, 2**14, 17, 2**14 - 1, 300)]
    keys = tls.RecordKeys(tls_crypto.ChaCha20Poly1305, bytes(range(32)))
    stream = b"".join(keys.seal(tls.APPLICATION_DATA, plaintext) for plaintext in plaintexts)
    records = RecordLayer(library, stream, piece)
    records.keys("read", bytes(range(32)), "aead_chacha20_poly1305")
    assert [records.next_record() for _ in plaintexts] == [(tls.APPLICATION_DATA, text) for text in plaintexts]
    assert records.next_record() == TRANSPORT


def test_reading_goes_on_after_a_timeout(library):
    """A read that fails loses nothing, wherever in a record it was (tls/record/record.h)"""
    keys = tls.RecordKeys(tls_crypto.ChaCha20Poly1305, bytes(range(32)))
    plaintexts = [b"x" * size for size in (40, 0, 7)]
    records = RecordLayer(library, b"".join(keys.seal(tls.APPLICATION_DATA, text) for text in plaintexts), 3)
    records.keys("read", bytes(range(32)), "aead_chacha20_poly1305")
    calls = []

    def fail_every_other_time(context, buffer, size):
        calls.append(size)
        return -1 if len(calls) % 2 else records.read(context, buffer, size)

    io = Io(None, READ(fail_every_other_time), records.io.write)
    ctypes.memmove(records.memory, ctypes.byref(io), ctypes.sizeof(io))     # struct record_layer begins with it
    found = []
    while len(found) < len(plaintexts):
        record = records.next_record()
        if record != TRANSPORT:
            found.append(record)
    assert found == [(tls.APPLICATION_DATA, text) for text in plaintexts]


@pytest.mark.parametrize("aead", ["aead_aes128_gcm", "aead_chacha20_poly1305"])
def test_large_data_goes_out_in_full_records(library, aead):
    """Large data goes out in records of 2^14 octets (RFC 8446 5.1)"""
    data = random.Random(1).randbytes(2 * 2**14 + 5)
    records = RecordLayer(library)
    records.keys("write", bytes(range(32)), aead)
    records.append(tls.APPLICATION_DATA, data)
    output = records.flush()
    keys = tls.RecordKeys({"aead_aes128_gcm": tls_crypto.Aes128Gcm,
                           "aead_chacha20_poly1305": tls_crypto.ChaCha20Poly1305}[aead], bytes(range(32)))
    contents = []
    while output:
        size = 5 + int.from_bytes(output[3:5], "big")
        contents.append(keys.open(output[:size])[1])
        output = output[size:]
    assert b"".join(contents) == data
    assert [len(content) for content in contents] == [2**14] * 2 + [5]


# ======== 6.10 The handshake, byte by byte
# A whole connection, without a mail server around it.

@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """tls_server.c, compiled: a command."""
    directory = tmp_path_factory.mktemp("echo")
    library = tls_library.build()
    subprocess.run(["cc", "-std=c11", "-I", str(tls_library.SOURCES), "-o", str(directory / "tls_server"),
                    str(tls_library.REPOSITORY / "tests" / "tls_server.c"), str(library), "-Wl,-rpath," + str(library.parent)],
                   check=True)
    return [str(directory / "tls_server")]


@pytest.mark.parametrize("suite", [CHACHA20, AES_128], ids=["chacha20", "aes128"])
def test_key_update_before_the_limit(echo, tmp_path, suite):
    """A KeyUpdate is sent long before an AES-GCM key has done all its records (RFC 8446 5.5)

    They are good for 2^24.5 records. Here the server begins shortly before 2^23.
    """
    first = 2**23 - 3
    server = Server(echo + [str(first)], tmp_path, 1)
    try:
        client = Peer(server, starttls=False).handshake(suites=[suite])
        client.read_keys.sequence = first
        for _ in range(3):
            ask(client)
        client.write(b"NOOP\r\n")
        client.expect_key_update()
        expect_answer(client)
        ask(client)
    finally:
        server.kill()
