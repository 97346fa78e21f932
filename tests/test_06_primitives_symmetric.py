"""Stage 6: hash, HMAC, HKDF, and the two ciphers with their authenticators, each on its own (tls/hash, tls/cipher, through ctypes).

Expected values are printed in the standards, or come from hashlib and hmac. Where a standard prints too few, its
definition is spelled out in Python below ("by definition"), slow, and as near to the text of the standard as can be.
"""
import ctypes
import hashlib
import hmac
import random

import pytest

import tls_library
from tls_library import Output, opaque

# ======== 6.2 A hash

AEADS = ("aead_chacha20_poly1305", "aead_aes128_gcm")


@pytest.fixture(scope="module")
def tls(request):
    if request.config.getoption("--prog"):
        pytest.skip("these are the insides of our own program")
    return tls_library.load()


def hexadecimal(text):
    return bytes.fromhex(text)


def bytes_of(size, seed=1):
    """Bytes that are the same in every run."""
    return random.Random(seed * 1000003 + size).getrandbits(8 * size + 1).to_bytes(size + 1, "little")[:size]


def pieces(data, seed):
    """Cut data at odd places, some pieces empty."""
    source = random.Random(seed)
    while data:
        size = source.choice((0, 1, 2, 15, 16, 17, 63, 64, 65, 100))
        yield data[:size]
        data = data[size:]


# ---- the functions of tls/, as Python would have them

def sha256(tls, data):
    digest = Output(32)
    tls.sha256(data, len(data), digest)
    return bytes(digest)


def sha256_of_pieces(tls, parts):
    state, digest = opaque(), Output(32)
    tls.sha256_init(state)
    for part in parts:
        tls.sha256_update(state, part, len(part))
    tls.sha256_final(state, digest)
    return bytes(digest)


def hmac_sha256(tls, key, parts):
    state, mac = opaque(), Output(32)
    tls.hmac_init(state, key, len(key))
    for part in parts:
        tls.hmac_update(state, part, len(part))
    tls.hmac_final(state, mac)
    return bytes(mac)


def hkdf_extract(tls, salt, ikm):
    prk = Output(32)
    tls.hkdf_extract(salt, len(salt), ikm, len(ikm), prk)
    return bytes(prk)


def hkdf_expand(tls, prk, info, size):
    okm = Output(size)
    tls.hkdf_expand(prk, info, len(info), okm, size)
    return bytes(okm)


def chacha20(tls, key, nonce, counter, data):
    out = Output(len(data))
    tls.chacha20_xor(key, nonce, counter, data, out, len(data))
    return bytes(out)


def poly1305(tls, key, parts):
    state, tag = opaque(), Output(16)
    tls.poly1305_init(state, key)
    for part in parts:
        tls.poly1305_update(state, part, len(part))
    tls.poly1305_final(state, tag)
    return bytes(tag)


def aes128(tls, key):
    state = opaque()
    tls.aes128_init(state, key)
    return state


def aes128_blocks(tls, key, data):
    """The library takes batches of eight blocks: as many as needed, the last one filled up."""
    state, batches = aes128(tls, key), b""
    for start in range(0, len(data), 128):
        out = Output(128)
        tls.aes128_encrypt(state, data[start:start + 128].ljust(128, b"\0"), out)
        batches += bytes(out)
    return batches[:len(data)]


def aes128_ctr(tls, key, nonce, counter, data):
    out = Output(len(data))
    tls.aes128_ctr_xor(aes128(tls, key), nonce, counter, data, out, len(data))
    return bytes(out)


def ghash(tls, key, *parts):
    state, out = opaque(), Output(16)
    tls.ghash_init(state, key)
    for part in parts:
        tls.ghash_update_padded(state, part, len(part))
    tls.ghash_final(state, out)
    return bytes(out)


class Cipher:
    """An AEAD with a key."""

    def __init__(self, tls, name, key):
        self.aead = tls_library.aead(tls, name)
        self.key = opaque()
        assert self.aead.key_size == len(key)
        self.aead.init(self.key, key)

    def seal(self, nonce, aad, data):
        out = Output(len(data) + 16)
        self.aead.seal(self.key, nonce, aad, len(aad), data, len(data), out)
        return bytes(out)

    def open(self, nonce, aad, data):
        """The plaintext; None, and an untouched output, if it was refused."""
        size = max(len(data) - 16, 0)
        out = Output(size, b"\x5a" * size)
        if self.aead.open(self.key, nonce, aad, len(aad), data, len(data), out):
            return bytes(out)
        assert bytes(out) == b"\x5a" * size, "a forged message left something in the output"
        return None


# ---- by definition

def chacha20_keystream(key, nonce, counter, blocks):
    """RFC 8439 2.1 to 2.4"""
    def word(data, i):
        return int.from_bytes(data[4 * i:4 * i + 4], "little")

    def quarter_round(x, a, b, c, d):
        for to, by, other, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[to] = (x[to] + x[by]) % 2**32
            x[other] ^= x[to]
            x[other] = (x[other] << bits | x[other] >> (32 - bits)) % 2**32

    stream = b""
    for number in range(counter, counter + blocks):
        start = ([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] + [word(key, i) for i in range(8)]
                 + [number] + [word(nonce, i) for i in range(3)])
        x = list(start)
        for _ in range(10):
            for i in range(4):
                quarter_round(x, i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        stream += b"".join(((a + b) % 2**32).to_bytes(4, "little") for a, b in zip(x, start))
    return stream


def poly1305_tag(key, data):
    """RFC 8439 2.5.1"""
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    total = 0
    for start in range(0, len(data), 16):
        total = (total + int.from_bytes(data[start:start + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little")


def gf256_multiply(a, b):
    """FIPS 197 4.2"""
    product = 0
    for i in range(8):
        product ^= (a << i) * (b >> i & 1)
    for i in range(14, 7, -1):
        product ^= (0x11b << (i - 8)) * (product >> i & 1)
    return product


def sbox_entry(byte):
    """FIPS 197 5.1.1"""
    inverse = next((b for b in range(256) if gf256_multiply(byte, b) == 1), 0)
    bits = [(inverse >> i ^ inverse >> (i + 4) % 8 ^ inverse >> (i + 5) % 8 ^ inverse >> (i + 6) % 8
             ^ inverse >> (i + 7) % 8 ^ 0x63 >> i) & 1 for i in range(8)]
    return sum(bit << i for i, bit in enumerate(bits))


SBOX = [sbox_entry(byte) for byte in range(256)]


def aes128_block(key, block):
    """FIPS 197 5.1 and 5.2"""
    words = [list(key[i:i + 4]) for i in range(0, 16, 4)]
    constant = 1
    for i in range(4, 44):
        word = list(words[i - 1])
        if i % 4 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= constant
            constant = gf256_multiply(constant, 2)
        words.append([a ^ b for a, b in zip(words[i - 4], word)])
    keys = [sum(words[i:i + 4], []) for i in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 11):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]     # SubBytes, ShiftRows
        if number < 10:
            state = [gf256_multiply(2, state[i]) ^ gf256_multiply(3, state[i - i % 4 + (i + 1) % 4])
                     ^ state[i - i % 4 + (i + 2) % 4] ^ state[i - i % 4 + (i + 3) % 4] for i in range(16)]
        state = [a ^ b for a, b in zip(state, keys[number])]
    return bytes(state)


def ghash_value(key, data):
    """SP 800-38D 6.3 and 6.4; data are whole blocks. The leftmost bit belongs to x^0."""
    h, y = int.from_bytes(key, "big"), 0
    for start in range(0, len(data), 16):
        y ^= int.from_bytes(data[start:start + 16], "big")
        z, v = 0, h
        for i in range(127, -1, -1):
            z ^= v * (y >> i & 1)
            v = v >> 1 ^ (0xe1 << 120) * (v & 1)
        y = z
    return y.to_bytes(16, "big")


def xor(data, stream):
    return bytes(a ^ b for a, b in zip(data, stream))


def padded(data):
    return data + bytes(-len(data) % 16)


# ---- bytes and randomness

def test_wipe_leaves_zeros_and_nothing_else(tls):
    """What is wiped is zeros, and what is beside it is as it was"""
    for size in (0, 1, 7, 64, 1000):
        memory = Output(size, b"\xff" * size)
        tls.wipe(memory, size)
        assert bytes(memory) == bytes(size)


@pytest.mark.parametrize("size", [0, 1, 16, 32, 33])
def test_comparing_sees_a_difference_in_any_bit(tls, size):
    """A difference in any bit is seen"""
    data = bytes_of(size)
    assert tls.bytes_equal_ct(data, bytes(data), size)
    for i in range(8 * size):
        other = bytearray(data)
        other[i // 8] ^= 1 << i % 8
        assert not tls.bytes_equal_ct(data, bytes(other), size)


@pytest.mark.station("6.5")
@pytest.mark.parametrize("size", [0, 1, 32, 255, 256])
def test_random_bytes_fill_what_was_asked_for(tls, size):
    """getentropy(3) gives at most 256 at a time."""
    seen = [set() for _ in range(size)]
    for _ in range(40):     # that one byte is the same in all of 40: one chance in 2^312
        out = Output(size)
        tls.random_bytes(out, size)
        for i, byte in enumerate(bytes(out)):
            seen[i].add(byte)
    assert all(len(values) > 1 for values in seen)


# ---- SHA-256

SHA256_VECTORS = [
    # NIST, "Examples with Intermediate Values", SHA256.pdf; the empty message: FIPS 180 CAVP, SHA256ShortMsg, Len = 0
    (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
    (b"a" * 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
]


@pytest.mark.parametrize("message, digest", SHA256_VECTORS, ids=["empty", "abc", "two blocks", "a million a"])
def test_sha256_examples(tls, message, digest):
    """SHA-256 gives the digests of the standard's examples (FIPS 180-4)"""
    assert sha256(tls, message).hex() == digest


def test_sha256_of_every_size(tls):
    """FIPS 180-4 5.1.1: the padding, wherever a block ends"""
    for size in range(301):
        assert sha256(tls, bytes_of(size)) == hashlib.sha256(bytes_of(size)).digest(), size


def test_sha256_of_pieces(tls):
    """The digest does not depend on the pieces in which a message comes"""
    for seed in range(100):
        data = bytes_of(seed * 11)
        assert sha256_of_pieces(tls, pieces(data, seed)) == hashlib.sha256(data).digest()


def test_a_copy_of_a_hash_goes_its_own_way(tls):
    """RFC 8446 4.4.1: the transcript hash is taken at several points of one handshake."""
    state, digest = opaque(), Output(32)
    tls.sha256_init(state)
    for i in range(100):
        tls.sha256_update(state, bytes([i]), 1)
        copy = opaque()
        ctypes.memmove(copy, state, len(state))
        tls.sha256_final(copy, digest)
        assert bytes(digest) == hashlib.sha256(bytes(range(i + 1))).digest()


# ======== 6.3 Keys from a secret

# ---- HMAC and HKDF

HMAC_VECTORS = [    # RFC 4231 4.2 to 4.8: key, data, HMAC-SHA-256
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    (b"\xaa" * 131, b"This is a test using a larger than block-size key and a larger than block-size data. The key "
     b"needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
]


@pytest.mark.parametrize("key, data, mac", HMAC_VECTORS, ids=["case %d" % i for i in range(1, 8)])
def test_hmac_examples(tls, key, data, mac):
    """RFC 4231. Case 5 prints half of its code only."""
    assert hmac_sha256(tls, key, [data]).hex()[:len(mac)] == mac


def test_hmac_with_keys_and_data_of_every_size(tls):
    """RFC 2104 2: keys up to a block, and longer ones"""
    for size in range(200):
        key, data = bytes_of(size, 2), bytes_of(3 * size % 257, 3)
        assert hmac_sha256(tls, key, pieces(data, size)) == hmac.new(key, data, "sha256").digest(), size


HKDF_VECTORS = [    # RFC 5869 A.1 to A.3: IKM, salt, info, PRK, OKM
    (b"\x0b" * 22, bytes(range(13)), bytes(range(0xf0, 0xfa)),
     "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
    (bytes(range(0x50)), bytes(range(0x60, 0xb0)), bytes(range(0xb0, 0x100)),
     "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
     "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"),
    (b"\x0b" * 22, b"", b"",
     "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
]


@pytest.mark.parametrize("ikm, salt, info, prk, okm", HKDF_VECTORS, ids=["A.1", "A.2", "A.3"])
def test_hkdf_examples(tls, ikm, salt, info, prk, okm):
    """HKDF gives what the standard's examples say (RFC 5869 appendix A)"""
    assert hkdf_extract(tls, salt, ikm).hex() == prk
    assert hkdf_expand(tls, hexadecimal(prk), info, len(okm) // 2).hex() == okm


def hkdf_by_definition(prk, info, size):
    """RFC 5869 2.3, with HMAC from Python"""
    stream, last = b"", b""
    for n in range(1, 1 + -(-size // 32)):
        last = hmac.new(prk, last + info + bytes([n]), "sha256").digest()
        stream += last
    return stream[:size]


def test_hkdf_output_of_every_size(tls):
    """HKDF gives as many octets as are asked for, whatever their number"""
    prk = bytes_of(32, 4)
    for size in [*range(130), 255 * 32 - 1, 255 * 32]:
        assert hkdf_expand(tls, prk, b"info", size) == hkdf_by_definition(prk, b"info", size), size


@pytest.mark.parametrize("size", [32, 64, 100])
def test_hkdf_may_replace_its_key_by_its_output(tls, size):
    """The output of HKDF may take the place of its key"""
    memory = Output(size, bytes_of(32, 5))
    tls.hkdf_expand(memory, b"info", 4, memory, size)
    assert bytes(memory) == hkdf_by_definition(bytes_of(32, 5), b"info", size)


# ======== 6.4 A cipher that also authenticates

# ---- ChaCha20

SUNSCREEN = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen "
             b"would be it.")
SUBMISSION = (b"Any submission to the IETF intended by the Contributor for publication as all or part of an IETF "
              b"Internet-Draft or RFC and any statement made within the context of an IETF activity is considered an "
              b"\"IETF Contribution\". Such statements include oral statements in IETF sessions, as well as written "
              b"and electronic communications made at any time or place, which are addressed to")
JABBERWOCKY = (b"'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\nAll mimsy were the borogoves,\n"
               b"And the mome raths outgrabe.")
JABBERWOCKY_KEY = hexadecimal("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0")

CHACHA20_VECTORS = {    # RFC 8439: key, nonce, counter, plaintext, ciphertext
    "2.3.2": (bytes(range(32)), "000000090000004a00000000", 1, bytes(64),
              "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
              "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"),
    "2.4.2": (bytes(range(32)), "000000000000004a00000000", 1, SUNSCREEN,
              "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b357"
              "1639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
              "5af90bbf74a35be6b40b8eedf2785e42874d"),
    "A.1 #1": (bytes(32), "000000000000000000000000", 0, bytes(64),
               "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
               "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"),
    "A.1 #2": (bytes(32), "000000000000000000000000", 1, bytes(64),
               "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
               "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"),
    "A.1 #3": (bytes(31) + b"\1", "000000000000000000000000", 1, bytes(64),
               "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
               "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"),
    "A.1 #4": (b"\0\xff" + bytes(30), "000000000000000000000000", 2, bytes(64),
               "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
               "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"),
    "A.1 #5": (bytes(32), "000000000000000000000002", 0, bytes(64),
               "c2c64d378cd536374ae204b9ef933fcd1a8b2288b3dfa49672ab765b54ee27c7"
               "8a970e0e955c14f3a88e741b97c286f75f8fc299e8148362fa198a39531bed6d"),
    "A.2 #2": (bytes(31) + b"\1", "000000000000000000000002", 1, SUBMISSION,
               "a3fbf07df3fa2fde4f376ca23e82737041605d9f4f4f57bd8cff2c1d4b7955ec2a97948bd3722915c8f3d337f7d37005"
               "0e9e96d647b7c39f56e031ca5eb6250d4042e02785ececfa4b4bb5e8ead0440e20b6e8db09d881a7c6132f420e527950"
               "42bdfa7773d8a9051447b3291ce1411c680465552aa6c405b7764d5e87bea85ad00f8449ed8f72d0d662ab052691ca66"
               "424bc86d2df80ea41f43abf937d3259dc4b2d0dfb48a6c9139ddd7f76966e928e635553ba76c5c879d7b35d49eb2e62b"
               "0871cdac638939e25e8a1e0ef9d5280fa8ca328b351c3c765989cbcf3daa8b6ccc3aaf9f3979c92b3720fc88dc95ed84"
               "a1be059c6499b9fda236e7e818b04b0bc39c1e876b193bfe5569753f88128cc08aaa9b63d1a16f80ef2554d7189c411f"
               "5869ca52c5b83fa36ff216b9c1d30062bebcfd2dc5bce0911934fda79a86f6e698ced759c3ff9b6477338f3da4f9cd85"
               "14ea9982ccafb341b2384dd902f3d1ab7ac61dd29c6f21ba5b862f3730e37cfdc4fd806c22f221"),
    "A.2 #3": (JABBERWOCKY_KEY, "000000000000000000000002", 42, JABBERWOCKY,
               "62e6347f95ed87a45ffae7426f27a1df5fb69110044c0d73118effa95b01e5cf166d3df2d721caf9b21e5fb14c616871"
               "fd84c54f9d65b283196c7fe4f60553ebf39c6402c42234e32a356b3e764312a61a5532055716ead6962568f87d3f3f77"
               "04c6a8d1bcd1bf4d50d6154b6da731b187b58dfd728afa36757a797ac188d1"),
}


@pytest.mark.parametrize("key, nonce, counter, plaintext, ciphertext", CHACHA20_VECTORS.values(), ids=CHACHA20_VECTORS)
def test_chacha20_examples(tls, key, nonce, counter, plaintext, ciphertext):
    """ChaCha20 gives what the standard's vectors say (RFC 8439 2.3.2, 2.4.2, A.1, A.2)"""
    assert chacha20(tls, key, hexadecimal(nonce), counter, plaintext).hex() == ciphertext


def test_chacha20_of_every_size(tls):
    """RFC 8439 2.4: blocks are 64 bytes, and four of them are computed together."""
    key, nonce, data = bytes_of(32, 6), bytes_of(12, 6), bytes_of(1200, 6)
    expected = xor(data, chacha20_keystream(key, nonce, 7, 19))
    for size in range(1200):
        assert chacha20(tls, key, nonce, 7, data[:size]) == expected[:size], size


def test_chacha20_counter_goes_beyond_the_first_batches(tls):
    """The counter of ChaCha20 goes on over many blocks"""
    key, nonce = bytes_of(32, 7), bytes_of(12, 7)
    for counter in (0, 1, 255, 2**16 - 3, 2**31 - 5, 2**32 - 12):
        assert chacha20(tls, key, nonce, counter, bytes(768)) == chacha20_keystream(key, nonce, counter, 12)


def test_chacha20_in_place(tls):
    """ChaCha20 may encrypt a text in its place"""
    for size in (1, 64, 255, 256, 257, 2000):
        memory = Output(size, bytes(size))
        tls.chacha20_xor(JABBERWOCKY_KEY, bytes(12), 0, memory, memory, size)
        assert bytes(memory) == chacha20(tls, JABBERWOCKY_KEY, bytes(12), 0, bytes(size))


# ---- Poly1305

POLY1305_VECTORS = {    # RFC 8439: key (r, s), message, tag
    "2.5.2": ("85d6be7857556d337f4452fe42d506a8" "0103808afb0db2fd4abff6af4149f51b",
              b"Cryptographic Forum Research Group", "a8061dc1305136c6c22b8baf0c0127a9"),
    "A.3 #1": ("00" * 32, bytes(64), "00" * 16),
    "A.3 #2": ("00" * 16 + "36e5f6b5c5e06070f0efca96227a863e", SUBMISSION, "36e5f6b5c5e06070f0efca96227a863e"),
    "A.3 #3": ("36e5f6b5c5e06070f0efca96227a863e" + "00" * 16, SUBMISSION, "f3477e7cd95417af89a6b8794c310cf0"),
    "A.3 #4": (JABBERWOCKY_KEY.hex(), JABBERWOCKY, "4541669a7eaaee61e708dc7cbcc5eb62"),
    # The sum is not reduced fully.
    "A.3 #5": ("02" + "00" * 31, b"\xff" * 16, "03" + "00" * 15),
    # Adding s goes over 2^128.
    "A.3 #6": ("02" + "00" * 15 + "ff" * 16, b"\2" + bytes(15), "03" + "00" * 15),
    # All bits of a limb are ones, and a carry comes from below.
    "A.3 #7": ("01" + "00" * 31, b"\xff" * 16 + b"\xf0" + b"\xff" * 15 + b"\x11" + bytes(15), "05" + "00" * 15),
    # The sum is p.
    "A.3 #8": ("01" + "00" * 31, b"\xff" * 16 + b"\xfb" + b"\xfe" * 15 + b"\1" * 16, "00" * 16),
    # The sum is p - 1.
    "A.3 #9": ("02" + "00" * 31, b"\xfd" + b"\xff" * 15, "fa" + "ff" * 15),
    # Reducing leaves 131 bits: within, and at the end.
    "A.3 #10": ("01" + "00" * 7 + "04" + "00" * 7 + "00" * 16,
                hexadecimal("e33594d7505e43b90000000000000000" "3394d7505e4379cd0100000000000000"
                            "00000000000000000000000000000000" "01000000000000000000000000000000"),
                "1400000000000000" "5500000000000000"),
    "A.3 #11": ("01" + "00" * 7 + "04" + "00" * 7 + "00" * 16,
                hexadecimal("e33594d7505e43b90000000000000000" "3394d7505e4379cd0100000000000000"
                            "00000000000000000000000000000000"), "13" + "00" * 15),
}


@pytest.mark.parametrize("key, message, tag", POLY1305_VECTORS.values(), ids=POLY1305_VECTORS)
def test_poly1305_examples(tls, key, message, tag):
    """Poly1305 gives the tags of the standard's vectors (RFC 8439 2.5.2, A.3)"""
    assert poly1305(tls, hexadecimal(key), [message]).hex() == tag


def test_poly1305_of_every_size(tls):
    """RFC 8439 2.5.1, in pieces too"""
    for size in range(200):
        key, data = bytes_of(32, size), bytes_of(size)
        expected = poly1305_tag(key, data)
        assert poly1305(tls, key, [data]) == expected, size
        assert poly1305(tls, key, pieces(data, size)) == expected, size


def test_poly1305_with_the_largest_numbers(tls):
    """Keys and blocks of extreme limbs: if a carry is lost anywhere, it is here."""
    source = random.Random(8)
    extreme = [b"\0" * 8, b"\xff" * 8, b"\1" + b"\0" * 7, b"\xfb" + b"\xff" * 7, b"\0" * 7 + b"\x80", b"\xfc" * 8]
    for _ in range(3000):
        key = b"".join(source.choice(extreme) for _ in range(4))
        data = b"".join(source.choice(extreme) for _ in range(source.randrange(12)))
        assert poly1305(tls, key, [data]) == poly1305_tag(key, data), (key.hex(), data.hex())


def test_poly1305_sums_around_the_prime(tls):
    """RFC 8439 2.5.1: with r = 1 three blocks, each with 2^128 on top, add up to 2^130 + first - 2^128: from p - 11
    to p + 4 here, which only the last reduction can tell apart. A fourth block goes beyond."""
    for first in range(2**128 - 16, 2**128):
        for rest in (bytes(32), bytes(48), bytes(32) + b"\xff" * 16):
            data = first.to_bytes(16, "little") + rest
            for s in (0, 1, 2**128 - 1):
                key = (1).to_bytes(16, "little") + s.to_bytes(16, "little")
                assert poly1305(tls, key, [data]) == poly1305_tag(key, data), data.hex()


# ---- AES

AES_VECTORS = [     # FIPS 197 appendix B and C.1: key, plaintext, ciphertext
    ("2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", "3925841d02dc09fbdc118597196a0b32"),
    ("000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", "69c4e0d86a7b0430d8cdb78070b4c55a"),
]


@pytest.mark.parametrize("key, plaintext, ciphertext", AES_VECTORS, ids=["B", "C.1"])
def test_aes_examples(tls, key, plaintext, ciphertext):
    """FIPS 197, and the block may be at any of the eight places."""
    for place in range(8):
        batch = bytearray(bytes_of(128, place))
        batch[16 * place:16 * place + 16] = hexadecimal(plaintext)
        came = aes128_blocks(tls, hexadecimal(key), bytes(batch))
        assert came[16 * place:16 * place + 16].hex() == ciphertext


SP800_38A_PLAINTEXT = ("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
                       "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")


def test_aes_ecb_example(tls):
    """SP 800-38A F.1.1: four different blocks at once"""
    assert aes128_blocks(tls, hexadecimal("2b7e151628aed2a6abf7158809cf4f3c"),
                         hexadecimal(SP800_38A_PLAINTEXT)).hex() == (
        "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
        "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4")


def test_aes_ctr_example(tls):
    """AES in counter mode gives what the example says (SP 800-38A F.5.1)"""
    assert aes128_ctr(tls, hexadecimal("2b7e151628aed2a6abf7158809cf4f3c"), bytes(range(0xf0, 0xfc)), 0xfcfdfeff,
                      hexadecimal(SP800_38A_PLAINTEXT)).hex() == (
        "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
        "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")


def test_aes_by_definition(tls):
    """FIPS 197 5.1 and 5.2. 40 keys of 10 S-boxes in 4 words, and 8 blocks each: every entry is used many times."""
    for seed in range(40):
        key, data = bytes_of(16, seed), bytes_of(128, seed)
        expected = b"".join(aes128_block(key, data[i:i + 16]) for i in range(0, 128, 16))
        assert aes128_blocks(tls, key, data) == expected


def test_aes_ctr_of_every_size(tls):
    """SP 800-38D 6.5: the counter is the last 32 bits; eight blocks are computed together."""
    key, nonce, data = bytes_of(16, 9), bytes_of(12, 9), bytes_of(300, 9)
    for counter in (2, 254, 2**16 - 3, 2**32 - 19):
        blocks = b"".join(nonce + (counter + i).to_bytes(4, "big") for i in range(19))
        stream = b"".join(aes128_block(key, blocks[i:i + 16]) for i in range(0, len(blocks), 16))
        for size in range(300):
            assert aes128_ctr(tls, key, nonce, counter, data[:size]) == xor(data[:size], stream), size


# ---- GHASH

def test_ghash_examples(tls):
    """McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 2 and 4: H, A, C, GHASH"""
    assert ghash(tls, hexadecimal("66e94bd4ef8a2c3b884cfa59ca342b2e"), hexadecimal("0388dace60b6a392f328c2b971b2fe78"),
                 (0).to_bytes(8, "big") + (128).to_bytes(8, "big")).hex() == "f38cbb1ad69223dcc3457ae5b6b0f885"
    assert ghash(tls, hexadecimal("b83b533708bf535d0aa6e52980d53b78"),
                 hexadecimal("feedfacedeadbeeffeedfacedeadbeefabaddad2"), hexadecimal(GCM_VECTORS["case 4"][4]),
                 (160).to_bytes(8, "big") + (480).to_bytes(8, "big")).hex() == "698e57f70e6ecc7fd9463b7260a9ae5f"


def test_ghash_by_definition(tls):
    """SP 800-38D 6.4; each part is filled up to a block."""
    for size in range(100):
        key, data, more = bytes_of(16, size), bytes_of(size), bytes_of(size // 3)
        assert ghash(tls, key, data, more) == ghash_value(key, padded(data) + padded(more)), size


def test_ghash_of_single_bits_and_of_all_bits(tls):
    """Each bit by each bit, and the numbers with the most ones, which make the most carries."""
    source = random.Random(10)
    bits = [(1 << i).to_bytes(16, "big") for i in range(128)]
    for key in bits:
        for data in source.sample(bits, 16):
            assert ghash(tls, key, data) == ghash_value(key, data), (key.hex(), data.hex())
    full = [b"\xff" * 16, b"\xff" * 8 + bytes(8), bytes(8) + b"\xff" * 8, b"\x55" * 16, b"\xaa" * 16, bytes(16)]
    for key in full:
        for _ in range(30):
            data = b"".join(source.choice(full) for _ in range(4))
            assert ghash(tls, key, data) == ghash_value(key, data), (key.hex(), data.hex())


# ---- the two AEADs

DRAFTS = ("Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or "
          "obsoleted by other documents at any time. It is inappropriate to use Internet-Drafts as reference material "
          "or to cite them other than as /\u201cwork in progress./\u201d").encode()

CHACHA20_POLY1305_VECTORS = {   # RFC 8439: key, nonce, aad, plaintext, ciphertext, tag
    "2.8.2": (bytes(range(0x80, 0xa0)).hex(), "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7", SUNSCREEN.hex(),
              "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b"
              "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
              "3ff4def08e4b7a9de576d26586cec64b6116", "1ae10b594f09e26a7e902ecbd0600691"),
    "A.5": (JABBERWOCKY_KEY.hex(), "000000000102030405060708", "f33388860000000000004e91", DRAFTS.hex(),
            "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0"
            "bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855"
            "9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e9"
            "9040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a"
            "0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130"
            "305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b", "eead9d67890cbb22392336fea1851f38"),
}

GCM_VECTORS = {     # key, nonce, aad, plaintext, ciphertext, tag
    # McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B
    "case 1": ("00" * 16, "00" * 12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
    "case 2": ("00" * 16, "00" * 12, "", "00" * 16,
               "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"),
    "case 3": ("feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
               "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
               "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
               "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
               "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985", "4d5c2af327cd64a62cf35abd2ba6fab4"),
    "case 4": ("feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
               "feedfacedeadbeeffeedfacedeadbeefabaddad2",
               "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
               "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
               "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
               "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091", "5bc94fbc3221a5db94fae95ae7121a47"),
    # NIST CAVP, gcmtestvectors.zip, gcmEncryptExtIV128.rsp: [IVlen = 96], sizes in bits, Count = 0
    "CAVP PTlen 0, AADlen 0": ("11754cd72aec309bf52f7687212e8957", "3c819d9a9bed087615030b65", "", "", "",
                               "250327c674aaf477aef2675748cf6971"),
    "CAVP PTlen 0, AADlen 128": ("77be63708971c4e240d1cb79e8d77feb", "e0e00f19fed7ba0136a797f3",
                                 "7a43ec1d9c0a5a78a0b16533a6213cab", "", "", "209fcc8d3675ed938e9c7166709dd946"),
    "CAVP PTlen 104, AADlen 0": ("fe9bb47deb3a61e423c2231841cfd1fb", "4d328eb776f500a2f7fb47aa", "",
                                 "f1cc3818e421876bb6b8bbd6c9", "b88c5c1977b35b517b0aeae967",
                                 "43fd4727fe5cdb4b5b42818dea7ef8c9"),
    "CAVP PTlen 128, AADlen 160": ("d4a22488f8dd1d5c6c19a7d6ca17964c", "f3d5837f22ac1a0425e0d1d5",
                                   "f1c5d424b83f96c6ad8cb28ca0d20e475e023b5a", "7b43016a16896497fb457be6d2a54122",
                                   "c2bd67eef5e95cac27e3b06e3031d0a8", "f23eacf9d1cdf8737726c58648826e9c"),
    "CAVP PTlen 408, AADlen 720": ("2c1f21cf0f6fb3661943155c3e3d8492", "23cb5ff362e22426984d1907",
                                   "5d3624879d35e46849953e45a32a624d6a6c536ed9857c613b572b0333e701557a713e3f010ecdf9"
                                   "a6bd6c9e3e44b065208645aff4aabee611b391528514170084ccf587177f4488f33cfb5e979e42b6"
                                   "e1cfc0a60238982a7aec",
                                   "42f758836986954db44bf37c6ef5e4ac0adaf38f27252a1b82d02ea949c8a1a2dbc0d68b5615ba7c"
                                   "1220ff6510e259f06655d8",
                                   "81824f0e0d523db30d3da369fdc0d60894c7a0a20646dd015073ad2732bd989b14a222b6ad57af43"
                                   "e1895df9dca2a5344a62cc", "57a3ee28136e94c74838997ae9823f3a"),
}

AEAD_VECTORS = [pytest.param(name, *vector, id=name + " " + title)
                for name, vectors in zip(AEADS, (CHACHA20_POLY1305_VECTORS, GCM_VECTORS))
                for title, vector in vectors.items()]


@pytest.mark.parametrize("name, key, nonce, aad, plaintext, ciphertext, tag", AEAD_VECTORS)
def test_aead_examples(tls, name, key, nonce, aad, plaintext, ciphertext, tag):
    """Each AEAD seals and opens the vectors of its standard (RFC 8439 2.8.2, A.5; SP 800-38D)"""
    cipher = Cipher(tls, name, hexadecimal(key))
    nonce, aad, sealed = hexadecimal(nonce), hexadecimal(aad), hexadecimal(ciphertext + tag)
    assert cipher.seal(nonce, aad, hexadecimal(plaintext)) == sealed
    assert cipher.open(nonce, aad, sealed) == hexadecimal(plaintext)


def chacha20_poly1305_by_definition(key, nonce, aad, data):
    """RFC 8439 2.8"""
    stream = chacha20_keystream(key, nonce, 0, 1 + -(-len(data) // 64))
    cipher = xor(data, stream[64:])
    sizes = len(aad).to_bytes(8, "little") + len(cipher).to_bytes(8, "little")
    return cipher + poly1305_tag(stream[:32], padded(aad) + padded(cipher) + sizes)


def aes128_gcm_by_definition(key, nonce, aad, data):
    """SP 800-38D 7.1"""
    stream = b"".join(aes128_block(key, nonce + i.to_bytes(4, "big")) for i in range(1, 2 + -(-len(data) // 16)))
    cipher = xor(data, stream[16:])
    sizes = (8 * len(aad)).to_bytes(8, "big") + (8 * len(cipher)).to_bytes(8, "big")
    return cipher + xor(stream[:16], ghash_value(aes128_block(key, bytes(16)), padded(aad) + padded(cipher) + sizes))


BY_DEFINITION = {AEADS[0]: (32, chacha20_poly1305_by_definition), AEADS[1]: (16, aes128_gcm_by_definition)}


@pytest.mark.parametrize("name", AEADS)
def test_aead_by_definition(tls, name):
    """Sizes at which a block or a batch of blocks ends, of the message and of the additional data"""
    key_size, definition = BY_DEFINITION[name]
    key = bytes_of(key_size, 11)
    cipher = Cipher(tls, name, key)
    for size in (0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 511, 512, 513, 600):
        nonce, aad, data = bytes_of(12, size), bytes_of(size % 37, 12), bytes_of(size, 13)
        assert cipher.seal(nonce, aad, data) == definition(key, nonce, aad, data), size


@pytest.mark.parametrize("name", AEADS)
def test_aead_there_and_back(tls, name):
    """Every size over some batches, and the largest of a TLS record (RFC 8446 5.2: 2^14 and the content type)"""
    cipher = Cipher(tls, name, bytes_of(BY_DEFINITION[name][0], 14))
    for size in [*range(1100), 2**14, 2**14 + 1]:
        nonce, aad, data = bytes_of(12, size), bytes_of(5, size), bytes_of(size, 15)
        sealed = cipher.seal(nonce, aad, data)
        assert len(sealed) == size + 16
        assert cipher.open(nonce, aad, sealed) == data, size


def flipped(data):
    for i in range(8 * len(data)):
        changed = bytearray(data)
        changed[i // 8] ^= 1 << i % 8
        yield bytes(changed)


@pytest.mark.parametrize("name", AEADS)
@pytest.mark.parametrize("size", [0, 1, 16, 50])
def test_aead_refuses_what_was_changed_in_any_bit(tls, name, size):
    """RFC 5116 2.2: key, nonce, additional data, ciphertext and tag; and the output is left alone."""
    key, nonce, aad = bytes_of(BY_DEFINITION[name][0], 16), bytes_of(12, 16), bytes_of(5, 16)
    cipher = Cipher(tls, name, key)
    sealed = cipher.seal(nonce, aad, bytes_of(size, 17))
    assert all(cipher.open(nonce, aad, changed) is None for changed in flipped(sealed))
    assert all(cipher.open(nonce, changed, sealed) is None for changed in flipped(aad))
    assert all(cipher.open(changed, aad, sealed) is None for changed in flipped(nonce))
    assert all(Cipher(tls, name, changed).open(nonce, aad, sealed) is None for changed in flipped(key))
    assert cipher.open(nonce, aad, sealed) == bytes_of(size, 17)


@pytest.mark.parametrize("name", AEADS)
def test_aead_refuses_what_was_moved_cut_or_extended(tls, name):
    """Both sizes are under the tag: a byte can't go from the additional data to the ciphertext, nor a zero be added."""
    nonce = bytes_of(12, 18)
    cipher = Cipher(tls, name, bytes_of(BY_DEFINITION[name][0], 18))
    sealed = cipher.seal(nonce, b"abcd", bytes(20))
    ciphertext, tag = sealed[:20], sealed[20:]
    assert cipher.open(nonce, b"abcd" + ciphertext[:1], ciphertext[1:] + tag) is None
    assert cipher.open(nonce, b"abc", b"d" + ciphertext + tag) is None
    assert cipher.open(nonce, b"abcd\0", sealed) is None
    assert cipher.open(nonce, b"abcd", ciphertext + b"\0" + tag) is None
    assert cipher.open(nonce, b"", sealed) is None
    for size in range(len(sealed)):     # shorter than a tag, too
        assert cipher.open(nonce, b"abcd", sealed[:size]) is None


@pytest.mark.parametrize("name", AEADS)
def test_aead_in_place(tls, name):
    """The record layer seals and opens where the record lies."""
    nonce, aad = bytes_of(12, 19), b"aad"
    cipher = Cipher(tls, name, bytes_of(BY_DEFINITION[name][0], 19))
    for size in (0, 1, 16, 127, 128, 129, 255, 256, 257, 3000):
        data = bytes_of(size, 20)
        sealed = cipher.seal(nonce, aad, data)
        memory = Output(size + 16, data)
        cipher.aead.seal(cipher.key, nonce, aad, len(aad), memory, size, memory)
        assert bytes(memory) == sealed
        assert cipher.aead.open(cipher.key, nonce, aad, len(aad), memory, size + 16, memory)
        assert bytes(memory)[:size] == data
