"""What a form sends: name=value, a line for each field of it. A field may have any name and any value,
of many lines, too.

<form action="http://localhost:2525/" method="post" enctype="text/plain">
<input type="hidden" name="..." value="...">
"""


def body():
    fields = {"city": "Paris", "street": "Rue de la Paix"}
    return b"".join(b"%s=%s\r\n" % (name.encode(), value.encode()) for name, value in fields.items())
