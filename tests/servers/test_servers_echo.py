"""Echo, over real sockets."""

from __future__ import annotations

import os
import socket
import threading

from running_server import connections, flowing, push_until_held, read_exactly, read_to_end, reset


def test_every_byte_comes_back_in_order(serve):
    # given
    running = serve("echo")
    sent = os.urandom(3_000_000)
    with running.connect() as client:
        # when
        writer = threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
        writer.start()
        received = read_to_end(client)
        writer.join()
    # then
    assert received == sent
    running.until(lambda loop: not connections(loop))


def test_a_peer_that_does_not_read_is_not_read_until_its_queue_has_drained(serve):
    # given
    running = serve("echo")
    with running.connect() as client:
        # when
        sent = push_until_held(client, b"x" * 65536, running)
        # then
        (stream,) = running.streams()
        assert stream["above"]
        assert not stream["reading"]
        assert stream["write_queue_size"] <= 2 * 65536  # the mark, and the one read that passed it
        # when
        received = read_exactly(client, sent)
        # then
        assert received == b"x" * sent
        assert len(running.until(flowing)) == 1


def test_half_close_sends_what_is_queued_and_then_the_end(serve):
    # given
    running = serve("echo")
    with running.connect() as client:
        sent = push_until_held(client, b"y" * 65536, running)
        # when
        client.shutdown(socket.SHUT_WR)
        # then
        assert read_to_end(client) == b"y" * sent
    running.until(lambda loop: not connections(loop))


def test_a_reset_while_the_queue_is_full_closes_the_stream(serve):
    # given
    running = serve("echo")
    client = running.connect()
    push_until_held(client, b"z" * 65536, running)
    # when
    reset(client)
    # then
    running.until(lambda loop: not connections(loop))


def test_a_reset_of_an_idle_connection_closes_the_stream(serve):
    # given
    running = serve("echo")
    client = running.connect()
    client.sendall(b"hello")
    assert read_exactly(client, 5) == b"hello"
    # when
    reset(client)
    # then
    running.until(lambda loop: not connections(loop))
