/*
 * chacha20.c - the ChaCha20 stream cipher (RFC 8439 2.1 to 2.4).
 *
 * The key stream comes in blocks of sixteen 32-bit words. A block starts as
 * words that say which block it is, is stirred by additions, XORs and
 * rotations only, and is then added to what it was. The words form a square:
 *
 *      0  1  2  3     constant         A quarter round stirs four words. A
 *      4  5  6  7     key              round does so to the four columns
 *      8  9 10 11     key              (0 4 8 12, ...), and the next one to
 *     12 13 14 15     counter, nonce   the four diagonals (0 5 10 15, ...).
 *
 * No instruction among these takes longer for one value than for another, so
 * there is nothing to do for constant time.
 *
 * Blocks don't depend on one another, so we compute four of them side by side:
 * each word of the square is a vector of four numbers, one for each block, and
 * an operator on vectors does the same to all four. Vectors are an extension of
 * C in gcc and clang, which have one instruction for each such operator, on all
 * x86-64 and ARM64 processors; elsewhere they write it out in four.
 * Start reading at quarter_round().
 * TUTORIAL.md, chapter 6.4.
 */

#include "chacha20.h"

#include "../bytes/bytes.h"

#include <string.h>

enum { BLOCK_SIZE = 64, LANES = 4, BATCH_SIZE = LANES * BLOCK_SIZE };

/* A word of the square, of LANES blocks. */
typedef uint32_t word __attribute__((vector_size(4 * LANES)));

static inline word rotate_left(word x, int n)
{
    return x << n | x >> (32 - n);
}

/* 2.1, on the words numbered a, b, c and d. */
static inline void quarter_round(word x[16], int a, int b, int c, int d)
{
    x[a] += x[b], x[d] = rotate_left(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = rotate_left(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = rotate_left(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = rotate_left(x[b] ^ x[c], 7);
}

/* 2.3: twenty rounds, ten of each kind. */
static void stir(word x[16])
{
    for (int i = 0; i < 10; i++) {
        quarter_round(x, 0, 4, 8, 12);
        quarter_round(x, 1, 5, 9, 13);
        quarter_round(x, 2, 6, 10, 14);
        quarter_round(x, 3, 7, 11, 15);
        quarter_round(x, 0, 5, 10, 15);
        quarter_round(x, 1, 6, 11, 12);
        quarter_round(x, 2, 7, 8, 13);
        quarter_round(x, 3, 4, 9, 14);
    }
}

/*
 * XOR a batch with its key stream, in place. square is the first block of the
 * batch before it is stirred; the others differ from it in their counter.
 * Without the addition at the end one could run the rounds backwards, and find
 * the key.
 */
static void xor_batch(const uint32_t square[16],
                      unsigned char batch[BATCH_SIZE])
{
    word start[16], x[16];

    for (int w = 0; w < 16; w++)
        start[w] = (word){square[w], square[w], square[w], square[w]};
    start[12] += (word){0, 1, 2, 3};
    memcpy(x, start, sizeof x);
    stir(x);
    for (int w = 0; w < 16; w++)
        x[w] += start[w];
    for (int i = 0; i < LANES; i++) /* lane by lane is block by block */
        for (int w = 0; w < 16; w++, batch += 4)
            store_le32(batch, load_le32(batch) ^ x[w][i]);
    wipe(start, sizeof start);
    wipe(x, sizeof x);
}

/* 2.4. The four words of the constant are "expand 32-byte k" in ASCII. */
void chacha20_xor(const unsigned char key[CHACHA20_KEY_SIZE],
                  const unsigned char nonce[CHACHA20_NONCE_SIZE],
                  uint32_t counter, const void *in, void *out, size_t size)
{
    uint32_t square[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    unsigned char batch[BATCH_SIZE] = {0};
    const unsigned char *from = in;
    unsigned char *to = out;

    for (int i = 0; i < 8; i++)
        square[4 + i] = load_le32(key + 4 * i);
    square[12] = counter;
    for (int i = 0; i < 3; i++)
        square[13 + i] = load_le32(nonce + 4 * i);
    while (size > 0) {
        size_t piece = size < BATCH_SIZE ? size : BATCH_SIZE;

        memcpy(batch, from, piece);
        xor_batch(square, batch);
        memcpy(to, batch, piece);
        square[12] += LANES;
        from += piece, to += piece, size -= piece;
    }
    wipe(square, sizeof square);
    wipe(batch, sizeof batch);
}
