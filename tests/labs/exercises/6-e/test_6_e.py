"""Exercise 6-e: the hybrid group X25519MLKEM768 (draft-ietf-tls-ecdhe-mlkem, FIPS 203)."""
import hashlib

import pytest

import mlkem768
import tls_crypto
import tls_model as tls
from tls_client import TlsClient

X25519MLKEM768 = 0x11EC
ALL = (X25519MLKEM768, tls.X25519, tls.SECP256R1)


class HybridClient(TlsClient):
    """A client whose private key in that group is 32 octets, too: the rest is made of them."""

    def key_pair(self):
        return mlkem768.key_pair(hashlib.shake_256(self.shares[X25519MLKEM768]).digest(64))

    def share(self, group):
        if group != X25519MLKEM768:
            return super().share(group)
        return self.key_pair()[0] + tls_crypto.x25519_public_key(self.shares[group])

    def shared_secret(self, group, server_share):
        if group != X25519MLKEM768:
            return super().shared_secret(group, server_share)
        assert len(server_share) == mlkem768.CIPHERTEXT_SIZE + 32, \
            "expected: a share of 1088 + 32 octets\ncame:     %d" % len(server_share)
        ciphertext, point = server_share[:-32], server_share[-32:]
        return (mlkem768.decapsulate(self.key_pair()[1], ciphertext)
                + tls_crypto.x25519(self.shares[group], point))


@pytest.fixture
def connect(server):
    return lambda: HybridClient(*server.listening[0], starttls=True)


def expect_group(client, group):
    assert client.group == group, "expected: group %#06x\ncame:     %#06x" % (group, client.group)
    client.write(b"NOOP\r\n")
    assert client.read_line().startswith(b"250"), "expected: an answer to NOOP, in TLS"


@pytest.mark.parametrize("shares", [
    (X25519MLKEM768,), (X25519MLKEM768, tls.X25519), (tls.X25519, X25519MLKEM768)],
    ids=["alone", "first", "second"])
def test_it_is_taken_where_it_is_offered(connect, shares):
    """Whatever else the client has a share for"""
    expect_group(connect().handshake(share_groups=shares, groups=ALL), X25519MLKEM768)


def test_each_handshake_has_a_secret_of_its_own(connect):
    """The server draws its half anew"""
    offer = {"share_groups": (X25519MLKEM768,), "groups": ALL}
    one, other = (connect().handshake(**offer).server_extensions[tls.KEY_SHARE] for _ in range(2))
    assert one[4:1092] != other[4:1092], "expected: two ciphertexts\ncame:     the same twice"


def test_a_hello_retry_request(connect):
    """It is asked for where it is all that both have, and the client has sent no share"""
    client = connect().handshake(share_groups=(), groups=(X25519MLKEM768,))
    assert client.retried, "expected: a HelloRetryRequest"
    expect_group(client, X25519MLKEM768)


@pytest.mark.parametrize("group", [tls.X25519, tls.SECP256R1], ids=["x25519", "secp256r1"])
def test_clients_that_do_not_know_it(connect, group):
    """RFC 8446 4.2.8: they are served as before"""
    expect_group(connect().handshake(share_groups=(group,), groups=(tls.X25519, tls.SECP256R1)), group)


@pytest.mark.parametrize("spoil", [
    lambda share: share[:-1], lambda share: share + b"\0", lambda share: share[:-32],
    lambda share: share[:-32] + bytes(32),                  # a point of small order: RFC 7748 6.1
    lambda share: b"\x01\xfd" + share[2:],                  # 3329 is no number below q: FIPS 203 7.2
    lambda share: share[:381] + b"\xff\xff\xff" + share[384:],
], ids=["short", "long", "no point", "a point of small order", "a number too large", "the largest"])
def test_a_share_that_can_not_be(connect, spoil):
    """RFC 8446 4.2.8: illegal_parameter"""
    client = connect()
    hello = client.client_hello(share_groups=(X25519MLKEM768,), groups=ALL)
    share = spoil(client.share(X25519MLKEM768))
    hello.replace(tls.KEY_SHARE, tls.vector(2, tls.u16s(X25519MLKEM768) + tls.vector(2, share)))
    client.send_hello(hello)
    client.expect_alert("illegal_parameter")
