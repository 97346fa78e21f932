/*
 * session.c - what is said on a connection.
 *
 * Here: each line comes back as it came, which is enough to see that
 * connections, lines and processes work. Start reading at session_run().
 * TUTORIAL.md, chapter 1.
 */
#define _POSIX_C_SOURCE 200809L
#include "session.h"

const char session_busy[] = "421 too many connections, try again later\r\n";

void session_run(struct conn *conn, const struct config *config)
{
    char line[COMMAND_LINE_MAX];
    enum line_status status;

    (void)config;
    while ((status = conn_read_line(conn, line, sizeof(line))) < LINE_CLOSED) {
        if (status == LINE_OK)
            conn_printf(conn, "%s\r\n", line);
        else if (status == LINE_BARE_LF)
            conn_printf(conn, "a line ends in CR LF, not in LF alone: "
                              "with netcat, use nc -C\r\n");
        else
            conn_printf(conn, "this line is too long, or not text\r\n");
    }
    if (status == LINE_TIMEOUT)
        conn_printf(conn, "timeout, closing\r\n");
}
