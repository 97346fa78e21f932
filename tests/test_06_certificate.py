"""Stage 6: tls/certificate/der.c, tls/certificate/pem.c, tls/certificate/certificate.c, tls/certificate/self_signed.c and tls/certificate/credentials_make.c, function by function.

What they make is judged by Python's ssl (which is OpenSSL) and by the few lines of DER reader below; what they load was
made by OpenSSL (tls_credentials.py).
"""
import base64
import calendar
import ctypes
import datetime
import hashlib
import ipaddress
import os
import random
import resource
import shutil
import signal
import ssl
import subprocess
import textwrap
import time
from ctypes import POINTER, byref, c_bool, c_char, c_char_p, c_int, c_long, c_size_t, c_ubyte, c_uint, c_void_p
from pathlib import Path

import pytest

import tls_credentials as samples
import tls_library

NOBODY = 65534
NAMES = ["mx.example.org", "example.org"]
TRUE = b"\1\1\xff"     # of BOOLEANs in DER
NOW = calendar.timegm((2026, 11, 22, 12, 0, 0))
P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551

INTEGER, BIT_STRING, OCTET_STRING, OID, UTF8_STRING, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = (
    0x02, 0x03, 0x04, 0x06, 0x0c, 0x17, 0x18, 0x30, 0x31)


# ---- the C side

class Slice(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def __bytes__(self):
        return ctypes.string_at(self.data, self.size)


class Writer(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t), ("used", c_size_t), ("failed", c_bool)]


class Pem(ctypes.Structure):
    _fields_ = [("label", c_void_p), ("label_size", c_size_t), ("base64", c_void_p), ("base64_size", c_size_t)]


class Credentials(ctypes.Structure):
    _fields_ = [("chain", c_void_p), ("chain_size", c_size_t), ("private_key", c_ubyte * 32), ("tlsa", c_char * 65),
                ("chain_warning", c_char * 512), ("key_warning", c_char * 512)]


PROTOTYPES = {
    "der_read": (c_bool, [POINTER(Slice), c_uint, POINTER(Slice)]),
    "der_read_optional": (c_bool, [POINTER(Slice), c_uint, POINTER(Slice)]),
    "der_put": (None, [POINTER(Writer), c_uint, c_void_p, c_size_t]),
    "der_put_integer": (None, [POINTER(Writer), c_void_p, c_size_t]),
    "der_put_ecdsa_signature": (None, [POINTER(Writer), c_void_p]),
    "pem_next": (c_bool, [POINTER(c_char_p), c_char_p, POINTER(Pem)]),
    "pem_decode": (c_bool, [POINTER(Pem), c_void_p, c_size_t, POINTER(c_size_t)]),
    "pem_encode": (c_bool, [c_char_p, c_void_p, c_size_t, c_void_p, c_size_t]),
    "self_signed_certificate": (None, [POINTER(Writer), c_void_p, POINTER(c_char_p), c_size_t, c_long]),
    "self_signed_private_key": (None, [POINTER(Writer), c_void_p]),
    "credentials_make": (c_bool, [c_char_p, c_char_p, POINTER(c_char_p), c_size_t, c_void_p, c_size_t]),
    "credentials_load": (c_bool, [POINTER(Credentials), c_char_p, c_char_p, c_void_p, c_size_t]),
    "credentials_free": (None, [POINTER(Credentials)]),
}


def load_library():
    lib = tls_library.load()
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def c_names(names):
    return (c_char_p * len(names))(*[name.encode() for name in names])


def credentials_make(lib, chain, key, names):
    """"" if all is well, else the line that says why not."""
    error = ctypes.create_string_buffer(600)
    good = lib.credentials_make(str(chain).encode(), str(key).encode(), c_names(names), len(names), error, len(error))
    assert good == (error.value == b"")
    return error.value.decode()


pytestmark = pytest.mark.repository


@pytest.fixture(scope="module")
def lib():
    return load_library()


class Loaded:
    """What credentials_load() gives; error is "" if all was well."""

    def __init__(self, lib, chain, key):
        credentials, error = Credentials(), ctypes.create_string_buffer(600)
        good = lib.credentials_load(byref(credentials), str(chain).encode(), str(key).encode(), error, len(error))
        self.error = error.value.decode()
        assert good == (self.error == "") and "\n" not in self.error
        self.chain = ctypes.string_at(credentials.chain, credentials.chain_size) if good else None
        self.private_key = bytes(credentials.private_key)
        self.tlsa = credentials.tlsa.decode()
        self.chain_warning, self.key_warning = credentials.chain_warning.decode(), credentials.key_warning.decode()
        if good:
            lib.credentials_free(byref(credentials))
        assert bytes(credentials) == bytes(ctypes.sizeof(credentials)), "something was left behind"


@pytest.fixture
def load(lib, tmp_path):
    """load(chain, key): from files of this content."""
    def load(chain, key):
        for name, content in (("chain.pem", chain), ("key.pem", key)):
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
            (tmp_path / name).chmod(0o600)
        return Loaded(lib, tmp_path / "chain.pem", tmp_path / "key.pem")
    return load


@pytest.fixture
def not_root(tmp_path, monkeypatch):
    """In tmp_path, and not as root, who may read and write everything: nobody's number instead, for the time of the test."""
    monkeypatch.chdir(tmp_path)
    root = os.geteuid() == 0
    if root:
        os.chown(tmp_path, NOBODY, -1)
        os.seteuid(NOBODY)
    yield
    if root:
        os.seteuid(0)


# ---- the Python side: as much DER as is needed, written without a look at the C

def header(tag, size):
    length = size.to_bytes(max(1, (size.bit_length() + 7) // 8), "big")
    return bytes([tag]) + (length if size < 128 else bytes([128 + len(length)]) + length)


def element(tag, content):
    return header(tag, len(content)) + content


def parse(data):
    """All elements in data, as pairs of tag and content."""
    elements = []
    while data:
        tag, size, start = data[0], data[1], 2
        if size >= 128:
            start += size - 128
            size = int.from_bytes(data[2:start], "big")
        content, data = data[start:start + size], data[start + size:]
        assert len(content) == size
        elements.append((tag, content))
    return elements


def parse_one(data, tag):
    (found, content), = parse(data)
    assert found == tag
    return content


def to_der(pem):
    return base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))


def to_pem(label, der):
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (
        label, "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64)), label)


class Certificate:
    """The parts of an X.509 certificate."""

    def __init__(self, der):
        (tag, tbs), (_, self.signature_algorithm), (_, self.signature) = parse(parse_one(der, SEQUENCE))
        self.tbs = element(tag, tbs)
        fields = parse(tbs)
        self.tags = [tag for tag, _ in fields]
        (self.version, self.serial, self.inner_algorithm, self.issuer, self.validity, self.subject,
         public_key_info) = [content for _, content in fields[:7]]
        self.public_key_info = element(SEQUENCE, public_key_info)
        self.public_key = parse(public_key_info)[1][1][1:]
        self.extensions = {}
        for _, extension in parse(parse_one(fields[7][1], SEQUENCE)):
            (_, oid), *critical, (_, value) = parse(extension)
            self.extensions[oid.hex()] = (critical == [(1, b"\xff")], value)

    def common_name(self):
        (_, oid), (tag, name) = parse(parse_one(parse_one(self.subject, SET), SEQUENCE))
        assert (oid, tag) == (bytes.fromhex("550403"), UTF8_STRING)
        return name.decode()

    def alt_names(self):
        _, value = self.extensions["551d11"]
        kinds = {0x82: lambda name: name.decode("ascii"), 0x87: lambda name: str(ipaddress.ip_address(name))}
        return [kinds[tag](name) for tag, name in parse(parse_one(value, SEQUENCE))]


def der_output(function, *arguments, capacity=16384):
    """What a function writes through a struct writer; None if it failed."""
    memory = tls_library.Output(capacity)
    out = Writer(memory._as_parameter_, capacity, 0, False)
    function(byref(out), *arguments)
    return None if out.failed else bytes(memory)[:out.used]


def self_signed(lib, key, names=NAMES, now=NOW):
    return der_output(lib.self_signed_certificate, key, c_names(names), len(names), now)


def random_bytes(dice, size):
    return bytes(dice.randrange(256) for _ in range(size))


KEY = to_der(samples.SEC1)[7:39]
CHAIN = samples.LEAF + samples.AUTHORITY


# ---- DER

def der_read(lib, data, tag):
    """(content, rest), or None if it was refused."""
    memory = ctypes.create_string_buffer(data, len(data) or 1)
    left, content = Slice(ctypes.addressof(memory), len(data)), Slice()
    if not lib.der_read(byref(left), tag, byref(content)):
        assert bytes(left) == data, "refused, but not left as it was"
        return None
    return bytes(content), bytes(left)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536, 200000])
def test_der_lengths_are_read(lib, size):
    """X.690 8.1.3"""
    content = bytes(size)
    assert der_read(lib, element(SEQUENCE, content) + b"rest", SEQUENCE) == (content, b"rest")


@pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 129, 255, 256, 257, 65535])
def test_der_lengths_are_written(lib, size):
    """X.690 10.1: as few bytes as possible"""
    content = random_bytes(random.Random(size), size)
    assert der_output(lib.der_put, OCTET_STRING, content, size, capacity=70000) == element(OCTET_STRING, content)


@pytest.mark.parametrize("capacity, fits", [(131, True), (130, False), (129, False), (2, False), (1, False), (0, False)])
def test_der_writer_stays_in_its_buffer(lib, capacity, fits):
    written = der_output(lib.der_put, OCTET_STRING, bytes(128), 128, capacity=capacity)
    assert written == (element(OCTET_STRING, bytes(128)) if fits else None)


def test_der_writer_refuses_what_is_too_long(lib):
    assert der_output(lib.der_put, OCTET_STRING, bytes(65536), 65536, capacity=70000) is None


@pytest.mark.parametrize("data", [
    pytest.param("", id="nothing"),
    pytest.param("30", id="only a tag"),
    pytest.param("3001", id="cut in the content"),
    pytest.param("308180" + 127 * "00", id="cut in a long content"),
    pytest.param("3081", id="cut in the length"),
    pytest.param("308201", id="cut in a longer length"),
    pytest.param("30800000", id="indefinite length: BER"),
    pytest.param("30810100", id="a length of 1 in two bytes"),
    pytest.param("30817f" + 127 * "00", id="a length of 127 in two bytes"),
    pytest.param("308200ff" + 255 * "00", id="a length of 255 in three bytes"),
    pytest.param("308300ffff" + 65535 * "00", id="a length of 65535 in four bytes"),
    pytest.param("308400000000", id="a length of 0 in five bytes"),
    pytest.param("3084ffffffff", id="4 GiB"),
    pytest.param("3088ffffffffffffffff", id="a length that goes round"),
    pytest.param("30ff" + 127 * "ff", id="a length of 127 bytes"),
    pytest.param("310101", id="another tag"),
    pytest.param("3f100100", id="a tag of several bytes"),
])
def test_der_that_is_refused(lib, data):
    """X.690 8.1.3 and 10.1"""
    assert der_read(lib, bytes.fromhex(data), SEQUENCE) is None


def test_der_of_more_than_16_mib_is_refused(lib):
    assert der_read(lib, element(SEQUENCE, bytes(2**24 - 1)), SEQUENCE) is not None
    assert der_read(lib, element(SEQUENCE, bytes(2**24)), SEQUENCE) is None


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 2**255 - 1, 2**255, 2**256 - 1, 2**248, 2**247])
def test_der_integers(lib, number):
    """X.690 8.3.2: the first nine bits are neither all zero nor all one; and never a minus sign"""
    content = number.to_bytes(number.bit_length() // 8 + 1, "big")
    assert der_output(lib.der_put_integer, number.to_bytes(32, "big"), 32) == element(INTEGER, content)


@pytest.mark.parametrize("r, s, size", [(1, 1, 8), (2**256 - 1, 2**256 - 1, 72), (2**255 - 1, 2**247, 70)])
def test_der_signatures(lib, r, s, size):
    """RFC 3279 2.2.3"""
    written = der_output(lib.der_put_ecdsa_signature, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    numbers = [int.from_bytes(content, "big") for _, content in parse(parse_one(written, SEQUENCE))]
    assert (numbers, len(written)) == ([r, s], size)


def test_der_of_any_bytes(lib):
    """Whatever is read is what would be written: there is one way only to say it."""
    dice = random.Random(690)
    for _ in range(20000):
        data = bytes([SEQUENCE, dice.choice([0, 1, 5, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0xff])])
        data += random_bytes(dice, dice.randrange(8)) + bytes(dice.choice([0, 0, 200, 300]))
        came = der_read(lib, data, SEQUENCE)
        if came is not None:
            content, rest = came
            assert element(SEQUENCE, content) + rest == data


# ---- PEM

def pem_blocks(lib, text, kind=""):
    """The blocks that pem_next() finds, as pairs of label and base64, and what is left of the text."""
    memory = ctypes.create_string_buffer(text.encode())
    at, block, blocks = c_char_p(ctypes.addressof(memory)), Pem(), []
    while lib.pem_next(byref(at), kind.encode(), byref(block)):
        blocks.append((ctypes.string_at(block.label, block.label_size).decode(),
                       ctypes.string_at(block.base64, block.base64_size).decode()))
    return blocks, at.value.decode()


def pem_decode(lib, text, capacity=1000):
    memory, out, size = ctypes.create_string_buffer(text), tls_library.Output(capacity), c_size_t()
    block = Pem(None, 0, ctypes.addressof(memory), len(text))
    good = lib.pem_decode(byref(block), out, capacity, byref(size))
    written = bytes(out)    # in any case: it checks the bounds
    return written[:size.value] if good else None


@pytest.mark.parametrize("size", range(0, 200, 1))
def test_pem_there_and_back(lib, size):
    """RFC 7468 section 3, the strict form"""
    data, out = random_bytes(random.Random(size), size), tls_library.Output(1000)
    assert lib.pem_encode(b"SOME LABEL", data, size, out, 1000)
    text = bytes(out).split(b"\0")[0].decode()
    lines = textwrap.wrap(base64.b64encode(data).decode(), 64)
    assert text.splitlines() == ["-----BEGIN SOME LABEL-----", *lines, "-----END SOME LABEL-----"]
    assert text.endswith("-\n")
    (label, coded), = pem_blocks(lib, text)[0]
    assert (label, pem_decode(lib, coded.encode())) == ("SOME LABEL", data)
    exact = tls_library.Output(len(text) + 1)
    assert lib.pem_encode(b"SOME LABEL", data, size, exact, len(text) + 1)
    assert bytes(exact) == text.encode() + b"\0"
    assert not lib.pem_encode(b"SOME LABEL", data, size, exact, len(text))


def test_pem_every_character(lib):
    """RFC 4648 section 4, table 1"""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for value in range(256):
        character = bytes([value])
        expected = base64.b64decode(b"AA" + character + b"A") if character in alphabet else None
        if character in b" \t\n\v\f\r":
            expected = None     # skipped, and three characters are too few
        assert pem_decode(lib, b"AA" + character + b"A") == expected, character


@pytest.mark.parametrize("text, data", [
    (b"", b""), (b"QQ==", b"A"), (b"QUI=", b"AB"), (b"QUJD", b"ABC"), (b" Q\tU\r\nJ D\n", b"ABC"), (b"Q\nQ\n=\n=\n", b"A"),
    (b"QUJDQQ==", b"ABCA"), (b"QU\vJD\f", b"ABC"),
])
def test_pem_base64_that_is_good(lib, text, data):
    assert pem_decode(lib, text) == data


@pytest.mark.parametrize("text", [
    b"Q", b"QQ", b"QQ=", b"QUI", b"QQ===", b"QQ==\n=", b"====", b"=QUI", b"Q===", b"A===", b"QQ=A", b"QQ==QUJD", b"QR==", b"QUJ=",
    b"QUJD\0", b"QUJD-", b"QU_D", b"QU:D", b"QUJ\xc3", b"QUJDQ", b"QUJD\x08", b"QUJD\x0e"])
def test_pem_base64_that_is_bad(lib, text):
    """RFC 4648 3.3 and 3.5: foreign characters, wrong padding, bits that are left over"""
    assert pem_decode(lib, text) is None


def test_pem_decode_stays_in_its_buffer(lib):
    assert pem_decode(lib, b"QUJDREVG", capacity=6) == b"ABCDEF"
    assert pem_decode(lib, b"QUJDREVG", capacity=5) is None
    assert pem_decode(lib, b"QUJDREU=", capacity=4) is None
    assert pem_decode(lib, b"QUJD", capacity=0) is None


def test_pem_blocks_of_a_kind(lib):
    """RFC 7468 section 2: anything may stand around the blocks"""
    text = "Certificate:\n    Data: -----\n" + samples.SEC1_WITH_PARAMETERS + "and\n" + CHAIN + "the end"
    labels = [label for label, _ in pem_blocks(lib, text)[0]]
    assert labels == ["EC PARAMETERS", "EC PRIVATE KEY", "CERTIFICATE", "CERTIFICATE"]
    assert [label for label, _ in pem_blocks(lib, text, "PRIVATE KEY")[0]] == ["EC PRIVATE KEY"]
    assert pem_blocks(lib, text, "X509 CERTIFICATE")[0] == []
    assert pem_blocks(lib, text, "CERTIFICATE")[1].endswith("the end")


@pytest.mark.parametrize("text", [
    "", "-----", "-----BEGIN ", "-----BEGIN A", "-----BEGIN A-----", "-----BEGIN A-----\nQUJD\n-----END",
    "----BEGIN A----\nQUJD\n----END A----\n", "-----END A-----"])
def test_pem_that_is_no_block(lib, text):
    assert pem_blocks(lib, text) == ([], text)


# ---- what is made

@pytest.fixture(scope="module")
def made(lib, tmp_path_factory):
    """A directory with credentials that were just made."""
    directory = tmp_path_factory.mktemp("made")
    assert credentials_make(lib, directory / "chain.pem", directory / "key.pem", NAMES) == ""
    return directory


@pytest.fixture(scope="module")
def made_certificate(made):
    return Certificate(to_der((made / "chain.pem").read_text()))


def test_what_the_made_certificate_says(made_certificate):
    """RFC 5280 4.1 and 4.2"""
    ecdsa_with_sha256 = bytes.fromhex("06082a8648ce3d040302")
    cert = made_certificate
    assert cert.tags == [0xa0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, 0xa3]
    assert parse_one(cert.version, INTEGER) == b"\2"
    assert 8 <= len(cert.serial) <= 17 and 0 < int.from_bytes(cert.serial, "big", signed=True)
    assert cert.inner_algorithm == cert.signature_algorithm == ecdsa_with_sha256
    assert cert.issuer == cert.subject
    assert cert.common_name() == "mx.example.org"
    assert cert.public_key_info.hex().startswith("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
    assert cert.extensions["551d13"] == (True, b"\x30\x00")                                     # basicConstraints
    assert cert.extensions["551d0f"] == (True, bytes.fromhex("03020780"))                       # keyUsage
    assert cert.extensions["551d25"] == (False, bytes.fromhex("300a06082b06010505070301"))      # extKeyUsage
    assert cert.extensions["551d11"][0] is False and cert.alt_names() == NAMES


def test_each_has_a_serial_number_and_a_key_of_its_own(lib, made, made_certificate, tmp_path):
    assert credentials_make(lib, tmp_path / "c", tmp_path / "k", NAMES) == ""
    other = Certificate(to_der((tmp_path / "c").read_text()))
    assert other.serial != made_certificate.serial and other.public_key != made_certificate.public_key


def utc(text):
    form = "%y%m%d%H%M%SZ" if len(text) == 13 else "%Y%m%d%H%M%SZ"
    return datetime.datetime.strptime(text.decode(), form)


def test_the_made_certificate_is_valid_now_and_for_ten_years(made_certificate):
    (begin_tag, begin), (end_tag, end) = parse(made_certificate.validity)
    assert {begin_tag, end_tag} == {UTC_TIME}
    age = datetime.datetime.utcnow() - utc(begin)
    assert datetime.timedelta(days=1) <= age < datetime.timedelta(days=1, minutes=10)
    assert utc(end).year - utc(begin).year == 10


@pytest.mark.parametrize("now, times", [
    ((2026, 11, 22, 12, 34, 56), [(UTC_TIME, b"261121123456Z"), (UTC_TIME, b"361121123456Z")]),
    ((2040, 1, 1, 0, 0, 0), [(UTC_TIME, b"391231000000Z"), (UTC_TIME, b"491231000000Z")]),
    ((2040, 1, 2, 0, 0, 0), [(UTC_TIME, b"400101000000Z"), (GENERALIZED_TIME, b"20500101000000Z")]),
    ((2050, 1, 2, 0, 0, 0), [(GENERALIZED_TIME, b"20500101000000Z"), (GENERALIZED_TIME, b"20600101000000Z")]),
    ((2028, 3, 1, 0, 0, 0), [(UTC_TIME, b"280229000000Z"), (UTC_TIME, b"380228000000Z")]),
    ((1970, 1, 1, 0, 0, 0), [(UTC_TIME, b"691231000000Z"), (UTC_TIME, b"791231000000Z")]),
])
def test_times_with_two_digits_until_2049_and_four_after(lib, now, times):
    """RFC 5280 4.1.2.5"""
    assert parse(Certificate(self_signed(lib, KEY, now=calendar.timegm(now))).validity) == times


@pytest.mark.parametrize("now", [2**62, -2**62, 253402300800])
def test_a_clock_that_is_out_of_its_mind(lib, now):
    assert self_signed(lib, KEY, now=now) is None


@pytest.mark.parametrize("names, common_name, alt_names", [
    (["localhost"], "localhost", ["localhost"]),
    (["[192.0.2.1]", "a.example"], "[192.0.2.1]", ["192.0.2.1", "a.example"]),
    (["[IPv6:2001:db8::1]"], "[IPv6:2001:db8::1]", ["2001:db8::1"]),
    (["[ipv6:::1]", "[127.0.0.1]"], "[ipv6:::1]", ["::1", "127.0.0.1"]),
    (["a" * 60 + ".com"], "a" * 60 + ".com", ["a" * 60 + ".com"]),
    (["a" * 61 + ".com", "b.example"], "b.example", ["a" * 61 + ".com", "b.example"]),
    (["a" * 61 + ".com"], "mail receiver", ["a" * 61 + ".com"]),
    (["пример.example", "xn--e1afmkfd.example"], "xn--e1afmkfd.example", ["xn--e1afmkfd.example"]),
    (["[192.0.2.1", "[", "[]", "[IPv6:", "[192.0.2.256]", "c.example"], "[192.0.2.1", ["192.0.2.1", "c.example"]),
])
def test_names(lib, names, common_name, alt_names):
    """RFC 5280 4.2.1.6"""
    certificate = Certificate(self_signed(lib, KEY, names))
    assert (certificate.common_name(), certificate.alt_names()) == (common_name, alt_names)


@pytest.mark.parametrize("names", [[], ["пример.example"], ["", " "], ["[nonsense]"]])
def test_no_name_that_fits(lib, names):
    """RFC 5280 4.2.1.6: there must be no empty list"""
    assert "551d11" not in Certificate(self_signed(lib, KEY, names)).extensions


def test_as_many_names_as_fit(lib, tmp_path):
    names = ["%0250d.a" % number for number in range(60)]
    assert Certificate(self_signed(lib, KEY, names)).alt_names() == names
    error = credentials_make(lib, tmp_path / "c", tmp_path / "k", names + names)
    assert str(tmp_path / "c") in error and os.strerror(7) in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [0, P256_N, 2**256 - 1])
def test_nothing_is_made_with_a_key_out_of_range(lib, number):
    assert self_signed(lib, number.to_bytes(32, "big")) is None
    assert der_output(lib.self_signed_private_key, number.to_bytes(32, "big")) is None


def test_the_made_key_is_what_openssl_writes(lib):
    """RFC 5915: byte by byte"""
    assert der_output(lib.self_signed_private_key, KEY) == to_der(samples.SEC1)


def test_it_loads_what_it_makes(lib, made, made_certificate):
    loaded = Loaded(lib, made / "chain.pem", made / "key.pem")
    assert (loaded.error, loaded.chain_warning, loaded.key_warning) == ("", "", "")
    der = to_der((made / "chain.pem").read_text())
    assert loaded.chain == len(der).to_bytes(3, "big") + der + b"\0\0"
    assert loaded.private_key == to_der((made / "key.pem").read_text())[7:39]
    assert loaded.tlsa == hashlib.sha256(made_certificate.public_key_info).hexdigest()


def handshake(made, hostname, flags=0):
    """A handshake in memory between two sides of OpenSSL: the certificate is the only thing that the client trusts."""
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server_side.load_cert_chain(made / "chain.pem", made / "key.pem")
    client_side.load_verify_locations(made / "chain.pem")
    client_side.verify_flags |= flags
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=hostname)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
    return client


@pytest.mark.parametrize("name", NAMES)
def test_a_tls_client_accepts_the_made_certificate(made, name):
    assert handshake(made, name).version() == "TLSv1.3"


def test_also_one_that_is_strict(made):
    assert handshake(made, NAMES[0], ssl.VERIFY_X509_STRICT).getpeercert()["subjectAltName"] == (
        ("DNS", NAMES[0]), ("DNS", NAMES[1]))


def test_but_only_for_its_names(made):
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, "other.example.org")


def test_an_address_as_a_name(lib, tmp_path):
    """RFC 5321 4.1.3, RFC 5280 4.2.1.6"""
    assert credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", ["[127.0.0.1]", "[IPv6:::1]"]) == ""
    for address in ("127.0.0.1", "::1"):
        handshake(tmp_path, address, ssl.VERIFY_X509_STRICT)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, "127.0.0.2")


def output_of(*command):
    """What a tool says. A sanitizer that is loaded into this Python (LD_PRELOAD) is not for it."""
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, env=environment,
                          timeout=60).stdout.decode()


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
def test_openssl_likes_them(made):
    chain, key = made / "chain.pem", made / "key.pem"
    text = output_of("openssl", "x509", "-in", chain, "-noout", "-text")
    for words in ("Version: 3", "ecdsa-with-SHA256", "CN = mx.example.org", "NIST CURVE: P-256", "CA:FALSE",
                  "Digital Signature", "TLS Web Server Authentication", "DNS:mx.example.org, DNS:example.org"):
        assert words in text
    verified = output_of("openssl", "verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver",
                         "-verify_hostname", NAMES[1], "-CAfile", chain, chain)
    assert verified.endswith(": OK\n")
    assert "valid" in output_of("openssl", "ec", "-in", key, "-noout", "-check")
    public_key = output_of("openssl", "x509", "-in", chain, "-noout", "-pubkey")
    assert output_of("openssl", "pkey", "-in", key, "-pubout") == public_key


@pytest.mark.skipif(not shutil.which("certtool"), reason="no certtool (GnuTLS) here")
def test_gnutls_reads_them(made):
    text = output_of("certtool", "--certificate-info", "--infile", made / "chain.pem")
    for words in ("Certificate Authority (CA): FALSE", "Digital signature", "TLS WWW Server", "DNSname: mx.example.org",
                  "Signature Algorithm: ECDSA-SHA256", "Curve:\tSECP256R1"):
        assert words in text
    assert "SECP256R1" in output_of("certtool", "--key-info", "--infile", made / "key.pem")


# ---- what is loaded

@pytest.mark.parametrize("form", ["SEC1", "SEC1_WITH_PARAMETERS", "PKCS8"])
def test_a_key_in_each_form(load, form):
    """RFC 5915, RFC 5958"""
    loaded = load(CHAIN, getattr(samples, form))
    assert (loaded.error, loaded.private_key) == ("", KEY)


def certificate_entries(*pems):
    """RFC 8446 4.4.2: CertificateEntry, without extensions"""
    return b"".join(len(der).to_bytes(3, "big") + der + b"\0\0" for der in map(to_der, pems))


def test_a_chain_of_two(load):
    loaded = load(CHAIN, samples.SEC1)
    assert loaded.chain == certificate_entries(samples.LEAF, samples.AUTHORITY)
    leaf = Certificate(to_der(samples.LEAF))
    assert loaded.tlsa == hashlib.sha256(leaf.public_key_info).hexdigest()


def test_a_certificate_for_an_ec_key_may_be_signed_with_another_kind(load):
    """The chain behind the first certificate is not looked into: that is for the client."""
    chain = samples.LEAF + samples.RSA_CERTIFICATE + samples.P384_CERTIFICATE
    assert load(chain, samples.SEC1).chain == certificate_entries(
        samples.LEAF, samples.RSA_CERTIFICATE, samples.P384_CERTIFICATE)


def test_all_in_one_file(lib, tmp_path):
    (tmp_path / "both").write_text(samples.SEC1 + CHAIN)
    loaded = Loaded(lib, tmp_path / "both", tmp_path / "both")
    assert loaded.chain == certificate_entries(samples.LEAF, samples.AUTHORITY) and loaded.private_key == KEY


@pytest.mark.parametrize("change", [
    pytest.param(lambda text: text.replace("\n", "\r\n"), id="CR LF"),
    pytest.param(lambda text: "\ufeff" + text, id="a byte order mark"),
    pytest.param(lambda text: "Bag Attributes\n    friendlyName: mail\n" + text, id="text before"),
    pytest.param(lambda text: text + "\nthat's all", id="text behind"),
    pytest.param(lambda text: "# up to -----BEGIN X-----\n" + text + "# as -----BEGIN Y", id="marks within lines"),
    pytest.param(lambda text: "  " + text, id="spaces before"),
    pytest.param(lambda text: to_pem("ATTRIBUTE CERTIFICATE", b"?") + text, id="an attribute certificate before"),
    pytest.param(lambda text: text.replace("-----\n-----B", "----------B"),
                 id="no end of line between blocks"),
    pytest.param(lambda text: text.replace(" CERTIFICATE", " X509 CERTIFICATE"), id="an old name"),
    pytest.param(lambda text: text.replace("-----\n", "-----  \n"), id="spaces at line ends"),
    pytest.param(lambda text: text.rstrip(), id="no end of line at the end"),
])
def test_pem_as_it_is_found(load, change):
    """RFC 7468 section 2"""
    assert load(change(CHAIN), change(samples.SEC1)).error == ""


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl here")
@pytest.mark.parametrize("key", [
    ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem"],
    ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-out", "key.pem"],
    ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"]])
def test_what_the_openssl_of_this_machine_makes(lib, tmp_path, key):
    output_of(*key, "-out", tmp_path / "key.pem")
    output_of("openssl", "req", "-x509", "-new", "-key", tmp_path / "key.pem", "-subj", "/CN=mx",
              "-out", tmp_path / "chain.pem")
    loaded = Loaded(lib, tmp_path / "chain.pem", tmp_path / "key.pem")
    assert (loaded.error, loaded.chain_warning) == ("", "")


# ---- what is wrong with what is loaded

EC_PUBLIC_KEY, PRIME256V1, SECP384R1 = (
    bytes.fromhex(oid) for oid in ("06072a8648ce3d0201", "06082a8648ce3d030107", "06052b81040022"))


def sec1(number=KEY, curve=element(0xa0, PRIME256V1), version=b"\1", rest=b""):
    return element(SEQUENCE, element(INTEGER, version) + element(OCTET_STRING, number) + curve + rest)


def pkcs8(inner, algorithm=EC_PUBLIC_KEY + PRIME256V1, rest=b"", version=b"\0"):
    return element(SEQUENCE, element(INTEGER, version) + element(SEQUENCE, algorithm) + element(OCTET_STRING, inner) + rest)


def sec1_pem(*arguments, **more):
    return to_pem("EC PRIVATE KEY", sec1(*arguments, **more))


def pkcs8_pem(*arguments, **more):
    return to_pem("PRIVATE KEY", pkcs8(*arguments, **more))


def leaf_pem(change):
    """The leaf with something else for the bytes of its DER."""
    return to_pem("CERTIFICATE", change(to_der(samples.LEAF)))


def replaced(old, new):
    assert len(old) == len(new) and to_der(samples.LEAF).count(old) == 1
    return leaf_pem(lambda der: der.replace(old, new))


def extended(*extensions):
    """The leaf with these extensions in place of its own."""
    (_, tbs), *rest = parse(parse_one(to_der(samples.LEAF), SEQUENCE))
    fields = b"".join(element(*field) for field in parse(tbs)[:7])
    if extensions:
        fields += element(0xa3, element(SEQUENCE, b"".join(extensions)))
    return to_pem("CERTIFICATE", element(SEQUENCE, element(SEQUENCE, fields) + b"".join(element(*part) for part in rest)))


def extension(oid, value, critical=b""):
    return element(SEQUENCE, element(OID, bytes.fromhex(oid)) + critical + element(OCTET_STRING, value))


def key_usage(bits, critical=TRUE):
    return extension("551d0f", element(BIT_STRING, bits), critical)


def extended_key_usage(*oids):
    return extension("551d25", element(SEQUENCE, b"".join(element(OID, bytes.fromhex(oid)) for oid in oids)))


LEAF_TIMES = [content for _, content in parse(Certificate(to_der(samples.LEAF)).validity)]
NO_SIGNATURE = "keyUsage has no digitalSignature"
LEAF_POINT = Certificate(to_der(samples.LEAF)).public_key
FIRST_LINE = samples.LEAF.splitlines()[1]


@pytest.mark.parametrize("chain, words", [
    pytest.param("", "no PEM", id="empty"),
    pytest.param("hello\n" * 100, "no PEM", id="text"),
    pytest.param(to_der(samples.LEAF), "no PEM", id="DER"),
    pytest.param(samples.SEC1, "certificate", id="a key"),
    pytest.param(to_pem("CERTIFICATE REQUEST", to_der(samples.LEAF)), "certificate", id="a request"),
    pytest.param(to_pem("ATTRIBUTE CERTIFICATE", to_der(samples.LEAF)), "no PEM certificate", id="an attribute certificate"),
    pytest.param(to_pem("TRUSTED CERTIFICATE", to_der(samples.LEAF) + b"0\0"), "openssl x509", id="a trusted certificate"),
    pytest.param(samples.LEAF.replace("-----END CERTIFICATE-----", ""), "cut off", id="cut in the end line"),
    pytest.param(samples.LEAF[:300], "cut off", id="cut in the base64"),
    pytest.param("-----BEGIN CERTIFI", "cut off", id="cut in the label"),
    pytest.param(CHAIN[:-100], "cut off", id="the second one cut"),
    pytest.param("\n".join(CHAIN.split("\n-----END CERTIFICATE-----", 1)), "base64", id="an end line missing"),
    pytest.param(samples.LEAF.replace(FIRST_LINE, FIRST_LINE[:-1] + "!"), "base64", id="a character that is not base64"),
    pytest.param(samples.LEAF.replace(FIRST_LINE, FIRST_LINE[:-1]), "base64", id="a character missing"),
    pytest.param(to_pem("CERTIFICATE", b""), "DER", id="nothing between the lines"),
    pytest.param(leaf_pem(lambda der: der[:-1]), "cut short", id="the last byte missing"),
    pytest.param(leaf_pem(lambda der: der[:100]), "cut short", id="most bytes missing"),
    pytest.param(leaf_pem(lambda der: der[:1]), "cut short", id="one byte"),
    pytest.param(leaf_pem(lambda der: der + b"\0"), "left over", id="a byte too many"),
    pytest.param(leaf_pem(lambda der: b"\x30\x80" + der[4:] + b"\0\0"), "DER", id="BER"),
    pytest.param(leaf_pem(lambda der: element(SEQUENCE, parse_one(der, SEQUENCE) + b"\5\0")), "DER", id="a fourth part"),
    pytest.param(samples.LEAF + to_pem("CERTIFICATE", to_der(samples.AUTHORITY)[:-1]), "cut short", id="the second cut short"),
    pytest.param(samples.LEAF + to_pem("CERTIFICATE", to_der(samples.AUTHORITY) + b"!"), "left over", id="the second too long"),
    pytest.param(samples.RSA_CERTIFICATE, "RSA", id="RSA"),
    pytest.param(samples.P384_CERTIFICATE, "P-256", id="P-384"),
    pytest.param(samples.ED25519_CERTIFICATE, "P-256", id="Ed25519"),
    pytest.param(samples.COMPRESSED_CERTIFICATE, "uncompressed", id="a compressed point"),
    pytest.param(replaced(b"\x03\x42\x00" + LEAF_POINT, b"\x03\x42\x01" + LEAF_POINT), "point", id="unused bits in the key"),
    pytest.param(replaced(LEAF_TIMES[0], b"26112221475ZZ"), "DER", id="a time that is none"),
    pytest.param(replaced(LEAF_TIMES[0], b"2611222147500"), "DER", id="a time without its Z"),
    pytest.param(replaced(LEAF_TIMES[0], LEAF_TIMES[0][:-1] + b"X"), "DER", id="a time of another zone"),
    pytest.param(replaced(element(UTC_TIME, LEAF_TIMES[0]), element(OCTET_STRING, LEAF_TIMES[0])), "DER", id="not a time"),
    pytest.param(extended(key_usage(b"\3\x08")), NO_SIGNATURE, id="keyUsage keyAgreement"),
    pytest.param(extended(key_usage(b"\0\x7f", b"")), NO_SIGNATURE, id="all but digitalSignature, not critical"),
    pytest.param(extended(key_usage(b"\0")), NO_SIGNATURE, id="keyUsage without a bit"),
    pytest.param(extended(extension("551d0f", b"")), "DER", id="keyUsage that is empty"),
    pytest.param(extended(extension("551d25", b"\5\0")), "DER", id="extendedKeyUsage that is NULL"),
    pytest.param(extended(element(SEQUENCE, element(OID, b"x"))), "DER", id="an extension without a value"),
    pytest.param("#" * 65536 + CHAIN, "too large", id="more than 64 KiB"),
])
def test_faults_of_the_chain(load, tmp_path, chain, words):
    error = load(chain, samples.SEC1).error
    assert error.startswith(str(tmp_path / "chain.pem") + ": ") and words in error


@pytest.mark.parametrize("key, words", [
    pytest.param("", "no PEM", id="empty"),
    pytest.param(b"\xff\x00" * 500, "no PEM", id="not even text"),
    pytest.param(to_der(samples.SEC1), "no PEM", id="DER"),
    pytest.param(CHAIN, "private key", id="the chain once more"),
    pytest.param(samples.SEC1_WITH_PARAMETERS.split("-----BEGIN EC PRIVATE")[0], "private key", id="only parameters"),
    pytest.param(samples.SEC1[:-40], "cut off", id="cut"),
    pytest.param(samples.SEC1.replace("M", "*", 1), "base64", id="a character that is not base64"),
    pytest.param(to_pem("EC PRIVATE KEY", sec1()[:-1]), "cut short", id="the last byte missing"),
    pytest.param(to_pem("EC PRIVATE KEY", sec1() + b"\0"), "left over", id="a byte too many"),
    pytest.param(sec1_pem(rest=b"\0\0"), "DER", id="a byte too many inside"),
    pytest.param(sec1_pem(version=b"\2"), "DER", id="another version"),
    pytest.param(sec1_pem(bytes(1) + KEY), "32 bytes", id="33 bytes"),
    pytest.param(sec1_pem(KEY[1:]), "32 bytes", id="31 bytes"),
    pytest.param(pkcs8_pem(sec1(KEY[1:], curve=b"")), "32 bytes", id="PKCS#8, 31 bytes"),
    pytest.param(sec1_pem(bytes(32)), "zero", id="zero"),
    pytest.param(sec1_pem(P256_N.to_bytes(32, "big")), "too large", id="n"),
    pytest.param(sec1_pem(b"\xff" * 32), "too large", id="more than n"),
    pytest.param(sec1_pem((P256_N - 1).to_bytes(32, "big")), "not the key", id="n - 1, which is a key"),
    pytest.param(sec1_pem(curve=element(0xa0, SECP384R1)), "P-256", id="the name of another curve"),
    pytest.param(sec1_pem(curve=element(0xa0, PRIME256V1 + b"\5\0")), "P-256", id="more than the name of the curve"),
    pytest.param(to_pem("PRIVATE KEY", pkcs8(sec1())[:-1]), "cut short", id="PKCS#8, the last byte missing"),
    pytest.param(to_pem("PRIVATE KEY", pkcs8(sec1()) + b"\0"), "left over", id="PKCS#8, a byte too many"),
    pytest.param(pkcs8_pem(sec1() + b"\0"), "left over", id="PKCS#8, a byte too many inside"),
    pytest.param(pkcs8_pem(sec1()[:-1]), "cut short", id="PKCS#8, the last byte inside missing"),
    pytest.param(pkcs8_pem(sec1(), EC_PUBLIC_KEY + SECP384R1), "P-256", id="PKCS#8, the name of another curve"),
    pytest.param(pkcs8_pem(sec1(), EC_PUBLIC_KEY), "P-256", id="PKCS#8, no curve"),
    pytest.param(pkcs8_pem(sec1(), EC_PUBLIC_KEY + PRIME256V1 + b"\5\0"), "P-256", id="PKCS#8, more than a curve"),
    pytest.param(pkcs8_pem(sec1(), version=b"\2"), "DER", id="PKCS#8, another version"),
    pytest.param(pkcs8_pem(sec1(), rest=b"\5\0"), "DER", id="PKCS#8, NULL at its end"),
    pytest.param(pkcs8_pem(sec1(), rest=element(0x81, bytes(66)) + element(0xa0, b"")), "DER", id="PKCS#8, another order"),
    pytest.param(samples.ENCRYPTED_SEC1, "encrypted", id="encrypted"),
    pytest.param(samples.ENCRYPTED_PKCS8, "encrypted", id="PKCS#8, encrypted"),
    pytest.param(samples.RSA_KEY, "RSA", id="RSA"),
    pytest.param(samples.RSA_PKCS8, "RSA", id="PKCS#8, RSA"),
    pytest.param(samples.P384_KEY, "P-256", id="P-384"),
    pytest.param(samples.P384_PKCS8, "P-256", id="PKCS#8, P-384"),
    pytest.param(samples.ED25519_KEY, "P-256", id="PKCS#8, Ed25519"),
    pytest.param(to_pem("OPENSSH PRIVATE KEY", b"openssh-key-v1"), "P-256", id="a key of SSH"),
    pytest.param("#" * 65536 + samples.SEC1, "too large", id="more than 64 KiB"),
])
def test_faults_of_the_key(load, tmp_path, key, words):
    error = load(CHAIN, key).error
    assert error.startswith(str(tmp_path / "key.pem") + ": ") and words in error


@pytest.mark.parametrize("key", [
    pytest.param(sec1_pem(curve=b""), id="no name of the curve"),
    pytest.param(sec1_pem(rest=element(0xa1, element(BIT_STRING, bytes(66)))), id="a public key that nobody looks at"),
    pytest.param(pkcs8_pem(sec1(curve=b"")), id="PKCS#8, the curve only outside"),
    pytest.param(pkcs8_pem(sec1(), rest=element(0xa0, b"")), id="PKCS#8 with attributes"),
    pytest.param(pkcs8_pem(sec1(), version=b"\1", rest=element(0xa0, b"") + element(0x81, bytes(66))),
                 id="PKCS#8 with attributes and a public key"),
    pytest.param(CHAIN + samples.SEC1 + samples.RSA_KEY, id="the first key counts"),
])
def test_keys_that_will_do(load, key):
    assert load(CHAIN, key).error == ""


def test_the_largest_file(load):
    chain = CHAIN + "#" * (65535 - len(CHAIN))
    assert load(chain, samples.SEC1).chain == certificate_entries(samples.LEAF, samples.AUTHORITY)


def test_a_file_full_of_certificates(load):
    """There is room for them all, and for not one byte of base64 less than the file is allowed to have."""
    count = 65535 // len(samples.LEAF)
    assert load(samples.LEAF * count, samples.SEC1).chain == certificate_entries(*[samples.LEAF] * count)
    one_large = "-----BEGIN CERTIFICATE-----" + "A" * 65496 + "-----END CERTIFICATE-----"
    assert "DER" in load(one_large[:65535 - 25 - 3] + "-----END CERTIFICATE-----", samples.SEC1).error


def test_the_key_of_another_certificate(lib, made, load):
    assert "not the key" in load(CHAIN, (made / "key.pem").read_text()).error
    assert "not the key" in load(samples.AUTHORITY + samples.LEAF, samples.SEC1).error


@pytest.mark.parametrize("missing, reason", [("chain.pem", 2), ("key.pem", 2)])
def test_a_file_that_is_not_there(lib, made, tmp_path, missing, reason):
    for name in {"chain.pem", "key.pem"} - {missing}:
        shutil.copy(made / name, tmp_path)
    error = Loaded(lib, tmp_path / "chain.pem", tmp_path / "key.pem").error
    assert error == "%s: %s" % (tmp_path / missing, os.strerror(reason))


def test_a_directory(lib, made):
    assert Loaded(lib, made, made / "key.pem").error == "%s: %s" % (made, os.strerror(21))


def test_a_file_that_must_not_be_read(lib, not_root):
    Path("chain.pem").write_text(CHAIN)
    Path("key.pem").write_text(samples.SEC1)
    os.chmod("key.pem", 0)
    assert Loaded(lib, "chain.pem", "key.pem").error == "key.pem: " + os.strerror(13)


def test_any_change_of_one_byte_is_no_crash(lib, load):
    """And none of a key's first part is taken for a good one."""
    dice = random.Random(5280)
    leaf, key = to_der(samples.LEAF), to_der(samples.SEC1)
    for _ in range(300):
        changed = bytearray(leaf)
        changed[dice.randrange(len(leaf))] ^= 1 << dice.randrange(8)
        load(to_pem("CERTIFICATE", bytes(changed)), samples.SEC1)
    for at in range(51):    # version, key, and the name of the curve
        changed = bytearray(key)
        changed[at] ^= 1 << dice.randrange(8)
        assert load(CHAIN, to_pem("EC PRIVATE KEY", bytes(changed))).error != ""


@pytest.mark.parametrize("mode, warned", [(0o600, False), (0o400, False), (0o640, False), (0o644, True), (0o602, True),
                                          (0o620, True)])
def test_a_warning_if_others_can_read_or_change_the_key(lib, load, tmp_path, mode, warned):
    load(CHAIN, samples.SEC1)
    (tmp_path / "key.pem").chmod(mode)
    loaded = Loaded(lib, tmp_path / "chain.pem", tmp_path / "key.pem")
    assert loaded.error == ""
    assert loaded.key_warning.startswith("%s: " % (tmp_path / "key.pem")) == warned
    assert bool(loaded.key_warning) == warned


SERVER, CLIENT, ANY = "2b06010505070301", "2b06010505070302", "551d2500"


@pytest.mark.parametrize("extensions, warned", [
    ([], False), ([key_usage(b"\7\x80")], False), ([key_usage(b"\3\x88", b"")], False),
    ([extended_key_usage(SERVER)], False), ([extended_key_usage(CLIENT, SERVER)], False), ([extended_key_usage(ANY)], False),
    ([key_usage(b"\7\x80"), extended_key_usage(CLIENT)], True), ([extended_key_usage()], True)],
    ids=["no extensions", "signatures", "and keyAgreement", "servers", "clients and servers", "any", "clients", "nobody"])
def test_a_warning_if_it_is_not_for_servers(load, tmp_path, extensions, warned):
    """RFC 5280 4.2.1.3, 4.2.1.12; RFC 8446 4.4.2.2. As with the time, most senders don't look."""
    loaded = load(extended(*extensions), samples.SEC1)
    assert loaded.error == ""
    line = "%s: not for servers, says its extendedKeyUsage" % (tmp_path / "chain.pem")
    assert loaded.chain_warning == (line if warned else "")


YEAR = 365 * 86400


@pytest.mark.parametrize("made_at, words", [
    pytest.param(lambda now: now - 11 * YEAR, "expired on 20", id="expired"),
    pytest.param(lambda now: now - 10 * YEAR - 60 * 86400, "expired on 20", id="expired a little while ago"),
    pytest.param(lambda now: now - 10 * YEAR, "", id="just still valid"),
    pytest.param(lambda now: now, "", id="valid"),
    pytest.param(lambda now: now + 2 * 86400, "not valid before 20", id="tomorrow"),
    pytest.param(lambda now: calendar.timegm((2060, 1, 2, 0, 0, 0)), "not valid before 2060-01-01", id="2060"),
    pytest.param(lambda now: calendar.timegm((1960, 1, 2, 0, 0, 0)), "expired on 1970-01-01", id="1960"),
])
def test_a_warning_if_it_is_not_the_time_for_this_certificate(lib, load, tmp_path, made_at, words):
    """RFC 5280 4.1.2.5. It is no fault: most senders don't look, and DANE says that they should not (RFC 7672 3.1.1)."""
    chain = to_pem("CERTIFICATE", self_signed(lib, KEY, now=int(made_at(time.time()))))
    loaded = load(chain, samples.SEC1)
    assert loaded.error == ""
    if words:
        assert loaded.chain_warning.startswith("%s: %s" % (tmp_path / "chain.pem", words))
    else:
        assert loaded.chain_warning == ""


# ---- two new files

def names_in(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_modes_whatever_the_umask(lib, tmp_path, umask):
    before = os.umask(umask)
    try:
        assert credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", NAMES) == ""
    finally:
        os.umask(before)
    assert (tmp_path / "key.pem").stat().st_mode & 0o7777 == 0o600
    assert (tmp_path / "chain.pem").stat().st_mode & 0o7777 == 0o644
    assert names_in(tmp_path) == ["chain.pem", "key.pem"]


def test_what_is_there_is_left_as_it_is(lib, tmp_path):
    (tmp_path / "chain.pem").write_text("mine")
    (tmp_path / "key.pem").write_text("mine too")
    assert credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", NAMES) == ""
    assert names_in(tmp_path) == ["chain.pem", "key.pem"]
    assert [(tmp_path / name).read_text() for name in names_in(tmp_path)] == ["mine", "mine too"]


@pytest.mark.parametrize("there, missing", [("chain.pem", "key.pem"), ("key.pem", "chain.pem")])
def test_one_without_the_other_is_a_mistake(lib, tmp_path, there, missing):
    (tmp_path / there).write_text("mine")
    error = credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", NAMES)
    assert error == "%s is missing, but %s is there" % (tmp_path / missing, tmp_path / there)
    assert names_in(tmp_path) == [there] and (tmp_path / there).read_text() == "mine"


def test_each_in_its_directory(lib, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert credentials_make(lib, tmp_path / "a/chain", tmp_path / "b/key", NAMES) == ""
    assert (names_in(tmp_path / "a"), names_in(tmp_path / "b")) == (["chain"], ["key"])
    assert Loaded(lib, tmp_path / "a/chain", tmp_path / "b/key").error == ""


def test_in_the_directory_where_we_are(lib, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert credentials_make(lib, "chain.pem", "key.pem", NAMES) == ""
    assert Loaded(lib, "chain.pem", "key.pem").error == ""


@pytest.mark.parametrize("chain, key", [("none/chain.pem", "key.pem"), ("chain.pem", "none/key.pem"), ("a.pem", "a.pem"),
                                        ("a" * 5000, "key.pem"), ("a" * 256, "key.pem"), ("chain.pem", "a" * 256)])
def test_places_where_they_can_not_be_made(lib, tmp_path, chain, key):
    error = credentials_make(lib, tmp_path / chain, tmp_path / key, NAMES)
    assert str(tmp_path) in error and "\n" not in error
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("chain", ["both.pem", "./both.pem"])
def test_both_in_one_file_are_not_made(lib, tmp_path, monkeypatch, chain):
    """By whatever names; and if there is such a file, it is loaded."""
    monkeypatch.chdir(tmp_path)
    assert "both.pem" in credentials_make(lib, chain, "both.pem", NAMES) and names_in(tmp_path) == []
    Path("both.pem").write_text("mine")
    assert credentials_make(lib, chain, "both.pem", NAMES) == "" and names_in(tmp_path) == ["both.pem"]


@pytest.mark.parametrize("there", [[], ["chain.pem", "key.pem"]], ids=["both are made", "both are there"])
def test_no_other_file_is_touched(lib, tmp_path, there):
    """Above all not what the operator has prepared to be moved into place."""
    others = ["chain.pem.new", "chain.pem.old", "key.pem.new", "key.pem~"]
    for name in others + there:
        (tmp_path / name).write_text("mine")
        (tmp_path / name).chmod(0o600)
    os.link(tmp_path / "chain.pem.new", tmp_path / "precious")
    assert credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", NAMES) == ""
    assert names_in(tmp_path) == sorted([*others, "chain.pem", "key.pem", "precious"])
    assert {(tmp_path / name).read_text() for name in others + there + ["precious"]} == {"mine"}


@pytest.mark.parametrize("name", ["key.pem", "chain.pem"])
def test_no_link_is_followed(lib, tmp_path, name):
    """A link that leads nowhere would have a file made wherever it says."""
    (tmp_path / name).symlink_to("elsewhere")
    assert str(tmp_path / name) in credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", NAMES)
    assert names_in(tmp_path) == [name] and (tmp_path / name).is_symlink()


def test_credentials_in_a_directory_that_must_not_be_written_to(lib, not_root):
    assert credentials_make(lib, "chain.pem", "key.pem", NAMES) == ""
    os.chmod(".", 0o500)
    assert credentials_make(lib, "chain.pem", "key.pem", NAMES) == ""
    assert "is missing" in credentials_make(lib, "chain.pem", "other", NAMES)
    assert os.strerror(13) in credentials_make(lib, "another", "other", NAMES)
    os.chmod(".", 0o700)


def test_many_servers_at_once(lib, tmp_path):
    """One makes both; each of the others finds them, or says which file is in the way."""
    for attempt in range(10):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        waiting, go = os.pipe()
        children = []
        for _ in range(8):
            children.append(os.fork())
            if children[-1] == 0:
                os.close(go)
                os.read(waiting, 1)
                os._exit(credentials_make(lib, directory / "chain.pem", directory / "key.pem", NAMES) != "")
        os.close(waiting)
        os.close(go)
        assert 0 in [os.waitpid(child, 0)[1] for child in children]
        assert names_in(directory) == ["chain.pem", "key.pem"]
        assert Loaded(lib, directory / "chain.pem", directory / "key.pem").error == ""


@pytest.mark.parametrize("room", [0, 100, 300])
def test_a_full_disk(lib, tmp_path, room):
    """Nothing is left: no half of a file, and no key without its certificate."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        os._exit(str(tmp_path) in credentials_make(lib, tmp_path / "chain.pem", tmp_path / "key.pem", NAMES))
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 1
    assert names_in(tmp_path) == []
