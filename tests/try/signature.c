/*
 * build/try/signature TEXT - a signature of TEXT, with the key of RFC 6979
 * A.2.5. Without a TEXT that is "sample", and the RFC has r and s: efd48b...
 *
 * The RFC's nonce comes out of the key and the text. So the same text always
 * has the same signature; and the next one, of another text, tells nothing.
 */
#include "signature/ecdsa.h"
#include "try.h"

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "sample";
    unsigned char key[P256_KEY_SIZE], public_key[P256_PUBLIC_KEY_SIZE];
    unsigned char digest[SHA256_SIZE], r_and_s[ECDSA_SIZE];

    unhex(key, sizeof key,
          "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    expect(p256_public_key(public_key, key), "a public key");
    show("public key", public_key, sizeof public_key);

    sha256(text, strlen(text), digest);
    show("digest", digest, sizeof digest);
    expect(ecdsa_sign(r_and_s, key, digest), "a signature");
    show("r", r_and_s, 32);
    show("s", r_and_s + 32, 32);
    expect(ecdsa_verify(r_and_s, public_key, digest), "it is good");
    digest[0] ^= 1;
    expect(!ecdsa_verify(r_and_s, public_key, digest), "and for nothing else");
    return 0;
}
