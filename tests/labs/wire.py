"""A place on the wire between a client and a server, for attacks by whoever sits there.

What passes is given to the exploit first: to its from_client(data), where it has one, and to its
from_server(data); what these return goes on. The rest of a line may come with the next piece.
"""
import contextlib
import socket
import threading


class Wire:
    """Listens on a port of its own, and passes one connection on to the server. `seen` is what went by."""

    def __init__(self, server_address, exploit):
        self.seen, self.exploit = b"", exploit
        self.server_address = server_address
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.carry, daemon=True).start()

    def carry(self):
        client, _ = self.listener.accept()
        server = socket.create_connection(self.server_address)
        back = threading.Thread(target=self.pass_on, args=(server, client, "from_server"), daemon=True)
        back.start()
        self.pass_on(client, server, "from_client")

    def pass_on(self, source, target, name):
        change = getattr(self.exploit, name, lambda data: data)
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                if not data:
                    break
                self.seen += data
                target.sendall(change(data))
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
