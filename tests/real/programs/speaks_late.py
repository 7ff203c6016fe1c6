"""Answers a question with a flood, as long as the peer takes it: after a first word, and a silence."""

from streamscope.core import Tcp

BLOCK = bytes(65536)


def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)


def on_connection(server, status):
    client = Tcp(server.loop)
    server.accept(client)
    client.read_start(None, on_read)


def on_read(client, nread, data):
    if nread > 0:
        client.name = "speaks"
        client.write(BLOCK, on_written)
    elif not client.is_closing():
        client.close()


def on_written(request, status):
    if status == 0:
        request.handle.write(BLOCK, on_written)
    elif not request.handle.is_closing():
        request.handle.close()
