"""Stage 6: X25519, P-256 and ECDSA, each on its own (tls/exchange, tls/signature, through ctypes).

Expected values are printed in the standards, or come from the model of P-256 below: affine coordinates, Python's
integers, nothing but the curve's equation and the rule of chord and tangent.
"""
import ctypes
import functools
import hashlib
import hmac
import random
from ctypes import c_bool, c_uint64, c_void_p

import pytest

import tls_crypto
import tls_library
from tls_library import Output

# ======== 6.5 Agreeing on a secret in public

# NIST SP 800-186 3.2.1.3
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

R = 2**256      # Montgomery's: a coordinate x is held as x * R modulo P (p256_field.c)


# ---- the library

POINTER, LIMBS = c_void_p, c_uint64 * 4

PROTOTYPES = {
    "x25519": (c_bool, 3), "x25519_base": (None, 2),
    "p256_public_key": (c_bool, 2), "p256_ecdh": (c_bool, 3),
    "ecdsa_sign": (c_bool, 3), "ecdsa_verify": (c_bool, 3),
    "p256_field_add": (None, 3), "p256_field_subtract": (None, 3), "p256_field_multiply": (None, 3),
    "p256_field_invert": (None, 2), "p256_field_from_bytes": (c_bool, 2), "p256_field_to_bytes": (None, 2),
    "p256_scalar_from_bytes": (c_uint64, 2), "p256_scalar_to_bytes": (None, 2), "p256_scalar_add": (None, 3),
    "p256_scalar_multiply": (None, 3), "p256_scalar_invert": (None, 2),
    "p256_point_from_bytes": (c_bool, 2), "p256_point_to_bytes": (None, 2), "p256_point_add": (None, 3),
    "p256_point_multiply": (None, 3), "p256_point_multiply_base": (None, 2),
}


@pytest.fixture(scope="module")
def tls(request):
    if request.config.getoption("--prog"):
        pytest.skip("these are the insides of our own program")
    library = tls_library.load()
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name, None)
        if function:        # a library on its way has not all of them
            function.restype, function.argtypes = result, [POINTER] * arguments
    return library


def compute(function, size, *inputs):
    """What function writes to its first argument, and what it returns."""
    output = Output(size)
    result = function(output, *inputs)
    return bytes(output), result


def number(data):
    return int.from_bytes(data, "big")


def octets(value):
    return value.to_bytes(32, "big")


def limbs(value):
    return LIMBS(*(value >> 64 * i & 2**64 - 1 for i in range(4)))


def limbs_value(array):
    return sum(limb << 64 * i for i, limb in enumerate(array))


def calculate(function, *values):
    """Call a function of p256_field.h or p256_scalar.h, with integers. In place too: the output may be an input."""
    output = LIMBS()
    function(output, *map(limbs, values))
    for i in range(len(values)):
        arguments = [limbs(value) for value in values]
        function(arguments[i], *arguments)
        assert limbs_value(arguments[i]) == limbs_value(output), "another result when the output is input %d" % i
    return limbs_value(output)


def awkward_numbers(modulus, count, seed):
    """Both ends of the range, and numbers whose limbs are mostly all zeros or all ones: there the carries go wrong."""
    source = random.Random(seed)
    edges = [0, 1, 2, 3, modulus - 1, modulus - 2, modulus - 3, modulus // 2, modulus // 2 + 1]
    edges += [value % modulus for value in (R, R - 1, R // 2, R * R, -R, 2**224 - 1, 2**192, 2**192 - 1, 2**96 - 1)]
    limb_values = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 2**32, 2**64 - 1]
    while len(edges) < count:
        some = [source.choice(limb_values + [source.getrandbits(64)]) for _ in range(4)]
        edges.append(limbs_value(some) % modulus)
    return edges


def pairs(values, seed):
    source = random.Random(seed)
    return [(x, y) for x in values[:18] for y in values[:18]] + [(x, source.choice(values)) for x in values]


# ---- a model of P-256. None is the point at infinity.

def on_curve(point):
    x, y = point
    return y * y % P == (x * x * x - 3 * x + B) % P


def add(p, q):
    if p is None or q is None:
        return q if p is None else p
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    slope = (3 * p[0]**2 - 3) * pow(2 * p[1], -1, P) if p == q else (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope**2 - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


@functools.lru_cache(maxsize=64)
def doubled(point):
    """1, 2, 4, 8, ... times the point."""
    doubles = [point]
    while len(doubles) < 256:
        doubles.append(add(doubles[-1], doubles[-1]))
    return doubles


def multiply(k, point):
    result = None
    for i in range(k.bit_length()):
        if k >> i & 1:
            result = add(result, doubled(point)[i])
    return result


def encode(point):
    """SEC 1 2.3.3; infinity as p256_point_to_bytes() writes it."""
    x, y = point or (0, 0)
    return b"\x04" + octets(x) + octets(y)


def verify(public_key, digest, r, s):
    """FIPS 186-5 6.4.2"""
    if not (0 < r < N and 0 < s < N):
        return False
    w = pow(s, -1, N)
    point = add(multiply(number(digest) * w % N, G), multiply(r * w % N, public_key))
    return point is not None and point[0] % N == r


def nonce(private_key, digest):
    """RFC 6979 3.2, with its letters; the loop of step h is never needed twice here."""
    def mac(key, *data):
        return hmac.new(key, b"".join(data), hashlib.sha256).digest()
    x, h = octets(private_key), octets(number(digest) % N)
    V, K = b"\x01" * 32, b"\x00" * 32
    K = mac(K, V, b"\x00", x, h)
    V = mac(K, V)
    K = mac(K, V, b"\x01", x, h)
    V = mac(K, V)
    k = number(mac(K, V))
    assert 0 < k < N
    return k


def sign(private_key, digest):
    """FIPS 186-5 6.4.1"""
    k = nonce(private_key, digest)
    r = multiply(k, G)[0] % N
    return r, pow(k, -1, N) * (number(digest) + r * private_key) % N


SOURCE = random.Random(7)
PRIVATE_KEYS = [1, 2, 3, 4, 15, 16, 17, N - 1, N - 2, N - 3, N // 2, N // 2 + 1, 2**64, 2**128, 2**192, 2**255,
                2**64 - 1, 2**128 - 1, 2**192 - 1, N - 2**16, N - 2**192, 0x1111 << 240,
                sum(2**(16 * i) for i in range(16))]
PRIVATE_KEYS += [SOURCE.randrange(1, N) for _ in range(12)]


def test_the_model_itself():
    """NIST SP 800-186 3.2.1.3: G is on the curve, and n G is infinity. RFC 6979 A.2.5: a key pair."""
    assert on_curve(G)
    assert multiply(N, G) is None
    assert multiply(RFC6979_KEY, G) == RFC6979_PUBLIC


# ---- X25519

RFC7748_5_2 = [
    ("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
     "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
     "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"),
    ("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
     "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
     "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"),
]


@pytest.mark.parametrize("scalar, u, expected", RFC7748_5_2)
def test_x25519(tls, scalar, u, expected):
    """X25519 gives what the vectors of the standard say (RFC 7748 5.2)"""
    assert compute(tls.x25519, 32, bytes.fromhex(scalar), bytes.fromhex(u)) == (bytes.fromhex(expected), True)


@pytest.mark.parametrize("count, expected", [
    (1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
    (1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
])
def test_x25519_again_and_again(tls, count, expected):
    """RFC 7748 5.2: each result is the next scalar, and the last scalar the next u."""
    k = u = bytes([9] + 31 * [0])
    for _ in range(count):
        k, u = compute(tls.x25519, 32, k, u)[0], k
    assert k.hex() == expected


def test_x25519_diffie_hellman(tls):
    """Both sides of the standard's example get the same secret (RFC 7748 6.1)"""
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    alice_public = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    bob_public = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    shared = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert compute(tls.x25519_base, 32, alice)[0] == alice_public
    assert compute(tls.x25519_base, 32, bob)[0] == bob_public
    assert compute(tls.x25519, 32, alice, bob_public) == (shared, True)
    assert compute(tls.x25519, 32, bob, alice_public) == (shared, True)


def awkward_u():
    """Around 0, p and 2^255, with the topmost bit, which does not count, set and not set."""
    p = 2**255 - 19
    values = [2, 3, 9, p - 3, p - 2, p + 2, p + 3, p + 9, p + 17, 2**255 - 1, 2**254, 2**51 - 1, 2**51, 2**204 - 1]
    source = random.Random(3)
    values += [source.getrandbits(255) for _ in range(5)]
    return [(value + top).to_bytes(32, "little") for value in values for top in (0, 2**255)]


@pytest.mark.parametrize("scalar", [bytes(32), b"\xff" * 32, bytes(31) + b"\x80", b"\x07" + bytes(31),
                                    random.Random(5).randbytes(32)], ids=lambda scalar: scalar.hex()[:8])
def test_x25519_at_the_edges(tls, scalar):
    """RFC 7748 5, as tls_crypto.py does it with Python's integers."""
    for u in awkward_u():
        assert compute(tls.x25519, 32, scalar, u) == (tls_crypto.x25519(scalar, u), True), u.hex()


@pytest.mark.parametrize("place", [0, 1])
def test_x25519_in_place(tls, place):
    """x25519.h: the output may be one of the inputs. RFC 7748 5.2"""
    scalar, u, expected = map(bytes.fromhex, RFC7748_5_2[0])
    inputs = [scalar, u]
    inputs[place] = output = Output(32, inputs[place])
    assert tls.x25519(output, *inputs)
    assert bytes(output) == expected


def small_order():
    """The u of all points of order 1, 2, 4 and 8, on the curve and on its twist: the roots of the doubling formula,
    u' = (u^2 - 1)^2 / (4 u (u^2 + 486662 u + 1)), that lead to 0 or to infinity. Those below 19 + 2^255 twice."""
    p = 2**255 - 19
    order_8 = [325606250916557431795983626356110631294008115727848805560023387167927233504,
               39382357235489614581723060781553021112529911719440698176882885853963445705823]
    values = [0, 1, p - 1] + order_8
    return values + [value + p for value in values if value + p < 2**255]


def test_small_order_is_what_it_says():
    """So that the list above is proved, and not just copied: doubling three times gives infinity."""
    p = 2**255 - 19
    for u in small_order():
        for _ in range(3):
            if u is not None:
                below = 4 * u * (u * u + 486662 * u + 1) % p
                u = None if below == 0 else (u * u - 1)**2 * pow(below, -1, p) % p
        assert u is None


@pytest.mark.parametrize("u", small_order())
@pytest.mark.parametrize("top", [0, 2**255], ids=["", "top"])
def test_x25519_refuses_small_order(tls, u, top):
    """RFC 7748 6.1, RFC 8446 7.4.2: an all-zero result is an error."""
    for scalar in (bytes(32), b"\xff" * 32, random.Random(u).randbytes(32)):
        assert compute(tls.x25519, 32, scalar, (u + top).to_bytes(32, "little")) == (bytes(32), False)


# ---- P-256, from the bottom up

FIELD = awkward_numbers(P, 200, 1)
SCALARS = awkward_numbers(N, 100, 2)


def test_field_sums(tls):
    """Sums and differences modulo p, at the edges too"""
    for x, y in pairs(FIELD, 1):
        assert calculate(tls.p256_field_add, x, y) == (x + y) % P
        assert calculate(tls.p256_field_subtract, x, y) == (x - y) % P


def test_field_products(tls):
    """Montgomery's product is right: x y / 2^256 modulo p"""
    divisor = pow(R, -1, P)
    for x, y in pairs(FIELD, 2):
        assert calculate(tls.p256_field_multiply, x, y) == x * y * divisor % P


def test_field_inverses(tls):
    """1/x in Montgomery form is R / (x / R)."""
    for x in FIELD:
        assert calculate(tls.p256_field_invert, x) == (pow(x, -1, P) * R * R % P if x else 0)


@pytest.mark.parametrize("value", [0, 1, P - 1, P - 2, P, P + 1, 2 * P - R, 2**256 - 1, 2**256 - 2**32, 2**224 - 1])
def test_field_and_bytes(tls, value):
    """Only numbers below p are coordinates; they come out as they went in."""
    x = LIMBS()
    assert tls.p256_field_from_bytes(x, octets(value)) == (value < P)
    assert limbs_value(x) == value * R % P
    assert compute(tls.p256_field_to_bytes, 32, x)[0] == octets(value % P)


def test_scalars(tls):
    """Sums and products modulo n, at the edges too"""
    for x, y in pairs(SCALARS, 3):
        assert calculate(tls.p256_scalar_add, x, y) == (x + y) % N
        assert calculate(tls.p256_scalar_multiply, x, y) == x * y % N
    for x in SCALARS:
        assert calculate(tls.p256_scalar_invert, x) == (pow(x, -1, N) if x else 0)


@pytest.mark.parametrize("value", [0, 1, 2, N - 1, N, N + 1, P - 1, P, 2**256 - 1, 2**255, 2**64, 2**192])
def test_scalars_and_bytes(tls, value):
    """All ones for a number in 1..n-1, else 0; reduced in any case."""
    x = LIMBS()
    assert tls.p256_scalar_from_bytes(x, octets(value)) == (2**64 - 1 if 0 < value < N else 0)
    assert limbs_value(x) == value % N
    assert compute(tls.p256_scalar_to_bytes, 32, x)[0] == octets(value % N)


def point_of(tls, point):
    memory = (c_uint64 * 12)()
    if point is None:
        memory[4] = 5   # 0, any y but 0, 0
    else:
        assert tls.p256_point_from_bytes(memory, encode(point))
    return memory


def test_points_add_up(tls):
    """Complete formulas: the same point twice, opposite points and infinity are like any others."""
    points = [None] + [multiply(k, G) for k in (1, 2, 3, N - 1, N - 2, N - 3, N // 2, N // 2 + 1)]
    for p in points:
        for q in points:
            expected = encode(add(p, q))
            total = point_of(tls, None)
            tls.p256_point_add(total, point_of(tls, p), point_of(tls, q))
            assert compute(tls.p256_point_to_bytes, 65, total)[0] == expected
            for place in (0, 1):    # and in place
                arguments = [point_of(tls, p), point_of(tls, q)]
                tls.p256_point_add(arguments[place], *arguments)
                assert compute(tls.p256_point_to_bytes, 65, arguments[place])[0] == expected
        twice = point_of(tls, p)
        tls.p256_point_add(twice, twice, twice)
        assert compute(tls.p256_point_to_bytes, 65, twice)[0] == encode(add(p, p))


@pytest.mark.parametrize("k", [0, N] + PRIVATE_KEYS, ids=hex)
def test_multiples(tls, k):
    """Of the base point, with the table, and of any point, infinity among them."""
    product = point_of(tls, None)
    tls.p256_point_multiply_base(product, limbs(k))
    assert compute(tls.p256_point_to_bytes, 65, product)[0] == encode(multiply(k, G))
    for point in (None, G, multiply(N - 1, G), multiply(0xABCDEF, G)):
        product = point_of(tls, point)
        tls.p256_point_multiply(product, limbs(k), product)
        assert compute(tls.p256_point_to_bytes, 65, product)[0] == encode(multiply(k, point))


def test_table_entries(tls):
    """Each entry of the table is the multiple of G that it stands for: 2^(16 i) (d0 + 2^64 d1 + 2^128 d2 + 2^192 d3) G"""
    for i in range(4):
        for d in range(1, 16):
            k = sum(2**(16 * i + 64 * bit) for bit in range(4) if d >> bit & 1)
            product = point_of(tls, None)
            tls.p256_point_multiply_base(product, limbs(k))
            assert compute(tls.p256_point_to_bytes, 65, product)[0] == encode(multiply(k, G))


# ---- P-256: keys

@pytest.mark.parametrize("key", PRIVATE_KEYS, ids=hex)
def test_public_key(tls, key):
    """The public key of a private one is what the model says"""
    assert compute(tls.p256_public_key, 65, octets(key)) == (encode(multiply(key, G)), True)


UNFIT_KEYS = [0, N, N + 1, P, 2**256 - 1]


@pytest.mark.parametrize("key", UNFIT_KEYS, ids=hex)
def test_unfit_private_keys(tls, key):
    """SEC 1 3.2.1: 1 to n - 1. What comes out is all zero."""
    assert compute(tls.p256_public_key, 65, octets(key)) == (bytes(65), False)
    assert compute(tls.p256_ecdh, 32, octets(key), encode(G)) == (bytes(32), False)


def test_ecdh_rfc5903(tls):
    """The example of the standard gives its shared secret (RFC 5903 8.1)"""
    i = bytes.fromhex("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433")
    r = bytes.fromhex("C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53")
    gi = bytes.fromhex("04DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
                       "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3")
    gr = bytes.fromhex("04D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
                       "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB")
    girx = bytes.fromhex("D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE")
    assert compute(tls.p256_public_key, 65, i) == (gi, True)
    assert compute(tls.p256_public_key, 65, r) == (gr, True)
    assert compute(tls.p256_ecdh, 32, i, gr) == (girx, True)
    assert compute(tls.p256_ecdh, 32, r, gi) == (girx, True)


@pytest.mark.parametrize("private_key, peer, shared", [
    ("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
     "04700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
     "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
     "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"),
    ("38f65d6dce47676044d58ce5139582d568f64bb16098d179dbab07741dd5caf5",
     "04809f04289c64348c01515eb03d5ce7ac1a8cb9498f5caa50197e58d43a86a7ae"
     "b29d84e811197f25eba8f5194092cb6ff440e26d4421011372461f579271cda3",
     "057d636096cb80b67a8c038c890e887d1adfa4195e9b3ce241c8a778c59cda67"),
    ("1accfaf1b97712b85a6f54b148985a1bdc4c9bec0bd258cad4b3d603f49f32c8",
     "04a2339c12d4a03c33546de533268b4ad667debf458b464d77443636440ee7fec3"
     "ef48a3ab26e20220bcda2c1851076839dae88eae962869a497bf73cb66faf536",
     "2d457b78b4614132477618a5b077965ec90730a8c81a1c75d6d4ec68005d67ec"),
    ("2beedb04b05c6988f6a67500bb813faf2cae0d580c9253b6339e4a3337bb6c08",
     "04e099bf2a4d557460b5544430bbf6da11004d127cb5d67f64ab07c94fcdf5274f"
     "d9c50dbe70d714edb5e221f4e020610eeb6270517e688ca64fb0e98c7ef8c1c5",
     "f96e40a1b72840854bb62bc13c40cc2795e373d4e715980b261476835a092e0b"),
])
def test_ecdh_nist(tls, private_key, peer, shared):
    """NIST CAVP, KAS_ECC_CDH_PrimitiveTest.txt, P-256, counts 0, 1, 2 and 9"""
    assert compute(tls.p256_ecdh, 32, bytes.fromhex(private_key), bytes.fromhex(peer)) == (bytes.fromhex(shared), True)


@pytest.mark.parametrize("key", PRIVATE_KEYS, ids=hex)
def test_ecdh(tls, key):
    """Both sides get the same secret, with keys at the edges too"""
    for peer in (G, multiply(N - 1, G), multiply(2, G), multiply(0xABCDEF, G)):
        assert compute(tls.p256_ecdh, 32, octets(key), encode(peer)) == (octets(multiply(key, peer)[0]), True)


def test_ecdh_with_an_x_of_zero(tls):
    """The curve has a point with x = 0. A shared secret of zero is one like any other here, not an error."""
    y = pow(B, (P + 1) // 4, P)
    assert on_curve((0, y))
    for key in (1, 2, N - 1):
        assert compute(tls.p256_ecdh, 32, octets(key), encode((0, y))) == (octets(multiply(key, (0, y))[0]), True)


def point_with_small_x():
    """So small that x + p fits into 32 bytes, too."""
    x = next(x for x in range(5, 1000) if pow(x**3 - 3 * x + B, (P - 1) // 2, P) == 1)
    y = pow(x**3 - 3 * x + B, (P + 1) // 4, P)
    assert on_curve((x, y))
    return x, y


def unfit_peers():
    x, y = multiply(0xABCDEF, G)
    small_x, small_y = point_with_small_x()
    other_b = next(y for y in range(1, 1000) if not on_curve((5, y)))
    yield "off the curve by one in y", b"\x04" + octets(x) + octets(y ^ 1)
    yield "off the curve by one in x", b"\x04" + octets(x ^ 1) + octets(y)
    yield "x and y exchanged", b"\x04" + octets(y) + octets(x)
    yield "a point of another curve", b"\x04" + octets(5) + octets(other_b)
    yield "x = y = 0", b"\x04" + bytes(64)
    yield "all zero", bytes(65)
    yield "infinity, 00, with something behind", b"\x00" + octets(x) + octets(y)
    yield "x + p", b"\x04" + octets(small_x + P) + octets(small_y)
    yield "x = p", b"\x04" + octets(P) + octets(pow(B, (P + 1) // 4, P))
    yield "y = p", b"\x04" + octets(x) + octets(P)
    yield "y = 2^256 - 1", b"\x04" + octets(x) + octets(2**256 - 1)
    yield "x = 2^256 - 1", b"\x04" + octets(2**256 - 1) + octets(y)
    for first in (1, 2, 3, 5, 6, 7, 0x84, 0xFF):
        yield "first byte %d" % first, bytes([first]) + octets(x) + octets(y)


@pytest.mark.parametrize("peer", [pytest.param(peer, id=name) for name, peer in unfit_peers()])
def test_unfit_peers(tls, peer):
    """A peer's point that is not on the curve, or no point, is refused (RFC 8446 4.2.8.2)"""
    for key in (1, 0xABCDEF):
        assert compute(tls.p256_ecdh, 32, octets(key), peer) == (bytes(32), False)


def test_a_y_that_only_fits_reduced(tls):
    """y + p is y modulo p, on the curve, and refused: numbers of 256 bits that are not below p have no other name."""
    small = next(y for y in range(1, 2**20) if x_for(y) is not None)
    x = x_for(small)
    assert on_curve((x, small))
    assert compute(tls.p256_ecdh, 32, octets(1), encode((x, small))) == (octets(x), True)
    assert compute(tls.p256_ecdh, 32, octets(1), b"\x04" + octets(x) + octets(small + P)) == (bytes(32), False)


def x_for(y):
    """The root of f = x^3 - 3 x + (B - y^2) modulo P, if there is just one: it is what gcd(x^P - x, f) has left."""
    def reduced(f):
        """f[0] + f[1] x + ... modulo x^3 - 3 x + c"""
        f = list(f)
        while len(f) > 3:
            top = f.pop()
            f[-2] = (f[-2] + 3 * top) % P
            f[-3] = (f[-3] - c * top) % P
        return f

    def times(f, g):
        out = [0] * (len(f) + len(g) - 1)
        for i, a in enumerate(f):
            for j, b in enumerate(g):
                out[i + j] = (out[i + j] + a * b) % P
        return reduced(out)

    def remainder(f, g):
        f = list(f)
        while len(f) >= len(g):
            factor = f[-1] * pow(g[-1], -1, P) % P
            for i in range(len(g)):
                f[len(f) - len(g) + i] = (f[len(f) - len(g) + i] - factor * g[i]) % P
            f.pop()
        while f and f[-1] == 0:
            f.pop()
        return f

    c = (B - y * y) % P
    power = [1]
    for bit in f"{P:b}":
        power = times(power, power)
        if bit == "1":
            power = times(power, [0, 1])
    power += [0] * (3 - len(power))
    power[1] = (power[1] - 1) % P
    f, g = [c, P - 3, 0, 1], remainder(power, [c, P - 3, 0, 1])
    while g:
        f, g = g, remainder(f, g)
    return -f[0] * pow(f[1], -1, P) % P if len(f) == 2 else None


# ======== 6.6 A signature

# ---- ECDSA

RFC6979_KEY = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
RFC6979_PUBLIC = (0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
                  0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299)

EDGE_DIGESTS = [bytes(32), b"\xff" * 32, octets(N), octets(N - 1), octets(N + 1), octets(1),
                hashlib.sha256(b"?").digest()]


@pytest.mark.parametrize("message, r, s", [
    (b"sample", 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
     0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8),
    (b"test", 0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
     0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083),
])
def test_ecdsa(tls, message, r, s):
    """Signatures are those of the standard's examples (RFC 6979 A.2.5, with SHA-256)"""
    digest = hashlib.sha256(message).digest()
    assert sign(RFC6979_KEY, digest) == (r, s)      # the model, too
    assert compute(tls.ecdsa_sign, 64, octets(RFC6979_KEY), digest) == (octets(r) + octets(s), True)
    assert tls.ecdsa_verify(octets(r) + octets(s), encode(RFC6979_PUBLIC), digest)


@pytest.mark.parametrize("key", PRIVATE_KEYS[::4], ids=hex)
def test_ecdsa_like_the_model(tls, key):
    """RFC 6979 3.2, FIPS 186-5 6.4; digests at the edges: bits2octets reduces them modulo n."""
    public_key = multiply(key, G)
    for digest in EDGE_DIGESTS:
        r, s = sign(key, digest)
        assert compute(tls.ecdsa_sign, 64, octets(key), digest) == (octets(r) + octets(s), True)
        assert verify(public_key, digest, r, s)
        assert tls.ecdsa_verify(octets(r) + octets(s), encode(public_key), digest)


def test_ecdsa_in_place(tls):
    """ecdsa.h: the signature may overlap key and digest."""
    digest = hashlib.sha256(b"sample").digest()
    memory = ctypes.create_string_buffer(octets(RFC6979_KEY) + digest, 64)
    address = ctypes.addressof(memory)
    assert tls.ecdsa_sign(address, address, address + 32)
    assert memory.raw == b"".join(map(octets, sign(RFC6979_KEY, digest)))


@pytest.mark.parametrize("key", UNFIT_KEYS, ids=hex)
def test_ecdsa_with_unfit_private_keys(tls, key):
    """SEC 1 3.2.1: 1 to n - 1. What comes out is all zero."""
    assert compute(tls.ecdsa_sign, 64, octets(key), bytes(32)) == (bytes(64), False)


@pytest.mark.parametrize("peer", [pytest.param(peer, id=name) for name, peer in unfit_peers()])
def test_ecdsa_of_unfit_peers(tls, peer):
    """What is no point of the curve has signed nothing."""
    assert not tls.ecdsa_verify(octets(1) + octets(1), peer, bytes(32))


def test_ecdsa_refuses_forgeries(tls):
    """FIPS 186-5 6.4.2, beside the model, which says what each is worth."""
    digest = hashlib.sha256(b"sample").digest()
    r, s = sign(RFC6979_KEY, digest)
    other = multiply(RFC6979_KEY + 1, G)
    candidates = [(r, s), (r, N - s), (N - r, s), (s, r), (r ^ 1, s), (r, s ^ 1), (r, s ^ 2**255), (r, 0), (0, s), (0, 0),
                  (r, N), (N, s), (N, N), (r, s + N), (1, 1), (r, 1), (1, s), (2**256 - 1, s), (r, 2**256 - 1), (P, s)]
    for public_key in (RFC6979_PUBLIC, other):
        for e in (digest, digest[::-1], bytes(32)):
            for a, b in candidates:
                if a < 2**256 and b < 2**256:
                    expected = verify(public_key, e, a, b)
                    assert tls.ecdsa_verify(octets(a) + octets(b), encode(public_key), e) == expected
                    assert not expected or (public_key, e, a) == (RFC6979_PUBLIC, digest, r)


def test_ecdsa_when_the_two_points_are_one(tls):
    """u1 G = u2 Q, so that the check has to double: rare in nature, but here is how to make it happen."""
    d, k = 0xABCDEF, 0x123456789
    r = multiply(k, G)[0] % N
    e = r * d % N
    s = 2 * r * d * pow(k, -1, N) % N
    assert verify(multiply(d, G), octets(e), r, s)
    assert tls.ecdsa_verify(octets(r) + octets(s), encode(multiply(d, G)), octets(e))


def test_ecdsa_when_the_two_points_cancel(tls):
    """u1 G = -u2 Q: infinity has no x-coordinate, and so no signature."""
    d = 0xABCDEF
    for r, s in ((5, 7), (1, 1), (N - 1, 3)):
        e = -r * d % N
        assert not verify(multiply(d, G), octets(e), r, s)
        assert not tls.ecdsa_verify(octets(r) + octets(s), encode(multiply(d, G)), octets(e))


def test_ecdsa_r_is_reduced(tls):
    """x may be above n, then r = x - n. The point with the topmost x of all is nobody's k G, so the key is made from
    it: with s = 1 and e = 0 the check computes r Q, so Q is the point divided by r."""
    x = next(x for x in range(P - 1, N, -1) if pow(x**3 - 3 * x + B, (P - 1) // 2, P) == 1)
    point = (x, pow(x**3 - 3 * x + B, (P + 1) // 4, P))
    r = x - N
    public_key = multiply(pow(r, -1, N), point)
    assert verify(public_key, bytes(32), r, 1)
    assert tls.ecdsa_verify(octets(r) + octets(1), encode(public_key), bytes(32))
    assert not tls.ecdsa_verify(octets(x) + octets(1), encode(public_key), bytes(32))   # 1..n-1: there is one way only


def test_ecdsa_s_must_be_below_n(tls):
    """FIPS 186-5 6.4.2: a small s, made by choosing s and k and then e, must not be good again as s + n."""
    d, k, s = 0xABCDEF, 0x123456789, 5
    r = multiply(k, G)[0] % N
    e = (s * k - r * d) % N
    assert tls.ecdsa_verify(octets(r) + octets(s), encode(multiply(d, G)), octets(e))
    assert not tls.ecdsa_verify(octets(r) + octets(s + N), encode(multiply(d, G)), octets(e))


def test_ecdsa_public_key_must_be_fit(tls):
    """A signature of no message, but a good one, made by choosing u1 and u2 first; and then the same public key in
    ways of writing it that are not allowed."""
    x, y = public_key = point_with_small_x()
    u1, u2 = 0x12345, 0x6789
    r = add(multiply(u1, G), multiply(u2, public_key))[0] % N
    s = r * pow(u2, -1, N) % N
    e = u1 * s % N
    assert tls.ecdsa_verify(octets(r) + octets(s), encode(public_key), octets(e))
    assert not tls.ecdsa_verify(octets(r) + octets(s), b"\x04" + octets(x + P) + octets(y), octets(e))
    assert not tls.ecdsa_verify(octets(r) + octets(s), b"\x03" + octets(x) + octets(y), octets(e))
