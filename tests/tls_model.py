"""TLS 1.3 as RFC 8446 defines it, in Python: the key schedule, records, messages, and a judge of
ClientHellos.

A second implementation, written from the RFC and not from the C code, so that both would have to make the
same mistake. The curves and ciphers are in tls_crypto.py, the client that uses all this is in
tls_client.py.
"""
import hashlib
import hmac
import struct

from tls_crypto import Aes128Gcm, BadTag, ChaCha20Poly1305, hkdf_expand, hkdf_extract, p256_decode

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23         # ContentType (5.1)

CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA = 1, 2, 4, 5  # HandshakeType (4)
ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY = 8, 11, 13, 15
FINISHED, KEY_UPDATE = 20, 24
MESSAGE_HASH = 254

# ExtensionType (4.2)
SERVER_NAME, SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, ALPN, PADDING = 0, 10, 13, 16, 21
RECORD_SIZE_LIMIT, PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS = 28, 41, 42, 43
COOKIE, PSK_KEY_EXCHANGE_MODES, SIGNATURE_ALGORITHMS_CERT, KEY_SHARE = 44, 45, 50, 51

ALERTS = {0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
          40: "handshake_failure", 47: "illegal_parameter", 50: "decode_error", 51: "decrypt_error",
          70: "protocol_version", 71: "insufficient_security", 80: "internal_error", 90: "user_canceled",
          109: "missing_extension", 110: "unsupported_extension"}
ALERT_NUMBERS = {name: number for number, name in ALERTS.items()}

X25519, SECP256R1 = 0x001d, 0x0017
ECDSA_SECP256R1_SHA256 = 0x0403
SUITES = {0x1303: ChaCha20Poly1305, 0x1301: Aes128Gcm}
SHARE_SIZES = {X25519: 32, SECP256R1: 65}

# RFC 8446 4.1.3: SHA-256 of "HelloRetryRequest"
HELLO_RETRY_REQUEST = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

MAX_PLAINTEXT, MAX_CIPHERTEXT = 2**14, 2**14 + 256


def vector(length_size, data):
    """A vector of the presentation language (3.4): its length, and its content."""
    return len(data).to_bytes(length_size, "big") + data


def u16s(*numbers):
    return b"".join(struct.pack(">H", number) for number in numbers)


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- the key schedule (7.1)

def expand_label(secret, label, context, size):
    return hkdf_expand(secret, struct.pack(">H", size) + vector(1, b"tls13 " + label.encode())
                       + vector(1, context), size)


def derive_secret(secret, label, messages):
    return expand_label(secret, label, sha256(messages), 32)


class KeySchedule:
    """The picture of 7.1, without a PSK. `messages` is a transcript: all handshake messages so far."""

    def __init__(self):
        self.early_secret = hkdf_extract(bytes(32), bytes(32))

    def shared_secret(self, secret, messages):
        """(EC)DHE; messages: ClientHello...ServerHello"""
        self.handshake_secret = hkdf_extract(derive_secret(self.early_secret, "derived", b""), secret)
        self.client_handshake = derive_secret(self.handshake_secret, "c hs traffic", messages)
        self.server_handshake = derive_secret(self.handshake_secret, "s hs traffic", messages)
        self.master_secret = hkdf_extract(derive_secret(self.handshake_secret, "derived", b""), bytes(32))

    def server_finished(self, messages):
        """messages: ClientHello...server Finished"""
        self.client_application = derive_secret(self.master_secret, "c ap traffic", messages)
        self.server_application = derive_secret(self.master_secret, "s ap traffic", messages)
        self.exporter = derive_secret(self.master_secret, "exp master", messages)


def next_secret(secret):
    """7.2"""
    return expand_label(secret, "traffic upd", b"", 32)


def verify_data(secret, messages):
    """4.4.4"""
    return hmac.new(expand_label(secret, "finished", b"", 32), sha256(messages), hashlib.sha256).digest()


def signed_content(messages):
    """4.4.3"""
    return b" " * 64 + b"TLS 1.3, server CertificateVerify\0" + sha256(messages)


# ---- record protection (5.2, 5.3)

class RecordKeys:
    def __init__(self, aead, secret):
        self.aead_class, self.secret, self.sequence = aead, secret, 0
        self.aead = aead(expand_label(secret, "key", b"", aead.key_size))
        self.iv = expand_label(secret, "iv", b"", 12)

    def nonce(self):
        number = int.from_bytes(self.iv, "big") ^ self.sequence
        self.sequence += 1
        return number.to_bytes(12, "big")

    def seal(self, content_type, content, padding=0, version=0x0303):
        """A whole TLSCiphertext record. A content_type of None leaves the type out: all that is there is
        padding."""
        inner = content + (b"" if content_type is None else bytes([content_type])) + bytes(padding)
        header = struct.pack(">BHH", APPLICATION_DATA, version, len(inner) + 16)
        return header + self.aead.seal(self.nonce(), header, inner)

    def open(self, record):
        """(type, content, length of the padding). A record that can't be opened does not count."""
        try:
            inner = self.aead.open(self.nonce(), record[:5], record[5:])
        except BadTag:
            self.sequence -= 1
            raise
        stripped = inner.rstrip(b"\0")
        return stripped[-1], stripped[:-1], len(inner) - len(stripped)

    def next(self):
        """Both directions' KeyUpdate (4.6.3, 7.2)."""
        return RecordKeys(self.aead_class, next_secret(self.secret))


# ---- messages

def message(message_type, body):
    return bytes([message_type]) + vector(3, body)


class Reader:
    """Reads the presentation language; ValueError if it is not well formed."""

    def __init__(self, data):
        self.data = data

    def bytes(self, size):
        if size > len(self.data):
            raise ValueError("%d bytes are missing" % (size - len(self.data)))
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def number(self, size):
        return int.from_bytes(self.bytes(size), "big")

    def vector(self, length_size, floor=0, ceiling=None, element=1):
        size = self.number(length_size)
        if size < floor or (ceiling is not None and size > ceiling) or size % element:
            raise ValueError("a vector of %d bytes" % size)
        return self.bytes(size)

    def numbers(self, length_size, floor=0):
        data = self.vector(length_size, floor, element=2)
        return [number for number, in struct.iter_unpack(">H", data)]

    def end(self):
        if self.data:
            raise ValueError("%d bytes too many" % len(self.data))


def parse_extensions(data):
    """[(type, content)]"""
    reader, extensions = Reader(data), []
    while reader.data:
        extensions.append((reader.number(2), reader.vector(2)))
    return extensions


class ClientHello:
    """A ClientHello to be built, taken apart and spoilt: every field is an attribute, extensions are a
    list."""

    def __init__(self, random, session_id=b"", suites=(0x1303, 0x1301), groups=(X25519, SECP256R1),
                 shares=(),
                 signatures=(ECDSA_SECP256R1_SHA256,), versions=(0x0304,), extra=(), last=()):
        self.legacy_version, self.random, self.session_id = 0x0303, random, session_id
        self.suites, self.compression = list(suites), b"\0"
        self.extensions = [
            (SERVER_NAME, vector(2, b"\0" + vector(2, b"localhost"))),
            (SUPPORTED_GROUPS, vector(2, u16s(*groups))),
            (SIGNATURE_ALGORITHMS, vector(2, u16s(*signatures))),
            *extra,
            (SUPPORTED_VERSIONS, vector(1, u16s(*versions))),
            (KEY_SHARE, vector(2, b"".join(u16s(group) + vector(2, share) for group, share in shares))),
            *last]

    def extension(self, extension_type):
        return dict(self.extensions).get(extension_type)

    def replace(self, extension_type, content):
        """Give an extension other content, or with None take it away."""
        at = [number for number, _ in self.extensions].index(extension_type)
        self.extensions[at:at + 1] = [] if content is None else [(extension_type, content)]

    def body(self):
        extensions = b"".join(u16s(number) + vector(2, content) for number, content in self.extensions)
        return (u16s(self.legacy_version) + self.random + vector(1, self.session_id)
                + vector(2, u16s(*self.suites))
                + vector(1, self.compression) + vector(2, extensions))

    def message(self):
        return message(CLIENT_HELLO, self.body())


# ---- the judge

GO_ON = "go on"


def judge(body):
    """What a server may answer a first ClientHello with: a set of alerts, and GO_ON if it may go on with it.

    RFC 8446 does not say which of several faults comes first, so all that are there may be named. Some
    faults it leaves to the server to look for, and a server may ignore an extension with all that is
    wrong inside. """
    try:
        reader = Reader(body)
        legacy_version, _ = reader.number(2), reader.bytes(32)
        reader.vector(1, 0, 32)
        suites = reader.numbers(2, 2)
        compression = reader.vector(1, 1)
        extensions = parse_extensions(reader.vector(2) if reader.data else b"")
        reader.end()
    except ValueError:
        # A reader that goes from left to right may know of another fault before it comes to this one.
        return {"decode_error", "illegal_parameter", "protocol_version"}
    types, contents = [number for number, _ in extensions], dict(extensions)
    faults, optional = set(), set()
    if len(set(types)) != len(types):                                       # 4.2
        faults |= {"illegal_parameter", "decode_error"}
    if legacy_version <= 0x0300 or SUPPORTED_VERSIONS not in contents:      # D.5, D.2
        faults.add("protocol_version")
    if compression != b"\0":                                                # 4.1.2
        faults.add("illegal_parameter")
    if not {0x1301, 0x1303} & set(suites):                                  # 4.1.1
        faults |= NOTHING_IN_COMMON
    if PRE_SHARED_KEY in contents:
        if types[-1] != PRE_SHARED_KEY:                                     # 4.2.11
            faults.add("illegal_parameter")
        if PSK_KEY_EXCHANGE_MODES not in contents:                          # 4.2.9
            faults.add("missing_extension")
    for needed in (SUPPORTED_GROUPS, SIGNATURE_ALGORITHMS, KEY_SHARE):      # 9.2
        if needed not in contents:
            faults.add("missing_extension")
    for number, content in contents.items():
        for checks, found in ((MUST_CHECK, faults), (MAY_CHECK, optional)):
            if number in checks:
                try:
                    found |= checks[number](Reader(content), contents) or set()
                except ValueError:
                    found.add("decode_error")
    return faults | optional | (set() if faults else {GO_ON})


NOTHING_IN_COMMON = {"handshake_failure", "insufficient_security"}


def one_of(length_size, wanted, faults):
    """A list of numbers with at least one of those that are wanted."""
    def check(reader, contents):
        numbers = reader.numbers(length_size, 2)
        reader.end()
        return set() if wanted & set(numbers) else faults
    return check


def shares_of(reader):
    """4.2.8: [(group, share)]"""
    entries, shares = Reader(reader.vector(2)), []
    reader.end()
    while entries.data:
        shares.append((entries.number(2), entries.vector(2, 1)))
    return shares


def is_good_share(group, share):
    """4.2.8.2, 7.4.2"""
    if group == X25519:
        return len(share) == 32 and int.from_bytes(share, "little") & 2**255 - 1 not in SMALL_ORDER
    try:
        return bool(p256_decode(share))
    except ValueError:
        return False


def some_share_is_good(reader, contents):
    ours = [is_good_share(*entry) for entry in shares_of(reader) if entry[0] in (X25519, SECP256R1)]
    return {"illegal_parameter"} if ours and not any(ours) else set()


def all_shares_are_good(reader, contents):
    shares = shares_of(reader)
    groups = [group for group, _ in shares]
    offered = Reader(contents.get(SUPPORTED_GROUPS, u16s(0))).numbers(2)
    good = (len(set(groups)) == len(groups) and set(groups) <= set(offered)
            and all(is_good_share(*entry) for entry in shares if entry[0] in (X25519, SECP256R1)))
    return set() if good else {"illegal_parameter"}


# RFC 7748 6.1, 7: the u coordinates from which X25519 makes zero, whatever the key
SMALL_ORDER = {0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18,
               325606250916557431795983626356110631294008115727848805560023387167927233504,
               39382357235489614581723060781553021112529911719440698176882885853963445705823}


def well_formed(*steps):
    """An extension that is nothing but these fields."""
    def check(reader, contents):
        for step in steps:
            step(reader)
        reader.end()
    return check


def server_name(reader, contents):
    """RFC 6066 3"""
    names, types = Reader(reader.vector(2, 1)), []
    reader.end()
    while names.data:
        types.append(names.number(1))
        names.vector(2, 1)
    return {"illegal_parameter"} if len(set(types)) < len(types) else set()


def offered_psks(reader, contents):
    """4.2.11; a server need not look at them one by one"""
    identities, binders = Reader(reader.vector(2, 7)), Reader(reader.vector(2, 33))
    reader.end()
    counts = [0, 0]
    while identities.data:
        identities.vector(2, 1), identities.bytes(4)
        counts[0] += 1
    while binders.data:
        binders.vector(1, 32)
        counts[1] += 1
    return {"illegal_parameter"} if counts[0] != counts[1] else set()


def record_size_limit(reader, contents):
    """RFC 8449 4"""
    size = reader.number(2)
    reader.end()
    return {"illegal_parameter"} if size < 64 else set()


MUST_CHECK = {
    SUPPORTED_VERSIONS: one_of(1, {0x0304}, {"protocol_version"}),
    SUPPORTED_GROUPS: one_of(2, {X25519, SECP256R1}, NOTHING_IN_COMMON),
    SIGNATURE_ALGORITHMS: one_of(2, {ECDSA_SECP256R1_SHA256}, NOTHING_IN_COMMON),
    KEY_SHARE: some_share_is_good,
}
MAY_CHECK = {
    KEY_SHARE: all_shares_are_good,
    SERVER_NAME: server_name,
    SIGNATURE_ALGORITHMS_CERT: one_of(2, set(), set()),
    PSK_KEY_EXCHANGE_MODES: well_formed(lambda reader: reader.vector(1, 1)),
    PRE_SHARED_KEY: offered_psks,
    EARLY_DATA: well_formed(),
    RECORD_SIZE_LIMIT: record_size_limit,
    COOKIE: well_formed(lambda reader: reader.vector(2, 1)),
}
