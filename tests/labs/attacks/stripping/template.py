"""On the wire: what the server says comes by here, and what you return goes on.

    S: 220 mx.example.org ESMTP ready
    S: 250-mx.example.org ... 250-STARTTLS ... 250 ENHANCEDSTATUSCODES
"""


def from_server(data):
    print(data[:60])
    return data
