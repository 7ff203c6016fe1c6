"""Takes an upload, and after each megabyte reads no further for 600 ms: the disk is slow."""

from streamscope.core import Tcp, Timer

A_MEGABYTE = 1 << 20


def main(loop):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(16, on_connection)


def on_connection(server, status):
    Upload(server)


class Upload:
    def __init__(self, server):
        self.client, self.timer, self.taken = Tcp(server.loop), Timer(server.loop), 0
        server.accept(self.client)
        self.client.read_start(None, self.on_read)

    def on_read(self, client, nread, data):
        if nread < 0:
            self.timer.close()
            client.close()
            return
        self.taken += nread
        if self.taken > A_MEGABYTE:
            self.taken = 0
            client.read_stop()
            self.timer.start(lambda timer: client.read_start(None, self.on_read), 600)
