"""Echo on a Unix socket: its names, its file, and what stands in its way."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from running_server import RunningServer, push_until_held, read_exactly, read_to_end

from streamscope.core import Loop
from streamscope.servers.address import AddressError
from streamscope.servers.pipe_echo import main

Serve = Callable[..., RunningServer]


def why_not(path: str) -> AddressError:
    """What is said of a path that cannot be listened on; nothing stays open."""
    loop = Loop()
    with pytest.raises(AddressError) as caught:
        main(loop, path=path)
    loop.run()
    assert not loop.handles
    loop.close()
    assert "\n" not in str(caught.value)
    return caught.value


def left_behind(path: Path) -> None:
    """The file of a server that was killed."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


def echoes(running: RunningServer) -> bool:
    with running.connect() as client:
        client.sendall(b"over the pipe")
        client.shutdown(socket.SHUT_WR)
        return read_to_end(client) == b"over the pipe"


def test_what_is_sent_comes_back_and_each_side_ends_for_itself(serve: Serve) -> None:
    assert echoes(serve("pipe-echo"))


def test_a_peer_that_does_not_read_is_not_read_until_it_does(serve: Serve) -> None:
    running = serve("pipe-echo")
    with running.connect() as client:
        sent = push_until_held(client, b"x" * 65536, running)
        assert read_exactly(client, sent) == b"x" * sent


def test_its_file_is_gone_after_the_end(serve: Serve, tmp_path: Path) -> None:
    running = serve("pipe-echo", path=str(tmp_path / "x.sock"))
    assert os.listdir(tmp_path) == ["x.sock"]
    running.close()
    assert os.listdir(tmp_path) == []


def test_an_abstract_name_makes_no_file(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    running = serve("pipe-echo", path=f"@streamscope-{os.getpid()}")
    assert running.address == f"\0streamscope-{os.getpid()}".encode()
    assert echoes(running)
    assert os.listdir(tmp_path) == []


def test_a_relative_path_is_said_in_full(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert serve("pipe-echo", path="x.sock").address == str(tmp_path / "x.sock")


def test_without_a_path_it_listens_in_a_folder_of_the_users_own(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    running = serve("pipe-echo", path=None)
    assert running.address == str(tmp_path / "streamscope" / "pipe-echo.sock")
    assert (tmp_path / "streamscope").stat().st_mode & 0o777 == 0o700


def test_the_file_of_a_server_that_is_gone_is_replaced(serve: Serve, tmp_path: Path) -> None:
    left_behind(tmp_path / "x.sock")
    assert echoes(serve("pipe-echo", path=str(tmp_path / "x.sock")))


@pytest.mark.parametrize("name", ["x.sock", "@streamscope-busy"])
def test_where_somebody_listens_nobody_else_does(serve: Serve, tmp_path: Path, name: str) -> None:
    path = f"{name}-{os.getpid()}" if name.startswith("@") else str(tmp_path / name)
    running = serve("pipe-echo", path=path)
    refusal = why_not(path)
    assert str(refusal) == f"pipe-echo cannot listen on {path}: somebody listens there already"
    assert refusal.status == 1
    assert echoes(running)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    path.write_text("precious")
    refusal = why_not(str(path))
    assert str(refusal) == f"pipe-echo cannot listen on {path}: there is a file of that name, and it is no socket"
    assert refusal.status == 1
    assert path.read_text() == "precious"


def test_a_link_to_a_socket_is_left_alone(tmp_path: Path) -> None:
    left_behind(tmp_path / "old.sock")
    (tmp_path / "link.sock").symlink_to(tmp_path / "old.sock")
    assert "it is no socket" in str(why_not(str(tmp_path / "link.sock")))
    assert sorted(os.listdir(tmp_path)) == ["link.sock", "old.sock"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    refusal = why_not(f"{tmp_path}/no/such/x.sock")
    assert str(refusal).endswith(f": there is no folder {tmp_path}/no/such")
    assert refusal.status == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "a Unix socket needs a path"),
        ("@", "a Unix socket needs a path"),
        ("a\0b", "no zero byte"),
        ("/tmp/" + "x" * 103, "has 107 bytes at most, and /tmp/xxx"),
        ("@" + "ä" * 54, "an abstract name has 107 bytes at most, and @ä"),
    ],
)
def test_what_can_be_no_socket_is_refused_as_typed_wrong(path: str, said: str) -> None:
    refusal = why_not(path)
    assert said in str(refusal)
    assert refusal.status == 2


def test_the_longest_names_work(serve: Serve) -> None:
    assert echoes(serve("pipe-echo", path="@" + "x" * 107))
    folder = f"/tmp/ss-{os.getpid()}-"
    path = folder + "x" * (107 - len(folder))
    assert echoes(serve("pipe-echo", path=path))
