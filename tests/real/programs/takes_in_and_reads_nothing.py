"""Accepts whoever comes, and never reads: somebody forgot `read_start`."""

from streamscope.core import Tcp


def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)


def on_connection(server, status):
    client = Tcp(server.loop)
    server.accept(client)
    client.write(b"welcome\n")
