"""Stage 4: the header of a message, told to a person (RFC 5322, RFC 2047, RFC 6532).

Expected values are worked out by hand from the RFC, are the RFC's own examples, or come from Python's
email package.
"""
import base64
import os
import random
import re
import signal
import socket
import subprocess
import time
from datetime import datetime, timedelta, timezone
from email.header import Header
from email.utils import format_datetime, formataddr

import pytest

from client import TIMEOUT, TIMEOUT_SCALE, Client
from report import Receiver, compare, header, people, sample, words
from server import environment, make_mailbox, trace_and_content
from test_02_strangers import start_without_stdout

# ======== 4.1 Fields and slices


@pytest.fixture
def receive(start):
    return Receiver(start)


def shown(receive, field, rows, read=words):
    """Deliver one message for each (value of the field, expected), and compare what is shown of the
    field."""
    __tracebackhide__ = True
    messages = [header(b"%s: %s" % (field.encode(), as_bytes(value))) for value, _ in rows]
    came = [report[field] for report in receive.all(messages)]
    compare([("%s: %r" % (field, value), expected, None if text is None else read(text))
             for (value, expected), text in zip(rows, came)])


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def one_mark(text):
    """How many U+FFFD a broken sequence becomes is nobody's promise."""
    return re.sub("\ufffd+", "\ufffd", words(text))


# ---- the report

@pytest.mark.key
def test_a_message_is_reported(receive):
    """A message is reported on standard output: its name, recipient and size, then its fields (RFC 5322
    A.1.1)"""
    report = receive(sample("rfc5322-a11"))
    assert report.id == receive.server.new()[0].name
    assert report.to == "you@localhost"
    assert report.lines[1:6] == [
        "  From:    John Doe <jdoe@machine.example>",
        "  To:      Mary Smith <mary@example.net>",
        "  Subject: Saying Hello",
        "  Date:    1997-11-21T15:55:06Z",
        "  Message-ID: <1234@local.machine.example>"]


def test_the_size_is_that_of_the_message(receive):
    """The size in the first line is that of the message, in the file or as it was sent"""
    message = header("From: a@example.org", body=b"0123456\r\n" * 1000)
    report = receive(message)
    assert len(message.replace(b"\r\n", b"\n")) <= report.size <= len(message) + 1000


def test_fields_have_one_order(receive):
    """The fields are shown in one order, From To Cc Subject Date Message-ID, whatever theirs is (RFC 5322
    3.6)"""
    fields = ["Message-ID: <1@example.org>", "Date: Fri, 21 Nov 1997 09:55:06 -0600", "Subject: s",
              "Cc: c@example.org", "To: t@example.org", "From: f@example.org"]
    report = receive(header(*fields))
    assert list(report.fields) == ["from", "to", "cc", "subject", "date", "message-id"]


def test_only_the_fields_that_are_there(receive):
    """A field that the message does not have is not shown (RFC 5322 3.6)"""
    assert list(receive(header("Subject: only this")).fields) == ["subject"]


def test_fields_after_the_empty_line_are_body(receive):
    """The header ends at the first empty line, and what looks like a field after it is text (RFC 5322
    2.1)"""
    assert receive(header("From: a@example.org", body=b"Subject: not this\r\n"))["Subject"] is None


def test_names_of_fields_in_any_case(receive):
    """The names of fields are known in any case (RFC 5322 1.2.2)"""
    report = receive(header("SUBJECT: one", "fRoM: a@example.org", "message-id: <1@example.org>",
                            "DATE: 1 Jan 2020 00:00:00 GMT"))
    assert report["Subject"] == "one" and report["From"] == "a@example.org"
    assert report["Message-ID"] == "<1@example.org>" and report["Date"] == "2020-01-01T00:00:00Z"


def test_each_recipient_is_named(start):
    """The report of a message for two names both recipients (RFC 5321 3.3)"""
    server = start(mailboxes=("you", "me"))
    client = server.connect()
    client.ehlo()
    client.deliver(header("Subject: to both"), recipients=("you@localhost", "me@localhost"))
    client.quit()
    report = "\n".join(server.wait_for_report())
    assert "you@localhost" in report and "me@localhost" in report


def test_a_refused_message_has_no_report(server, client):
    """A message that was refused is not reported"""
    client.ehlo()
    client.envelope()
    client.send_raw(b"Subject: bare\nline\r\n.\r\n")
    client.expect(554)
    client.quit()
    assert server.reports() == []


def test_the_250_does_not_wait_for_the_report(server, client):
    """The 250 does not depend on what the parser makes of the message (RFC 5321 4.2.5)"""
    client.ehlo()
    client.deliver(sample("terminal"))
    client.deliver(sample("rfc5322-a63"))
    assert len(server.messages()) == 2
    client.quit()
    assert len(server.reports()) == 2


# ---- lines and folding

FOLDED = [
    ("one\n two", "one two"), ("one\n\ttwo", "one two"), ("one\n  two \n three", "one two three"),
    ("\n the first line is empty", "the first line is empty"), ("one\n \n two", "one two"),
    ("   blanks before and behind   ", "blanks before and behind"),
    ("a: colon: in: the: value", "a: colon: in: the: value"),
]


@pytest.mark.key
def test_unfolding(receive):
    """A field that is folded over several lines is shown as one, with its blanks (RFC 5322 2.2.3, 4.2)"""
    shown(receive, "Subject", FOLDED)


def test_an_empty_field_is_empty_or_not_shown(receive):
    """A field without a value is shown empty or not at all (RFC 5322 3.6.5)"""
    assert not receive(header("Subject:", "From: a@example.org"))["Subject"]


def test_no_blank_after_the_colon(receive):
    """There need not be a blank after the colon (RFC 5322 2.2)"""
    assert receive(header("Subject:tight"))["Subject"] == "tight"


def test_blanks_before_the_colon(receive):
    """There may be blanks before the colon (RFC 5322 4.5)"""
    report = receive(header("Subject \t : loose", "From\t: a@example.org"))
    assert (report["Subject"], report["From"]) == ("loose", "a@example.org")


@pytest.mark.robust
def test_a_line_that_is_no_field(receive):
    """A line in the header that is no field is passed over, or ends the header (RFC 5322 2.2)"""
    report = receive(sample("bad-header-lines"))
    assert report["From"] == "a@example.org"
    assert report["Subject"] in ("still found", None) and report["To"] in ("you@localhost", None)


@pytest.mark.robust
def test_an_mbox_line_before_the_header(receive):
    """A line `From ` before the header, as mbox files have it, does not hide the fields (RFC 4155)"""
    report = receive(header("From alice Fri Nov 21 09:55:06 1997", "From: a@example.org",
                            "Subject: behind it"))
    assert (report["Subject"], report["From"]) == ("behind it", "a@example.org")


def test_a_header_without_a_body(receive):
    """A message may end with its header (RFC 5322 3.5)"""
    assert receive(sample("header-only"))["Subject"] == "no body at all"


def test_a_body_without_a_header(receive):
    """A message without a header shows no fields (RFC 5322 2.1)"""
    assert receive(sample("no-header")).fields == {}


def test_an_empty_message(receive):
    """An empty message is reported, without fields (RFC 5321 4.1.1.4)"""
    assert receive(b"").fields == {}


def test_a_field_that_comes_twice(receive):
    """Of two Subjects the first is shown (RFC 5322 3.6)"""
    report = receive(header("Subject: first", "Subject: second", "From: a@example.org"))
    assert report["Subject"].startswith("first")


def test_long_lines(receive):
    """A line of any length is read, and its beginning shown (RFC 5322 2.1.1)"""
    text = "word " * 5000 + "end"
    assert receive(header("Subject: " + text))["Subject"].startswith("word word")


# ======== 4.2 Encoded words

# ---- encoded words

def word(charset, encoding, data):
    """=?charset?encoding?...?= with every byte encoded"""
    if encoding in "Bb":
        text = base64.b64encode(data).decode()
    else:
        text = "".join("=%02X" % byte for byte in data)
    return "=?%s?%s?%s?=" % (charset, encoding, text)


RFC_2047_8 = [
    ("rfc2047-8", "From", [("Keith Moore", "moore@cs.utk.edu")]),
    ("rfc2047-8", "To", [("Keld Jørn Simonsen", "keld@dkuug.dk")]),
    ("rfc2047-8", "Cc", [("André Pirard", "PIRARD@vm1.ulg.ac.be")]),
    ("rfc2047-8-names", "From", [("Nathaniel Borenstein", "nsb@thumper.bellcore.com")]),
    ("rfc2047-8-names", "To", [("Patrik Fältström", "paf@nada.kth.se"), ("", "ietf-822@dimacs.rutgers.edu"),
                               ("Olle Järnefors", "ojarnef@admin.kth.se")]),
]


@pytest.mark.key
def test_the_examples_of_rfc_2047(receive):
    """The examples of the standard are decoded as it says (RFC 2047 8)"""
    reports = {name: receive(sample(name)) for name in ("rfc2047-8", "rfc2047-8-names")}
    compare([("%s %s" % (name, field), expected, people(reports[name][field]))
             for name, field, expected in RFC_2047_8])
    assert reports["rfc2047-8"]["Subject"] == "If you can read this you understand the example."


# the last table of RFC 2047, section 8: what stands in a comment, and how it is shown
IN_COMMENTS = [
    ("(=?ISO-8859-1?Q?a?=)", "a"), ("(=?ISO-8859-1?Q?a?= b)", "a b"),
    ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "ab"), ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "ab"),
    ("(=?ISO-8859-1?Q?a?=\n     =?ISO-8859-1?Q?b?=)", "ab"), ("(=?ISO-8859-1?Q?a_b?=)", "a b"),
    ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "a b"),
]


@pytest.mark.station("4.4")
def test_encoded_words_in_comments(receive):
    """An encoded word in a comment behind an address is decoded, for that is its owner's name (RFC 2047 8,
    RFC 5322 3.4)"""
    shown(receive, "From",
          [("x@example.org " + comment, [(name, "x@example.org")]) for comment, name in IN_COMMENTS], people)


WORDS = [
    ("=?utf-8?Q?one?=", "one"), ("=?UTF-8?q?one?=", "one"), ("=?utf-8?B?b25l?=", "one"),
    ("=?Utf-8?b?b25l?=", "one"), ("=?utf-8?Q?a_b=5Fc=20d=e2=82=ac?=", "a b_c d€"),
    ("=?utf-8?Q?what=3F?=", "what?"), ("=?utf-8?Q?one?= =?utf-8?Q?two?=", "onetwo"),
    ("=?utf-8?Q?one?=  \t =?utf-8?B?dHdv?=", "onetwo"), ("=?utf-8?Q?one?=\n =?utf-8?Q?two?=", "onetwo"),
    ("=?utf-8?Q?one?=\n\t=?utf-8?Q?two?=", "onetwo"),
    ("=?utf-8?Q?one?= two =?utf-8?Q?three?=", "one two three"), ("zero =?utf-8?Q?one?=", "zero one"),
    ("=?utf-8?Q?one_?= =?utf-8?Q?two?=", "one two"),
    ("=?iso-8859-1?Q?gr=FC=DF?= =?koi8-r?B?zcnS?=", "grüßмир"), ("=?utf-8*en?Q?lang_tag?=", "lang tag"),
    ("=?utf-8*de-AT?B?SmF1c2U=?=", "Jause"),
    ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),                                # RFC 2231 5
    ("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=", "€"),
    ("=?utf-8?B?4oI=?=\n =?utf-8?B?rA==?=", "€"),     # one character, split
    ("=?utf-8?Q?=F0=9F?= =?utf-8?B?mA==?= =?utf-8?Q?=80?=", "😀"),
    ("=?shift_jis?B?k/o=?= =?shift_jis?B?lntg?=", "日本`"), ("=?gb18030?Q?=81=30?= =?gb18030?Q?=89=37?=", "Þ"),
    ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=\n =?iso-2022-jp?B?GyRCOGwbKEI=?=", "日本語"),
    ("=?utf-8?B?b25l?= <not an address>", "one <not an address>"),
]


@pytest.mark.key
def test_encoded_words(receive):
    """Encoded words are decoded, B and Q, joined where only blanks are between them, with a language too
    (RFC 2047 2, 4, 6.2, RFC 2231 5)"""
    shown(receive, "Subject", WORDS)


BROKEN_WORDS = ["=?utf-8?Q?never closed", "=?utf-8?X?unknown encoding?=", "=?utf-8?Q?", "=?utf-8?=", "=??=",
                "=?", "?=", "=?utf-8", "=?utf-8?Q", "= ?utf-8?Q?x?=", "=?utf-8?QQ?x?=", "1 =? 2 ?= 3",
                "=??Q?x?="]


def test_broken_encoded_words_are_left_as_they_are(receive):
    """What can't be decoded is shown as it came (RFC 2047 6.3)"""
    shown(receive, "Subject", [(text, text) for text in BROKEN_WORDS])


EITHER = [      # senders do this against the RFC, and readers differ
    ("a=?utf-8?Q?glued?=b", ("agluedb", "a=?utf-8?Q?glued?=b")),
          ("=?utf-8?Q?a blank?=", ("a blank", "=?utf-8?Q?a blank?=")),
    ("=?x-no-such-charset?Q?abc?=", ("abc", "=?x-no-such-charset?Q?abc?=")),
    ("=?utf-8?B?b25?=", ("on", "on\ufffd", "=?utf-8?B?b25?=")),
          ("=?utf-8?B?b 25l?=", ("one", "=?utf-8?B?b 25l?=")),
    ("=?utf-8?Q?a=Zb?=", ("a=Zb", "=?utf-8?Q?a=Zb?=")), ("=?utf-8?Q?a=?=", ("a=", "a", "=?utf-8?Q?a=?=")),
    ("=?utf-7?Q?Hi_Mom_+Jjo-!?=",
     ("Hi Mom ☺!", "Hi Mom +Jjo-!", "=?utf-7?Q?Hi_Mom_+Jjo-!?=")),      # not every iconv has it
]


@pytest.mark.robust
def test_what_is_almost_an_encoded_word(receive):
    """What is almost an encoded word is decoded or left, and nothing third (RFC 2047 5, 6.3)"""
    came = receive.all([header("Subject: " + value) for value, _ in EITHER])
    compare([(value, "one of %r" % (allowed,),
              "one of %r" % (allowed,) if words(report["Subject"]) in allowed
              else report["Subject"]) for (value, allowed), report in zip(EITHER, came)])


UNTIDY_WORDS = [        # several mail libraries fold where they like
    ("=?utf-8?Q?Gr=C3=BC=C3=9Fe\n aus_K=C3=B6ln?=", "Grüße aus Köln"), ("=?utf-8?Q?one\n\ttwo?=", "one two"),
    ("=?utf-8?B?R3LD\n vMOfZQ==?=", "Grüße"), ("=?utf-8?B?R3LDvM\n\tOfZQ==?= =?utf-8?Q?!?=", "Grüße!"),
                ("=?utf-8?B?R3LDvMOf ZQ==?=", "Grüße"),
    ("=?utf-8?B?R3LDvMOfZQ==!?=", "Grüße"), ("=?utf-8?B?R3LD*vMOfZQ?=", "Grüße"),
                ("=?utf-8?B? R3LDvMOfZQ== ?=", "Grüße"),
    ("=?utf-8\n ?Q?one?=", "one"), ("=?utf-8?\n Q?one?=", "one"),
                ("a =?utf-8?Q?b\n c?= d =?utf-8?B?b2\n 5l?= e", "a b c d one e"),
    ("=?utf-8?Q?never closed\n =?utf-8?Q?caf=C3=A9?=", "=?utf-8?Q?never closed café"),
]


def test_encoded_words_with_a_fold_a_blank_or_junk_inside(receive):
    """Encoded words with a fold, a blank or junk inside are decoded (RFC 2047 2, RFC 5322 2.2.3, RFC 2045
    6.8)"""
    shown(receive, "Subject", UNTIDY_WORDS)


BAD_BYTES = [
    (word("utf-8", "Q", b"a\xffb"), "a\ufffdb"), (word("utf-8", "B", b"a\xe2\x82"), "a\ufffd"),
    (word("utf-8", "Q", b"\xc0\xafx"), "\ufffdx"), (word("utf-8", "Q", b"x\xed\xa0\x80y"), "x\ufffdy"),
    (word("utf-8", "Q", b"x\xf4\x90\x80\x80y"), "x\ufffdy"),
    (word("us-ascii", "Q", b"caf\xe9"), "caf\ufffd"), (word("utf-8", "Q", b"\x80ok"), "\ufffdok"),
    (word("euc-jp", "Q", b"ok\xff"), "ok\ufffd"), (word("utf-8", "Q", b"a\xe2\x82") + " b", "a\ufffd b"),
    (b"raw \xfc ISO 8859-1", "raw \ufffd ISO 8859-1"), (b"\xc3\xa9 good, \xe9 bad", "é good, \ufffd bad"),
    (b"raw \xed\xbf\xbf surrogate", "raw \ufffd surrogate"),
    (b"raw \xe0\x80\xaf overlong", "raw \ufffd overlong"), (b"cut off \xf0\x9f\x98", "cut off \ufffd"),
    (word("iso-2022-jp", "B", b"\x1b$B\x7e\x7e" + "ひら".encode("iso-2022-jp")[3:]),
     "\ufffdひら"),     # both octets are wrong
]


@pytest.mark.robust
def test_many_words_of_one_charset(receive):
    """A subject of hundreds of short encoded words is decoded whole (RFC 2047 6.2)"""
    text = "".join(chr(0x430 + number % 32) for number in range(600))
    shown(receive, "Subject", [("\n ".join(word("koi8-r", "B", c.encode("koi8-r")) for c in text), text)])


# ======== 4.3 Character sets

def test_wrong_bytes_become_the_replacement_character(receive):
    """Octets that are wrong in their charset become U+FFFD, and what is shown is UTF-8 (RFC 3629 3)"""
    shown(receive, "Subject", BAD_BYTES, one_mark)


CHARSETS = [
    ("us-ascii", "plain"), ("utf-8", "Grüße, Ἀθῆναι, 日本 😀"), ("iso-8859-1", "Smørrebrød"),
    ("iso-8859-2", "Zażółć gęślą jaźń"), ("iso-8859-5", "Съешь же ещё"), ("iso-8859-7", "Καλημέρα κόσμε"),
    ("iso-8859-8", "שלום עולם"), ("iso-8859-9", "Şişli ığ"), ("iso-8859-15", "100 € œuvre"),
    ("windows-1250", "Příliš žluťoučký kůň"), ("windows-1251", "Съешь ещё этих булок"),
    ("windows-1252", "“smart” – €"), ("windows-1256", "السلام عليكم"), ("koi8-r", "Съешь ещё этих булок"),
    ("koi8-u", "Ґанок і їжак є"), ("iso-2022-jp", "日本語のテキスト"), ("shift_jis", "日本語のテキスト"),
    ("euc-jp", "日本語のテキスト"), ("gb2312", "简体中文"), ("gbk", "镕基"), ("gb18030", "简体中文 𠀀 €"), ("big5", "繁體中文"),
    ("euc-kr", "한국어 텍스트"), ("tis-620", "ภาษาไทย"), ("utf-16be", "☺ 𝄞"), ("utf-16le", "☺ 𝄞"),
    ("KOI8-R", "Верх"), ("Windows-1251", "Низ"),
]


@pytest.mark.key
def test_charsets(receive):
    """Encoded words in any charset are shown in UTF-8 (RFC 2047 2)"""
    rows = [(word(charset, encoding, text.encode(charset)), words(text)) for charset, text in CHARSETS
            for encoding in "BQ"]
    shown(receive, "Subject", rows)


@pytest.mark.robust
def test_signs_that_windows_adds(receive):
    """A sign that only Windows has in a Japanese charset costs itself at most"""
    values = [word("euc-jp", "B", b"\xad\xa1" + "ひら".encode("euc-jp")),
              word("iso-2022-jp", "B", b"\x1b$B\x2d\x21" + "ひら".encode("iso-2022-jp")[3:])]
    for report in receive.all([header("Subject: " + value) for value in values]):
        assert one_mark(report["Subject"]) in ("①ひら", "\ufffdひら")


# WHATWG Encoding Standard, 4.2: what iconv alone does not know, or takes for less; and Python's name for it
LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8 us-ascii ascii ANSI_X3.4-1968",
    "windows-1252": "iso-8859-1 ISO8859-1 iso88591 iso_8859-1 iso_8859-1:1987 iso-ir-100 csISOLatin1 latin1 "
    "l1 cp819 ibm819 x-cp1252",
    "windows-1254": "iso-8859-9 iso88599 iso_8859-9:1989 iso-ir-148 csisolatin5 latin5 l5 x-cp1254",
    "iso-8859-6": "iso-8859-6-e iso-8859-6-i csiso88596e csiso88596i", "iso-8859-7": "sun_eu_greek",
    "iso-8859-8": "iso-8859-8-e iso-8859-8-i csiso88598e csiso88598i visual logical",
          "iso-8859-15": "csisolatin9 l9",
    "koi8-r": "koi koi8 koi8_r", "koi8-u": "koi8-ru", "mac-roman": "x-mac-roman macintosh",
          "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "cp874": "dos-874 iso-8859-11 iso885911 tis-620", "windows-1250": "x-cp1250", "windows-1251": "x-cp1251",
          "windows-1253": "x-cp1253",
    "windows-1255": "x-cp1255", "windows-1256": "x-cp1256", "windows-1257": "x-cp1257",
          "windows-1258": "x-cp1258",
    "gbk": "chinese csgb2312 csiso58gb231280 gb_2312 gb_2312-80 iso-ir-58 x-gbk",
          "big5": "csbig5 cn-big5 x-x-big5", "euc-jp": "x-euc-jp",
    "shift_jis": "x-sjis", "utf-16-be": "unicodefffe",
    "cp949": "csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
}
LABELLED = {"utf-8": "é", "windows-1252": "“é” €", "windows-1254": "ş “ğ”", "iso-8859-6": "سلام",
            "iso-8859-7": "γεια", "iso-8859-8": "שלום", "iso-8859-15": "€ é", "koi8-r": "мир",
            "koi8-u": "їжак", "mac-roman": "café", "mac-cyrillic": "мир", "cp874": "ไทย…",
            "windows-1250": "kůň", "windows-1251": "мир", "windows-1253": "γεια", "windows-1255": "שלום",
            "windows-1256": "سلام", "windows-1257": "ąž", "windows-1258": "đ", "gbk": "镕", "big5": "繁",
            "euc-jp": "日", "shift_jis": "日", "utf-16-be": "☺", "cp949": "똠"}
NOT_IN_MUSL = {"mac-roman", "mac-cyrillic", "cp874"}


def test_labels_of_charsets(receive):
    """Charsets are known by the labels that senders use, those of the web's Encoding Standard"""
    own = list(LABELS)
    known = {codec for codec, report in zip(own, receive.all([header("Subject: "
                                                                     + word(c, "Q", LABELLED[c].encode(c)))
                                                              for c in own]))
             if report["Subject"] == LABELLED[codec]} | set(LABELS) - NOT_IN_MUSL
    shown(receive, "Subject", [(word(label, "Q", LABELLED[codec].encode(codec)), LABELLED[codec])
                               for codec, labels in LABELS.items() if codec in known
                               for label in labels.split()])


@pytest.mark.robust
def test_half_width_katakana(receive):
    """Half-width katakana in iso-2022-jp, which Windows writes, are read"""
    shown(receive, "Subject", [(word("iso-2022-jp", "B", b"\x1b(I12\x1b(B"), "ｱｲ")])


def test_utf_8_as_it_stands(receive):
    """UTF-8 in a header is shown as it stands, in addresses too (RFC 6532 3.2)"""
    report = receive(sample("smtputf8"), parameters="SMTPUTF8 BODY=8BITMIME")
    assert report["Subject"] == "Grüße aus Köln 😀"
    assert people(report["From"]) == [("Jürgen", "jürgen@exämple.de")]
    assert people(report["To"]) == [("用户", "用户@例え.jp")]


def test_raw_8_bit_that_is_not_utf_8(receive):
    """Octets in a header that are not UTF-8 become U+FFFD (RFC 6532 3.2)"""
    report = receive(sample("raw-8bit"))
    assert one_mark(report["Subject"]) == "gr\ufffde aus k\ufffdln"
    assert one_mark(report["From"]) == "J\ufffdrgen <j@example.de>"


def test_subjects_encoded_by_python(receive):
    """120 subjects that Python has encoded and folded are shown as they were (RFC 2047)"""
    pick = random.Random(2047)
    # it writes "eucgb2312_cn", "big5_tw", or ends lines inside
    not_by_python = ("gb2312", "big5", "utf-16be", "utf-16le")
    texts = [(charset, text) for charset, text in CHARSETS if charset not in not_by_python]
    rows = []
    for _ in range(120):
        charset, text = pick.choice(texts)
        subject = words(" ".join(pick.choice([text, text[::-1], "ascii only"])
                                 for _ in range(pick.randint(1, 9))))
        rows.append((Header(subject, charset, header_name="Subject").encode(), subject))
    shown(receive, "Subject", rows)


# ======== 4.4 Addresses

# ---- addresses

RFC_5322_A = [
    ("rfc5322-a12", "From", [("Joe Q. Public", "john.q.public@example.com")]),
    ("rfc5322-a12", "To", [("Mary Smith", "mary@x.test"), ("", "jdoe@example.org"), ("Who?", "one@y.test")]),
    ("rfc5322-a12", "Cc", [("", "boss@nil.test"), ('Giant; "Big" Box', "sysservices@example.net")]),
    ("rfc5322-a13", "To", [("Ed Jones", "c@a.test"), ("", "joe@where.test"), ("John", "jdoe@one.test")]),
    ("rfc5322-a5", "From", [("Pete", "pete@silly.test")]),
    ("rfc5322-a5", "To",
     [("Chris Jones", "c@public.example"), ("", "joe@example.org"), ("John", "jdoe@one.test")]),
    ("rfc5322-a61", "From", [("Joe Q. Public", "john.q.public@example.com")]),
    ("rfc5322-a61", "To", [("Mary Smith", "mary@example.net"), ("", "jdoe@test.example")]),
    ("rfc5322-a63", "From", [("John Doe", "jdoe@machine.example")]),
    ("rfc5322-a63", "To", [("Mary Smith", "mary@example.net")]),
]


@pytest.mark.key
def test_the_addresses_of_rfc_5322(receive):
    """The addresses of the standard's examples are shown with their names (RFC 5322 A.1.2, A.1.3, A.5,
    A.6.1, A.6.3)"""
    reports = {name: receive(sample(name)) for name in sorted({row[0] for row in RFC_5322_A})}
    compare([("%s %s" % (name, field), expected, people(reports[name][field] or ""))
             for name, field, expected in RFC_5322_A])


ADDRESSES = [
    ("a@b.test", [("", "a@b.test")]), ("<a@b.test>", [("", "a@b.test")]),
    ("Ann<a@b.test>", [("Ann", "a@b.test")]), ('"Doe, John" <j@x.test>', [("Doe, John", "j@x.test")]),
    ('"" <a@b.test>', [("", "a@b.test")]), (r'"a \\ b" <a@b.test>', [("a \\ b", "a@b.test")]),
    ('"a" b "c" <a@b.test>', [("a b c", "a@b.test")]), ('"a\n b" <a@b.test>', [("a b", "a@b.test")]),
    ("John (the (great (one))) Doe <j@x.test>", [("John Doe", "j@x.test")]),
    ("a@b.test (John Doe)", [("John Doe", "a@b.test")]),
    ("a@b.test,c@d.test", [("", "a@b.test"), ("", "c@d.test")]),
    (", ,a@b.test,, c@d.test,",
     [("", "a@b.test"), ("", "c@d.test")]),                          # RFC 5322 4.4
    ("<@a.test,@b.test:c@d.test>", [("", "c@d.test")]),
    ("X <@a.test,,@b.test : c@d.test>", [("X", "c@d.test")]), ("a . b @ c . test", [("", "a.b@c.test")]),
    ("< a @ b.test >", [("", "a@b.test")]), ("A. B. See <a@b.test>", [("A. B. See", "a@b.test")]),
    ("u@[192.0.2.1]", [("", "u@[192.0.2.1]")]),
    ("v6 <u@[IPv6:2001:db8::1]>", [("v6", "u@[IPv6:2001:db8::1]")]),
    ('"a b"@c.test', [("", '"a b"@c.test')]), ('X <"a,b"@c.test>', [("X", '"a,b"@c.test')]),
    ("Friends: a@b.test, C <c@d.test>;", [("", "a@b.test"), ("C", "c@d.test")]),
    ("One: a@b.test;, Two: c@d.test;, e@f.test", [("", "a@b.test"), ("", "c@d.test"), ("", "e@f.test")]),
    ('"Two words": a@b.test;', [("", "a@b.test")]),
    ("a@b.test\n ,c@d.test\n (C)", [("", "a@b.test"), ("C", "c@d.test")]),
    ("=?utf-8?Q?J=C3=B6rg?= Maier <a@b.test>", [("Jörg Maier", "a@b.test")]),
    ("=?utf-8?Q?J=C3=B6?= =?utf-8?Q?rg?= <a@b.test>", [("Jörg", "a@b.test")]),
    ("Dr. =?utf-8?B?SsO2cmc=?= <a@b.test>", [("Dr. Jörg", "a@b.test")]),
    ("=?utf-8?Q?Doe=2C_John?= <a@b.test>", [("Doe, John", "a@b.test")]),
    ('"=?utf-8?Q?J=C3=B6rg?=" <a@b.test>',
     [("Jörg", "a@b.test")]),                              # against RFC 2047 5, but common
    ('"=?utf-8?Q?Doe=2C_J?= =?utf-8?Q?=C3=B6?=" <a@b.test>', [("Doe, Jö", "a@b.test")]),
    ("=?utf-8?Q?=22quoted=22?= <a@b.test>", [('"quoted"', "a@b.test")]),
    ("=?utf-8?Q?boss=40bank.test?= <evil@x.test>", [("boss@bank.test", "evil@x.test")]),
    ("=?utf-8?Q?=3Cboss=40bank.test=3E=2C?= <evil@x.test>", [("<boss@bank.test>,", "evil@x.test")]),
    ("Jürgen <j@x.test>", [("Jürgen", "j@x.test")]), ("日本語 <j@x.test>", [("日本語", "j@x.test")]),
    ("UPPER@Example.ORG", [("", "UPPER@Example.ORG")]),
    ("u@[IPv6:::1], a@b.test",
     [("", "u@[IPv6:::1]"), ("", "a@b.test")]),                        # RFC 5321 4.1.3
    ("<=?utf-8?Q?boss=40bank.test=3E=2C_=3Cx?=@evil.test>",
     # RFC 2047 5 (3)
     [("", "=?utf-8?Q?boss=40bank.test=3E=2C_=3Cx?=@evil.test")]),
]


@pytest.mark.key
def test_addresses(receive):
    """Addresses with quoted strings, comments, groups, routes and blanks are read, and encoded words in
    their names decoded (RFC 5322 3.4, 4.4, RFC 2047 6.2)"""
    shown(receive, "To", ADDRESSES, people)


FORBIDDEN_WORDS = [       # RFC 2047 5 (3): no such signs in a phrase
    ("=?utf-8?Q?Smith,_Alice?= <a@b.test>", [("Smith, Alice", "a@b.test")]),
    ("=?utf-8?Q?M=C3=BCller,_Hans_(DE)?= <a@b.test>, c@d.test",
     [("Müller, Hans (DE)", "a@b.test"), ("", "c@d.test")]),
    ("=?utf-8?Q?Hans_(DE)?= <a@b.test>", [("Hans (DE)", "a@b.test")]),
                   ("=?utf-8?Q?a:b;c?= <a@b.test>", [("a:b;c", "a@b.test")]),
    ("=?utf-8?Q?Al?= =?utf-8?Q?_<x@y.test>?= <a@b.test>", [("Al <x@y.test>", "a@b.test")]),
]


def test_encoded_words_with_signs_that_are_forbidden_there(receive):
    """An encoded word with signs that are forbidden in a name neither tears the name nor gives an address
    (RFC 2047 5)"""
    shown(receive, "From", FORBIDDEN_WORDS, people)


def test_an_encoded_word_is_one_word_whatever_is_in_it(receive):
    """A comma inside an encoded word parts no addresses"""
    shown(receive, "From", [
        ("=?utf-8?Q?Gr=C3=BC\n aus,_K=C3=B6ln?= <a@b.test>", [("Grü aus, Köln", "a@b.test")]),
        ("=?utf-8?Q?M=C3=BCller,\n Hans?= <a@b.test>, c@d.test",
         [("Müller, Hans", "a@b.test"), ("", "c@d.test")]),
        ("x=?utf-8?Q?a,b?= <a@b.test>", [("xa,b", "a@b.test")]),
        ("=?utf-8?B?YSwg Yg==?= <a@b.test>", [("a, b", "a@b.test")]),
        ("=?utf-8?Q?Al <a@b.test>, =?utf-8?Q?Bo?= <c@d.test>",
         [("=?utf-8?Q?Al", "a@b.test"), ("Bo", "c@d.test")]),
    ], people)


def test_a_blank_in_an_address_makes_no_other_address(receive):
    """A blank inside an address does not make another one that nobody wrote (RFC 5322 4.4)"""
    for value in ("Foo <foo bar@b.test>", "Foo <foo\n bar@b.test>", "Foo <foo (x) bar@b.test>",
                  'Foo <foo "bar"@b.test>', "Foo <foo@b test>", "foo bar@b.test"):
        assert not re.search("foobar|foo\"bar|btest", receive(header("From: " + value))["From"]), value
    shown(receive, "From", [("Foo <foo . bar @ b . test>", [("Foo", "foo.bar@b.test")]),
                            ("<<a@b.test>>", [("", "a@b.test")])], people)


NO_ADDRESSES = ["Alice Smith alice@example.org", "alice@example.org Alice", "a b@example.org"]


def test_words_that_are_no_address_are_not_made_one(receive):
    """Words with blanks between them are not glued into an address that nobody wrote (RFC 5322 3.4.1,
    4.4)"""
    shown(receive, "From", [(text, text) for text in NO_ADDRESSES])


def test_comments_do_not_hide_addresses(receive):
    """Comments may stand nearly everywhere and hide no address (RFC 5322 3.2.2)"""
    rows = [("(c) a@b.test , (d\\)) e@f.test(g)", ["a@b.test", "e@f.test"]),
            ("a(x)@(y)b(z).test (Q)", ["a@b.test"]), ("(((deep)))<a@b.test>", ["a@b.test"]),
            ("x (, ; < > @ \" ) <a@b.test>", ["a@b.test"]), ("(a\\\\)a@b.test", ["a@b.test"])]
    shown(receive, "To", rows, lambda text: [address for _, address in people(text)])


def test_a_list_is_shown_with_commas(receive):
    """A list is shown with commas between its addresses, and a name with a comma in quotes"""
    report = receive(header('From: "Doe, John" <j@x.test>', "To: a@b.test ,Ann   Bee  <c@d.test>"))
    assert report["From"] == '"Doe, John" <j@x.test>'
    assert report["To"] == "a@b.test, Ann Bee <c@d.test>"


def test_a_quote_in_a_name_stays_quoted(receive):
    """A quote in a name is shown with its backslash (RFC 5322 3.2.4)"""
    value = r'"Giant; \"Big\" Box" <s@x.test>'
    assert receive(header("From: " + value))["From"] == value


def test_a_group_without_members(receive):
    """A group without members shows no address (RFC 5322 A.1.3, A.5)"""
    for name in ("rfc5322-a13", "rfc5322-a5"):
        report = receive(sample(name))
        assert "@" not in (report["Cc"] or "") and "nobody" not in (report["Cc"] or "")
        assert report["Date"] is not None


BROKEN_ADDRESSES = ["<a@b.test", "a@b.test>", '"never closed <a@b.test>', "(never closed a@b.test",
                    "<<a@b.test>>", "Group: a@b.test", "a@b.test; c@d.test", ";", ",", "<>", "@", "a@",
                    "@b.test", "\\", '"', "(", ")", "a@b@c.test", "<a b@c.test>", ":;<>", "a@[never closed",
                    "a@b.test (x", 'a "b', "Ann <a@b.test> Bee", "=?utf-8?Q?=22?= <a@b.test>",
                    "no address at all"]


@pytest.mark.robust
def test_words_alone_do_not_look_like_addresses(receive):
    """A field of words alone shows a name, and no address that it does not have (RFC 2047 5 (3))"""
    two = receive(header("From: =?utf-8?Q?boss=40bank.test=2C_x=40y.test?="))["From"]
    assert people(two) == people('"boss@bank.test, x@y.test"')
    assert receive(header("From: =?utf-8?Q?J=C3=B6rg?= Maier"))["From"] == "Jörg Maier"
    assert people(receive(header("From: root (Cron Daemon)"))["From"]) == [("Cron Daemon", "root")]


@pytest.mark.robust
def test_broken_addresses_do_no_harm(receive):
    """Broken addresses harm nothing else, and what can be read of them is shown (RFC 5322 3.4)"""
    fields = [header("To: " + text, "Subject: still here") for text in BROKEN_ADDRESSES]
    reports = receive.all(fields)
    assert [report["Subject"] for report in reports] == ["still here"] * len(reports)
    for text, report in zip(BROKEN_ADDRESSES, reports):
        report.check_safe()
    for text in ("<a@b.test", "Ann <a@b.test> Bee", "Group: a@b.test"):
        assert "a@b.test" in reports[BROKEN_ADDRESSES.index(text)]["To"]


def test_names_written_by_python(receive):
    """100 names with every special character, as Python writes them, are shown as they were (RFC 5322
    3.4)"""
    pick = random.Random(5322)
    alphabet = "abc XYZ 012 .,;:@<>()[]\"\\!#$%&'*+-/=?^_`{|}~ äöü Яж 日本"
    rows = []
    for number in range(100):
        name = words("n" + "".join(pick.choice(alphabet) for _ in range(pick.randint(1, 30))) + "e")
        if "=?" not in name:
            address = "user%d@example.org" % number
            rows.append((formataddr((name, address)), [(name, address)]))
    shown(receive, "From", rows, people)


@pytest.mark.robust
def test_many_addresses(receive):
    """A list of hundreds of addresses is shown whole (RFC 5322 3.4)"""
    addresses = ["user%d@example.org" % number for number in range(300)]
    assert people(receive(header("To: " + ",\n ".join(addresses)))["To"]) == [("", address)
                                                                              for address in addresses]


# ======== 4.5 Dates

# ---- dates

DATES = [
    ("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z"),
    ("21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z"),
    ("Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T08:52:37Z"),
    ("Thu, 13 Feb 1969 23:32 -0330", "1969-02-14T03:02:00Z"),
    ("21 Nov 97 09:55:06 GMT",
     "1997-11-21T09:55:06Z"),                                             # RFC 5322 A.6.2
    ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T15:55:06Z"),                    # A.6.3
    ("Thu,\n 13\n Feb\n  1969\n 23:32\n  -0330 (Newfoundland Time)", "1969-02-14T03:02:00Z"),       # A.5
    ("Sat, 01 Jan 2000 00:00:00 -0000", "2000-01-01T00:00:00Z"),
    ("Sun, 06 Nov 1994 08:49:37 +0530", "1994-11-06T03:19:37Z"),
    ("31 Dec 1999 23:59:59 -0001", "2000-01-01T00:00:59Z"),
    ("1 Jan 2000 00:00:00 +1400", "1999-12-31T10:00:00Z"),
    ("29 Feb 2000 12:00:00 +0000", "2000-02-29T12:00:00Z"),
    ("1 Mar 2000 00:00:00 +0001", "2000-02-29T23:59:00Z"),
    ("1 Mar 2100 00:00:00 +0001", "2100-02-28T23:59:00Z"),
    ("1 Jan 2039 00:00:00 +0000", "2039-01-01T00:00:00Z"),
    ("31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59Z"),
    ("1 Jan 1900 00:00:00 +0000", "1900-01-01T00:00:00Z"),
    ("31 Dec 9998 23:59:59 +0000", "9998-12-31T23:59:59Z"),
    ("mon, 1 jan 2001 00:00:00 gmt", "2001-01-01T00:00:00Z"),
    ("Mon,1 Jan 2001 0:00:00 UT", "2001-01-01T00:00:00Z"),
    ("Wed, 01 Jan 2001 00:00:00 UT",
     "2001-01-01T00:00:00Z"),       # a Monday, but the day of the week adds nothing
    ("1 Jan 00 00:00:00 GMT", "2000-01-01T00:00:00Z"),
    ("1 Jan 49 00:00:00 GMT", "2049-01-01T00:00:00Z"),   # 4.3: 00 to 49
    ("1 Jan 50 00:00:00 GMT", "1950-01-01T00:00:00Z"), ("1 Jan 99 00:00:00 GMT", "1999-01-01T00:00:00Z"),
    ("1 Jan 103 00:00:00 GMT",
     "2003-01-01T00:00:00Z"),                                                     # three digits
    ("1 Jan 2001 00:00:00 EST", "2001-01-01T05:00:00Z"), ("1 Jan 2001 00:00:00 EDT", "2001-01-01T04:00:00Z"),
    ("1 Jan 2001 00:00:00 CST", "2001-01-01T06:00:00Z"), ("1 Jan 2001 00:00:00 CDT", "2001-01-01T05:00:00Z"),
    ("1 Jan 2001 00:00:00 MST", "2001-01-01T07:00:00Z"), ("1 Jan 2001 00:00:00 MDT", "2001-01-01T06:00:00Z"),
    ("1 Jan 2001 00:00:00 PST", "2001-01-01T08:00:00Z"), ("1 Jan 2001 00:00:00 PDT", "2001-01-01T07:00:00Z"),
    ("1 Jan 2001 00:00:00 Z", "2001-01-01T00:00:00Z"),
    ("1 Jan 2001 00:00:00 A", "2001-01-01T00:00:00Z"),  # 4.3: as -0000
    ("1 Jan 2001 00:00:00 XYZ", "2001-01-01T00:00:00Z"),
    ("1 Jan 2001 00:00:00 (EST) -0500", "2001-01-01T05:00:00Z"),
    ("(now) Mon(day), 1(st) Jan 2001 00:00:00 +0000 (UTC (really))", "2001-01-01T00:00:00Z"),
    ("22 Nov 2026 09:22:36 +03:00",
     "2026-11-22T06:22:36Z"),                                       # as in ISO 8601
    ("22 Nov 2026 09:22:36 +05:30", "2026-11-22T03:52:36Z"),
    ("1 Jan 2001 00:00 +0000", "2001-01-01T00:00:00Z"),
    ("  1   Jan   2001   00:00:00   +0000  ", "2001-01-01T00:00:00Z"),
]


@pytest.mark.key
def test_dates_in_utc(receive):
    """A date is shown in UTC, with obsolete zones and years of two digits too (RFC 5322 3.3, 4.3)"""
    shown(receive, "Date", DATES)


def test_a_leap_second(receive):
    """A leap second is a second that there may be (RFC 5322 3.3)"""
    came = receive(header("Date: Thu, 31 Dec 1998 23:59:60 +0000"))["Date"]
    assert came in ("1998-12-31T23:59:60Z", "1999-01-01T00:00:00Z", "1998-12-31T23:59:59Z")


NO_DATES = ["yesterday", "Fri, 32 Jan 2001 00:00:00 +0000", "30 Feb 2001 00:00:00 +0000",
            "29 Feb 1900 00:00:00 +0000", "31 Apr 2001 00:00:00 +0000", "0 Jan 2001 00:00:00 +0000",
            "1 Foo 2001 00:00:00 +0000", "1 Jan 2001 24:00:00 +0000", "1 Jan 2001 00:60:00 +0000",
            "1 Jan 2001 00:00:61 +0000", "Fri, 21 Nov", "21", "", "(only a comment)",
            "1 Jan 99999999999999999999 00:00:00 +0000", "99999999999 Jan 2001 00:00:00 +0000", "1 Jan",
            ",,,,", "1 Jan 2001 00:00:00 +99999999999999"]
# read in part by some, and by others not at all: but never as a time that is not there
HALF_DATES = [("1 Jan 2001", "2001-01-01T00:00:00Z"), ("1 Jan 2001 :::", "2001-01-01T00:00:00Z"),
              ("Mon, 1 Jan 2001 junk", "2001-01-01T00:00:00Z"),
              ("21 Nov 1997 09:55:06 -06000000000000000000", "1997-11-21T15:55:06Z"),
              ("21 Nov 1997 09:55:06 -0600 junk 7", "1997-11-21T15:55:06Z"),
              ("21 Nov 1997 09 : 55", "1997-11-21T09:55:00Z"),
              ("31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z"),
              ("21-Nov-1997 09:55:06 GMT", "1997-11-21T09:55:06Z"),
              ("Fri Nov 21 09:55:06 1997", "1997-11-21T09:55:06Z"),
              ("Fri, 21 Nov 1997 09:55:06", "1997-11-21T09:55:06Z"),
              ("21 November 1997 09:55:06 +0000", "1997-11-21T09:55:06Z")]


FOREIGN_DATES = [       # the right date, or none: what a name or a number means depends on where it stands
    ("mar., 5 nov. 2024 10:00:00 +0100", "2024-11-05T09:00:00Z"),
                 ("mar. 5 nov. 2024 10:00:00 +0100", "2024-11-05T09:00:00Z"),
    ("mardi 5 novembre 2024 10:00:00 +0100", "2024-11-05T09:00:00Z"),
                 ("mar., 5 nov 2024 10:00 GMT", "2024-11-05T10:00:00Z"),
    ("dec. 15 jul 2024 10:00:00 +0000", "2024-07-15T10:00:00Z"),
                 ("ti, 5 marras 2024 10:00:00 +0000", "2024-11-05T10:00:00Z"),
    ("=?utf-8?Q?Mon,_15_Jul_2024_10=3A00=3A00_+0200?=", "2024-07-15T08:00:00Z"),
    ("=?us-ascii?Q?15_Jul_2024_10:00:00_+0200?=", "2024-07-15T08:00:00Z"),
    ("Mon, 15 Jul 2024 10:00:00 PM +0000", "2024-07-15T22:00:00Z"),
                 ("Mon, 15 Jul 2024 10:00:00 H0500", None),
    ("Tue Nov 05 2024 10:00:00 GMT+0100 (CET)", "2024-11-05T09:00:00Z"),
                 ("Tue Nov 5 10:00:00 2024", "2024-11-05T10:00:00Z"),
    ("Tue, 5 Nov 2024 10:00:00 +1", "2024-11-05T09:00:00Z"),
                 ("2024-11-05T10:00:00Z", "2024-11-05T10:00:00Z"),
    ("2024 Nov 5 10:00:00 +0000", "2024-11-05T10:00:00Z"), ("Wed, 15 Dec 2010    59:10 -0500", None),
]


def test_dates_of_other_languages_and_dialects(receive):
    """A date in another language is shown right or not at all (RFC 5322 3.3)"""
    reports = receive.all([header("Date: " + value) for value, _ in FOREIGN_DATES])
    compare([(value, expected, report["Date"] or expected)
             for (value, expected), report in zip(FOREIGN_DATES, reports)])


def test_impossible_dates_are_not_shown(receive):
    """A date that can't be is not shown (RFC 5322 3.3)"""
    reports = receive.all([header("Date: " + value, "Subject: here") for value in NO_DATES])
    compare([(value, (None, "here"), (report["Date"], report["Subject"]))
             for value, report in zip(NO_DATES, reports)])


@pytest.mark.robust
def test_half_a_date(receive):
    """Of half a date what is shown is right, or nothing (RFC 5322 4.3)"""
    reports = receive.all([header("Date: " + value) for value, _ in HALF_DATES])
    compare([(value, expected, report["Date"] or expected)
             for (value, expected), report in zip(HALF_DATES, reports)])


def test_dates_written_by_python(receive):
    """150 dates in many zones, as Python writes them, are shown right (RFC 5322 3.3)"""
    pick = random.Random(3339)
    rows = []
    for _ in range(150):
        moment = datetime(1901, 1, 1,
                          tzinfo=timezone.utc) + timedelta(seconds=pick.randrange(0, 8000 * 365 * 86400))
        zone = timezone(timedelta(minutes=pick.randrange(-12 * 60, 14 * 60 + 1)))
        rows.append((format_datetime(moment.astimezone(zone)),
                     moment.strftime("%%04d-%m-%dT%H:%M:%SZ") % moment.year))
    shown(receive, "Date", rows)


# ======== 4.1 Fields and slices

# ---- Message-ID

MESSAGE_IDS = [("<1234@local.machine.example>", "1234@local.machine.example"), ("   <a@b> ", "a@b"),
               ("\n <a@b>", "a@b"), ("<a@[192.0.2.1]>", "a@[192.0.2.1]"), ("<a=?b?=c@x>", "a=?b?=c@x")]


def test_message_ids(receive):
    """The Message-ID is shown with its angle brackets, without comments (RFC 5322 3.6.4)"""
    shown(receive, "Message-ID", MESSAGE_IDS, lambda text: text.strip("<>"))


# ======== 4.6 The report, and what a terminal must not see

# ---- nothing reaches the terminal raw

@pytest.mark.key
def test_the_terminal_obeys_nothing(receive):
    """Nothing from a message commands the terminal or turns its text around (ECMA-48 5.4, Unicode UAX 9)"""
    report = receive(sample("terminal"))
    report.check_safe()
    for text in ("Alice", "owned"):
        assert text in report["From"]
    assert "red" in report["To"] and "you@localhost" in report["To"]
    for text in ("cls", "C1", "gpj.exe", "nul", "del", "bs", "cr", "lf", "tab"):
        assert text in report["Subject"]


EVERYWHERE = ["Subject: x%sy", "From: x%sy <a@b.test>", 'From: "x%sy" <a@b.test>', "From: a@b.test (x%sy)",
              "From: <x%sy@b.test>", "From: a@x%sy.test", "From: a@[x%sy]", 'To: "x%sy"@b.test', "Cc: x%sy",
              "Message-ID: <x%sy@b.test>", "Date: x%sy", "x%sy: name of a field", "Subject%s: x"]


@pytest.mark.parametrize("control", ["\x1b[31m", "\x07", "\x08", "\x7f", "\x00", "\u009b31m", "\u0085",
                                     "\u202e", "\u2067", "\u2028", "\u061c", "\u200f", "\x0b\x0c"])
def test_controls_in_every_place(receive, control):
    """A control character is shown escaped wherever in the header it stands (RFC 5322 4.1)"""
    reports = receive.all([header(field % control) for field in EVERYWHERE])
    for report in reports:
        report.check_safe()


def test_controls_inside_encoded_words(receive):
    """A control character that comes out of an encoded word is shown escaped (RFC 2047 7)"""
    bad = "".join(map(chr, [*range(32), *range(127, 160), *range(0x202a, 0x202f), *range(0x2066, 0x206a),
                            0x2028, 0x2029]))
    report = receive(header("Subject: start %s end" % word("utf-8", "B", bad.encode()),
                            "From: %s <a@b.test>" % word("utf-8", "Q", bad.encode()),
                            "To: x@b.test (%s)" % word("utf-16be", "B", bad.encode("utf-16be"))))
    report.check_safe()
    assert report["Subject"].startswith("start ") and report["Subject"].endswith(" end")
    assert "a@b.test" in report["From"] and "x@b.test" in report["To"]


def test_a_subject_cannot_forge_a_line_of_the_report(receive):
    """A line end in an encoded word makes no line of the report"""
    report = receive(header("Subject: "
                            + word("utf-8", "B", b"x\n  From:    forged\r\nmessage forged to x, 1 bytes")))
    assert report["From"] is None
    assert len(receive.server.reports()) == 1


# ---- bounds

@pytest.mark.robust
@pytest.mark.parametrize("field, unit", [("From", b"Ann <ann@example.org>,\r\n "),
                                         ("To", b"\1" * 8000 + b",\r\n ")], ids=["addresses", "escapes"])
def test_a_report_has_an_end(receive, field, unit):
    """The report has an end, and its memory too, however long the lists in a message are"""
    one = field.encode() + b": " + unit * (60000 // len(unit)) + b"z@example.org\r\n"
    report = receive(one * 100 + b"Subject: behind\r\n\r\nbody\r\n")
    assert report["Subject"] == "behind"
    assert 0 < len(str(report)) < 200000


@pytest.mark.robust
@pytest.mark.plaintext
def test_the_end_does_not_wait_for_a_reader_of_reports(program, tmp_path):
    """SIGTERM ends the program though nobody reads its reports and the pipe is full"""
    make_mailbox(tmp_path / "mail", "you")
    process = subprocess.Popen([*program, "-l", "127.0.0.1", "-p", "0"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL,
                               cwd=str(tmp_path), env=environment())
    with process, process.stdout:
        try:
            port = int(process.stdout.readline().split()[-1])
            filler = os.dup(process.stdout.fileno())
            fill(process.pid)
            client = Client(socket.create_connection(("127.0.0.1", port)))
            client.expect(220)
            client.ehlo()
            client.deliver(header("From: a@example.org"))
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT) == 0
            os.close(filler)
        finally:
            process.kill()


def fill(pid):
    """Fill the pipe that a process has as its standard output."""
    fd = os.open("/proc/%d/fd/1" % pid, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while os.write(fd, b"." * 4096):
            pass
    except BlockingIOError:
        pass
    finally:
        os.close(fd)


# ---- reports that nobody reads

def many_recipients(number):
    """A message whose report is long: a pipe does not take it in one piece"""
    addresses = ",\r\n ".join("name%d.%d@%s.example" % (number, i, "d" * 40) for i in range(200))
    return ("To: %s\r\nSubject: number %d\r\n\r\nx\r\n" % (addresses, number)).encode()


@pytest.mark.robust
@pytest.mark.plaintext
def test_a_trace_that_nobody_reads(start):
    """With -v and a pipe that nobody reads the conversation goes on, without its trace, after a second at
    most"""
    read_end, write_end = os.pipe()
    try:
        server = start("-v", "-l", "127.0.0.1", stderr=write_end)
        began = time.monotonic()
        for _ in range(3):
            client = server.connect()
            for _ in range(40):
                client.send_raw((b"NOOP " + b"a" * 60 + b"\r\n") * 20)
                for _ in range(20):
                    client.read_line()
            client.sock.close()
        # a second for each, and what a busy machine takes
        assert time.monotonic() - began < 8 * TIMEOUT_SCALE
        server.expect_end()
    finally:
        os.close(read_end)
        os.close(write_end)


@pytest.mark.robust
def test_reports_that_nobody_reads(start):
    """A full pipe of reports holds up a connection for a second at most, and loses no mail"""
    server = start()
    client = server.connect()
    client.ehlo()
    client.deliver(many_recipients(0))
    server.wait_for_report()
    server.reading.clear()
    for number in range(1, 31):
        began = time.monotonic()
        client.deliver(many_recipients(number))
        client.ask("NOOP")
        took = time.monotonic() - began
        assert took < 3 * TIMEOUT_SCALE, "expected: a second at most\ncame:     %g seconds" % took
    others = [server.connect() for _ in range(5)]
    for other in others:
        other.ehlo()
        other.deliver(many_recipients(99))
    began = time.monotonic()
    for other in others:
        other.quit()
    assert time.monotonic() - began < 5 * TIMEOUT_SCALE
    assert len(server.messages()) == 36
    server.reading.set()
    client.deliver(header("Subject: and again"))
    client.quit()
    assert server.wait_for(lambda: any("and again" in line for line in server.lines))
    for report in server.reports():
        assert re.match(r"message \S+ to you@localhost, \d+ bytes$", report[0])
        assert all(line.startswith("  ") for line in report[1:])


@pytest.mark.robust
def test_a_report_does_not_go_into_the_mail(program, step, tmp_path):
    """With standard output closed at the start no report goes into the mail"""
    make_mailbox(tmp_path / "mail", "you")
    process, address = start_without_stdout(program, ["-m", "mail"], tmp_path)
    if process.poll() is None:
        client = Client(socket.create_connection(address, TIMEOUT))
        client.expect(220)
        client.ehlo()
        client.deliver(header("Subject: alone"))
        client.quit()
        process.send_signal(signal.SIGTERM)
        stored, = (tmp_path / "mail" / "you" / "new").iterdir()
        assert trace_and_content(stored.read_bytes())[2] == header("Subject: alone").replace(b"\r\n", b"\n")
    assert process.wait(TIMEOUT) in (0, 1)


@pytest.mark.robust
def test_reports_of_many_at_once_do_not_mix(start):
    """The reports of many connections do not mix"""
    server = start()
    clients = [server.connect() for _ in range(12)]
    for client in clients:
        client.ehlo()
        client.envelope()
    for number, client in enumerate(clients):
        client.send_message(many_recipients(number))
    for client in clients:
        client.expect(250)
        client.quit()
    assert server.wait_for(lambda: sum(line.startswith("message ") for line in server.lines) == 12)
    for report in server.reports():
        numbers = set(re.findall(r"\bname(\d+)\.",
                                 " ".join(report))) | set(re.findall(r"Subject: number (\d+)",
                                                                     " ".join(report)))
        assert len(numbers) == 1, report
