"""Long polling: a question waits for news for 20 s, and meanwhile nothing is said."""

from streamscope.core import Tcp, Timer


def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)


def on_connection(server, status):
    client = Tcp(server.loop)
    server.accept(client)
    client.data = Timer(server.loop)
    client.data.data = client
    client.read_start(None, on_read)


def on_read(client, nread, data):
    if nread > 0:
        client.data.start(on_news, 20_000)
    elif not client.is_closing():
        client.data.close()
        client.close()


def on_news(timer):
    timer.data.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews")
