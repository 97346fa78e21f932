"""Stage 6: TLS 1.3 (RFC 8446) seen from a client that can misbehave, tls_client.py.

TLS is begun with STARTTLS, on the program under test.
"""
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import tls_crypto as crypto
import tls_model as tls
from client import TIMEOUT
from conftest import end_server, new_server
from server import children_of
from tls_client import TlsClient, connect
from tls_model import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, GO_ON, HANDSHAKE

# ======== 6.10 The handshake, byte by byte

CHACHA20, AES_128 = 0x1303, 0x1301
GREASE = 0x5a5a                 # RFC 8701
SECP384R1 = 0x0018
EARLY_DATA_MAX = 65536          # more of it than this need not be put up with


class Peer:
    """The server, and how to begin TLS with it."""

    def __init__(self, server, starttls=True):
        self.server = server
        self.host, self.port = server.listening[0]
        self.starttls = starttls

    def connect(self):
        """A client that has yet to say its ClientHello."""
        return TlsClient(self.host, self.port, self.starttls)

    def handshake(self, *hello, **offer):
        __tracebackhide__ = True
        return self.connect().handshake(*hello, **offer)

    def check(self, client):
        """Data go through in both directions; the end is clean."""
        __tracebackhide__ = True
        ask(client)
        client.send_alert("close_notify", level=1)
        client.expect_alert("close_notify")


def ask(client, padding=0):
    """A question that any mail server answers with 250, and that an echo answers with itself."""
    __tracebackhide__ = True
    client.write(b"NOOP\r\n", padding)
    expect_answer(client)


def expect_answer(client):
    __tracebackhide__ = True
    line = client.read_line()
    client.check(line.startswith(b"250") or line == b"NOOP\r\n", "an answer to NOOP", line)


def new_peer(program, step, directory, *options, **popen):
    return Peer(new_server(program, step, directory, options, popen=popen))


@pytest.fixture(scope="module")
def peer(program, step, tmp_path_factory):
    """One server for all of this file: whatever a test does to it, it has to serve the next."""
    peer = new_peer(program, step, tmp_path_factory.mktemp("tls"))
    yield peer
    end_server(peer.server)


@pytest.fixture
def start_peer(program, step, tmp_path):
    """start_peer(*options, **popen): a server of one's own."""
    peers = []

    def start(*options, **popen):
        peers.append(new_peer(program, step, tmp_path / ("server%d" % len(peers)), *options, **popen))
        return peers[-1]

    yield start
    for peer in peers:
        end_server(peer.server)


# ---- handshakes that succeed

@pytest.mark.key
def test_a_handshake(peer):
    """A full handshake, and data both ways after it (RFC 8446 2)"""
    peer.check(peer.handshake())


@pytest.mark.parametrize("session_id", [b"", b"x", b"x" * 32], ids=["empty", "short", "full"])
@pytest.mark.parametrize("group", [tls.X25519, tls.SECP256R1], ids=["x25519", "secp256r1"])
@pytest.mark.parametrize("suite", [CHACHA20, AES_128], ids=["chacha20", "aes128"])
def test_suites_groups_and_session_ids(peer, suite, group, session_id):
    """Each suite goes with each group, and the session id comes back as it went (RFC 8446 9.1, 4.1.3,
    D.4)"""
    client = peer.handshake(suites=[suite], share_groups=[group], groups=[group], session_id=session_id)
    assert (client.suite, client.group, client.retried) == (suite, group, False)
    peer.check(client)


@pytest.mark.parametrize("suite", [CHACHA20, AES_128], ids=["chacha20", "aes128"])
@pytest.mark.parametrize("offer", [
    dict(share_groups=[], groups=[tls.X25519, tls.SECP256R1]), dict(share_groups=[], groups=[tls.SECP256R1]),
    dict(share_groups=[SECP384R1], groups=[SECP384R1, tls.X25519]),
    dict(share_groups=[GREASE], groups=[GREASE, tls.SECP256R1]),
    dict(share_groups=[], groups=[tls.X25519], session_id=b"")],
    ids=["no share", "P-256 only", "share for another group", "GREASE", "no session id"])
def test_hello_retry_request(peer, offer, suite):
    """A client without a share that fits is asked for one with HelloRetryRequest (RFC 8446 4.1.4)"""
    client = peer.handshake(suites=[suite], **offer)
    assert client.retried
    peer.check(client)


@pytest.mark.parametrize("groups", [[tls.X25519, tls.SECP256R1], [tls.SECP256R1, tls.X25519]])
def test_two_shares(peer, groups):
    """Of several shares one that fits is taken (RFC 8446 4.2.8)"""
    client = peer.handshake(share_groups=groups, groups=groups)
    assert not client.retried
    peer.check(client)


@pytest.mark.parametrize("groups", [[tls.X25519, tls.SECP256R1], [tls.SECP256R1, tls.X25519]])
@pytest.mark.parametrize("suites", [[CHACHA20, AES_128], [AES_128, CHACHA20]])
def test_our_own_preferences(peer, request, suites, groups):
    """Of what a client offers the server chooses ChaCha20-Poly1305 and x25519 first (RFC 8446 4.1.1)"""
    if request.config.getoption("--prog"):
        pytest.skip("others may like other things")
    client = peer.handshake(suites=suites, share_groups=groups, groups=groups)
    assert (client.suite, client.group) == (CHACHA20, tls.X25519)


def test_a_share_is_better_than_a_round_trip(peer):
    """A group with a share is taken rather than a better one without (RFC 8446 4.1.1)"""
    client = peer.handshake(share_groups=[tls.SECP256R1], groups=[tls.X25519, tls.SECP256R1])
    assert (client.group, client.retried) == (tls.SECP256R1, False)
    peer.check(client)


def test_unknown_values_are_ignored(peer):
    """Versions, suites, groups, shares, signature algorithms and extensions that nobody knows are passed
    over (RFC 8446 9.3, RFC 8701)"""
    client = peer.connect()
    hello = client.client_hello(
        share_groups=[GREASE, tls.X25519], groups=[GREASE, 0x0001, SECP384R1, tls.X25519, 0xfeff],
        suites=[GREASE, 0x1302, 0x00ff, CHACHA20, 0xffff], versions=[GREASE, 0x7f1c, 0x0305, 0x0304, 0x0303],
        signatures=[GREASE, 0x0201, 0x0804, tls.ECDSA_SECP256R1_SHA256],
        extra=[(GREASE, b""), (0xff01, b"\0"), (0x1234, b"?" * 1000), (0xffff, b"")])
    peer.check(client.handshake(hello))


@pytest.mark.parametrize("extra", [
    [(tls.ALPN, tls.vector(2, tls.vector(1, b"smtp")))], [(1, b"\1")], [(5, b"\1\0\0\0\0")], [(35, b"")],
    [(49, b"")], [(50, tls.vector(2, tls.u16s(0x0804)))], [(47, tls.vector(2, tls.vector(2, b"0")))],
    [(tls.PSK_KEY_EXCHANGE_MODES, b"\1\1")], [(tls.PSK_KEY_EXCHANGE_MODES, b"\3\0\1\x2a")],
    [(tls.PADDING, bytes(700))], [(tls.COOKIE, tls.vector(2, b"nobody gave it"))]],
    ids=["alpn", "max_fragment_length", "status_request", "session_ticket", "post_handshake_auth",
         "signature_algorithms_cert", "certificate_authorities", "psk modes", "unknown psk modes", "padding",
         "cookie"])
def test_extensions_that_change_nothing(peer, extra):
    """An extension that asks for something need not be followed, and does no harm (RFC 8446 4.2)"""
    peer.check(peer.handshake(extra=extra))


def test_a_server_name_of_another_type(peer):
    """A server_name of an unknown type is passed over (RFC 6066 3)"""
    client = peer.connect()
    hello = client.client_hello()
    hello.replace(tls.SERVER_NAME, tls.vector(2, HOST_NAME + b"\1" + HOST_NAME[1:]))
    peer.check(client.handshake(hello))


@pytest.mark.parametrize("name", [b"", b"localhost", b"no.such.name.example", b"\xff\x1b[31m", b"x" * 60000],
                         ids=["empty", "ours", "another", "no text", "endless"])
def test_server_name_does_not_matter(peer, name):
    """Whatever server_name says, the one certificate is used (RFC 6066 3, RFC 7435)"""
    client = peer.connect()
    hello = client.client_hello()
    hello.replace(tls.SERVER_NAME, tls.vector(2, b"\0" + tls.vector(2, name)) if name else None)
    peer.check(client.handshake(hello))


def test_no_session_ticket_and_no_psk(peer):
    """No ticket is given, and a pre-shared key is passed over (RFC 8446 4.2.11)"""
    client = peer.handshake(extra=[(tls.PSK_KEY_EXCHANGE_MODES, b"\1\1")],
                            last=[(tls.PRE_SHARED_KEY, offered_psk())])
    peer.check(client)


def offered_psk(binders=1, size=32):
    """RFC 8446 4.2.11: OfferedPsks"""
    return tls.vector(2, tls.vector(2, b"a ticket of somebody else")
                      + bytes(4)) + tls.vector(2, tls.vector(1, bytes(size)) * binders)


def test_each_server_hello_is_fresh(peer):
    """Each connection has another random and another key share (RFC 8446 4.1.3, 4.2.8)"""
    clients = [peer.handshake() for _ in range(3)]
    assert len({client.server_random for client in clients}) == 3
    assert len({client.server_extensions[tls.KEY_SHARE] for client in clients}) == 3
    for client in clients:
        peer.check(client)


@pytest.mark.robust
@pytest.mark.parametrize("limit", [64, 65, 200, 16385, 65535])
def test_record_size_limit(peer, limit):
    """If record_size_limit is answered all protected records keep to it (RFC 8449 4)"""
    client = peer.connect()
    sizes = []
    receive = client.receive

    def measure(expected="a record"):
        content_type, data = receive(expected)
        if client.read_keys is not None and content_type != CHANGE_CIPHER_SPEC:
            sizes.append(len(data) + client.padding + 1)
        return content_type, data

    client.receive = measure
    client.handshake(extra=[(tls.RECORD_SIZE_LIMIT, tls.u16s(limit))])
    if tls.RECORD_SIZE_LIMIT not in client.encrypted_extensions:
        pytest.skip("the server does not know this extension")
    assert 64 <= int.from_bytes(client.encrypted_extensions[tls.RECORD_SIZE_LIMIT], "big") <= 16385
    client.write(b"NOOP" + b" x" * 100 + b"\r\n")
    client.read_line()
    assert max(sizes) <= limit


# ---- a ClientHello that is cut up, or large

@pytest.mark.parametrize("size", [1, 3, 4, 5, 40, 200])
def test_client_hello_over_many_records(peer, size):
    """A ClientHello may come in many records (RFC 8446 5.1)"""
    client = peer.connect()
    message = client.add_hello(client.client_hello())
    client.send_raw(b"".join(client.plain_record(HANDSHAKE, message[at:at + size])
                             for at in range(0, len(message), size)))
    client.receive_server_flight()
    client.send_finished()
    peer.check(client)


@pytest.mark.robust
@pytest.mark.parametrize("size", [1, 2, 5, 6, 100])
def test_client_hello_over_many_segments(peer, size):
    """A ClientHello may come in any pieces that TCP makes of it"""
    client = peer.connect()
    client.send_in_pieces(client.plain_record(HANDSHAKE, client.add_hello(client.client_hello())), size)
    client.receive_server_flight()
    client.send_finished()
    peer.check(client)


@pytest.mark.robust
@pytest.mark.parametrize("share_groups", [[tls.X25519], []], ids=["at once", "after a retry"])
@pytest.mark.parametrize("size", [2**14, 2**14 + 1, 40000, 130000])
def test_a_large_client_hello(peer, size, share_groups):
    """A ClientHello may have up to 2^16 octets of suites, and as many of extensions (RFC 8446 4.1.2)"""
    client = peer.connect()
    hello = client.client_hello(share_groups=share_groups)
    hello.suites = [0x00ff] * (min(size // 2, 65000) // 2) + hello.suites
    hello.extensions.insert(0, (tls.PADDING, bytes(size - len(hello.message()) - 4)))
    assert len(hello.message()) == size
    client.handshake(hello)
    assert client.retried == (not share_groups)
    peer.check(client)


@pytest.mark.robust
def test_many_extensions(peer):
    """As many unknown extensions as fit are passed over (RFC 8446 4.2)"""
    client = peer.connect()
    known = {0, 1, 5, 10, 13, 16, 21, 28, 35, 41, 42, 43, 44, 45, 47, 48, 49, 50, 51}
    extra = [(number, b"") for number in range(16500) if number not in known][:16300]
    peer.check(client.handshake(client.client_hello(extra=extra)))


@pytest.mark.robust
@pytest.mark.parametrize("size", [131397, 2**18, 2**24 - 1])
def test_a_client_hello_that_can_not_be(peer, size):
    """A ClientHello longer than its fields allow is refused before it has come (RFC 8446 4.1.2)"""
    client = peer.connect()
    client.send(HANDSHAKE, bytes([tls.CLIENT_HELLO]) + size.to_bytes(3, "big") + bytes(100))
    client.expect_alert("decode_error", "illegal_parameter", "record_overflow")


def test_two_messages_in_the_first_record(peer):
    """Nothing may follow a ClientHello in its record (RFC 8446 5.1)"""
    client = peer.connect()
    client.send(HANDSHAKE, client.add_hello(client.client_hello()) + tls.message(tls.FINISHED, bytes(32)))
    client.expect_alert("unexpected_message")


# ---- a ClientHello with faults

def spoil(**fields):
    """Set fields of the ClientHello."""
    return lambda hello: vars(hello).update(fields)


def content(extension_type, data):
    """Give an extension this content; None takes it away."""
    return lambda hello: hello.replace(extension_type, data)


def add(*extensions):
    return lambda hello: hello.extensions.extend(extensions)


def put_first(*extensions):
    return lambda hello: hello.extensions.__setitem__(slice(0, 0), extensions)


def share(group, data):
    return tls.u16s(group) + tls.vector(2, data)


def shares(*entries):
    return content(tls.KEY_SHARE, tls.vector(2, b"".join(entries)))


NOTHING_IN_COMMON = ("handshake_failure", "insufficient_security")
PSK = [(tls.PSK_KEY_EXCHANGE_MODES, b"\1\1"), (tls.PRE_SHARED_KEY, offered_psk())]
HOST_NAME = b"\0" + tls.vector(2, b"localhost")
OUR_SHARE = share(tls.X25519, crypto.x25519_public_key(b"k" * 32))
NOT_ON_THE_CURVE = b"\4" + bytes(63) + b"\1"

FAULTY_HELLOS = {
    # RFC 8446 4.2.1, D.2, D.5
    "no supported_versions": (content(tls.SUPPORTED_VERSIONS, None), "protocol_version"),
    "no extensions at all": (spoil(extensions=[]), "protocol_version"),
    "only TLS 1.2": (content(tls.SUPPORTED_VERSIONS, b"\2\3\3"), "protocol_version"),
    "only drafts": (content(tls.SUPPORTED_VERSIONS, b"\4\x7f\x1c\x7f\x12"), "protocol_version"),
    "only a future version": (content(tls.SUPPORTED_VERSIONS, b"\2\3\5"), "protocol_version"),
    "SSL 3.0": (spoil(legacy_version=0x0300), "protocol_version"),
    "no versions": (content(tls.SUPPORTED_VERSIONS, b"\0"), "decode_error"),
    "one and a half versions": (content(tls.SUPPORTED_VERSIONS, b"\3\3\4\3"), "decode_error"),
    "a byte behind the versions": (content(tls.SUPPORTED_VERSIONS, b"\2\3\4\0"), "decode_error"),
    "empty supported_versions": (content(tls.SUPPORTED_VERSIONS, b""), "decode_error"),
    # 4.1.2
    "a session id of 33 bytes": (spoil(session_id=bytes(33)), "decode_error", "illegal_parameter"),
    "a session id of 255 bytes": (spoil(session_id=bytes(255)), "decode_error", "illegal_parameter"),
    "no suites": (spoil(suites=[]), "decode_error", "illegal_parameter"),
    "no suite of TLS 1.3": (spoil(suites=[0xc02b, 0xc02f, 0x009c]), *NOTHING_IN_COMMON),
    "no suite of ours": (spoil(suites=[0x1304, 0x1305]), *NOTHING_IN_COMMON),
    "no compression methods": (spoil(compression=b""), "decode_error", "illegal_parameter"),
    "compression": (spoil(compression=b"\1"), "illegal_parameter"),
    "compression, or none": (spoil(compression=b"\1\0"), "illegal_parameter"),
    # 4.2
    "an extension twice": (add((tls.SUPPORTED_VERSIONS, b"\2\3\4")), "illegal_parameter", "decode_error"),
    "an unknown extension twice": (put_first((0x1234, b""), (0x1234, b"")), "illegal_parameter",
                                   "decode_error"),
    # 9.2
    "no key_share": (content(tls.KEY_SHARE, None), "missing_extension"),
    "no supported_groups": (content(tls.SUPPORTED_GROUPS, None), "missing_extension"),
    "no signature_algorithms": (content(tls.SIGNATURE_ALGORITHMS, None), "missing_extension"),
    # 4.2.3
    "no signature algorithm of ours": (content(tls.SIGNATURE_ALGORITHMS,
                                               tls.vector(2, tls.u16s(0x0804, 0x0807))),
                                       *NOTHING_IN_COMMON),
    "empty signature_algorithms": (content(tls.SIGNATURE_ALGORITHMS, b""), "decode_error"),
    "no signature algorithms": (content(tls.SIGNATURE_ALGORITHMS, b"\0\0"), "decode_error"),
    "half a signature algorithm": (content(tls.SIGNATURE_ALGORITHMS, b"\0\3\4\3\4"), "decode_error"),
    "a byte behind the signature algorithms": (content(tls.SIGNATURE_ALGORITHMS, b"\0\2\4\3\0"),
                                               "decode_error"),
    "empty signature_algorithms_cert": (add((tls.SIGNATURE_ALGORITHMS_CERT, b"")), "decode_error"),
    "no signature algorithms for certificates": (add((tls.SIGNATURE_ALGORITHMS_CERT, b"\0\0")),
                                                 "decode_error"),
    "half a signature algorithm for certificates": (add((tls.SIGNATURE_ALGORITHMS_CERT, b"\0\3\4\3\4")),
                                                    "decode_error"),
    # RFC 6066 3
    "empty server_name": (content(tls.SERVER_NAME, b""), "decode_error"),
    "no server names": (content(tls.SERVER_NAME, b"\0\0"), "decode_error"),
    "a server name that is empty": (content(tls.SERVER_NAME, tls.vector(2, b"\0\0\0")), "decode_error"),
    "a server name that is cut off": (content(tls.SERVER_NAME, tls.vector(2, HOST_NAME[:-1])),
                                      "decode_error"),
    "a byte behind the server names": (content(tls.SERVER_NAME, tls.vector(2, HOST_NAME) + b"\0"),
                                       "decode_error"),
    "two host names": (content(tls.SERVER_NAME, tls.vector(2, HOST_NAME * 2)), "illegal_parameter",
                       "decode_error"),
    # 4.2.7
    "no group of ours": (content(tls.SUPPORTED_GROUPS, tls.vector(2, tls.u16s(SECP384R1))),
                         *NOTHING_IN_COMMON, "illegal_parameter"),
    "no groups": (content(tls.SUPPORTED_GROUPS, b"\0\0"), "decode_error"),
    "half a group": (content(tls.SUPPORTED_GROUPS, b"\0\3\0\x1d\0"), "decode_error"),
    # 4.2.8
    "the same group twice": (shares(OUR_SHARE, OUR_SHARE), "illegal_parameter"),
    "a share for a group that is not offered": (
        shares(OUR_SHARE, share(SECP384R1, bytes(97))), "illegal_parameter"),
    "an empty share": (shares(share(tls.X25519, b"")), "decode_error", "illegal_parameter"),
    "a share that is too short": (shares(share(tls.X25519, bytes(31))), "illegal_parameter", "decode_error"),
    "a share that is too long": (shares(share(tls.X25519, b"x" * 33)), "illegal_parameter", "decode_error"),
    "a share that is cut off": (shares(OUR_SHARE[:-1]), "decode_error"),
    "a share that ends in its length": (shares(OUR_SHARE[:3]), "decode_error"),
    "a byte behind the shares": (content(tls.KEY_SHARE, tls.vector(2, OUR_SHARE) + b"\0"), "decode_error"),
    # 4.2.8.2, 7.4.2
    "an x25519 share of zero": (shares(share(tls.X25519, bytes(32))), "illegal_parameter"),
    "an x25519 share of one": (shares(share(tls.X25519, b"\1" + bytes(31))), "illegal_parameter"),
    "a P-256 share that is too short": (shares(share(tls.SECP256R1, b"\4" + bytes(63))),
                                        "illegal_parameter", "decode_error"),
    "a P-256 share not on the curve": (shares(share(tls.SECP256R1, NOT_ON_THE_CURVE)), "illegal_parameter"),
    "a P-256 share at infinity": (shares(share(tls.SECP256R1, b"\0")), "illegal_parameter", "decode_error"),
    "a compressed P-256 share": (shares(share(tls.SECP256R1, b"\2" + crypto.P256_G[0].to_bytes(32, "big"))),
                                 "illegal_parameter", "decode_error"),
    "a P-256 share with a coordinate of p": (shares(share(tls.SECP256R1,
                                                          b"\4" + crypto.P256.to_bytes(32, "big")
                                                          + bytes(32))), "illegal_parameter"),
    # 4.2.10
    "early data with content": (put_first((tls.EARLY_DATA, b"\0")), "decode_error"),
    # 4.2.9, 4.2.11
    "a PSK that is not last": (lambda hello: hello.extensions.extend([*PSK, (0x1234, b"")]),
                               "illegal_parameter"),
    "PSKs without names": (add(PSK[0], (tls.PRE_SHARED_KEY,
                                        tls.vector(2, bytes(12)) + offered_psk(binders=2)[33:])),
                           "decode_error"),
    "a binder of 31 bytes": (add(PSK[0], (tls.PRE_SHARED_KEY, offered_psk(binders=2, size=31))),
                             "decode_error"),
    "a binder too many": (add(PSK[0], (tls.PRE_SHARED_KEY, offered_psk(binders=2))), "illegal_parameter"),
    "a PSK without modes": (add(PSK[1]), "missing_extension", "illegal_parameter", "handshake_failure"),
}


@pytest.mark.parametrize("fault", FAULTY_HELLOS)
def test_a_faulty_client_hello(peer, fault):
    """A ClientHello with a fault gets the alert that names the fault (RFC 8446 4.1.2, 4.2, 9.2)"""
    change, *alerts = FAULTY_HELLOS[fault]
    client = peer.connect()
    hello = client.client_hello()
    change(hello)
    client.send_hello(hello)
    client.expect_alert(*alerts)


def test_a_client_hello_without_extensions(peer):
    """A ClientHello without extensions is one of TLS 1.2, and refused as that (RFC 8446 4.1.2, D.2)"""
    client = peer.connect()
    hello = client.client_hello()
    hello.extensions = []
    client.send(HANDSHAKE, tls.message(tls.CLIENT_HELLO, hello.body()[:-2]))
    client.expect_alert("protocol_version")


@pytest.mark.parametrize("end", [b"\0", b"\0\0", b"\0\0\0\0"])
def test_bytes_behind_the_extensions(peer, end):
    """Octets after the extensions of a ClientHello are a decode_error (RFC 8446 4.1.2)"""
    client = peer.connect()
    client.send(HANDSHAKE, tls.message(tls.CLIENT_HELLO, client.client_hello().body() + end))
    client.expect_alert("decode_error")


@pytest.mark.parametrize("extension", [
    (tls.RECORD_SIZE_LIMIT, tls.u16s(63)), (tls.RECORD_SIZE_LIMIT, b"\1"),
    (tls.RECORD_SIZE_LIMIT, b"\1\0\0"), (tls.COOKIE, b"\0\0"), (tls.COOKIE, b"\0\2x"),
    (tls.PSK_KEY_EXCHANGE_MODES, b"\0")],
    ids=["record_size_limit 63", "short record_size_limit", "long record_size_limit", "empty cookie",
         "half a cookie", "modes"])
def test_a_faulty_extension(peer, extension):
    """A faulty extension gets an alert, or is passed over by a server that does not know it (RFC 8449 4, RFC
    8446 4.2.2, 4.2.9)"""
    client = peer.connect()
    client.send_hello(client.client_hello(extra=[extension]))
    first = client.sock.recv(1, socket.MSG_PEEK)
    if first == bytes([ALERT]):
        client.expect_alert("decode_error", "illegal_parameter")
    else:
        client.receive_server_flight()
        assert extension[0] not in client.encrypted_extensions


@pytest.mark.robust
@pytest.mark.parametrize("version", [0x0301, 0x0302, 0x0303, 0x0304, 0x0305, 0xffff], ids=hex)
def test_legacy_versions_do_not_matter(peer, version):
    """legacy_version, and the version of a record, do not matter (RFC 8446 4.2.1, 5.1)"""
    client = peer.connect()
    hello = client.client_hello()
    hello.legacy_version = version
    client.send_raw(client.plain_record(HANDSHAKE, client.add_hello(hello), version))
    client.receive_server_flight()
    client.send_finished()
    peer.check(client)


@pytest.mark.robust
def test_every_truncation_of_a_client_hello(peer):
    """A ClientHello that is cut short anywhere is a decode_error (RFC 8446 6)"""
    body = peer.connect().client_hello().body()
    for size in range(0, len(body), 7):
        client = peer.connect()
        client.send(HANDSHAKE, tls.message(tls.CLIENT_HELLO, body[:size]))
        client.expect_alert(*tls.judge(body[:size]))


@pytest.mark.robust
def test_mutated_client_hellos(peer):
    """A ClientHello with octets changed at random gets a fitting alert, or the handshake goes on (RFC 8446
    6)"""
    chance = random.Random(20180810)
    deadline = time.monotonic() + 10
    client = peer.connect()
    hellos = [client.client_hello(share_groups=groups, extra=extra, last=last)
              for groups in ([tls.X25519], [])
              for extra, last in (([], []),
                                  ([(tls.RECORD_SIZE_LIMIT, b"\2\0"), PSK[0], (GREASE, b"")], [PSK[1]]))]
    client.close()
    for number in range(2000):
        if time.monotonic() > deadline:
            break
        body = mutate(chance, chance.choice(hellos))
        client = peer.connect()
        client.send(HANDSHAKE, tls.message(tls.CLIENT_HELLO, body))
        allowed = tls.judge(body)
        content_type, data = client.receive(" or ".join(allowed))
        if content_type == HANDSHAKE:
            client.check(GO_ON in allowed, " or ".join(allowed), "a ServerHello for mutation %d" % number)
        else:
            client.check(content_type == ALERT and tls.ALERTS[data[1]] in allowed, " or ".join(allowed),
                         "%s for mutation %d: %s" % (tls.ALERTS.get(data[1], data), number, body.hex()))
        client.close()
    assert number > 100
    peer.check(peer.handshake())


def mutate(chance, hello):
    """One of the ways in which a message can be wrong."""
    body = bytearray(hello.body())
    kind = chance.randrange(6)
    at = chance.randrange(len(body))
    if kind == 0:       # some bytes changed
        for _ in range(chance.randrange(1, 4)):
            body[chance.randrange(len(body))] = chance.choice([0, 1, 0x7f, 0x80, 0xff,
                                                               chance.randrange(256)])
    elif kind == 1:     # some bytes less
        del body[at:at + chance.randrange(1, 8)]
    elif kind == 2:     # some bytes more
        body[at:at] = chance.randbytes(chance.randrange(1, 8))
    elif kind == 3:     # one bit
        body[at] ^= 1 << chance.randrange(8)
    else:               # another order, one twice, one less, or one with other bytes, and every length right
        copy = tls.ClientHello(hello.random, hello.session_id)
        copy.extensions = hello.extensions[:]
        if kind == 4:
            chance.shuffle(copy.extensions)
        else:
            index = chance.randrange(len(copy.extensions))
            number, content = copy.extensions[index]
            changed = bytearray(content or b"\0")
            changed[chance.randrange(len(changed))] = chance.randrange(256)
            copy.extensions[index:index
                            + 1] = chance.choice([[], [(number, content)] * 2, [(number, bytes(changed))]])
        body = bytearray(copy.body())
    return bytes(body)


# ---- the second ClientHello (RFC 8446 4.1.2)

SECOND_HELLOS = {
    "another random": (spoil(random=bytes(32)), "illegal_parameter"),
    "another session id": (spoil(session_id=b"y" * 32), "illegal_parameter"),
    "another suite": (spoil(suites=[AES_128]), "illegal_parameter"),
    "fewer suites": (spoil(suites=[CHACHA20]), "illegal_parameter"),
    "another server name": (content(tls.SERVER_NAME, tls.vector(2, b"\0" + tls.vector(2, b"other"))),
                            "illegal_parameter"),
    "other groups": (content(tls.SUPPORTED_GROUPS, tls.vector(2, tls.u16s(tls.X25519))),
                     "illegal_parameter"),
    "one more extension": (add((0x1234, b"")), "illegal_parameter"),
    "one extension less": (content(tls.SERVER_NAME, None), "illegal_parameter"),
    "another order": (lambda hello: hello.extensions.reverse(), "illegal_parameter"),
    "a cookie": (add((tls.COOKIE, tls.vector(2, b"nobody gave it"))), "illegal_parameter"),
    "early data": (add((tls.EARLY_DATA, b"")), "illegal_parameter"),
    "a PSK": (add(PSK[1]), "illegal_parameter"),
    "no share": (shares(), "illegal_parameter"),
    "a share in another group": (shares(share(tls.SECP256R1, crypto.p256_public_key(b"k" * 32))),
                                 "illegal_parameter"),
    "one share too many": (lambda hello: hello.replace(tls.KEY_SHARE, tls.vector(2, (
        OUR_SHARE + share(tls.SECP256R1, crypto.p256_public_key(b"k" * 32))))), "illegal_parameter"),
    "no key_share": (content(tls.KEY_SHARE, None), "missing_extension", "illegal_parameter"),
}


@pytest.mark.parametrize("fault", SECOND_HELLOS)
def test_a_second_client_hello_that_differs(peer, fault):
    """A second ClientHello that differs in more than it may is refused (RFC 8446 4.1.2)"""
    change, *alerts = SECOND_HELLOS[fault]
    client = peer.connect()
    client.send_hello(client.client_hello(share_groups=[], extra=[PSK[0]]))
    client.receive_server_hello()
    client.retry(change)
    client.expect_alert(*alerts)


def test_a_cookie_in_both_client_hellos(peer):
    """A cookie that the server never gave is refused in the second ClientHello (RFC 8446 4.1.2, 4.2.2)"""
    client = peer.connect()
    client.send_hello(client.client_hello(share_groups=[],
                                          extra=[(tls.COOKIE, tls.vector(2, b"nobody gave it"))]))
    client.receive_server_hello()
    client.retry()
    client.expect_alert("illegal_parameter")


@pytest.mark.parametrize("change, last", [
    (add((tls.PADDING, bytes(100))), []), (add((tls.PADDING, b"")), []), (content(0xfe0d, b"new"), []),
    (lambda hello: None, [PSK[1]]), (content(tls.PRE_SHARED_KEY, None), [PSK[1]])],
    ids=["padding", "empty padding", "encrypted_client_hello", "a PSK as before", "a PSK less"])
def test_changes_that_are_allowed(peer, change, last):
    """A second ClientHello may differ in what the standard lists (RFC 8446 4.1.2, RFC 9849 6.1.5)"""
    client = peer.connect()
    client.send_hello(client.client_hello(share_groups=[], extra=[PSK[0], (0xfe0d, b"old")], last=last))
    client.receive_server_hello()
    client.retry(change)
    client.receive_server_hello()
    client.agree_on_keys()
    client.receive_authentication()
    client.send_finished()
    peer.check(client)


def test_something_else_than_a_second_client_hello(peer):
    """After HelloRetryRequest anything but a ClientHello is unexpected_message (RFC 8446 4.1.4)"""
    client = peer.connect()
    client.send_hello(client.client_hello(share_groups=[]))
    client.receive_server_hello()
    client.send(HANDSHAKE, tls.message(tls.FINISHED, bytes(32)))
    client.expect_alert("unexpected_message")


# ---- change_cipher_spec (RFC 8446 5, D.4)

@pytest.mark.parametrize("session_id", [b"", None], ids=["no session id", "session id"])
def test_change_cipher_spec_before_finished(peer, session_id):
    """A change_cipher_spec before the client's Finished is passed over (RFC 8446 D.4)"""
    client = peer.connect()
    client.send_hello(client.client_hello(session_id=session_id))
    client.receive_server_flight()
    client.send_change_cipher_spec()
    client.send_finished()
    peer.check(client)


def test_change_cipher_spec_at_every_place(peer):
    """A change_cipher_spec may come anywhere between the first ClientHello and Finished (RFC 8446 5)"""
    client = peer.connect()
    client.send_hello(client.client_hello(share_groups=[]))
    client.send_change_cipher_spec()
    client.send_change_cipher_spec()
    client.receive_server_hello()
    client.send_change_cipher_spec()
    client.retry()
    client.send_change_cipher_spec()
    client.receive_server_hello()
    client.agree_on_keys()
    client.send_change_cipher_spec()
    client.receive_authentication()
    client.send_change_cipher_spec()
    client.send_finished()
    peer.check(client)


@pytest.mark.parametrize("content", [b"", b"\0", b"\2", b"\1\1", b"\1" * 100])
def test_change_cipher_spec_with_another_content(peer, content):
    """A change_cipher_spec with another content than the octet 1 is unexpected_message (RFC 8446 5)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_change_cipher_spec(content)
    client.expect_alert("unexpected_message")


def test_change_cipher_spec_before_everything(peer):
    """A change_cipher_spec before the ClientHello is unexpected_message (RFC 8446 5)"""
    client = peer.connect()
    client.send_change_cipher_spec()
    client.expect_alert("unexpected_message")


def test_change_cipher_spec_after_finished(peer):
    """A change_cipher_spec after Finished is unexpected_message (RFC 8446 5)"""
    client = peer.handshake()
    client.send_change_cipher_spec()
    client.expect_alert("unexpected_message")


def test_protected_change_cipher_spec(peer):
    """A change_cipher_spec inside a protected record is unexpected_message (RFC 8446 5)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send(CHANGE_CIPHER_SPEC, b"\1")
    client.expect_alert("unexpected_message")


def test_change_cipher_spec_inside_a_message(peer):
    """A change_cipher_spec between the parts of a message is unexpected_message (RFC 8446 5.1)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    finished = client.finished()
    client.send(HANDSHAKE, finished[:10])
    client.send_change_cipher_spec()
    client.send(HANDSHAKE, finished[10:])
    client.expect_alert("unexpected_message")


def test_user_canceled_inside_a_message(peer):
    """An alert between the parts of a message is unexpected_message (RFC 8446 5.1)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    finished = client.finished()
    client.send(HANDSHAKE, finished[:10])
    client.send_alert("user_canceled", level=1)
    client.send(HANDSHAKE, finished[10:])
    client.expect_alert("unexpected_message")


@pytest.mark.robust
def test_endless_change_cipher_spec(peer):
    """Endless change_cipher_spec records come to an end"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_raw(client.plain_record(CHANGE_CIPHER_SPEC, b"\1") * 5000)
    client.expect_alert("unexpected_message", "decode_error")


# ---- the client's Finished (RFC 8446 4.4.4)

def test_finished_over_many_records(peer):
    """The client's Finished may come in many records (RFC 8446 5.1)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    for byte in client.finished():
        client.send(HANDSHAKE, bytes([byte]))
    client.use_application_keys()
    peer.check(client)


def test_finished_and_data_at_once(peer):
    """The client may send data in one go with its Finished (RFC 8446 4.4.4)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    both = client.record(HANDSHAKE, client.finished())
    client.use_application_keys()
    client.send_raw(both + client.record(APPLICATION_DATA, b"NOOP\r\n"))
    expect_answer(client)


def flip(message, at=-1):
    changed = bytearray(message)
    changed[at] ^= 1
    return bytes(changed)


FINISHED_FAULTS = {
    "its last bit": (lambda client: [(HANDSHAKE, flip(client.finished()))], "decrypt_error"),
    "its first bit": (lambda client: [(HANDSHAKE, flip(client.finished(), 4))], "decrypt_error"),
    "zeros": (lambda client: [(HANDSHAKE, tls.message(tls.FINISHED, bytes(32)))], "decrypt_error"),
    "31 bytes": (lambda client: [(HANDSHAKE, tls.message(tls.FINISHED, client.finished()[4:-1]))],
                 "decode_error"),
    "33 bytes": (lambda client: [(HANDSHAKE, tls.message(tls.FINISHED, client.finished()[4:] + b"\0"))],
                 "decode_error"),
    "no bytes": (lambda client: [(HANDSHAKE, tls.message(tls.FINISHED, b""))], "decode_error"),
    "endless": (lambda client: [(HANDSHAKE, b"\x14\xff\xff\xff" + bytes(100))], "decode_error",
                "illegal_parameter"),
    "twice in a record": (lambda client: [(HANDSHAKE, client.finished() * 2)], "unexpected_message"),
    "the start of another message in its record": (lambda client: [(HANDSHAKE,
                                                                    client.finished() + b"\x18\0\0")],
                                                   "unexpected_message"),
    "data first": (lambda client: [(APPLICATION_DATA, b"NOOP\r\n")], "unexpected_message"),
    "empty data first": (lambda client: [(APPLICATION_DATA, b"")], "unexpected_message"),
    "KeyUpdate first": (lambda client: [(HANDSHAKE, tls.message(tls.KEY_UPDATE, b"\0"))],
                        "unexpected_message"),
    "a ClientHello": (lambda client: [(HANDSHAKE, client.hello.message())], "unexpected_message"),
    "a Certificate": (lambda client: [(HANDSHAKE, tls.message(tls.CERTIFICATE, b"\0\0\0\0"))],
                      "unexpected_message"),
    "EndOfEarlyData": (lambda client: [(HANDSHAKE, tls.message(tls.END_OF_EARLY_DATA, b""))],
                       "unexpected_message"),
    "the server's Finished": (lambda client: [(HANDSHAKE, tls.message(tls.FINISHED, tls.verify_data(
        client.keys.server_handshake, client.transcript)))], "decrypt_error"),
    "data inside it": (lambda client: [(HANDSHAKE, client.finished()[:9]), (APPLICATION_DATA, b"x")],
                       "unexpected_message"),
    "an empty handshake record": (lambda client: [(HANDSHAKE, b"")], "unexpected_message"),
    "an empty record inside it": (lambda client: [(HANDSHAKE, client.finished()[:9]), (HANDSHAKE, b"")],
                                  "unexpected_message"),
    "an unknown type of record": (lambda client: [(24, b"x")], "unexpected_message"),
}


@pytest.mark.parametrize("fault", FINISHED_FAULTS)
def test_another_thing_than_finished(peer, fault):
    """Anything but a right Finished gets the alert that names the fault (RFC 8446 4, 4.4.4, 5.1, 6.2)"""
    records, *alerts = FINISHED_FAULTS[fault]
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    for content_type, data in records(client):
        client.send(content_type, data)
    client.expect_alert(*alerts)


def test_finished_in_the_clear(peer):
    """A Finished that is not protected is unexpected_message (RFC 8446 5)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_raw(client.plain_record(HANDSHAKE, client.finished()))
    client.expect_alert("unexpected_message")


@pytest.mark.parametrize("at", [5, 20, -17, -16, -1])
def test_finished_with_a_bad_tag(peer, at):
    """A record whose tag is wrong is bad_record_mac (RFC 8446 5.2)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_raw(flip(client.record(HANDSHAKE, client.finished()), at))
    client.expect_alert("bad_record_mac")


def test_alerts_after_finished_are_under_the_data_keys(peer):
    """Alerts after Finished are protected with the keys of the data (RFC 8446 4.4.4)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    assert client.read_keys.secret == client.keys.server_application
    client.send(HANDSHAKE, flip(client.finished()))
    client.expect_alert("decrypt_error")


# ======== 6.8 Records

# ---- records (RFC 8446 5)

def test_padding(peer):
    """Padding of any length is taken off, in the handshake too (RFC 8446 5.4)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send(HANDSHAKE, client.finished(), padding=333)
    client.use_application_keys()
    for padding in (1, 15, 16, 255, 5000, 2**14 - 6):
        ask(client, padding)
    client.write(b"", padding=100)
    peer.check(client)


@pytest.mark.parametrize("suite", [CHACHA20, AES_128], ids=["chacha20", "aes128"])
def test_the_largest_record(peer, suite):
    """A record of 2^14 octets of content is taken (RFC 8446 5.1)"""
    client = peer.handshake(suites=[suite])
    client.write(b"NOOP\r\n" * (2**14 // 6) + b"NOOP"[:2**14 % 6])
    client.write(b"NOOP\r\n"[2**14 % 6:])
    answers = b""
    while answers.count(b"\r\n") < 2**14 // 6 + 1:
        answers += client.read()
    peer.check(client)


RECORD_FAULTS = {
    # 5.2, 5.4
    "2^14 + 1 bytes": (lambda client: client.record(APPLICATION_DATA, b"N" * (2**14 + 1)),
                       "record_overflow"),
    "2^14 bytes and one of padding": (lambda client: client.record(APPLICATION_DATA, b"N" * 2**14, 1),
                                      "record_overflow"),
    "2^14 + 241 bytes": (lambda client: client.record(APPLICATION_DATA, b"", 2**14 + 239),
                         "record_overflow"),
    "2^14 + 257 bytes on the wire": (lambda client: b"\x17\3\3\x41\1" + bytes(2**14 + 257),
                                     "record_overflow"),
    "2^16 - 1 bytes on the wire": (lambda client: b"\x17\3\3\xff\xff" + bytes(65535), "record_overflow"),
    "zeros": (lambda client: client.write_keys.seal(None, b"", 20), "unexpected_message"),
    "nothing": (lambda client: client.write_keys.seal(None, b""), "unexpected_message"),
    "as many zeros as there can be": (lambda client: client.write_keys.seal(None, b"", 2**14 + 1),
                                      "unexpected_message"),
    "no room for a tag": (lambda client: b"\x17\3\3\0\x0f" + bytes(15), "bad_record_mac", "decode_error"),
    "an empty record": (lambda client: b"\x17\3\3\0\0", "bad_record_mac", "decode_error",
                        "unexpected_message"),
    "a bad tag": (lambda client: flip(client.record(APPLICATION_DATA, b"NOOP\r\n")), "bad_record_mac"),
    "a changed header": (lambda client: client.write_keys.seal(APPLICATION_DATA, b"NOOP\r\n",
                                                               version=0x0301)[:2]
                         + b"\3" + client.write_keys.seal(APPLICATION_DATA, b"NOOP\r\n")[3:],
                         "bad_record_mac"),
    "a record twice": (lambda client: client.record(APPLICATION_DATA, b"NOOP\r\n") * 2, "bad_record_mac"),
    "a record left out": (lambda client: (client.record(APPLICATION_DATA, b"x"),
                                          client.record(APPLICATION_DATA, b"NOOP\r\n"))[1],
                          "bad_record_mac"),
    "plain data": (lambda client: client.plain_record(APPLICATION_DATA, b"MAIL FROM:<a@example.org>\r\n"),
                   "bad_record_mac"),
    "SMTP": (lambda client: b"NOOP\r\n" * 10, "unexpected_message", "record_overflow", "decode_error"),
    "a plain handshake record": (lambda client: client.plain_record(HANDSHAKE, client.hello.message()),
                                 "unexpected_message"),
    "a plain alert": (lambda client: client.plain_record(ALERT, b"\2\x28"), "unexpected_message"),
    # 5, 5.1
    "an unknown type": (lambda client: client.record(25, b"x"), "unexpected_message"),
    "type 0": (lambda client: client.plain_record(0, b"x"), "unexpected_message"),
    "heartbeat": (lambda client: client.plain_record(24, b"\1\0\3abc" + bytes(16)), "unexpected_message"),
    "heartbeat inside": (lambda client: client.record(24, b"\1\0\3abc" + bytes(16)), "unexpected_message"),
    "an empty handshake record": (lambda client: client.record(HANDSHAKE, b""), "unexpected_message"),
    "an empty alert": (lambda client: client.record(ALERT, b""), "unexpected_message", "decode_error"),
    "half an alert": (lambda client: client.record(ALERT, b"\2"), "decode_error", "unexpected_message"),
    "one and a half alerts": (lambda client: client.record(ALERT, b"\1\0\1"), "decode_error",
                              "unexpected_message"),
    "two alerts in a record": (lambda client: client.record(ALERT, b"\1\x5a\1\0"), "decode_error",
                               "unexpected_message"),
    # 4.6
    "a ClientHello": (lambda client: client.record(HANDSHAKE, client.hello.message()), "unexpected_message"),
    "another Finished": (lambda client: client.record(HANDSHAKE, client.finished()), "unexpected_message"),
    "NewSessionTicket": (lambda client: client.record(HANDSHAKE,
                                                      tls.message(tls.NEW_SESSION_TICKET, bytes(50))),
                         "unexpected_message"),
    "CertificateRequest": (lambda client: client.record(HANDSHAKE,
                                                        tls.message(tls.CERTIFICATE_REQUEST, bytes(5))),
                           "unexpected_message"),
    "a Certificate": (lambda client: client.record(HANDSHAKE, tls.message(tls.CERTIFICATE, bytes(4))),
                      "unexpected_message"),
    "an unknown message": (lambda client: client.record(HANDSHAKE, tls.message(99, b"")),
                           "unexpected_message"),
    # 4.6.3
    "KeyUpdate 2": (lambda client: client.record(HANDSHAKE, tls.message(tls.KEY_UPDATE, b"\2")),
                    "illegal_parameter"),
    "KeyUpdate 255": (lambda client: client.record(HANDSHAKE, tls.message(tls.KEY_UPDATE, b"\xff")),
                      "illegal_parameter"),
    "an empty KeyUpdate": (lambda client: client.record(HANDSHAKE, tls.message(tls.KEY_UPDATE, b"")),
                           "decode_error"),
    "a long KeyUpdate": (lambda client: client.record(HANDSHAKE, tls.message(tls.KEY_UPDATE, b"\0\0")),
                         "decode_error"),
    "two KeyUpdates in a record": (lambda client: client.record(HANDSHAKE,
                                                                tls.message(tls.KEY_UPDATE, b"\0") * 2),
                                   "unexpected_message"),
    "data inside a KeyUpdate": (lambda client: client.record(HANDSHAKE, b"\x18\0\0")
                                + client.record(APPLICATION_DATA, b"NOOP\r\n"), "unexpected_message"),
    "user_canceled inside a KeyUpdate": (lambda client: client.record(HANDSHAKE, b"\x18\0\0")
                                         + client.record(ALERT, b"\1\x5a"), "unexpected_message"),
    "data under the old key after KeyUpdate": (lambda client: client.record(HANDSHAKE,
                                                                            tls.message(tls.KEY_UPDATE,
                                                                                        b"\0"))
                                               + client.record(APPLICATION_DATA, b"NOOP\r\n"),
                                               "bad_record_mac"),
}


@pytest.mark.parametrize("fault", RECORD_FAULTS)
def test_a_faulty_record(peer, fault):
    """A record with a fault gets the alert that names it, and nothing after it is read (RFC 8446 4.6, 5,
    6)"""
    record, *alerts = RECORD_FAULTS[fault]
    client = peer.handshake()
    client.send_raw(record(client))
    client.expect_alert(*alerts)


FIRST_RECORD_FAULTS = {
    "2^14 + 1 bytes": (b"\x16\3\1\x40\1", "record_overflow"),
    "an unknown type": (b"\x18\3\1\0\1x", "unexpected_message"),
    "SMTP": (b"EHLO client.example\r\n", "unexpected_message", "record_overflow", "protocol_version",
             "decode_error"),
    "SSL 2.0": (bytes.fromhex("802e0100020015000000100100800300800700c0060040020080040080") + bytes(30),
                "unexpected_message", "protocol_version", "decode_error", "record_overflow"),
    "application data": (b"\x17\3\3\0\5hello", "unexpected_message"),
    "an empty handshake record": (b"\x16\3\1\0\0", "unexpected_message"),
    "an empty record inside a ClientHello": (b"\x16\3\1\0\5\1\0\0\xa0\3" + b"\x16\3\1\0\0",
                                             "unexpected_message"),
    "another record inside a ClientHello": (b"\x16\3\1\0\5\1\0\0\xa0\3" + b"\x14\3\1\0\1\1",
                                            "unexpected_message"),
    "user_canceled inside a ClientHello": (b"\x16\3\1\0\5\1\0\0\xa0\3" + b"\x15\3\1\0\2\1\x5a",
                                           "unexpected_message"),
    "another message": (b"\x16\3\1\0\4\x14\0\0\0", "unexpected_message"),
    "a ServerHello": (b"\x16\3\1\0\4\2\0\0\0", "unexpected_message"),
    "HelloRequest": (b"\x16\3\1\0\4\0\0\0\0", "unexpected_message"),
    "an empty ClientHello": (b"\x16\3\1\0\4\1\0\0\0", "decode_error"),
}


@pytest.mark.parametrize("fault", FIRST_RECORD_FAULTS)
def test_a_faulty_first_record(peer, fault):
    """A first record with a fault gets the alert that names it (RFC 8446 4.1.2, 5.1)"""
    data, *alerts = FIRST_RECORD_FAULTS[fault]
    client = peer.connect()
    client.send_raw(data)
    client.expect_alert(*alerts)


def test_a_few_empty_data_records(peer):
    """Empty records of data are passed over (RFC 8446 5.1)"""
    client = peer.handshake()
    for _ in range(5):
        client.write(b"")
        ask(client)
    peer.check(client)


@pytest.mark.robust
def test_endless_empty_data_records(peer):
    """Endless empty records of data come to an end"""
    client = peer.handshake()
    for _ in range(500):
        client.write(b"")
    client.expect_alert("unexpected_message", "decode_error")


# ======== 6.10 The handshake, byte by byte

# ---- KeyUpdate (RFC 8446 4.6.3)

def test_key_update_of_the_client(peer):
    """After the client's KeyUpdate its next keys are used (RFC 8446 7.2)"""
    client = peer.handshake()
    for _ in range(3):
        client.send_key_update()
        ask(client)
    peer.check(client)


@pytest.mark.parametrize("suite", [CHACHA20, AES_128], ids=["chacha20", "aes128"])
def test_key_update_that_is_answered(peer, suite):
    """A KeyUpdate that asks for it is answered before the next data (RFC 8446 4.6.3)"""
    client = peer.handshake(suites=[suite])
    for _ in range(3):
        client.send_key_update(request=1)
        client.write(b"NOOP\r\n")
        client.expect_key_update()
        expect_answer(client)
    peer.check(client)


def test_an_answer_that_is_owed_stays_owed(peer):
    """A KeyUpdate that asks for one is answered, though another one follows that does not (RFC 8446 4.6.3)"""
    client = peer.handshake()
    client.send_key_update(request=1)
    client.send_key_update(request=0)
    client.write(b"NOOP\r\n")
    client.expect_key_update()
    expect_answer(client)
    peer.check(client)


def test_key_update_over_many_records(peer):
    """A KeyUpdate may come in many records (RFC 8446 5.1)"""
    client = peer.handshake()
    for byte in tls.message(tls.KEY_UPDATE, b"\0"):
        client.send(HANDSHAKE, bytes([byte]))
    client.write_keys = client.write_keys.next()
    peer.check(client)


@pytest.mark.robust
def test_many_key_updates_with_data_between(peer):
    """Keys may change as often as data comes between"""
    client = peer.handshake()
    for number in range(50):
        client.send_key_update(request=number % 2)
        client.write(b"NOOP\r\n")
        if number % 2:
            client.expect_key_update()
        expect_answer(client)
    peer.check(client)


@pytest.mark.robust
def test_endless_key_updates(peer):
    """Endless KeyUpdates come to an end"""
    client = peer.handshake()
    for _ in range(500):
        client.send_key_update(request=1)
    while True:
        content_type, data = client.receive("an alert")
        if content_type == HANDSHAKE:
            client.read_keys = client.read_keys.next()
            continue
        client.check(content_type == ALERT and tls.ALERTS[data[1]] == "unexpected_message",
                     "unexpected_message", data)
        break


# ---- alerts (RFC 8446 6)

@pytest.mark.parametrize("level", [1, 2, 3])
def test_close_notify(peer, level):
    """close_notify ends the connection, whatever its level (RFC 8446 6.1)"""
    client = peer.handshake()
    ask(client)
    client.send_alert("close_notify", level)
    client.expect_alert("close_notify")


def test_close_notify_instead_of_finished(peer):
    """A close_notify in place of Finished ends the connection (RFC 8446 6.1)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_alert("close_notify", level=1)
    client.expect_alert("close_notify")


def test_data_before_close_notify_are_answered(peer):
    """What came before a close_notify is answered (RFC 8446 6.1)"""
    client = peer.handshake()
    client.send_raw(client.record(APPLICATION_DATA, b"NOOP\r\n") + client.record(ALERT, b"\1\0"))
    expect_answer(client)
    client.expect_alert("close_notify")


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("description", [10, 40, 42, 48, 80, 100, 255])
def test_an_error_alert_is_the_end(peer, description, level):
    """An error alert, an unknown one too, ends the connection without a word (RFC 8446 6, 6.2)"""
    client = peer.handshake()
    client.send(ALERT, bytes([level, description]))
    client.expect_end()


@pytest.mark.parametrize("protected", [False, True])
def test_an_error_alert_instead_of_finished(peer, protected):
    """An error alert in place of Finished ends the connection, protected or not (RFC 8446 6.2)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_raw((client.record if protected else client.plain_record)(ALERT, b"\2\x30"))
    try:
        client.expect_end()
    except AssertionError:
        assert not protected        # there a server may say that the alert was not protected


def test_an_alert_before_everything(peer):
    """An alert before anything else ends the connection (RFC 8446 6.2)"""
    client = peer.connect()
    client.send(ALERT, b"\2\x28")
    client.expect_end()


def test_user_canceled(peer):
    """user_canceled by itself is no error, for a close_notify follows (RFC 8446 6.1)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.receive_server_flight()
    client.send_alert("user_canceled", level=1)
    client.send_alert("close_notify", level=1)
    client.expect_alert("close_notify")


@pytest.mark.robust
def test_endless_user_canceled(peer):
    """Endless user_canceled alerts come to an end"""
    client = peer.handshake()
    for _ in range(500):
        client.send_alert("user_canceled", level=1)
    client.expect_alert("unexpected_message", "decode_error")


# ---- early data (RFC 8446 4.2.10)

def offer_early_data(client, **offer):
    """A ClientHello of a client that believes to have a ticket, and sends data with it at once."""
    hello = client.client_hello(extra=[(tls.PSK_KEY_EXCHANGE_MODES, b"\1\1"), (tls.EARLY_DATA, b"")],
                                last=[(tls.PRE_SHARED_KEY, offered_psk())], **offer)
    client.send_hello(hello)


def early_data_record(client, size):
    return client.plain_record(APPLICATION_DATA, random.Random(size).randbytes(size))


@pytest.mark.parametrize("sizes", [[], [17], [100, 200, 2**14 + 256], [1, 16], [3000] * 20],
                         ids=["none", "least", "most", "tiny", "many"])
@pytest.mark.parametrize("share_groups", [[tls.X25519], []], ids=["at once", "after a retry"])
def test_early_data_is_skipped(peer, sizes, share_groups):
    """Early data is passed over, after a HelloRetryRequest too (RFC 8446 4.2.10)"""
    client = peer.connect()
    offer_early_data(client, share_groups=share_groups)
    client.send_change_cipher_spec()
    for size in sizes:
        client.send_raw(early_data_record(client, size))
    client.receive_server_flight()
    assert tls.EARLY_DATA not in client.encrypted_extensions
    client.send_finished()
    peer.check(client)


@pytest.mark.robust
@pytest.mark.parametrize("share_groups", [[tls.X25519], []], ids=["at once", "after a retry"])
def test_too_much_early_data(peer, share_groups):
    """Early data without an end is refused (RFC 8446 4.2.10)"""
    client = peer.connect()
    offer_early_data(client, share_groups=share_groups)
    for _ in range(3 * EARLY_DATA_MAX // 2**14):
        client.send_raw(early_data_record(client, 2**14))
    client.receive_server_hello()
    if share_groups:
        client.agree_on_keys()
        client.receive_authentication()
    client.expect_alert("unexpected_message", "bad_record_mac")


def test_data_that_nobody_announced(peer):
    """What can't be opened is bad_record_mac where early_data was not announced (RFC 8446 5.2)"""
    client = peer.connect()
    client.send_hello(client.client_hello())
    client.send_raw(early_data_record(client, 100))
    client.receive_server_flight()
    client.expect_alert("bad_record_mac")


def test_early_data_ends_with_the_first_good_record(peer):
    """After the first record that can be opened what can't be opened is an error (RFC 8446 4.2.10)"""
    client = peer.connect()
    offer_early_data(client)
    client.send_raw(early_data_record(client, 100))
    client.receive_server_flight()
    client.send(HANDSHAKE, client.finished()[:10])
    client.send_raw(early_data_record(client, 100))
    client.expect_alert("bad_record_mac")


# ---- clients that go away

@pytest.mark.robust
def test_a_client_that_goes_away_at_every_stage(peer):
    """A client that goes away at any stage harms no other"""
    for stage in range(5):
        client = peer.connect()
        hello = client.client_hello()
        if stage == 1:
            client.send_raw(client.plain_record(HANDSHAKE, hello.message())[:50])
        if stage >= 2:
            client.send_hello(hello)
        if stage >= 3:
            client.receive_server_flight()
        if stage >= 4:
            client.send_raw(client.record(HANDSHAKE, client.finished())[:20])
        client.close()
        peer.check(peer.handshake())


@pytest.mark.robust
def test_a_connection_that_is_cut_off(peer):
    """A connection that ends without close_notify is over, and nothing is said about it (RFC 8446 6.1)"""
    client = peer.handshake()
    ask(client)
    client.sock.shutdown(socket.SHUT_WR)
    content_type, data = client.receive()
    assert (content_type, data[1]) == (ALERT, tls.ALERT_NUMBERS["close_notify"])


STAGES = {
    "nothing": lambda client: None,
    "half a ClientHello": lambda client: client.send_raw(
        client.plain_record(HANDSHAKE, client.client_hello().message())[:50]),
    "half a second ClientHello": lambda client: (
        client.send_hello(client.client_hello(share_groups=[])), client.receive_server_hello(),
        client.send_raw(client.plain_record(HANDSHAKE, client.hello.message())[:50])),
    "no Finished": lambda client: (client.send_hello(client.client_hello()), client.receive_server_flight()),
    "half a Finished": lambda client: (client.send_hello(client.client_hello()),
                                       client.receive_server_flight(),
                                       client.send(HANDSHAKE, client.finished()[:10])),
}


def clients_at_every_stage(peer):
    clients = [peer.connect() for _ in STAGES]
    for client, go_to in zip(clients, STAGES.values()):
        go_to(client)
    return clients


@pytest.mark.robust
def test_clients_that_take_too_long(start_peer):
    """A client that takes too long at any stage is sent away with close_notify (RFC 8446 6.1)"""
    for client in clients_at_every_stage(start_peer("-t", "1")):
        client.expect_alert("close_notify")


@pytest.mark.robust
def test_an_end_of_the_server_at_every_stage(start_peer):
    """At SIGTERM a client at any stage is told close_notify (RFC 8446 6.1)"""
    peer = start_peer()
    clients = clients_at_every_stage(peer)
    for client in clients:
        client.wait_until_read()
    time.sleep(0.05)
    peer.server.send_signal(signal.SIGTERM)
    for client in clients:
        client.expect_alert("close_notify")


def pause(peer, client):
    """SIGSTOP and SIGCONT for the child that waits for this client: on Linux its read(2) ends with EINTR."""
    client.wait_until_read()
    child, = children_of(peer.server.pid)
    for number in (0, signal.SIGSTOP, signal.SIGCONT):
        os.kill(child, number)
        time.sleep(0.05)


@pytest.mark.robust
def test_a_pause_in_the_middle_of_a_handshake(start_peer):
    """A server that is stopped and goes on in the middle of a handshake loses nothing of it"""
    peer = start_peer()
    client = peer.connect()
    hello = client.plain_record(HANDSHAKE, client.add_hello(client.client_hello()))
    client.send_raw(hello[:50])
    pause(peer, client)
    client.send_raw(hello[50:])
    client.receive_server_flight()
    client.send_finished()
    peer.check(client)


@pytest.mark.robust
def test_a_pause_in_the_middle_of_a_key_update(start_peer):
    """The second record of a KeyUpdate may come a long time after its first (RFC 8446 5.1)"""
    peer = start_peer()
    client = peer.handshake()
    ask(client)
    update = tls.message(tls.KEY_UPDATE, b"\0")
    client.send(HANDSHAKE, update[:2])
    pause(peer, client)
    client.send(HANDSHAKE, update[2:])
    client.write_keys = client.write_keys.next()
    peer.check(client)


# ---- other implementations

def python_client(peer, **settings):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for name, value in settings.items():
        (getattr(context, name)(value) if callable(getattr(context, name))
         else setattr(context, name, value))
    return context.wrap_socket(connect(peer.host, peer.port, peer.starttls), server_hostname="localhost")


@pytest.mark.key
def test_python_ssl(peer):
    """Python's ssl shakes hands"""
    with python_client(peer) as client:
        assert client.version() == "TLSv1.3"
        client.sendall(b"NOOP\r\n")
        assert client.recv(100)


@pytest.mark.parametrize("curve", ["prime256v1"])
def test_python_ssl_with_another_group(peer, curve):
    """Python's ssl shakes hands with each group"""
    with python_client(peer, set_ecdh_curve=curve) as client:
        client.sendall(b"NOOP\r\n")
        assert client.recv(100)


def test_python_ssl_with_tls_1_2(peer):
    """Python's ssl with TLS 1.2 only is told protocol_version (RFC 8446 D.2)"""
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version"):
        python_client(peer, maximum_version=ssl.TLSVersion.TLSv1_2)


def test_python_ssl_that_verifies(peer):
    """Python's ssl that insists on a chain ends with an alert, and harms nobody"""
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLError, match="(?i)verify"):
        context.wrap_socket(connect(peer.host, peer.port, peer.starttls), server_hostname="localhost")
    peer.check(peer.handshake())


OPENSSL_OPTIONS = {
    "defaults": [], "chacha20": ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
    "aes128": ["-ciphersuites", "TLS_AES_128_GCM_SHA256"], "x25519": ["-groups", "X25519"],
    "P-256": ["-groups", "P-256"], "retry for x25519": ["-groups", "X448:X25519"],
    "retry for P-256": ["-groups", "P-384:P-256"], "no middlebox compatibility": ["-no_middlebox"],
    "padding": ["-record_padding", "512"], "fragments": ["-max_send_frag", "512"], "alpn": ["-alpn", "smtp"],
    "max_fragment_length": ["-maxfraglen", "1024"], "one signature algorithm": ["-sigalgs", "ECDSA+SHA256"],
}


class Tool:
    """A program that connects to the server and sends what it reads."""

    def __init__(self, *command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.timer = threading.Timer(TIMEOUT, self.process.kill)
        self.output = b""

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()

    def say(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def expect(self, *starts):
        """Read up to a line that starts with one of these."""
        __tracebackhide__ = True
        for line in iter(self.process.stdout.readline, b""):
            self.output += line
            if line.startswith(starts):
                return
        raise AssertionError("expected: a line that starts with %s\ncame:\n%s"
                             % (starts, self.output.decode("utf-8", "backslashreplace")))

    def ask(self):
        __tracebackhide__ = True
        self.say(b"NOOP\r\n")
        self.expect(b"250 2.0.0", b"NOOP\r")


def openssl(peer, *options):
    starttls = ["-starttls", "smtp"] if peer.starttls else []
    return Tool("openssl", "s_client", "-connect", "%s:%d" % (peer.host, peer.port), "-tls1_3", *starttls,
                *options)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
@pytest.mark.parametrize("options", OPENSSL_OPTIONS)
def test_openssl(peer, options):
    """openssl s_client shakes hands, with each suite and group"""
    with openssl(peer, "-quiet", *OPENSSL_OPTIONS[options]) as client:
        client.ask()


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_openssl_changes_its_keys(peer):
    """openssl s_client changes its keys, and those of both sides"""
    with openssl(peer) as client:
        client.ask()
        for letter in (b"K\n", b"k\n", b"K\n"):
            client.say(letter)
            client.expect(b"KEYUPDATE")
            client.ask()


GNUTLS_PRIORITIES = {
    "defaults": "NORMAL", "chacha20": "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305",
    "aes128": "NORMAL:-CIPHER-ALL:+AES-128-GCM", "P-256": "NORMAL:-GROUP-ALL:+GROUP-SECP256R1",
    "x25519": "NORMAL:-GROUP-ALL:+GROUP-X25519", "retry": "NORMAL:-GROUP-ALL:+GROUP-FFDHE2048:+GROUP-X25519",
    "no compatibility mode": "NORMAL:%DISABLE_TLS13_COMPAT_MODE",
    "only TLS 1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3",
}


@pytest.mark.skipif(not shutil.which("gnutls-cli"), reason="gnutls-cli is not installed")
@pytest.mark.parametrize("priority", GNUTLS_PRIORITIES)
def test_gnutls(peer, priority):
    """gnutls-cli, which always sends record_size_limit, shakes hands"""
    starttls = ["--starttls-proto=smtp"] if peer.starttls else []
    with Tool("gnutls-cli", "--insecure", "--priority", GNUTLS_PRIORITIES[priority], *starttls, "-p",
              peer.port,
              peer.host) as client:
        client.expect(b"- Handshake was completed")
        client.ask()


# ---- for the classroom

def test_key_log(start_peer, tmp_path):
    """SSLKEYLOGFILE has the secrets that the client has computed on its own (RFC 9850)"""
    path = tmp_path / "keys.log"
    path.write_text("# a comment that was there before\n")
    path.chmod(0o600)
    peer = start_peer(env={**os.environ, "SSLKEYLOGFILE": str(path)})
    expected = set()
    for suite in (CHACHA20, AES_128):
        client = peer.handshake(suites=[suite])
        for label, secret in (("CLIENT_HANDSHAKE_TRAFFIC_SECRET", client.keys.client_handshake),
                              ("SERVER_HANDSHAKE_TRAFFIC_SECRET", client.keys.server_handshake),
                              ("CLIENT_TRAFFIC_SECRET_0", client.keys.client_application),
                              ("SERVER_TRAFFIC_SECRET_0", client.keys.server_application),
                              ("EXPORTER_SECRET", client.keys.exporter)):
            expected.add("%s %s %s" % (label, client.hello.random.hex(), secret.hex()))
        peer.check(client)
    lines = path.read_text().splitlines()
    assert lines[0].startswith("#") and set(lines[1:]) == expected and len(lines) == 11


def test_trace(start_peer, request):
    """-v shows what happens in the names of RFC 8446, nothing of it raw, and never a secret"""
    if request.config.getoption("--prog"):
        pytest.skip("only ours says it in these words")
    peer = start_peer("-v")
    client = peer.connect()
    hello = client.client_hello(share_groups=[],
                                extra=[(tls.ALPN, tls.vector(2, tls.vector(1, b"\x1b[2J\n")))])
    client.handshake(hello)
    peer.check(client)
    text = peer.server.stderr_text()
    for part in ("TLS < ClientHello", "supported_versions(43): 0x0304 TLS 1.3", "server_name(0): localhost",
                 "\\x1b[2J\\x0a", "HelloRetryRequest", "TLS > ServerHello",
                 "TLS > EncryptedExtensions", "TLS > Certificate", "TLS > CertificateVerify",
                 "TLS > Finished", "TLS < Finished", "TLS = Early Secret", "TLS = Handshake Secret",
                 "TLS = client_handshake_traffic_secret", "TLS = Master Secret", "TLS < alert: close_notify",
                 "TLS > alert: close_notify", "TLS > record: change_cipher_spec"):
        assert part in text, part
    assert "\x1b" not in text
    for secret in (client.keys.client_handshake, client.keys.server_handshake,
                   client.keys.client_application,
                   client.keys.server_application, client.keys.master_secret, client.keys.handshake_secret):
        assert secret.hex() not in text
