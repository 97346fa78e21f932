"""LF . CR LF is not an end for the bank, which passes it on, and one for the server with the fault."""


def message():
    first = b"Subject: hello\r\n\r\nThis is my mail."
    second = (b"MAIL FROM:<director@bank.example>\r\nRCPT TO:<you@localhost>\r\nDATA\r\n"
              b"From: director@bank.example\r\nSubject: urgent\r\n\r\nPay the bill in this mail today.\r\n")
    return first + b"\n.\r\n" + second
