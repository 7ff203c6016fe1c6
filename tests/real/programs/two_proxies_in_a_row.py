"""Two proxies in one loop, the first before the second, and that before PORT: a chain of two pairs in one process."""

from streamscope.servers.address import listen
from streamscope.servers.proxy import Proxy


def main(loop, port):
    behind = Proxy(("127.0.0.1", int(port)))
    second = listen(loop, "second", "127.0.0.1", 0, behind.on_connection)
    before = Proxy(second.getsockname()[:2])
    listen(loop, "first", "127.0.0.1", 0, before.on_connection)
