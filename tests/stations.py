"""The stations: one failure seen, one idea, the code that answers it, the tests that show the answer.

This is the one table of them. The text has a section for each; a line `# ======== 2.2 Paths` in a test
file says that the tests below it belong to station 2.2; `python3 tests/run.py 2 --station 2.2` runs those
of one, and `make spec-02` prints what they ask. Needs nothing beside Python.
"""
import re
from collections import namedtuple

# number; title; heading of its section in TUTORIAL.md; {file: what it brings there, by its names}. The rest
# of a file belongs to the first station of its step that has the file.
Station = namedtuple("Station", "number title section brings")


def station(number, title, brings=None):
    return Station(number, title, "%s %s" % (number, title), brings or {})


STATIONS = [
    station("1.1", "Four calls and a read"),
    station("1.2", "Lines", {
        "conn.[ch]": "conn_read_line fill conn_send conn_printf trace format_of",
        "session.[ch]": "session_run"}),
    station("1.3", "A process for each client", {
        "main.c": "listen_on open_listener find_name announce accept_client end main",
        "options.[ch]": "options_parse"}),

    station("2.1", "A conversation", {
        "session.[ch]": "trouble bad_order reset command_helo command_ehlo commands run_command say "
                        "session_run"}),
    station("2.2", "Paths", {
        "path.[ch]": "path_parse",
        "session.[ch]": "command_mail is_local command_rcpt",
        "options.[ch]": "domains"}),
    station("2.3", "Pipelining, and the last words", {
        "conn.[ch]": "conn out out_size fill conn_printf conn_flush conn_close",
        "session.[ch]": "PIPELINING"}),
    station("2.4", "Strangers", {
        "main.c": "listen_on_name open_listeners children network_of has_room reap stop accept_client run "
                  "open_standard_streams on_signal catch_signals",
        "conn.[ch]": "line_status conn_init conn_send conn_refuse LINE_TIMEOUT LINE_STOPPED SO_RCVTIMEO",
        "session.[ch]": "faults FAULTS_MAX HTTP",
        "options.[ch]": "addresses timeout"}),

    station("3.1", "Take it", {
        "data.[ch]": "data_decode next_state text_length",
        "receive.[ch]": "receive_text receive_message",
        "conn.[ch]": "conn_wait conn_used",
        "maildir.[ch]": "maildir_begin make_name maildir_write maildir_end",
        "session.[ch]": "command_data"}),
    station("3.2", "Keep it", {
        "maildir.[ch]": "maildir_commit sync_directory complete maildir_prepare look_for "
                        "maildir_find is_linked maildir_reply",
        "receive.[ch]": "prepend_fields",
        "conn.[ch]": "conn_set_peer",
        "main.c": "maildir_prepare",
        "session.[ch]": "greet command_helo command_rcpt session",
        "options.[ch]": "mail"}),
    station("3.3", "Hold the line", {
        "session.[ch]": "parse_size command_mail command_ehlo SIZE BODY",
        "path.[ch]": "path_parameters",
        "receive.[ch]": "settle count_received",
        "options.[ch]": "size_max"}),

    station("4.1", "Fields and slices", {
        "text.[ch]": "slice text slice_of slice_from slice_first slice_trim_start slice_trim slice_same "
                     "slice_is "
                     "slice_starts_with slice_find slice_line text_slice text_add text_add_char",
        "header.[ch]": "field header_next",
        "report.[ch]": "rows print_field print_report report_message",
        "receive.c": "settle"}),
    station("4.2", "Encoded words", {
        "base64.[ch]": "base64_decode",
        "word.[ch]": "encoded_word cut parse_word word_length word_hex word_unescape decode end_run "
                     "take_plain "
                     "word_decode"}),
    station("4.3", "Character sets", {
        "utf8.[ch]": "utf8_length",
        "charset.[ch]": "aliases meaning_of charset_open convert charset_convert charset_is_known "
                        "charset_to_text",
        "path.[ch]": "utf8_non_ascii word quoted_string path_is_utf8",
        "session.[ch]": "needs_smtputf8 command_ehlo command_mail command_rcpt",
        "receive.c": "prepend_fields"}),
    station("4.4", "Addresses", {
        "header.[ch]": "take_enclosed header_skip_cfws header_quoted_string",
        "address.[ch]": "mailbox start word_size take_word add_name add_mailbox address_list"}),
    station("4.5", "Dates", {
        "date.[ch]": "simplify parse_time parse_zone days date_utc"}),
    station("4.6", "The report, and what a terminal must not see", {
        "utf8.[ch]": "utf8_is_harmful",
        "text.[ch]": "text_show",
        "output.[ch]": "piece_size output_write output_log",
        "conn.c": "trace",
        "maildir.c": "maildir_reply",
        "main.c": "accept_client"}),

    station("5.1", "The tree", {
        "mime.[ch]": "part_kind part mime find_type read_header take_delimiter parse_multipart "
                     "find_boundary is_message "
                     "parse_body parse mime_parse mime_number",
        "parameter.[ch]": "parameter_token take_value gather",
        "report_parts.[ch]": "print_branches print_lower print_type print_part report_parts",
        "report.c": "print_report"}),
    station("5.2", "Base64 and quoted-printable", {
        "transfer.[ch]": "encoding transfer transfer_encoding take_escape literal_length next_lines "
                         "transfer_next",
        "mime.[ch]": "parse_encoded mime_free",
        "extract.[ch]": "is_text write_octets"}),
    station("5.3", "Parameters and file names", {
        "parameter.[ch]": "section found is_file_name note take_charset join parameter_find",
        "extract.[ch]": "extract_file_name",
        "report_parts.c": "print_content"}),
    station("5.4", "Files out of a mail", {
        "extract.[ch]": "extract extract_prepare find_extension make_safe make_name is_shown write_text "
                        "write_content "
                        "extract_part",
        "report_parts.c": "tree",
        "options.[ch]": "extract",
        "main.c": "extract_prepare"}),

    station("6.1", "The command, and why it can be stripped", {
        "starttls.[ch]": "", "privileges.[ch]": "", "conn.[ch]": "", "main.c": "", "options.[ch]": "",
        "receive.c": "", "session.[ch]": ""}),
    station("6.2", "A hash", {"tls/bytes/*": "", "tls/hash/sha256.[ch]": ""}),
    station("6.3", "Keys from a secret", {"tls/hash/hkdf.[ch]": ""}),
    station("6.4", "A cipher that also authenticates", {"tls/cipher/*": ""}),
    station("6.5", "Agreeing on a secret in public", {"tls/exchange/*": ""}),
    station("6.6", "A signature", {"tls/signature/*": ""}),
    station("6.7", "A certificate is a few bytes of DER", {"tls/certificate/*": ""}),
    station("6.8", "Records", {"tls/record/*": ""}),
    station("6.9", "The key schedule", {"tls/schedule/*": ""}),
    station("6.10", "The handshake, byte by byte", {"tls/handshake/*": ""}),
]
NUMBERS = [row.number for row in STATIONS]

# What a program is asked to understand, and from which stage on.
STAGES = {
    1: ("An echo", """\
-l address   listen there, on one address if it is a name of several; without it, on loopback
-p port      a number from 0 to 65535; default 2525; 0 takes any free port
-v           show the conversation on standard error

Where an option is given twice the last one counts, unless it may be repeated.

Once it listens it prints `listening on 127.0.0.1 port 2525` on standard output, a line for each
socket, at once (flush it), and after its signal handlers are set: as soon as the line is there,
a client or a signal may come. SIGTERM and SIGINT end it with status 0. If it can't start it prints
a line on standard error that names the thing at fault, and ends with status 1; wrong usage is 2."""),
    2: ("Commands", """\
-t seconds   idle timeout, from 1 to 86400; default 300
-d domain    accept mail for this domain; may be repeated; default localhost
-l address   may be repeated; without it, on 127.0.0.1 and ::1

The commands are HELO, EHLO, MAIL, RCPT, DATA, RSET, NOOP, HELP, VRFY and QUIT. HELP is answered
with 211, 214 or 250 (of a topic that is not known: 504, too), the same each time; VRFY with 252 or
250, or 550, 551 or 553 for somebody who is not here. AUTH, which nobody announces, may be 503, 504
or 538, too. A recipient elsewhere is 550 or 551.

Every reply has a code of RFC 5321. Enhanced status codes (RFC 2034) are asked of a program that
announces ENHANCEDSTATUSCODES. The wording is free. SIGHUP ends it with status 0, too."""),
    3: ("DATA", """\
-m dir       where the mailboxes are; default ./mail. A mailbox is dir/NAME/{tmp,new,cur}
-s bytes     the largest message, at least 1; default 52428800

A message of MAILBOX is stored in dir/MAILBOX/new, its lines ended by LF, after a Return-Path and a
Received field of the program's own."""),
    4: ("Headers", """\
The report of a message on standard output, complete before the next command is answered, fields
that are not in the message left out:

    message 1763792557.M83120P4711Q1.mx to you@localhost, 48211 bytes
      From:    Alice <alice@example.org>
      To:      Bob <you@localhost>
      Subject: Hello
      Date:    2026-11-22T06:22:36Z
      Message-ID: <20261122062236.4711@mail.example.org>

The name is that of the file in new/. All is in UTF-8, dates in UTC. From, To, Cc, Subject, Date
and Message-ID are shown, and nothing that a terminal would obey."""),
    5: ("Multipart", """\
-x dir       write the parts of each message below this directory

The report goes on with the tree of the message, parts numbered as in RFC 3501 6.4.5; with -x the
path of each file is shown, dir/NAME/NUMBER-FILENAME, or dir/NAME/NUMBER.EXTENSION without a name:

      multipart/mixed
      ├─ 1 text/plain; charset=koi8-r, 312 bytes -> parts/.../1.txt
      └─ 2 application/pdf, 35120 bytes -> parts/.../2-report.pdf

Where a text is not converted to UTF-8 but kept octet by octet, ` (as it came)` stands after its
path."""),
    6: ("STARTTLS", """\
-c file -k file   certificate chain and EC P-256 key, in PEM; made, self-signed, if neither exists
-u user           become this user once the port is open

TLS 1.3 (RFC 8446) after STARTTLS (RFC 3207)."""),
}


def find(number):
    """The row of a station."""
    return STATIONS[NUMBERS.index(number)]


def stage_of(number):
    return int(number.split(".")[0])


# ---- which station a line of a test file belongs to

BANNER = re.compile(r"^# =+ (\d\.\d+) ?(.*)$", re.M)


def banners(text):
    """[(line, number, title)] of a test file."""
    return [(text.count("\n", 0, found.start()) + 1, found.group(1), found.group(2))
            for found in BANNER.finditer(text)]


def station_at(rows, line):
    """The number in the last banner above this line, or None."""
    return next((number for at, number, _ in reversed(rows) if at < line), None)
