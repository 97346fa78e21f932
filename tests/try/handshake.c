/*
 * build/try/handshake CLIENTHELLO - what is in a ClientHello, and what this
 * server would make of it. It is given in hexadecimal, without the header of
 * its record: Wireshark copies "Handshake Protocol" as a hex stream.
 *
 * Without an argument: the one of RFC 8448 section 3.
 */
#include "handshake/names.h"
#include "handshake/show.h"
#include "try.h"

static void line(const char *text)
{
    puts(text);
}

int main(int argc, char **argv)
{
    static const char rfc8448[] =
        "010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef628302"
        "4dece7000006130113031302010000910000000b0009000006736572766572ff010001"
        "00000a00140012001d0017001800190100010101020103010400230000003300260024"
        "001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf"
        "2c002b0003020304000d0020001e040305030603020308040805080604010501060102"
        "010402050206020202002d00020101001c00024001";
    static unsigned char bytes[4 + CLIENT_HELLO_MAX];
    struct trace trace = {line};
    struct client_hello hello;
    size_t size = unhex(bytes, sizeof bytes, argc > 1 ? argv[1] : rfc8448);
    enum alert alert = ALERT_DECODE_ERROR;

    if (size >= 4)
        alert = client_hello_parse(&hello, (struct bytes){bytes + 4, size - 4});
    if (alert == ALERT_NONE) {
        trace_client_hello(&trace, &hello);
        alert = client_hello_choose(&hello);
    }
    if (alert == ALERT_NONE)
        printf("chosen: %s, %s, %s\n", hello.suite->name,
               name_of(group_names, hello.group->number),
               hello.share.data ? "with a share" : "a share is to be sent");
    else
        printf("refused: %s\n", name_of(alert_names, alert));
    return 0;
}
