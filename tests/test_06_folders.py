"""Stage 6: tls/ is built folder by folder, and nothing in a folder needs a later one.

Each program in tests/try/ is linked with its folder and those before it, in a place where there are no others. What it
prints is held to the standards and to Python.
"""
import hashlib
import hmac
import shutil
import subprocess
import sys

import pytest

import rfc8448
import tls_crypto
import tls_library
from conftest import REPOSITORY

pytestmark = pytest.mark.repository

FOLDERS = ["bytes", "hash", "cipher", "exchange", "signature", "certificate", "record", "schedule", "handshake"]
SUNSCREEN = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
             b"sunscreen would be it.")
CC = ["cc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror"]


def copy_of_folders(folders, place):
    for folder in folders:
        shutil.copytree(str(tls_library.SOURCES / folder), str(place / "step06-starttls" / "tls" / folder))
    shutil.copytree(str(REPOSITORY / "tests" / "try"), str(place / "tests" / "try"))
    return place / "step06-starttls" / "tls"


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """programs(name): the path of tests/try/NAME.c, built with the folders up to that one. Each folder is compiled once."""
    objects, built = [], {}

    def build(name):
        place = tmp_path_factory.mktemp(name)
        tls = copy_of_folders(FOLDERS[:FOLDERS.index(name) + 1], place)
        sources = sorted(map(str, (tls / name).glob("*.c")))
        subprocess.run([*CC, "-c", *sources], cwd=str(place), check=True)
        objects.extend(sorted(place.glob("*.o")))
        subprocess.run([*CC, "-I", str(tls), "-o", "program", "tests/try/%s.c" % name, *map(str, objects)], cwd=str(place), check=True)
        return place / "program"

    def program(name):
        for folder in FOLDERS[len(built):FOLDERS.index(name) + 1]:
            built[folder] = build(folder)
        return built[name]
    return program


def run(program, *arguments):
    return subprocess.run([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                          check=True).stdout


def last_words(output):
    return [line.split()[-1] for line in output.splitlines()]


def test_every_folder_is_known():
    """In the order of the text, in the Makefile too; and each has its program."""
    assert sorted(path.name for path in tls_library.SOURCES.iterdir()) == sorted(FOLDERS)
    assert "FOLDERS := %s\n" % " ".join(FOLDERS) in (REPOSITORY / "Makefile").read_text()
    assert sorted(path.stem for path in (REPOSITORY / "tests" / "try").glob("*.c")) == sorted(FOLDERS)


def test_bytes(programs):
    """RFC 6066 3: the list in the extension, the name in the list, each with its length before it"""
    written, read, refused, wiped = run(programs("bytes"), "mx.example.org").splitlines()
    name = b"mx.example.org"
    assert written.split()[-1] == "0000" + "0013" + "0011" + "00" + "000e" + name.hex()
    assert read.split()[-1] == name.decode() and "refused" in refused and set(wiped.split()[-1]) == {"0"}


@pytest.mark.parametrize("text", ["abc", "", "a longer one " * 100])
def test_hash(programs, text):
    """FIPS 180-4, RFC 2104, RFC 5869 A.1"""
    assert last_words(run(programs("hash"), text)) == [
        hashlib.sha256(text.encode()).hexdigest(), hmac.new(b"key", text.encode(), "sha256").hexdigest(),
        "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"]


@pytest.mark.parametrize("text", [(), ("abc",), ("",)], ids=["the RFC's", "abc", "empty"])
def test_cipher(programs, text):
    """RFC 8439 2.8.2, SP 800-38D"""
    plaintext = text[0].encode() if text else SUNSCREEN
    key, nonce, aad = bytes(range(0x80, 0xa0)), bytes.fromhex("070000004041424344454647"), bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    found = [line[20:].strip() for line in run(programs("cipher"), *text).splitlines()]
    sealed = [tls_crypto.ChaCha20Poly1305(key).seal(nonce, aad, plaintext), tls_crypto.Aes128Gcm(key[:16]).seal(nonce, aad, plaintext)]
    assert found == [part.hex() for both in sealed for part in (both[:-16], both[-16:])]
    assert text or found[0].startswith("d31a8d34648e60db7b86afbc53ef7ec2") and found[1] == "1ae10b594f09e26a7e902ecbd0600691"


def test_exchange(programs):
    """RFC 7748 6.1, RFC 5903 8.1; and a server's share is another one each time"""
    found = last_words(run(programs("exchange")))
    assert found[2] == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
    assert found[5] == "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"
    assert found[6] == found[7] != last_words(run(programs("exchange")))[6]


def test_signature(programs):
    """RFC 6979 A.2.5; and of a text of one's own"""
    found = last_words(run(programs("signature")))
    assert found[2:] == ["efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
                         "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"]
    public_key, digest, r, s = map(bytes.fromhex, last_words(run(programs("signature"), "mine")))
    assert digest == hashlib.sha256(b"mine").digest()
    der = b"".join(b"\2\x21\0" + number if number[0] & 0x80 else b"\2\x20" + number for number in (r, s))
    assert tls_crypto.ecdsa_verify(public_key, b"\x30" + bytes([len(der)]) + der, digest)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_certificate(programs, tmp_path):
    """RFC 5280, as OpenSSL understands it; RFC 6698 2.1"""
    both = tmp_path / "both.pem"
    both.write_text(run(programs("certificate"), "mx.example.org"))
    both.chmod(0o600)
    verified = subprocess.run(["openssl", "verify", "-CAfile", str(both), "-verify_hostname", "mx.example.org", str(both)])
    assert verified.returncode == 0
    public_key = subprocess.run(["openssl", "pkey", "-in", str(both), "-pubout", "-outform", "DER"], stdout=subprocess.PIPE, check=True).stdout
    assert run(programs("certificate"), str(both), str(both)).splitlines() == [
        "IN TLSA 3 1 1 " + hashlib.sha256(public_key).hexdigest(), "", ""]


@pytest.mark.parametrize("sender", ["CLIENT", "SERVER"])
def test_record(programs, sender):
    """RFC 8448 3: the data of both sides, opened, and sealed to the same bytes. (The server has sent a ticket before.)"""
    arguments = ()
    if sender == "SERVER":
        keys = rfc8448.TRAFFIC_KEYS[rfc8448.SERVER_APPLICATION_TRAFFIC_SECRET]
        arguments = [keys[0].hex(), "%s%08x" % (keys[1].hex()[:16], int(keys[1].hex()[16:], 16) ^ 1),
                     rfc8448.SERVER_APPLICATION_DATA_RECORD.hex()]
    found = last_words(run(programs("record"), *arguments))
    assert found == [rfc8448.APPLICATION_DATA.hex(), getattr(rfc8448, sender + "_APPLICATION_DATA_RECORD").hex()]


def test_schedule(programs):
    """RFC 8448 3"""
    expected = [rfc8448.EARLY_SECRET, rfc8448.HANDSHAKE_SECRET]
    for secret in (rfc8448.CLIENT_HANDSHAKE_TRAFFIC_SECRET, rfc8448.SERVER_HANDSHAKE_TRAFFIC_SECRET, None,
                   rfc8448.CLIENT_APPLICATION_TRAFFIC_SECRET, rfc8448.SERVER_APPLICATION_TRAFFIC_SECRET):
        expected += [secret, *rfc8448.TRAFFIC_KEYS[secret]] if secret else [rfc8448.MASTER_SECRET]
    assert last_words(run(programs("schedule"))) == [value.hex() for value in expected]


def test_handshake(programs):
    """RFC 8448 3: what its client offers, and the choice that is ours"""
    shown = run(programs("handshake"))
    for part in ("server_name(0): server", "key_share(51): 0x001d x25519 (32 bytes)", "0x0304 TLS 1.3"):
        assert part in shown
    assert shown.endswith("chosen: TLS_CHACHA20_POLY1305_SHA256, x25519, with a share\n")
    only_aes = rfc8448.CLIENT_HELLO.hex().replace("130113031302", "130113021302")
    assert "chosen: TLS_AES_128_GCM_SHA256, " in run(programs("handshake"), only_aes)
    assert "refused: decode_error" in run(programs("handshake"), only_aes[:-2])
    assert "refused: protocol_version" in run(programs("handshake"), only_aes.replace("0304", "0303"))


def test_where_there_is_only_a_part_of_it(tmp_path):
    """What a learner has who has come as far as the hash: make try-hash works, and so does the library for the tests."""
    copy_of_folders(["bytes", "hash"], tmp_path)
    shutil.copy(str(REPOSITORY / "Makefile"), str(tmp_path))
    shutil.copy(str(REPOSITORY / "tests" / "tls_library.py"), str(tmp_path / "tests"))
    digest = hashlib.sha256(b"so far").hexdigest()
    made = subprocess.run(["make", "-s", "try-hash", "ARGS='so far'"], cwd=str(tmp_path), stdout=subprocess.PIPE, universal_newlines=True)
    assert made.returncode == 0 and digest in made.stdout
    program = "import tls_library as t; o = t.Output(32); t.load().sha256(b'so far', 6, o); print(bytes(o).hex())"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=str(tmp_path / "tests"), stdout=subprocess.PIPE, universal_newlines=True)
    assert loaded.stdout.strip() == digest
