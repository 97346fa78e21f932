"""A way out by a name.

A mail has two names in it that become names of files: that of the mailbox, and that of an attachment.
Both are chosen by a stranger. "../" in one of them has been good for a page of somebody else's on your
web server, for a key in authorized_keys, for a job of cron; in archives the same is known as Zip Slip
(2018), and PHP's uploads had it twice.

The faulty server keeps mail in mail/ and the parts of it in parts/. Beside them is www/, which a web
server shows to the world. A path is mail/MAILBOX/new/..., and parts/MESSAGE/NAME; a local part in
double quotes may have any sign in it.

You are a stranger. Write attack(host, port), which puts a whole mail into www/new/, and a page
evil.html into www/.
"""
OPTIONS = ["-x", "parts"]


def play(server, exploit):
    www = server.directory / "www"
    www.mkdir()
    exploit.attack(*server.listening[0])
    mails, page = list((www / "new").glob("*")), www / "evil.html"
    if mails and page.is_file():
        return True, "www/ has %s, and new/%s" % (page.name, mails[0].name)
    files = [str(path.relative_to(www)) for path in www.rglob("*") if path.is_file()]
    return False, "www/ has %s" % (", ".join(files) or "no file")
