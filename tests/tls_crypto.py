"""The cryptography of TLS 1.3 in plain Python, for a client that depends on no other implementation.

Slow, not in constant time, and only for tests: integers are Python's own, curves are their textbook
formulas, and each function is the standard's definition written down. Start reading anywhere.
"""
import hashlib
import hmac
import struct


# ---- HKDF (RFC 5869)

def hkdf_extract(salt, secret):
    return hmac.new(salt, secret, hashlib.sha256).digest()


def hkdf_expand(key, info, size):
    output, block, count = b"", b"", 1
    while len(output) < size:
        block = hmac.new(key, block + info + bytes([count]), hashlib.sha256).digest()
        output, count = output + block, count + 1
    return output[:size]


# ---- X25519 (RFC 7748)

P25519 = 2**255 - 19


def x25519(scalar, u):
    """RFC 7748 5: the Montgomery ladder."""
    k = int.from_bytes(scalar, "little") & ~7 & (2**255 - 1) | 2**254
    x1 = int.from_bytes(u, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P25519, b * b % P25519, d * a % P25519, c * b % P25519
        e = aa - bb
        x3, z3 = (da + cb)**2 % P25519, x1 * (da - cb)**2 % P25519
        x2, z2 = aa * bb % P25519, e * (aa + 121665 * e) % P25519
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P25519 - 2, P25519) % P25519).to_bytes(32, "little")


def x25519_public_key(scalar):
    return x25519(scalar, (9).to_bytes(32, "little"))


# ---- P-256 (SEC 1, FIPS 186-5). A point is (x, y), or None at infinity; inside a multiplication Jacobian.

P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
P256_N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
P256_G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
          0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)


def jacobian_double(point):
    x, y, z = point
    delta, gamma = z * z % P256, y * y % P256
    beta, alpha = x * gamma % P256, 3 * (x - delta) * (x + delta) % P256
    x3 = (alpha * alpha - 8 * beta) % P256
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P256, ((y + z)**2 - gamma - delta) % P256


def jacobian_add(p, q):
    if p[2] == 0 or q[2] == 0:
        return q if p[2] == 0 else p
    (x1, y1, z1), (x2, y2, z2) = p, q
    zz1, zz2 = z1 * z1 % P256, z2 * z2 % P256
    u1, u2, s1, s2 = x1 * zz2 % P256, x2 * zz1 % P256, y1 * z2 * zz2 % P256, y2 * z1 * zz1 % P256
    if u1 == u2:
        return jacobian_double(p) if s1 == s2 else (1, 1, 0)
    h, r = u2 - u1, s2 - s1
    hh = h * h % P256
    hhh, v = h * hh % P256, u1 * hh % P256
    x3 = (r * r - hhh - 2 * v) % P256
    return x3, (r * (v - x3) - s1 * hhh) % P256, h * z1 * z2 % P256


def p256_multiply(k, point):
    result, addend = (1, 1, 0), (*point, 1)
    while k:
        if k & 1:
            result = jacobian_add(result, addend)
        addend, k = jacobian_double(addend), k >> 1
    return affine(result)


def affine(point):
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, P256 - 2, P256)
    return x * inverse**2 % P256, y * inverse**3 % P256


def p256_add(p, q):
    if p is None or q is None:
        return p or q
    return affine(jacobian_add((*p, 1), (*q, 1)))


def p256_encode(point):
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def p256_decode(data):
    x, y = int.from_bytes(data[1:33], "big"), int.from_bytes(data[33:65], "big")
    if len(data) != 65 or data[0] != 4 or x >= P256 or y >= P256 or (y * y - x**3 + 3 * x - P256_B) % P256:
        raise ValueError("not a point of P-256")
    return x, y


def p256_public_key(private_key):
    return p256_encode(p256_multiply(int.from_bytes(private_key, "big"), P256_G))


def p256_ecdh(private_key, peer):
    return p256_multiply(int.from_bytes(private_key, "big"), p256_decode(peer))[0].to_bytes(32, "big")


def der_integers(signature):
    """Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }, and nothing but DER."""
    def element(data, tag):
        if len(data) < 2 or data[0] != tag or data[1] > 127 or len(data) < 2 + data[1]:
            raise ValueError("not DER: " + data.hex())
        return data[2:2 + data[1]], data[2 + data[1]:]

    content, rest = element(signature, 0x30)
    r, content = element(content, 2)
    s, content = element(content, 2)
    for number in (r, s):
        if rest or content or not number or number[0] > 127 or (number[0] == 0
                                                                and (number[1:2] or b"\0")[0] < 128):
            raise ValueError("not DER: " + signature.hex())
    return int.from_bytes(r, "big"), int.from_bytes(s, "big")


def ecdsa_verify(public_key, signature, digest):
    """FIPS 186-5 6.4.2"""
    r, s = der_integers(signature)
    if not (0 < r < P256_N and 0 < s < P256_N):
        return False
    w = pow(s, P256_N - 2, P256_N)
    point = p256_add(p256_multiply(int.from_bytes(digest, "big") * w % P256_N, P256_G),
                     p256_multiply(r * w % P256_N, p256_decode(public_key)))
    return point is not None and point[0] % P256_N == r


# ---- ChaCha20-Poly1305 (RFC 8439)

class BadTag(ValueError):
    pass


def chacha20_block(key, counter, nonce):
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    x = start[:]
    quarters = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))
    for _ in range(10):
        for a, b, c, d in quarters:
            for i, j, k, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                x[i] = x[i] + x[j] & 0xffffffff
                mixed = x[k] ^ x[i]
                x[k] = (mixed << n | mixed >> 32 - n) & 0xffffffff
    return struct.pack("<16I", *(a + b & 0xffffffff for a, b in zip(x, start)))


def xor(a, b):
    return (int.from_bytes(a, "little") ^ int.from_bytes(b[:len(a)], "little")).to_bytes(len(a), "little")


def poly1305(key, message):
    r, s = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff, int.from_bytes(key[16:],
                                                                                                   "little")
    total = 0
    for i in range(0, len(message), 16):
        total = (total + int.from_bytes(message[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return (total + s & 2**128 - 1).to_bytes(16, "little")


def padded(data):
    return data + bytes(-len(data) % 16)


class ChaCha20Poly1305:
    key_size = 32

    def __init__(self, key):
        self.key = key

    def crypt(self, nonce, data):
        stream = b"".join(chacha20_block(self.key, 1 + i, nonce) for i in range((len(data) + 63) // 64))
        return xor(data, stream)

    def tag(self, nonce, aad, ciphertext):
        return poly1305(chacha20_block(self.key, 0, nonce)[:32],
                        padded(aad) + padded(ciphertext) + struct.pack("<QQ", len(aad), len(ciphertext)))

    def seal(self, nonce, aad, plaintext):
        ciphertext = self.crypt(nonce, plaintext)
        return ciphertext + self.tag(nonce, aad, ciphertext)

    def open(self, nonce, aad, sealed):
        if len(sealed) < 16 or not hmac.compare_digest(self.tag(nonce, aad, sealed[:-16]), sealed[-16:]):
            raise BadTag()
        return self.crypt(nonce, sealed[:-16])


# ---- AES-128-GCM (FIPS 197, SP 800-38D)

def times_x(a):
    return a << 1 ^ (0x11b if a & 0x80 else 0)


def make_sbox():
    """FIPS 197 5.1.1: the inverse in GF(2^8), then an affine map."""
    box, p, q = [0] * 256, 1, 1
    while True:
        p ^= times_x(p)             # times 3
        for shift in (1, 2, 4):     # divided by 3
            q = (q ^ q << shift) & 0xff
        q ^= 0x09 if q & 0x80 else 0
        turned = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4)
        box[p] = turned & 0xff ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


SBOX = make_sbox()
DOUBLED = [times_x(a) for a in range(256)]


class Aes128Gcm(ChaCha20Poly1305):
    key_size = 16

    def __init__(self, key):
        self.round_keys = self.expand(key)
        self.h = int.from_bytes(self.block(bytes(16)), "big")

    @staticmethod
    def expand(key):
        words, rcon = [list(key[i:i + 4]) for i in range(0, 16, 4)], 1
        for i in range(4, 44):
            word = words[-1]
            if i % 4 == 0:
                word = [SBOX[b] for b in word[1:] + word[:1]]
                word[0] ^= rcon
                rcon = times_x(rcon)
            words.append([a ^ b for a, b in zip(words[i - 4], word)])
        return [sum(words[i:i + 4], []) for i in range(0, 44, 4)]

    def block(self, data):
        state = [a ^ b for a, b in zip(data, self.round_keys[0])]
        for number, round_key in enumerate(self.round_keys[1:], 1):
            state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]    # SubBytes and ShiftRows
            if number < 10:
                mixed = []
                for i in range(0, 16, 4):
                    a, b, c, d = state[i:i + 4]
                    every = a ^ b ^ c ^ d
                    mixed += [a ^ every ^ DOUBLED[a ^ b], b ^ every ^ DOUBLED[b ^ c],
                              c ^ every ^ DOUBLED[c ^ d], d ^ every ^ DOUBLED[d ^ a]]
                state = mixed
            state = [a ^ b for a, b in zip(state, round_key)]
        return bytes(state)

    def times_h(self, x):
        """SP 800-38D 6.3: bits are counted from the most significant one."""
        z, v = 0, self.h
        for i in reversed(range(128)):
            if x >> i & 1:
                z ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        return z

    def crypt(self, nonce, data):
        blocks = (self.block(nonce + struct.pack(">I", 2 + i)) for i in range((len(data) + 15) // 16))
        return xor(data, b"".join(blocks))

    def tag(self, nonce, aad, ciphertext):
        total, data = 0, padded(aad) + padded(ciphertext) + struct.pack(">QQ", 8 * len(aad),
                                                                        8 * len(ciphertext))
        for i in range(0, len(data), 16):
            total = self.times_h(total ^ int.from_bytes(data[i:i + 16], "big"))
        return xor(total.to_bytes(16, "big"), self.block(nonce + b"\0\0\0\1"))
