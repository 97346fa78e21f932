"""A TLS 1.3 client for tests: it can do everything right, and anything wrong.

It speaks through tls_model.py, so it shares nothing with the server: it checks the server's signature and
Finished by itself. Every step of a handshake is a method, and a test that wants to misbehave leaves one
out, calls it twice or sends something else. Start reading at TlsClient.handshake().
"""
import os
import socket
import struct

import tls_crypto as crypto
import tls_model as tls
from client import TIMEOUT, Client, ConversationError
from tls_model import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE

NAMES = {CHANGE_CIPHER_SPEC: "change_cipher_spec", ALERT: "alert", HANDSHAKE: "handshake",
         APPLICATION_DATA: "application_data"}
SHOWN_BYTES = 24

# The start of a SubjectPublicKeyInfo with a P-256 key (RFC 5480 2.1.1), up to the key itself
P256_KEY_INFO = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")

# RFC 8446 4.1.3, D.5 and 5.1: what every TLS 1.3 record and message has to say
LEGACY_VERSION = 0x0303


class TlsClient:
    def __init__(self, host, port, starttls=False):
        self.log, self.buffer = [], b""
        self.sock = connect(host, port, starttls)
        self.read_keys = self.write_keys = None
        self.transcript = b""
        self.keys = tls.KeySchedule()
        self.shares = {}            # group: our private key
        self.retried = False
        self.handshake_data = b""   # what has come of messages that are not whole yet
        self.padding = 0            # of what came last

    # ---- what a failure shows

    def note(self, who, text, data=b""):
        more = "..." if len(data) > SHOWN_BYTES else ""
        self.log.append("%4d  %s: %s %s%s"
                        % (len(self.log) + 1, who, text, data[:SHOWN_BYTES].hex(" "), more))

    def fail(self, expected, came):
        __tracebackhide__ = True
        raise ConversationError("the conversation:\n%s\nexpected: %s\ncame:     %s"
                                % ("\n".join(self.log[-40:]) or "      (nothing was said)", expected,
                                   came)) from None

    def check(self, condition, expected, came="something else"):
        __tracebackhide__ = True
        if not condition:
            self.fail(expected, came)

    # ---- records out

    def send_raw(self, data):
        """Bytes as they are. That the server has closed already is seen when its last words are read."""
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def send_in_pieces(self, data, size):
        for at in range(0, len(data), size):
            self.send_raw(data[at:at + size])

    wait_until_read = Client.wait_until_read

    def plain_record(self, content_type, content, version=LEGACY_VERSION, length=None):
        self.note("C", "%s record, %d bytes," % (NAMES.get(content_type, content_type), len(content)),
                  content)
        return struct.pack(">BHH", content_type, version,
                           len(content) if length is None else length) + content

    def protected_record(self, content_type, content, padding=0):
        self.note("C", "%s record, protected, %d bytes,"
                  % (NAMES.get(content_type, content_type), len(content)), content)
        return self.write_keys.seal(content_type, content, padding)

    def record(self, content_type, content, padding=0):
        if self.write_keys is None:
            return self.plain_record(content_type, content)
        return self.protected_record(content_type, content, padding)

    def send(self, content_type, content, padding=0):
        self.send_raw(self.record(content_type, content, padding))

    def send_alert(self, name, level=2):
        self.send(ALERT, bytes([level, tls.ALERT_NUMBERS[name]]))

    def send_change_cipher_spec(self, content=b"\1"):
        self.send_raw(self.plain_record(CHANGE_CIPHER_SPEC, content))

    # ---- records in

    def receive_bytes(self, size, expected):
        __tracebackhide__ = True
        while len(self.buffer) < size:
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                self.fail(expected, "nothing for %g seconds" % TIMEOUT)
            except OSError as error:
                self.fail(expected, error)
            if not data:
                self.fail(expected, "the end of the connection")
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def receive(self, expected="a record"):
        """The next record: (type, content). What is protected is opened; its header and size are checked."""
        __tracebackhide__ = True
        header = self.receive_bytes(5, expected)
        content_type, version, size = struct.unpack(">BHH", header)
        self.check(content_type in NAMES and version == LEGACY_VERSION, "a TLS record", header.hex(" "))
        data = self.receive_bytes(size, expected)
        self.padding = 0
        if self.read_keys is None or content_type == CHANGE_CIPHER_SPEC:
            self.check(size <= tls.MAX_PLAINTEXT and content_type != APPLICATION_DATA, "a plaintext record",
                       header.hex(" "))
        else:
            self.check(content_type == APPLICATION_DATA and size <= tls.MAX_CIPHERTEXT, "a protected record",
                       header.hex(" "))
            try:
                content_type, data, self.padding = self.read_keys.open(header + data)
            except crypto.BadTag:
                self.fail("a record under the right keys", header.hex(" "))
            self.check(len(data) + self.padding <= tls.MAX_PLAINTEXT, "at most 2^14 bytes", len(data))
        self.note("S", "%s record, %d bytes," % (NAMES.get(content_type, content_type), len(data)), data)
        return content_type, data

    def receive_message(self, *types):
        """The next handshake message, which has to be of one of these types: (type, body). It joins the
        transcript."""
        __tracebackhide__ = True
        expected = "a handshake message of type %s" % " or ".join(map(str, types))
        while len(self.handshake_data) < 4 or len(self.handshake_data) < 4 + self.message_size():
            content_type, data = self.receive(expected)
            self.check(content_type == HANDSHAKE and data, expected, describe(content_type, data))
            self.handshake_data += data
        size = 4 + self.message_size()
        message, self.handshake_data = self.handshake_data[:size], self.handshake_data[size:]
        self.check(message[0] in types, expected, "type %d" % message[0])
        self.transcript += message
        return message[0], message[4:]

    def message_size(self):
        return int.from_bytes(self.handshake_data[1:4], "big")

    def expect_end(self):
        """The server closes the connection, and says nothing more."""
        __tracebackhide__ = True
        self.sock.settimeout(TIMEOUT)
        try:
            rest = self.buffer + self.sock.recv(65536)
        except socket.timeout:
            self.fail("the end of the connection", "nothing for %g seconds" % TIMEOUT)
        except OSError:
            rest = b""      # a reset is an end too
        self.check(not rest, "the end of the connection", rest.hex(" "))

    def expect_alert(self, *names):
        """An alert with one of these names, then the end. What the server had sent before it is passed
        over."""
        __tracebackhide__ = True
        expected = "the alert " + " or ".join(names)
        while True:
            content_type, data = self.receive(expected)
            if content_type == ALERT:
                break
        name = tls.ALERTS.get(data[1], data[1]) if len(data) == 2 else data.hex()
        self.check(name in names, expected, describe(content_type, data))
        self.check(data[0] == (1 if name == "close_notify" else 2), "the level of " + name, data[0])
        self.expect_end()
        self.close()
        return name

    # ---- the handshake, step by step

    def handshake(self, hello=None, **offer):
        """RFC 8446 2: all of it, in order. Returns self."""
        __tracebackhide__ = True
        self.send_hello(hello or self.client_hello(**offer))
        self.receive_server_flight()
        self.send_finished()
        return self

    def client_hello(self, share_groups=(tls.X25519,), session_id=None, **fields):
        """A ClientHello with shares for these groups, and a session id as in D.4 unless another is given."""
        self.shares = {group: os.urandom(32) for group in share_groups}
        return tls.ClientHello(os.urandom(32), os.urandom(32) if session_id is None else session_id,
                               shares=[(group, self.share(group)) for group in share_groups], **fields)

    def share(self, group):
        public_key = {tls.X25519: crypto.x25519_public_key, tls.SECP256R1: crypto.p256_public_key}.get(group)
        return public_key(self.shares[group]) if public_key else b"?" * 32

    def shared_secret(self, group, server_share):
        exchange = {tls.X25519: crypto.x25519, tls.SECP256R1: crypto.p256_ecdh}[group]
        return exchange(self.shares[group], server_share)

    def add_hello(self, hello):
        """Send nothing, but go on as if this ClientHello had been sent. Returns its bytes."""
        self.hello = hello
        self.transcript += hello.message()
        return hello.message()

    def send_hello(self, hello):
        message = self.add_hello(hello)
        for at in range(0, len(message), tls.MAX_PLAINTEXT):
            self.send(HANDSHAKE, message[at:at + tls.MAX_PLAINTEXT])

    def receive_server_flight(self):
        """ServerHello (maybe after a HelloRetryRequest) to Finished."""
        __tracebackhide__ = True
        self.receive_server_hello()
        if self.server_random == tls.HELLO_RETRY_REQUEST:
            self.retry()
            self.receive_server_hello()
        self.agree_on_keys()
        self.receive_authentication()

    def receive_server_hello(self):
        """4.1.3, and 4.1.4 for a HelloRetryRequest. A change_cipher_spec follows the first of them (D.4)."""
        __tracebackhide__ = True
        before = self.transcript
        _, body = self.receive_message(tls.SERVER_HELLO)
        self.check(not self.handshake_data, "a ServerHello that ends with its record (5.1)")
        reader = tls.Reader(body)
        version, self.server_random = reader.number(2), reader.bytes(32)
        echo, self.suite, compression = reader.vector(1), reader.number(2), reader.number(1)
        self.server_extensions = dict(tls.parse_extensions(reader.vector(2, 6)))
        reader.end()
        self.check(version == LEGACY_VERSION and echo == self.hello.session_id and compression == 0,
                   "a ServerHello that echoes the session id", body.hex(" "))
        self.check(self.suite in self.hello.suites, "a suite that was offered", hex(self.suite))
        self.check(set(self.server_extensions) == {tls.SUPPORTED_VERSIONS, tls.KEY_SHARE}
                   and self.server_extensions[tls.SUPPORTED_VERSIONS] == b"\3\4", "TLS 1.3", body.hex(" "))
        if self.server_random == tls.HELLO_RETRY_REQUEST:
            self.transcript = (tls.message(tls.MESSAGE_HASH, tls.sha256(before))     # 4.4.1
                               + self.transcript[len(before):])
        if self.hello.session_id and not self.retried:
            self.check(self.receive() == (CHANGE_CIPHER_SPEC, b"\1"), "change_cipher_spec (D.4)")

    def retry(self, change=lambda hello: None):
        """4.1.2: answer a HelloRetryRequest with a new share. change(hello) may spoil the second
        ClientHello."""
        __tracebackhide__ = True
        self.check(not self.retried, "at most one HelloRetryRequest")
        group, = struct.unpack(">H", self.server_extensions[tls.KEY_SHARE])
        offered = tls.Reader(self.hello.extension(tls.SUPPORTED_GROUPS)).numbers(2)
        self.check(group in offered and group not in self.shares, "a group without a share", hex(group))
        self.retried, self.retried_suite = True, self.suite
        self.shares[group] = os.urandom(32)
        self.hello.replace(tls.KEY_SHARE, tls.vector(2, tls.u16s(group) + tls.vector(2, self.share(group))))
        if self.hello.extension(tls.EARLY_DATA) is not None:
            self.hello.replace(tls.EARLY_DATA, None)
        change(self.hello)
        self.send_hello(self.hello)

    def agree_on_keys(self):
        """4.2.8, 7.1: the server's share makes the handshake keys."""
        __tracebackhide__ = True
        self.check(not self.retried or self.suite == self.retried_suite,
                   "the suite of the HelloRetryRequest")
        reader = tls.Reader(self.server_extensions[tls.KEY_SHARE])
        self.group, share = reader.number(2), reader.vector(2)
        reader.end()
        self.check(self.group in self.shares, "a share in a group of ours", hex(self.group))
        self.keys.shared_secret(self.shared_secret(self.group, share), self.transcript)
        self.aead = tls.SUITES[self.suite]
        self.read_keys = tls.RecordKeys(self.aead, self.keys.server_handshake)
        self.write_keys = tls.RecordKeys(self.aead, self.keys.client_handshake)

    def receive_authentication(self):
        """4.3.1, 4.4: EncryptedExtensions, Certificate, CertificateVerify and Finished, each of them
        checked."""
        __tracebackhide__ = True
        reader = tls.Reader(self.receive_message(tls.ENCRYPTED_EXTENSIONS)[1])
        self.encrypted_extensions = dict(tls.parse_extensions(reader.vector(2)))
        reader.end()
        self.check(set(self.encrypted_extensions) <= {number for number, _ in self.hello.extensions},
                   "only extensions that were asked for (4.2)", self.encrypted_extensions)
        self.receive_certificate()
        before = self.transcript
        reader = tls.Reader(self.receive_message(tls.CERTIFICATE_VERIFY)[1])
        algorithm, signature = reader.number(2), reader.vector(2)
        reader.end()
        self.check(algorithm == tls.ECDSA_SECP256R1_SHA256 and crypto.ecdsa_verify(
            self.public_key, signature, tls.sha256(tls.signed_content(before))),
                   "a signature by the certificate's key")
        before = self.transcript
        _, body = self.receive_message(tls.FINISHED)
        self.check(body == tls.verify_data(self.keys.server_handshake, before), "the server's Finished",
                   body.hex(" "))
        self.check(not self.handshake_data, "a Finished that ends with its record (5.1)")
        self.keys.server_finished(self.transcript)
        self.read_keys = tls.RecordKeys(self.aead, self.keys.server_application)

    def receive_certificate(self):
        """4.4.2"""
        __tracebackhide__ = True
        reader = tls.Reader(self.receive_message(tls.CERTIFICATE)[1])
        self.check(reader.vector(1) == b"", "an empty certificate_request_context")
        entries, self.certificates = tls.Reader(reader.vector(3)), []
        reader.end()
        while entries.data:
            self.certificates.append(entries.vector(3, 1))
            self.check(entries.vector(2) == b"", "no extensions of a certificate")
        self.check(bool(self.certificates), "a certificate")
        at = self.certificates[0].find(P256_KEY_INFO)
        self.check(at >= 0, "a P-256 key")
        self.public_key = self.certificates[0][at + len(P256_KEY_INFO):][:65]

    def finished(self):
        return tls.message(tls.FINISHED, tls.verify_data(self.keys.client_handshake, self.transcript))

    def send_finished(self):
        self.send(HANDSHAKE, self.finished())
        self.use_application_keys()

    def use_application_keys(self):
        self.write_keys = tls.RecordKeys(self.aead, self.keys.client_application)

    # ---- after the handshake

    def send_key_update(self, request=0):
        """4.6.3; request=1 asks for the server's own. The next keys are in use at once."""
        self.send(HANDSHAKE, tls.message(tls.KEY_UPDATE, bytes([request])))
        self.write_keys = self.write_keys.next()

    def expect_key_update(self):
        __tracebackhide__ = True
        content_type, data = self.receive("a KeyUpdate")
        self.check((content_type, data) == (HANDSHAKE, tls.message(tls.KEY_UPDATE, b"\0")), "a KeyUpdate",
                   describe(content_type, data))
        self.read_keys = self.read_keys.next()

    def write(self, data, padding=0):
        self.send(APPLICATION_DATA, data, padding)

    def read(self, expected="application data"):
        """The data of the next record that has any."""
        __tracebackhide__ = True
        while True:
            content_type, data = self.receive(expected)
            self.check(content_type == APPLICATION_DATA, expected, describe(content_type, data))
            if data:
                return data

    def read_line(self):
        """Data up to a line end."""
        __tracebackhide__ = True
        line = b""
        while not line.endswith(b"\r\n"):
            line += self.read("a line")
        return line

    def close(self):
        self.sock.close()


def describe(content_type, data):
    if content_type == ALERT and len(data) == 2:
        return "the alert " + str(tls.ALERTS.get(data[1], data[1]))
    return "%s %s" % (NAMES.get(content_type, content_type), data[:SHOWN_BYTES].hex(" "))


def connect(host, port, starttls):
    """A socket on which TLS is about to begin: at once, or after STARTTLS (RFC 3207)."""
    sock = socket.create_connection((host, port), TIMEOUT)
    if starttls:
        smtp = Client(sock)
        smtp.expect(220)
        smtp.ehlo()
        smtp.send("STARTTLS")
        smtp.expect(220)
        Client.conversations.remove(smtp)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.settimeout(TIMEOUT)
    return sock
