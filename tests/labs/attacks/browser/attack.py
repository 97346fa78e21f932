"""A browser that speaks SMTP.

A page may have the browser send a form to any host and port: that needs nobody's leave. In 2001 Jochen
Topf showed what that does to protocols of lines (the HTML form protocol attack). The server refuses
"POST / HTTP/1.1" as a command it does not know, and each field after it, too; then comes the body, and
every line of it is a command. So a page that you look at has your browser send mail, from inside your
network, through a server that trusts your machine. Browsers refuse port 25 since; other ports they do
not, and what else sends HTTP on a stranger's wish, such as a server that fetches pictures, refuses
nothing.

You have written the page. Write body(): what the form sends. The browser puts its own lines before it,
and you have no say in those. It has worked if you@localhost gets a mail.
"""

REQUEST = """\
POST / HTTP/1.1
Host: localhost:%d
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Accept-Language: en-US,en;q=0.5
Content-Type: text/plain
Content-Length: %d
Origin: http://mallory.example
Connection: keep-alive
Referer: http://mallory.example/

"""


def play(server, exploit):
    body = exploit.body()
    browser = server.connect(greeting=False)
    browser.send_raw((REQUEST % (server.port, len(body))).replace("\n", "\r\n").encode() + body)
    browser.sock.settimeout(3)
    try:
        answer = browser.read_to_the_end()
    except AssertionError:
        answer = b"(the server waits for more)"
    messages = server.messages()
    if messages:
        return True, "a page has sent you@localhost a mail:\n%s" % messages[0].decode("latin-1")
    return False, "no mail has come; the last words of the server: %r" % answer[-80:]
