"""The proxy, over real sockets, in front of servers of ours and of a few bare ones."""

from __future__ import annotations

import os
import socket
import threading

import pytest
from running_server import connections, flowing, push_until_held, read_exactly, read_to_end, reset
from waiting import PATIENCE_S

import streamscope.servers.proxy
from streamscope.core import RUN_NOWAIT, Loop, Tcp
from streamscope.servers import flow
from streamscope.servers.address import AddressError
from streamscope.servers.proxy import leads_to, main


def to(running):
    return "{}:{}".format(*running.address)


@pytest.fixture
def behind():
    """A listening socket that a test accepts on by hand."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE_S)
        yield server


def accepted(server):
    connection, _ = server.accept()
    connection.settimeout(PATIENCE_S)
    return connection


def test_bytes_go_both_ways_unchanged_and_ends_are_carried_across(serve):
    # given
    proxy = serve("proxy", to=to(serve("echo")))
    sent = os.urandom(3_000_000)
    with proxy.connect() as client:
        # when
        writer = threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
        writer.start()
        received = read_to_end(client)
        writer.join()
    # then
    assert received == sent
    proxy.until(lambda loop: not connections(loop))


def test_a_half_closed_connection_still_carries_the_other_direction(serve, behind):
    # given
    proxy = serve("proxy", to="{}:{}".format(*behind.getsockname()))
    with proxy.connect() as client, accepted(behind) as server:
        # when
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        # then
        assert read_to_end(server) == b"question"
        server.sendall(b"answer")
        assert read_exactly(client, 6) == b"answer"
        server.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b""
        proxy.until(lambda loop: not connections(loop))


def test_the_client_is_not_read_while_the_server_behind_does_not_read(serve, behind):
    # given
    proxy = serve("proxy", to="{}:{}".format(*behind.getsockname()))
    with proxy.connect() as client, accepted(behind) as server:
        # when
        sent = push_until_held(client, b"x" * 65536, proxy)
        # then
        sides = {state["name"].split()[0]: state for state in proxy.streams()}
        assert not sides["client"]["reading"]
        assert sides["upstream"]["above"]
        assert sides["upstream"]["reading"]
        assert sides["upstream"]["write_queue_size"] <= 2 * 65536
        # when
        assert read_exactly(server, sent) == b"x" * sent
        # then
        proxy.until(lambda loop: len(flowing(loop)) == 2)


def test_the_server_behind_is_not_read_while_the_client_does_not_read(serve, behind):
    # given
    proxy = serve("proxy", to="{}:{}".format(*behind.getsockname()))
    with proxy.connect() as client, accepted(behind) as server:
        # when
        sent = push_until_held(server, b"y" * 65536, proxy)
        # then
        sides = {state["name"].split()[0]: state for state in proxy.streams()}
        assert not sides["upstream"]["reading"]
        assert sides["client"]["above"]
        # when
        assert read_exactly(client, sent) == b"y" * sent
        # then
        proxy.until(lambda loop: len(flowing(loop)) == 2)


@pytest.mark.parametrize("who", ["client", "server"])
def test_a_reset_on_one_side_becomes_a_reset_on_the_other(serve, behind, who):
    # given
    proxy = serve("proxy", to="{}:{}".format(*behind.getsockname()))
    client, server = proxy.connect(), accepted(behind)
    proxy.until(lambda loop: len(flowing(loop)) == 2)
    one, other = (client, server) if who == "client" else (server, client)
    # when
    reset(one)
    # then
    with pytest.raises(ConnectionResetError):
        other.recv(1)
    proxy.until(lambda loop: not connections(loop))
    other.close()


def test_what_is_cut_looks_cut_even_while_its_end_waits_to_be_sent(behind):
    # given
    loop = Loop()
    stream, peer = Tcp(loop), socket.create_connection(behind.getsockname(), timeout=PATIENCE_S)
    stream.open(accepted(behind).detach())
    while not stream.write_queue_size:
        stream.write(b"x" * 65536)
    stream.shutdown()
    # when
    flow.reset(stream)
    flow.reset(stream)
    # then
    with pytest.raises(ConnectionResetError):
        read_to_end(peer)
    loop.run()
    loop.close()
    peer.close()


def test_a_write_to_a_server_that_is_gone_closes_the_client(serve, behind):
    # given: the server has ended its side, and then goes away while the client still writes
    proxy = serve("proxy", to="{}:{}".format(*behind.getsockname()))
    client, server = proxy.connect(), accepted(behind)
    server.shutdown(socket.SHUT_WR)
    assert read_to_end(client) == b""
    push_until_held(client, b"x" * 65536, proxy, enough=2)  # the upstream is at its end and not read either
    # when
    reset(server)
    # then
    proxy.until(lambda loop: not connections(loop))
    client.close()


def test_a_server_that_refuses_closes_the_client(serve, behind):
    # given
    address = "{}:{}".format(*behind.getsockname())
    behind.close()
    proxy = serve("proxy", to=address)
    # when
    with proxy.connect() as client:
        # then
        assert read_to_end(client) == b""
    proxy.until(lambda loop: not connections(loop))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(
    ("host", "to"),
    [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "0.0.0.0"), ("0.0.0.0", "127.0.0.1"), ("0.0.0.0", "127.9.9.9")],
)
def test_a_proxy_to_itself_is_refused(host, to):
    loop, port = Loop(), free_port()
    with pytest.raises(AddressError, match=rf"--to {to}:{port} is where the proxy listens itself"):
        main(loop, host=host, port=port, to=f"{to}:{port}")
    while loop.handles:
        loop.run(RUN_NOWAIT)
    loop.close()


@pytest.mark.parametrize(
    ("behind", "listens", "itself"),
    [
        (("127.0.0.1", 7), ("127.0.0.1", 8), False), (("127.0.0.2", 7), ("127.0.0.1", 7), False),
        (("::1", 7), ("0.0.0.0", 7), False), (("::1", 7), ("::", 7), True), (("127.0.0.1", 7), ("::", 7), True),
        (("192.0.2.1", 7), ("0.0.0.0", 7), False), (("::", 7), ("::1", 7), True),
        (("fe80::1%lo", 7), ("::1", 7), False),
    ],
)  # fmt: skip
def test_which_addresses_lead_to_the_proxy_itself(behind, listens, itself):
    assert leads_to(behind, listens) == itself


def test_a_proxy_that_is_led_back_to_itself_refuses_its_own_connection(serve, capsys):
    """As a name or a network might, behind the addresses' back."""
    # given
    proxy = serve("proxy", to="127.0.0.1:9")
    own = proxy.ask(lambda loop: proxy.server.connection_cb.__self__)
    own.behind = proxy.address
    # when
    with pytest.raises(ConnectionResetError), proxy.connect() as client:  # perhaps before it has connected
        client.recv(1)
    # then
    proxy.until(lambda loop: not connections(loop) and not own.own)
    assert proxy.ask(lambda loop: loop.handles_made) <= 6
    assert capsys.readouterr().err == (
        "proxy: {}:{} leads back to the proxy itself; such connections are reset\n".format(*proxy.address)
    )


def test_two_proxies_that_lead_to_each_other_are_bounded(serve, monkeypatch, capsys):
    # given
    monkeypatch.setattr(streamscope.servers.proxy, "MOST", 20)
    one = serve("proxy", to="127.0.0.1:9")
    other = serve("proxy", to=to(one))
    one.ask(lambda loop: setattr(one.server.connection_cb.__self__, "behind", other.address))
    # when
    with pytest.raises(ConnectionResetError), one.connect() as client:
        client.recv(1)
    # then
    for proxy in (one, other):
        proxy.until(lambda loop: not connections(loop))
        assert proxy.ask(lambda loop: loop.handles_made) < 60
    assert "more than 20 connections are not carried" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "7000", "localhost", "localhost:", ":7000", "localhost:http", "localhost:99999", "::1:x"]
)
def test_an_address_that_is_none_is_named(text):
    loop = Loop()
    with pytest.raises(AddressError) as caught:
        main(loop, to=text, port=0)
    assert "\n" not in str(caught.value)
    assert not loop.handles
    loop.close()
