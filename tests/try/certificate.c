/*
 * build/try/certificate NAME - a new key, and a certificate for NAME that is
 * signed with it. build/try/certificate CHAIN KEY - load the two from files, as
 * the server does, and print what to put into the DNS (RFC 6698).
 *
 *     build/try/certificate mx.example.org > both.pem
 *     openssl x509 -in both.pem -noout -text
 *     openssl verify -CAfile both.pem both.pem
 *     build/try/certificate both.pem both.pem
 */
#include "certificate/certificate.h"
#include "certificate/pem.h"
#include "certificate/self_signed.h"
#include "exchange/random.h"
#include "try.h"

static void print(const char *label, const struct writer *der)
{
    static char text[20000];

    expect(!der->failed &&
               pem_encode(label, der->data, der->used, text, sizeof text),
           "it fits");
    fputs(text, stdout);
}

static void make(const char *name)
{
    unsigned char key[P256_KEY_SIZE], der[4096];
    struct writer out = writer_start(der, sizeof der);

    random_bytes(key, sizeof key);
    self_signed_certificate(&out, key, &name, 1, time(NULL));
    print("CERTIFICATE", &out);
    out = writer_start(der, sizeof der);
    self_signed_private_key(&out, key);
    print("EC PRIVATE KEY", &out);
}

int main(int argc, char **argv)
{
    struct credentials credentials;
    char error[CREDENTIALS_LINE_SIZE];

    if (argc != 3) {
        make(argc > 1 ? argv[1] : "localhost");
        return 0;
    }
    expect(
        credentials_load(&credentials, argv[1], argv[2], error, sizeof error),
        error);
    printf("IN TLSA 3 1 1 %s\n", credentials.tlsa);
    puts(credentials.chain_warning);
    puts(credentials.key_warning);
    credentials_free(&credentials);
    return 0;
}
