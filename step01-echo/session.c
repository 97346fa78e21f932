/*
 * session.c - what is said on a connection.
 *
 * Here each line comes back as it came. That is enough to see that connections,
 * lines and processes work. TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

static const char *const faults[] = {
    [LINE_TOO_LONG] = "line too long",
    [LINE_BARE_LF] = "lines end in CR LF, not in LF alone (try nc -C)",
    [LINE_BAD_BYTE] = "there is a byte in it that is not text",
};

void session_run(struct conn *conn)
{
    enum line_status status;
    char line[LINE_SIZE];

    while ((status = conn_read_line(conn, line)) < LINE_CLOSED)
        conn_printf(conn, "%s\r\n", status == LINE_OK ? line : faults[status]);
}
