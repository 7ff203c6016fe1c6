"""Engines in which something is held up are told from outside by the ports of their connections."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from waiting import until

from streamscope.fleet.held_up import HeldUp
from streamscope.link import sock_diag


class Engine:
    """One that is relayed, with streams that have these addresses."""

    def __init__(self, *ends: tuple[str, str]) -> None:
        streams = {n: SimpleNamespace(local=local, peer=peer, closed_t=0) for n, (local, peer) in enumerate(ends)}
        self.session = SimpleNamespace(model=SimpleNamespace(t=1, streams=streams))
        self.hints = 0

    def is_held_up(self) -> None:
        self.hints += 1


def hinted(engines: list[Engine], *held_up: tuple[int, int]) -> list[int]:
    of: Any = engines
    HeldUp(lambda: held_up).look(of)
    return [each.hints for each in engines]


def test_whose_connection_it_is_its_ports_say() -> None:
    one, other = Engine(("127.0.0.1:70", "127.0.0.1:5")), Engine(("[::1]:70", "[::1]:6"), ("/a/path", ""))

    assert hinted([one, other], (70, 6), (71, 5)) == [0, 1]


def test_one_that_has_come_since_the_last_look_is_known_by_where_it_has_come_to() -> None:
    listens, other = Engine(("0.0.0.0:70", "")), Engine(("127.0.0.1:71", ""))

    assert hinted([listens, other], (70, 1234)) == [1, 0]


def test_streams_are_looked_through_again_once_they_were_told_anew() -> None:
    engine = Engine(("127.0.0.1:70", "127.0.0.1:5"))
    of: Any = [engine]
    held_up = HeldUp(lambda: [(70, 5), (70, 6)])
    held_up.look(of)
    engine.session.model.streams[9] = SimpleNamespace(local="127.0.0.1:70", peer="127.0.0.1:6", closed_t=0)
    held_up.look(of)
    assert engine.hints == 2
    engine.session.model.t += 1
    held_up.look(of)
    assert engine.hints == 4


def test_the_kernel_says_in_which_connections_nothing_moves() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as peer,
        server.accept()[0] as ours,
    ):
        ports = ours.getsockname()[1], ours.getpeername()[1]

        def is_held_up(since_ms: int) -> bool:
            return ports in set(sock_diag.held_up(socket.AF_INET, since_ms))

        assert not is_held_up(0)  # nothing waits
        peer.sendall(b"not read")
        until(lambda: is_held_up(50), "what nobody reads is held up")
        assert not is_held_up(3_600_000)
