/*
 * build/try/hash TEXT - SHA-256, HMAC and HKDF.
 *
 *     printf abc | sha256sum
 *     printf abc | openssl dgst -sha256 -hmac key
 *
 * The last two lines are RFC 5869 A.1: prk 077709..., okm 3cb25f...
 */
#include "hash/hkdf.h"
#include "try.h"

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "abc";
    unsigned char ikm[22], salt[13], info[10], out[SHA256_SIZE], okm[42];
    struct hmac hmac;

    sha256(text, strlen(text), out);
    show("SHA-256", out, sizeof out);

    hmac_init(&hmac, "key", 3);
    hmac_update(&hmac, text, strlen(text));
    hmac_final(&hmac, out);
    show("HMAC, key \"key\"", out, sizeof out);

    memset(ikm, 0x0b, sizeof ikm);
    unhex(salt, sizeof salt, "000102030405060708090a0b0c");
    unhex(info, sizeof info, "f0f1f2f3f4f5f6f7f8f9");
    hkdf_extract(salt, sizeof salt, ikm, sizeof ikm, out);
    show("HKDF-Extract, prk", out, sizeof out);
    hkdf_expand(out, info, sizeof info, okm, sizeof okm);
    show("HKDF-Expand, okm", okm, sizeof okm);
    return 0;
}
