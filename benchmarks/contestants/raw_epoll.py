"""The least that Python can do: epoll, recv, send and a dict. Nothing in Python is faster."""

from __future__ import annotations

import select
import socket
import sys

from benchmarks.contestants import listen, say_ready


def main(where: str) -> None:
    """Serve until standard input ends."""
    listener = listen(where)
    listener.setblocking(False)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    epoll.register(0, select.EPOLLIN | select.EPOLLHUP)
    clients: dict[int, socket.socket] = {}
    unsent: dict[int, bytes] = {}
    say_ready(listener.getsockname())
    while True:
        for fd, mask in epoll.poll():
            client = clients.get(fd)
            if client is None:
                if fd == 0:
                    return
                accepted, _ = listener.accept()
                accepted.setblocking(False)
                clients[accepted.fileno()] = accepted
                epoll.register(accepted.fileno(), select.EPOLLIN)
                continue
            try:
                data = unsent.pop(fd) if mask & select.EPOLLOUT else client.recv(65536)
                sent = send(client, data)
            except ConnectionError:
                del clients[fd]
                client.close()
                continue
            if sent < len(data):
                unsent[fd] = data[sent:]
                epoll.modify(fd, select.EPOLLOUT)
            elif mask & select.EPOLLOUT:
                epoll.modify(fd, select.EPOLLIN)


def send(client: socket.socket, data: bytes) -> int:
    """How many bytes the kernel took. No bytes are the peer's end."""
    if not data:
        raise ConnectionResetError
    try:
        return client.send(data)
    except BlockingIOError:
        return 0


if __name__ == "__main__":
    main(sys.argv[1])
