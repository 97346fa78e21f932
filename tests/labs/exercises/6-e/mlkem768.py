"""ML-KEM-768 as FIPS 203 has it, in Python: the client's half for the test of exercise 6-e, and the server's,
so that all of it can be held to published numbers. Slow, and not in constant time. Start reading at
key_pair()."""
import hashlib

Q, N, K = 3329, 256, 3
KEY_SIZE, CIPHERTEXT_SIZE = 384 * K + 32, 32 * (10 * K + 4)

ROOTS = [pow(17, int("{:07b}".format(i)[::-1], 2), Q) for i in range(128)]
SQUARES = [root * root * 17 % Q for root in ROOTS]


def ntt(f):
    """Algorithm 9"""
    f, i = list(f), 1
    for length in (128, 64, 32, 16, 8, 4, 2):
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                t = ROOTS[i] * f[j + length] % Q
                f[j], f[j + length] = (f[j] + t) % Q, (f[j] - t) % Q
            i += 1
    return f


def ntt_inverse(f):
    """Algorithm 10"""
    f, i = list(f), 127
    for length in (2, 4, 8, 16, 32, 64, 128):
        for start in range(0, N, 2 * length):
            for j in range(start, start + length):
                f[j], f[j + length] = (f[j] + f[j + length]) % Q, ROOTS[i] * (f[j + length] - f[j]) % Q
            i -= 1
    return [x * 3303 % Q for x in f]


def add(*polynomials):
    return [sum(column) % Q for column in zip(*polynomials)]


def product(row, column):
    """The sum of the products of polynomials that are transformed (algorithms 11 and 12)."""
    h = [0] * N
    for f, g in zip(row, column):
        for i in range(0, N, 2):
            h[i] += f[i] * g[i] + f[i + 1] * g[i + 1] * SQUARES[i // 2]
            h[i + 1] += f[i] * g[i + 1] + f[i + 1] * g[i]
    return [x % Q for x in h]


def uniform(seed, j, i):
    """Algorithm 7"""
    data, found = hashlib.shake_128(seed + bytes([j, i])).digest(3 * 1000), []
    for a, b, c in zip(data[::3], data[1::3], data[2::3]):
        found += [d for d in (a | (b & 15) << 8, b >> 4 | c << 4) if d < Q]
    return found[:N]


def small(seed, number):
    """Algorithm 8, with eta = 2"""
    bits = bits_of(hashlib.shake_256(seed + bytes([number])).digest(128), 4)
    return [((x & 1) + (x >> 1 & 1) - (x >> 2 & 1) - (x >> 3 & 1)) % Q for x in bits]


def bits_of(data, d):
    """Algorithm 6: numbers of d bits"""
    whole = int.from_bytes(data, "little")
    return [whole >> at & ((1 << d) - 1) for at in range(0, 8 * len(data), d)]


def octets_of(numbers, d):
    """Algorithm 5"""
    return sum(x << d * i for i, x in enumerate(numbers)).to_bytes(len(numbers) * d // 8, "little")


def compress(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def decompress(f, d):
    return [(x * Q + (1 << d >> 1)) >> d for x in f]


def matrix(seed):
    return [[uniform(seed, j, i) for j in range(K)] for i in range(K)]


def hashes(data):
    digest = hashlib.sha3_512(data).digest()
    return digest[:32], digest[32:]


def key_pair(seed):
    """(encapsulation key, decapsulation key) of 64 random octets: algorithms 13 and 16"""
    d, z = seed[:32], seed[32:]
    rho, sigma = hashes(d + bytes([K]))
    s = [ntt(small(sigma, i)) for i in range(K)]
    e = [ntt(small(sigma, K + i)) for i in range(K)]
    t = [add(product(row, s), noise) for row, noise in zip(matrix(rho), e)]
    key = b"".join(octets_of(f, 12) for f in t) + rho
    return key, (s, key, z)


def encrypt(key, message, seed):
    """Algorithm 14"""
    t, a = [bits_of(key[384 * i:384 * (i + 1)], 12) for i in range(K)], matrix(key[384 * K:])
    y = [ntt(small(seed, i)) for i in range(K)]
    u = [add(ntt_inverse(product([row[j] for row in a], y)), small(seed, K + j)) for j in range(K)]
    v = add(ntt_inverse(product(t, y)), small(seed, 2 * K), decompress(bits_of(message, 1), 1))
    return b"".join(octets_of(compress(f, 10), 10) for f in u) + octets_of(compress(v, 4), 4)


def encapsulate(key, message):
    """(shared secret, ciphertext) of 32 random octets: algorithm 17"""
    secret, seed = hashes(message + hashlib.sha3_256(key).digest())
    return secret, encrypt(key, message, seed)


def decapsulate(private, ciphertext):
    """Algorithm 18: a ciphertext that was tampered with gives another secret, and nobody can tell"""
    s, key, z = private
    u = [decompress(bits_of(ciphertext[320 * i:320 * (i + 1)], 10), 10) for i in range(K)]
    v = decompress(bits_of(ciphertext[320 * K:], 4), 4)
    w = add(v, [-x for x in ntt_inverse(product(s, [ntt(f) for f in u]))])
    message = octets_of(compress(w, 1), 1)
    secret, seed = hashes(message + hashlib.sha3_256(key).digest())
    if encrypt(key, message, seed) == ciphertext:
        return secret
    return hashlib.shake_256(z + ciphertext).digest(32)
