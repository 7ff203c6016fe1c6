"""The real command in a real terminal, with real connections: what a person sees is what happens."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

from terminal import Open, Terminal, environment, streamscope
from waiting import until


def echo(client: socket.socket, data: bytes) -> None:
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        piece = client.recv(65536)
        assert piece, "the server closed"
        got += piece
    assert got == data


def row_of(screen: str, port: int) -> str:
    """The table's row of the stream whose peer has this port."""
    return next((line for line in screen.splitlines() if f"127.0.0.1:{port} " in line), "")


def test_an_empty_screen_names_the_address_and_a_command_to_try(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")

    host, port = terminal.address()

    terminal.wait_for("live", "nc ", f"{host}:{port}", "lost 0")


def test_a_connection_shows_up_with_its_bytes_and_goes(open_terminal: Open) -> None:
    # given a watched echo server
    terminal = open_terminal("run", "echo", "--port", "0")
    with socket.create_connection(terminal.address()) as client:
        peer = client.getsockname()[1]

        # when a client sends 3,000 bytes and gets them back
        echo(client, b"x" * 3000)

        # then its row is there, and its panel has counted them in both directions
        terminal.wait(lambda screen: row_of(screen, peer), "the client's row")
        terminal.wait(lambda screen: len(re.findall(r"2\.9 KiB", screen)) >= 2, "2.9 KiB in and out")
        terminal.wait_for("●READABLE", "●WRITABLE", "●READING")

    # and after the client's end it is shown as closed
    terminal.wait_for("●CLOSED")


def test_leaving_ends_the_server_and_restores_the_terminal(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    address = terminal.address()
    engine = terminal.engine_pid()
    terminal.wait_for("live")

    terminal.press("q")
    until(lambda: terminal.read(0.05) and terminal.process.poll() is not None, "the command ends")

    assert terminal.settings() == terminal.settings_before
    assert terminal.ends() == 0
    assert b"\x1b[?1049l" in terminal.raw[-2000:], "the first screen buffer is back"
    assert b"\x1b[?25h" in terminal.raw[-2000:], "the cursor is back"
    assert not os.path.exists(f"/proc/{engine}")
    with socket.socket() as late:
        assert late.connect_ex(address) != 0


def test_built_in_clients_show_backpressure_within_seconds(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0", "--demo")
    terminal.wait_for("live")

    # What waits is told in the table.
    terminal.wait(lambda screen: re.search(r"127\.0\.0\.1:\d+ .* [KM]iB ↑", screen), "a stream in which bytes wait")


def test_several_inspectors_watch_one_engine_each_at_its_own_pace(open_terminal: Open, tmp_path: Path) -> None:
    # given an engine with its own screen
    first = open_terminal("run", "echo", "--port", "0")
    address = first.address()
    engine = first.engine_pid()
    first.wait_for("live")

    # when a second inspector attaches, and the first is paused
    def listed() -> bool:
        done = subprocess.run(streamscope("ps"), env=environment(tmp_path), capture_output=True, text=True, check=True)
        assert str(engine) in done.stdout
        return f"{address[0]}:{address[1]}" in done.stdout

    until(listed, "the engine answers to ps")
    second = open_terminal("attach", str(engine), columns=100, rows=30)
    second.wait_for("live", "echo")
    first.press(" ")
    first.wait_for("paused")
    with socket.create_connection(address) as client:
        peer = client.getsockname()[1]
        echo(client, b"hello")

        # then only the second shows the new stream, until the first goes on
        second.wait(lambda screen: row_of(screen, peer), "the row in the second inspector")
        first.press("L")
        first.wait_for("log")
        assert not row_of(first.text, peer)
        first.press(" ")
        first.wait(lambda screen: row_of(screen, peer), "the row in the first inspector")

    # and leaving the second leaves the engine alone
    second.press("q")
    assert second.ends() == 0
    with socket.create_connection(address) as client:
        echo(client, b"still here")


def test_an_opened_stream_shows_its_payload_and_no_escape_of_it_reaches_the_terminal(open_terminal: Open) -> None:
    terminal = open_terminal("run", "echo", "--port", "0")
    with socket.create_connection(terminal.address()) as client:
        peer = client.getsockname()[1]
        terminal.wait(lambda screen: row_of(screen, peer), "the client's row")
        terminal.wait_for(f"client ← 127.0.0.1:{peer} ·")  # the first connection is selected by itself
        terminal.press("enter")
        terminal.wait_for("payload")

        # Setting the window's title is what a hostile peer would try first.
        echo(client, b"shall we \x1b]0;owned\x07 [bold]dance[/bold]?")

        terminal.wait_for("shall we", "[bold]dance[/bold]?")
    assert b"\x1b]0;owned" not in terminal.raw


def test_two_thousand_connections_lose_no_byte_and_leave_no_descriptor(open_terminal: Open) -> None:
    # given a watched server
    terminal = open_terminal("run", "echo", "--port", "0")
    address = terminal.address()
    terminal.wait_for("live")
    engine = terminal.engine_pid()
    descriptors = Path(f"/proc/{engine}/fd")
    before = len(list(descriptors.iterdir()))

    # when two thousand connections are opened, used and closed, two hundred at a time
    for batch in range(10):
        clients = [socket.create_connection(address) for _ in range(200)]
        for number, client in enumerate(clients):
            client.sendall(f"{batch}/{number};".encode() * 50)
        terminal.read(0)
        for number, client in enumerate(clients):
            sent = f"{batch}/{number};".encode() * 50
            client.shutdown(socket.SHUT_WR)
            got = b"".join(iter(lambda client=client: client.recv(65536), b""))
            assert got == sent
            client.close()

    # then no descriptor stays, and the screen goes on
    until(lambda: terminal.read(0.01) and len(list(descriptors.iterdir())) <= before, "all descriptors are closed")
    terminal.wait_for("live", "lost 0")
    terminal.wait(lambda screen: re.search(r"\b1 stream", screen), "one stream, the server's")


def test_the_screen_fits_its_terminal_wherever_stdout_goes(tmp_path: Path) -> None:
    terminal = Terminal(["sh", "-c", '"$@" | cat', "sh", *streamscope("run", "echo", "--port", "0")], tmp_path, 100)
    try:
        terminal.wait_for("Nobody has connected", "q quit")
        assert "╮─" not in terminal.text, "nothing is left of a picture of another width"
        terminal.press("q")
        terminal.ends()
    finally:
        terminal.close()
