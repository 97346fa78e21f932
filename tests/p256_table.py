#!/usr/bin/env python3
"""Write step06-starttls/tls/exchange/p256_table.c: multiples of the base point of P-256.

    python3 tests/p256_table.py > step06-starttls/tls/exchange/p256_table.c

Plain affine arithmetic from the curve's equation. test_06_primitives_curves.py
holds the committed file to what this prints.
"""

# NIST SP 800-186 3.2.1.3
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

HEAD = """\
/*
 * p256_table.c - multiples of the base point of P-256.
 *
 * Written by tests/p256_table.py. p256_point.h says which multiple is where,
 * p256_point_multiply_base() what it is good for. Each pair of lines is a
 * coordinate times 2^256 modulo p, the least significant limb first.
 * TUTORIAL.md, chapter 6.6.
 */

#include "p256_point.h"

/* clang-format off */
const struct p256_table_point p256_table[4][15] = {
"""


def double(point):
    x, y = point
    slope = (3 * x * x - 3) * pow(2 * y, -1, P) % P
    x_sum = (slope * slope - 2 * x) % P
    return x_sum, (slope * (x - x_sum) - y) % P


def add(p, q):
    """The sum of two points, None being infinity; never of a point and itself
    or its mirror image."""
    if p is None or q is None:
        return q if p is None else p
    slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x_sum = (slope * slope - p[0] - q[0]) % P
    return x_sum, (slope * (p[0] - x_sum) - p[1]) % P


def power_multiples():
    """2^0 G, 2^1 G, 2^2 G, ..."""
    point = G
    while True:
        yield point
        point = double(point)


def limbs(number):
    number = number * 2**256 % P
    return [f"0x{number >> 64 * i & 2**64 - 1:016x}" for i in range(4)]


def coordinate(number, start, end):
    a, b, c, d = limbs(number)
    return f"{start}{{{a}, {b},\n          {c}, {d}}}{end}\n"


def table_source():
    powers = power_multiples()
    multiples = [next(powers) for _ in range(256)]
    out = [HEAD]
    for i in range(4):
        out.append(f"    {{ /* row {i} */\n")
        for d in range(1, 16):
            point = None
            for tooth in range(4):
                if d >> tooth & 1:
                    point = add(point, multiples[16 * i + 64 * tooth])
            out.append(coordinate(point[0], "        {", ","))
            out.append(coordinate(point[1], "         ", "},"))
        out.append("    },\n")
    out.append("};\n/* clang-format on */\n")
    return "".join(out)


if __name__ == "__main__":
    print(table_source(), end="")
