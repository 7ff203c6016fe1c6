"""Sink, source and chat, over real sockets."""

from __future__ import annotations

import socket

from running_server import (
    connections,
    flowing,
    held,
    push_until_held,
    read_exactly,
    read_to_end,
    reset,
    wait_until_nothing_moves,
)
from waiting import PATIENCE_S

from streamscope.servers.source import BLOCK, BLOCKS


def test_sink_takes_everything_and_answers_nothing(serve):
    # given
    running = serve("sink")
    with running.connect() as client:
        # when
        client.sendall(bytes(1_000_000))
        client.shutdown(socket.SHUT_WR)
        # then
        assert read_to_end(client) == b""
    running.until(lambda loop: not connections(loop))


def test_sink_closes_a_connection_that_is_reset(serve):
    running = serve("sink")
    client = running.connect()
    client.sendall(b"x")
    reset(client)
    running.until(lambda loop: not connections(loop))


def test_source_writes_while_the_peer_reads_and_waits_while_it_does_not(serve):
    # given
    running = serve("source")
    with running.connect() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)

        # when
        wait_until_nothing_moves(running)
        # then
        (stream,) = running.streams()
        assert 0 < stream["write_queue_size"] <= BLOCKS * len(BLOCK)
        # when
        received = read_exactly(client, stream["bytes_out"] + 10 * len(BLOCK))
        # then
        assert received == (BLOCK * (len(received) // len(BLOCK) + 1))[: len(received)]
    running.until(lambda loop: not connections(loop))


def test_source_goes_on_after_the_peers_end_of_file(serve):
    running = serve("source")
    with running.connect() as client:
        client.shutdown(socket.SHUT_WR)
        assert len(read_exactly(client, 5_000_000)) == 5_000_000
    running.until(lambda loop: not connections(loop))


def test_source_keeps_within_its_high_water_mark():
    assert BLOCKS * len(BLOCK) <= 65536


def test_what_one_writes_in_the_chat_all_get(serve):
    # given
    running = serve("chat")
    clients = [running.connect() for _ in range(3)]
    running.until(lambda loop: len(flowing(loop)) == 3)
    # when
    clients[0].sendall(b"hello\n")
    # then
    assert [read_exactly(client, 6) for client in clients] == [b"hello\n"] * 3
    # when
    clients[1].shutdown(socket.SHUT_WR)
    assert read_to_end(clients[1]) == b""
    clients[2].sendall(b"bye\n")
    # then
    assert [read_exactly(clients[i], 4) for i in (0, 2)] == [b"bye\n"] * 2
    for client in clients:
        client.close()
    running.until(lambda loop: not connections(loop))


def test_one_who_does_not_read_holds_the_chat_up_until_it_does(serve):
    # given
    running = serve("chat")
    talker, listener = running.connect(), running.connect()
    running.until(lambda loop: len(flowing(loop)) == 2)
    listener_port = listener.getsockname()[1]

    def above(loop):
        return [s for s in connections(loop) if s.write_queue_size > s.high_water]

    # when: the talker reads its own copy, the listener nothing
    sent = read = 0
    talker.setblocking(False)
    while not (running.ask(held) and running.ask(above)):
        try:
            sent += talker.send(b"x" * 65536)
        except BlockingIOError:
            pass
        try:
            read += len(talker.recv(1 << 20))
        except BlockingIOError:
            pass
    # then
    full = running.ask(lambda loop: [s.getpeername()[1] for s in above(loop)])
    assert listener_port in full
    # when
    talker.settimeout(PATIENCE_S)
    assert len(read_exactly(listener, sent)) == sent
    assert len(read_exactly(talker, sent - read)) == sent - read
    # then
    assert len(running.until(lambda loop: len(flowing(loop)) == 2 and flowing(loop))) == 2
    talker.close()
    listener.close()
    running.until(lambda loop: not connections(loop))


def test_a_member_that_breaks_off_is_forgotten_and_the_chat_goes_on(serve):
    # given
    running = serve("chat")
    talker, listener = running.connect(), running.connect()
    running.until(lambda loop: len(flowing(loop)) == 2)
    push_until_held(talker, b"x" * 65536, running)
    # when
    reset(listener)
    # then
    assert len(running.until(lambda loop: len(connections(loop)) == 1 and connections(loop))) == 1
    reset(talker)
    running.until(lambda loop: not connections(loop))
