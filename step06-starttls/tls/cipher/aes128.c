/*
 * aes128.c - AES with 128-bit keys (FIPS 197), bitsliced, and counter mode.
 *
 * The short way to write AES is a table of 256 bytes, the S-box, indexed with
 * secret bytes. It leaks: which cache lines were touched can be seen from other
 * processes and in response times, and whole keys were recovered that way
 * (D. J. Bernstein, "Cache-timing attacks on AES", 2005). Here no secret is an
 * address, since there are no tables: the S-box is computed. For one byte that
 * would be slow; bitslicing does it for many at once (E. Biham, "A fast new DES
 * implementation in software", 1997).
 *
 * Turn the data by 90 degrees: make the 64 bytes of four blocks eight words of
 * 64 bits, so that word b holds bit b of all bytes. An AND of two words is
 * then 64 ANDs of single bits; the processor has become 64 tiny processors of
 * one bit each, and runs a circuit of AND, XOR and NOT gates on 64 bytes in the
 * time of one. We go one step further and put two such words into a slice, so
 * that it is eight blocks that cost as much as one. A slice behaves as its two
 * halves would: below, think of four blocks and of words of 64 bits.
 *
 * AES sees a block as a square of 4 by 4 bytes, filled column by column. The
 * byte in some row and column of some block has its bits at position
 *
 *     32 * (column % 2) + 8 * row + 2 * block + column / 2
 *
 * of the eight words, because that is where transpose() brings them if word i
 * is simply loaded from bytes 8 i to 8 i + 7. So a byte of a word is one row;
 * to move to the next column is to move half a word, and one bit if that wraps.
 *
 * Sections: transposing, the S-box, the other steps of a round, the key,
 * encryption, counter mode. Start reading at aes128_encrypt(), near the end.
 * TUTORIAL.md, chapter 6.4.
 */

#include "aes128.h"

#include "../bytes/bytes.h"

#include <string.h>

typedef aes128_slice slice;

/* ---- Transposing ------------------------------------------------------- */

/* Exchange the bits mask << n of *a with the bits mask of *b. */
static void swap_bits(slice *a, slice *b, uint64_t mask, int n)
{
    slice difference = (*a >> n ^ *b) & mask;

    *a ^= difference << n;
    *b ^= difference;
}

/*
 * Bit b of byte k of word i becomes bit i of byte k of word b. For each k this
 * is a matrix of 8 by 8 bits that is mirrored at its diagonal: exchange the two
 * off-diagonal bits in each square of 2 by 2, then the squares of 2 by 2 in
 * those of 4 by 4, then these. Doing it twice gives back what there was.
 */
static void transpose(slice words[8])
{
    static const uint64_t masks[] = {[1] = 0x5555555555555555,
                                     [2] = 0x3333333333333333,
                                     [4] = 0x0f0f0f0f0f0f0f0f};

    for (int n = 1; n < 8; n *= 2)
        for (int i = 0; i < 8; i++)
            if ((i & n) == 0)
                swap_bits(&words[i], &words[i + n], masks[n], n);
}

/* ---- The S-box --------------------------------------------------------- */

/*
 * FIPS 197 5.1.1 defines the S-box; it is no arbitrary table. Read a byte as an
 * element of the field GF(256), invert it (0 stays 0), then apply a fixed
 * linear map and add 0x63. The one hard part is to invert with few gates.
 *
 * Think of complex numbers: 1 / (a + b i) = (a - b i) / (a^2 + b^2). Numerator
 * and denominator were multiplied by the conjugate, which leaves only a real
 * number to invert. Likewise GF(256) can be built as pairs over GF(16), that as
 * pairs over GF(4), and that as pairs of bits, each time with a root of an
 * equation x^2 + x + c = 0 in the place of i (C. Paar, 1994; A. Satoh et al.,
 * ASIACRYPT 2001, for AES):
 *
 *     GF(4):    hi w + lo,  bits              w^2 = w + 1
 *     GF(16):   hi x + lo,  both in GF(4)     x^2 = x + w
 *     GF(256):  hi y + lo,  both in GF(16)    y^2 = y + v,  v = w x + 1
 *
 * The other root of such an equation is x + 1: that is the conjugate of x. So
 * hi x + lo has the conjugate hi x + (hi + lo), and their product, the norm, is
 *
 *     c hi^2 + hi lo + lo^2  =  c hi^2 + lo (hi + lo)
 *
 * one field further down. The inverse is the conjugate over the norm. In these
 * fields 1 + 1 = 0: plus and minus both are XOR, and (a + b)^2 = a^2 + b^2.
 *
 * The functions are `inline` because gcc at -O2 would rather call the larger of
 * them, and pass all these slices through memory: that is half as fast.
 */
struct gf4 {
    slice hi, lo; /* 128 elements at once, one bit of each per slice */
};

struct gf16 {
    struct gf4 hi, lo;
};

struct gf256 {
    struct gf16 hi, lo;
};

static inline struct gf4 gf4_add(struct gf4 a, struct gf4 b)
{
    return (struct gf4){a.hi ^ b.hi, a.lo ^ b.lo};
}

/*
 * (ah w + al)(bh w + bl), with w^2 = w + 1. Karatsuba's trick saves one of the
 * four products: ah bl + al bh = (ah + al)(bh + bl) - ah bh - al bl.
 */
static inline struct gf4 gf4_multiply(struct gf4 a, struct gf4 b)
{
    slice high = a.hi & b.hi;
    slice low = a.lo & b.lo;
    slice all = (a.hi ^ a.lo) & (b.hi ^ b.lo);

    return (struct gf4){all ^ low, high ^ low};
}

/* (ah w + al)^2 = ah w^2 + al. Since a^3 = 1 it is the inverse of a, too. */
static inline struct gf4 gf4_square(struct gf4 a)
{
    return (struct gf4){a.hi, a.hi ^ a.lo};
}

/* w (ah w^2 + al) = ah + al w */
static inline struct gf4 gf4_w_square(struct gf4 a)
{
    return (struct gf4){a.lo, a.hi};
}

static inline struct gf16 gf16_add(struct gf16 a, struct gf16 b)
{
    return (struct gf16){gf4_add(a.hi, b.hi), gf4_add(a.lo, b.lo)};
}

/* As gf4_multiply(), but x^2 = x + w. w a is w (a^2)^2: a^4 = a in GF(4). */
static inline struct gf16 gf16_multiply(struct gf16 a, struct gf16 b)
{
    struct gf4 high = gf4_multiply(a.hi, b.hi);
    struct gf4 low = gf4_multiply(a.lo, b.lo);
    struct gf4 all = gf4_multiply(gf4_add(a.hi, a.lo), gf4_add(b.hi, b.lo));
    struct gf4 w_high = gf4_w_square(gf4_square(high));

    return (struct gf16){gf4_add(all, low), gf4_add(w_high, low)};
}

/*
 * v a^2, where a^2 = ah^2 x + (w ah^2 + al^2). Multiplied by v = w x + 1, and
 * with w^2 + w = 1, most of it cancels: w al^2 x + (ah + al)^2.
 */
static inline struct gf16 gf16_v_square(struct gf16 a)
{
    return (struct gf16){gf4_w_square(a.lo), gf4_square(gf4_add(a.hi, a.lo))};
}

/* Conjugate over norm, the norm being in GF(4). 0 gives 0. */
static inline struct gf16 gf16_invert(struct gf16 a)
{
    struct gf4 sum = gf4_add(a.hi, a.lo);
    struct gf4 norm = gf4_add(gf4_w_square(a.hi), gf4_multiply(a.lo, sum));
    struct gf4 inverse = gf4_square(norm);

    return (struct gf16){gf4_multiply(a.hi, inverse),
                         gf4_multiply(sum, inverse)};
}

/* Conjugate over norm, the norm being in GF(16). 0 gives 0. */
static inline struct gf256 gf256_invert(struct gf256 a)
{
    struct gf16 sum = gf16_add(a.hi, a.lo);
    struct gf16 norm = gf16_add(gf16_v_square(a.hi), gf16_multiply(a.lo, sum));
    struct gf16 inverse = gf16_invert(norm);

    return (struct gf256){gf16_multiply(a.hi, inverse),
                          gf16_multiply(sum, inverse)};
}

/*
 * From AES's GF(256) to ours. AES's byte 0x02 is a root of its polynomial
 * z^8 + z^4 + z^3 + z + 1, so it has to become a root of that polynomial here.
 * There are eight; we take 0x6d, its bits being the coefficients of y x w, y x,
 * y w, y, x w, x, w and 1, since with it the maps are short. Bit i of a byte
 * stands for z^i, and so is multiplied by the i-th power of 0x6d. These powers
 * are 01 6d 5c 52 73 cc 7b b2; below you find them as columns.
 */
static inline struct gf256 to_tower(const slice z[8])
{
    slice z125 = z[1] ^ z[2] ^ z[5];
    slice z46 = z[4] ^ z[6];
    slice z346 = z[3] ^ z46;
    slice z146 = z[1] ^ z46;
    slice z3467 = z346 ^ z[7];

    return (struct gf256){
        {{z[5] ^ z[7], z346 ^ z125}, {z146 ^ z[7], z3467 ^ z[2]}},
        {{z125 ^ z[6], z125}, {z3467, z146 ^ z[0]}},
    };
}

/*
 * And back, together with the last part of the S-box, the linear map of FIPS
 * 197 5.1.1: both are XORs of bits, so one after the other is a third such map.
 * The bits that are 1 in 0x63 are inverted.
 */
static inline void from_tower(struct gf256 a, slice z[8])
{
    slice t7 = a.hi.hi.hi, t6 = a.hi.hi.lo, t5 = a.hi.lo.hi, t4 = a.hi.lo.lo;
    slice t3 = a.lo.hi.hi, t2 = a.lo.hi.lo, t1 = a.lo.lo.hi, t0 = a.lo.lo.lo;
    slice t04 = t0 ^ t4;
    slice t26 = t2 ^ t6;
    slice t267 = t26 ^ t7;
    slice t035 = t0 ^ t3 ^ t5;
    slice t0135 = t035 ^ t1;

    z[0] = ~(t04 ^ t6);
    z[1] = ~(t0135 ^ t4);
    z[2] = t0135 ^ t267;
    z[3] = t04;
    z[4] = t035 ^ t267;
    z[5] = ~(t26 ^ t3);
    z[6] = ~(t4 ^ t7);
    z[7] = t267;
}

/* FIPS 197 5.1.1: the S-box on each byte. */
static void sub_bytes(slice words[8])
{
    from_tower(gf256_invert(to_tower(words)), words);
}

/* ---- The other steps of a round ---------------------------------------- */

/* Exchange the bits mask << n of x with its bits mask. */
static slice swap_within(slice x, uint64_t mask, int n)
{
    slice difference = (x >> n ^ x) & mask;

    return x ^ difference ^ difference << n;
}

/*
 * 5.1.2: rotate row r to the left by r columns. In rows 1 and 3 even columns
 * change places with odd ones, that is, the halves of the word. What is left
 * is a step by two, which exchanges neighbouring bits: in row 2, in the odd
 * columns of row 1 and in the even ones of row 3.
 */
static void shift_rows(slice words[8])
{
    for (int b = 0; b < 8; b++) {
        words[b] = swap_within(words[b], 0xff00ff00, 32);
        words[b] = swap_within(words[b], 0x0055550055550000, 1);
    }
}

/* Bring to each row what is n rows further down in its column, cyclically. */
static slice rows_up(slice x, int n)
{
    uint64_t mask = 0xffffffff >> 8 * n;

    mask |= mask << 32;
    return (x >> 8 * n & mask) | (x << (32 - 8 * n) & ~mask);
}

/*
 * 5.1.3: with a, b, c, d the bytes of a column from some row on, cyclically,
 * the new byte of that row is 2a + 3b + c + d = 2(a + b) + b + (c + d).
 * Doubling moves each bit up by one; where bit 7 falls out it adds 0x1b.
 */
static void mix_columns(slice words[8])
{
    slice next[8], pair[8];

    for (int b = 0; b < 8; b++) {
        next[b] = rows_up(words[b], 1);
        pair[b] = words[b] ^ next[b];
        words[b] = next[b] ^ rows_up(pair[b], 2);
    }
    for (int b = 0; b < 8; b++)
        words[b] ^= pair[(b + 7) % 8];
    words[1] ^= pair[7];
    words[3] ^= pair[7];
    words[4] ^= pair[7];
}

/* 5.1.4 */
static void add_round_key(slice words[8], const slice round_key[8])
{
    for (int b = 0; b < 8; b++)
        words[b] ^= round_key[b];
}

/* ---- The key ----------------------------------------------------------- */

/* 5.2, SubWord: the S-box on four bytes; the circuit's other 124 run idle. */
static uint32_t sub_word(uint32_t word)
{
    slice words[8] = {{word}};

    transpose(words);
    sub_bytes(words);
    transpose(words);
    word = (uint32_t)words[0][0];
    wipe(words, sizeof words);
    return word;
}

/*
 * 5.2: each round key comes from the one before. Words are little-endian here:
 * RotWord is a rotation to the right, and Rcon is in the lowest byte. All
 * blocks get the same key, in the form that the data have.
 */
void aes128_init(struct aes128 *aes, const unsigned char key[AES128_KEY_SIZE])
{
    static const unsigned char round_constants[AES128_ROUNDS] = {
        0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1b, 0x36,
    };
    uint32_t w[4];

    for (int i = 0; i < 4; i++)
        w[i] = load_le32(key + 4 * i);
    for (int round = 0; round <= AES128_ROUNDS; round++) {
        slice *words = aes->round_keys[round];
        uint64_t left = (uint64_t)w[1] << 32 | w[0];
        uint64_t right = (uint64_t)w[3] << 32 | w[2];

        for (int i = 0; i < 8; i += 2) {
            words[i] = (slice){left, left};
            words[i + 1] = (slice){right, right};
        }
        transpose(words);
        if (round == AES128_ROUNDS)
            break;
        w[0] ^= sub_word(w[3] >> 8 | w[3] << 24) ^ round_constants[round];
        for (int i = 1; i < 4; i++)
            w[i] ^= w[i - 1];
    }
    wipe(w, sizeof w);
}

/* ---- Encryption -------------------------------------------------------- */

/* 5.1, with the standard's names of the steps. */
void aes128_encrypt(const struct aes128 *aes,
                    const unsigned char in[AES128_BATCH],
                    unsigned char out[AES128_BATCH])
{
    slice words[8];

    for (int i = 0; i < 8; i++)
        words[i] = (slice){load_le64(in + 8 * i), load_le64(in + 64 + 8 * i)};
    transpose(words);
    add_round_key(words, aes->round_keys[0]);
    for (int round = 1; round <= AES128_ROUNDS; round++) {
        sub_bytes(words);
        shift_rows(words);
        if (round < AES128_ROUNDS) /* the last round has none */
            mix_columns(words);
        add_round_key(words, aes->round_keys[round]);
    }
    transpose(words);
    for (int i = 0; i < 8; i++) {
        store_le64(out + 8 * i, words[i][0]);
        store_le64(out + 64 + 8 * i, words[i][1]);
    }
    wipe(words, sizeof words);
}

/* ---- Counter mode ------------------------------------------------------ */

/* SP 800-38D 6.5: encrypt numbers, and use the outcome as a key stream. */
void aes128_ctr_xor(const struct aes128 *aes, const unsigned char nonce[12],
                    uint32_t counter, const void *in, void *out, size_t size)
{
    unsigned char stream[AES128_BATCH];
    const unsigned char *from = in;
    unsigned char *to = out;

    while (size > 0) {
        size_t piece = size < sizeof stream ? size : sizeof stream;

        for (int i = 0; i < AES128_BATCH; i += AES128_BLOCK_SIZE) {
            memcpy(stream + i, nonce, 12);
            store_be32(stream + i + 12, counter++);
        }
        aes128_encrypt(aes, stream, stream);
        for (size_t i = 0; i < piece; i++)
            to[i] = from[i] ^ stream[i];
        from += piece, to += piece, size -= piece;
    }
    wipe(stream, sizeof stream);
}
