/*
 * build/try/bytes NAME - the extension of a ClientHello that names the server
 * (RFC 6066 section 3), written and read again.
 *
 *     python3 -c 'print(b"example.org".hex())'
 */
#include "bytes/bytes.h"
#include "bytes/wire.h"
#include "try.h"

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "example.org";
    unsigned char buffer[300];
    struct writer writer = writer_start(buffer, sizeof buffer);
    size_t extension, list;

    writer_u16(&writer, 0); /* server_name */
    extension = writer_open(&writer, 2);
    list = writer_open(&writer, 2);
    writer_u8(&writer, 0); /* host_name */
    writer_u16(&writer, (unsigned)strlen(name));
    writer_bytes(&writer, name, strlen(name));
    writer_close(&writer, list, 2);
    writer_close(&writer, extension, 2);
    expect(!writer.failed, "the name fits");
    show("written", buffer, writer.used);

    for (size_t cut = 0; cut < 2; cut++) {
        struct reader reader =
            reader_start((struct bytes){buffer, writer.used - cut});
        reader_bytes(&reader, 2 + 2 + 2 + 1);
        struct bytes read = reader_vector(&reader, 1, 65535);
        if (reader_done(&reader))
            printf("%-20s %.*s\n", "read", (int)read.size, read.data);
        else
            puts("without its last byte: refused");
    }
    wipe(buffer, sizeof buffer);
    show("wiped", buffer, writer.used);
    return 0;
}
