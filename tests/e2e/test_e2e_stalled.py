"""What a person sees whose server is slow, and who presses no key: one sentence with the cause and the place."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from terminal import Open, Terminal

MINE = """
import sys
from streamscope.core import EOF, Tcp


def main(loop, port):
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(128, lambda server, status: Pair(server, int(port)))


class Pair:
    def __init__(self, server, port):
        self.client, self.upstream = Tcp(server.loop), Tcp(server.loop)
        server.accept(self.client)
        self.upstream.connect(("127.0.0.1", port), self.on_connect)

    def on_connect(self, request, status):
        self.client.read_start(None, self.on_read)
        self.upstream.read_start(None, self.on_read)

    def on_read(self, stream, nread, data):
        other = self.upstream if stream is self.client else self.client
        if nread > 0:
            other.write(data, lambda request, status: self.on_written(stream, status))
            if other.write_queue_size > 256 * 1024:
                stream.read_stop()
        elif nread < 0:
            for each in (self.client, self.upstream):
                if not each.is_closing():
                    each.close()

    def on_written(self, stream, status):
        if status == 0 and not stream.is_active() and not stream.is_closing():
            stream.read_start(None, self.on_read)
"""
"""A proxy as one writes it oneself."""

BEHIND = """
import socket, sys, time

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
for _ in range(50):
    connection.recv(65536)
time.sleep(600)
"""
"""A server that reads for a moment, and then does something else."""

HELD = "is held back by it"


@contextmanager
def behind() -> Iterator[int]:
    """The port of the server that stops reading."""
    with subprocess.Popen([sys.executable, "-c", BEHIND], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


@contextmanager
def client(terminal: Terminal) -> Iterator[None]:
    """Somebody who sends as much as the proxy takes."""

    def send(sock: socket.socket) -> None:
        with suppress(OSError):
            while True:
                sock.sendall(bytes(65536))

    with socket.create_connection(terminal.address()) as sock:
        thread = threading.Thread(target=send, args=[sock])
        thread.start()
        try:
            yield
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("whose", ["ours", "mine"])
def test_a_proxy_before_a_server_that_stops_reading_says_so_in_one_sentence(
    open_terminal: Open, tmp_path: Path, whose: str
) -> None:
    # given a proxy on a terminal of 80 × 24, which nobody touches
    with behind() as port:
        (tmp_path / "mine.py").write_text(MINE)
        run = ["proxy", "--to", f"127.0.0.1:{port}", "--port", "0"] if whose == "ours" else ["mine.py", str(port)]
        terminal = open_terminal("run", *run, columns=80, rows=24)

        # when the server behind has stopped reading
        with client(terminal):
            said = f"→ 127.0.0.1:{port} takes nothing:"
            terminal.wait(lambda screen: said in " ".join(screen.split()), said)

            # then the sentence has the cause and the place of the bytes, and who is held back by it
            screen = " ".join(terminal.text.split())
            whole = rf"▲ \S.* → 127\.0\.0\.1:{port} takes nothing: [\d.]+ MiB have waited in the kernel"
            assert re.search(whole, screen), terminal.text
            terminal.wait(lambda screen: HELD in " ".join(screen.split()), "who is held back")
    terminal.press("q")
    assert terminal.ends() == 0


def test_in_a_row_of_proxies_the_screen_of_the_first_names_its_neighbour_and_how_to_look_there(
    open_terminal: Open,
) -> None:
    # given a proxy on a terminal, before another one, before a server that stops reading
    with behind() as port:
        second = open_terminal("run", "proxy", "--to", f"127.0.0.1:{port}", "--port", "0")
        to = "{}:{}".format(*second.address())
        first = open_terminal("run", "proxy", "--to", to, "--port", "0", columns=120, rows=40)
        neighbour = second.engine_pid()

        # when the server behind has stopped, and somebody asks why
        with client(first):
            first.wait(lambda screen: f"{to} takes nothing:" in " ".join(screen.split()), "what is stalled")
            first.press("w")

            # then it has the pid of the second proxy's engine, and the command that diagnoses it
            first.wait_for(f"({neighbour});", f"streamscope diagnose {neighbour} says why.")
