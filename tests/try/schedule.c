/*
 * build/try/schedule SECRET HASH HASH - from the shared secret of a key
 * exchange to the keys for the data. The first HASH is that of the messages up
 * to the ServerHello, the second up to the server's Finished.
 *
 * Without arguments: RFC 8448 section 3, where each line can be found.
 */
#include "schedule/key_schedule.h"
#include "try.h"

/* A traffic secret, and the key and IV that come of it (with AES-128-GCM). */
static void traffic(const unsigned char *secret, const char *label,
                    const unsigned char *hash)
{
    unsigned char traffic_secret[SHA256_SIZE], iv[AEAD_NONCE_SIZE];
    unsigned char key[AEAD_KEY_SIZE_MAX];

    derive_secret(secret, label, hash, traffic_secret);
    traffic_keys(traffic_secret, &aead_aes128_gcm, key, iv);
    show(label, traffic_secret, sizeof traffic_secret);
    show("  its key", key, aead_aes128_gcm.key_size);
    show("  its iv", iv, sizeof iv);
}

int main(int argc, char **argv)
{
    static const char *const rfc8448[] = {
        "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d",
        "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8",
        "9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13"};
    const char *const *given =
        argc == 4 ? (const char *const *)argv + 1 : rfc8448;
    unsigned char secret[SHA256_SIZE], shared[32];
    unsigned char to_hello[SHA256_SIZE], to_finished[SHA256_SIZE];

    unhex(shared, sizeof shared, given[0]);
    unhex(to_hello, sizeof to_hello, given[1]);
    unhex(to_finished, sizeof to_finished, given[2]);
    key_schedule_early(secret);
    show("Early Secret", secret, sizeof secret);
    key_schedule_handshake(secret, shared, sizeof shared);
    show("Handshake Secret", secret, sizeof secret);
    traffic(secret, "c hs traffic", to_hello);
    traffic(secret, "s hs traffic", to_hello);
    key_schedule_master(secret);
    show("Master Secret", secret, sizeof secret);
    traffic(secret, "c ap traffic", to_finished);
    traffic(secret, "s ap traffic", to_finished);
    return 0;
}
