"""Five hundred connections to each server, ended in every way there is, leave no descriptor behind."""

from __future__ import annotations

import os
import socket

import pytest
from running_server import connections, reset

from streamscope.servers import SERVERS

NAMES = [name for name in SERVERS if name != "stall"]  # whose connections are its own
MESSAGES = {"http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "chat": b"", "source": b""}


def end(client, way):
    """End a connection: at once, by a reset, or our side first."""
    if way == 0:
        client.close()
    elif way == 1:
        reset(client)
    else:
        client.shutdown(socket.SHUT_WR)
        client.close()


@pytest.mark.parametrize("name", NAMES)
def test_500_connections_leave_no_descriptor_behind(serve, name):
    # given
    before = len(os.listdir("/proc/self/fd"))
    behind = serve("echo")
    running = serve(name, **({"to": "{}:{}".format(*behind.address)} if name == "proxy" else {}))
    # when
    clients = [running.connect() for _ in range(500)]
    if name != "ipc":  # there the child has them
        running.until(lambda loop: len(connections(loop)) == 500 * (1 + (name == "proxy")))
    message = MESSAGES.get(name, b"hello")
    if message:
        for client in clients:
            client.sendall(message)
        if name != "sink":
            assert all(client.recv(5) == (b"HTTP/" if name == "http" else b"hello") for client in clients)
    for number, client in enumerate(clients):
        end(client, number % 3)
    # then
    running.until(lambda loop: not connections(loop))
    running.close()
    behind.until(lambda loop: not connections(loop))
    behind.close()
    assert len(os.listdir("/proc/self/fd")) == before
