"""Unix sockets by name (`src/unix/pipe.c`)."""

from __future__ import annotations

import os
import select
from pathlib import Path

from backend import Backend


def _server(b: Backend) -> str:
    path = f"{b.folder()}/socket"
    b.pipe("server")
    b.pipe_bind("server", path)
    b.listen("server")
    return path


def a_server_a_client_and_the_file_goes_with_it(b: Backend) -> None:
    path = _server(b)
    b.pipe("A")
    b.pipe_connect("A", "c1", path)
    b.pipe("client")
    b.on("server", "connection_cb", lambda status: b.accept("server", "client"))
    b.write("A", "w1", [b"early"])
    b.turn(2)
    b.read_start("client")
    b.shutdown("A", "s1")
    b.turn(2)
    b.pipe_name("sockname", "server")
    b.pipe_name("sockname", "A")
    b.pipe_name("peername", "A")
    b.pipe_name("peername", "client")
    b.note("the file is there", os.path.exists(path))
    b.close("server")
    b.note("the file is there", os.path.exists(path))
    b.turn()


def a_failed_connect_is_told_in_the_next_turn(b: Backend) -> None:
    b.pipe("A")
    b.pipe_connect("A", "c1", f"{b.folder()}/nobody")  # ENOENT
    b.write("A", "w1", [b"x"])
    b.read_start("A")
    b.turn(2)
    b.pipe_connect("A", "c2", f"{b.folder()}/nobody")  # with a socket that is there by now
    b.turn()


def connect_to_a_file_that_is_no_socket(b: Backend) -> None:
    path = Path(b.folder(), "file")
    path.write_text("no socket")
    b.pipe("A")
    b.pipe_connect("A", "c1", str(path))  # ECONNREFUSED
    b.turn()


def connect_again_after_a_failure(b: Backend) -> None:
    path = _server(b)
    b.pipe("A")
    b.pipe_connect("A", "c1", f"{b.folder()}/nobody")
    b.turn()
    b.pipe_connect("A", "c2", path)
    b.turn(2)
    b.write("A", "w1", [b"x"])
    b.read_start("A")
    b.turn()


def close_before_the_connect_is_told(b: Backend) -> None:
    path = _server(b)
    for name, to in (("A", path), ("B", f"{b.folder()}/nobody")):
        b.pipe(name)
        b.pipe_connect(name, f"connect {name}", to)
        b.close(name)
    b.turn(2)


def close_in_connect_cb(b: Backend) -> None:
    path = _server(b)
    for name, to in (("A", path), ("B", f"{b.folder()}/nobody")):
        b.pipe(name)
        b.on(f"connect {name}", "connect_cb", lambda status, name=name: b.close(name))
        b.pipe_connect(name, f"connect {name}", to)
        b.write(name, f"write {name}", [b"x"])
    b.turn(2)


def a_connect_that_failed_from_prepare_is_told_in_the_same_turn(b: Backend) -> None:
    b.loop_watcher("prepare", "prepare")
    b.pipe("A")

    def connect() -> None:
        b.stop("prepare", "prepare")
        b.pipe_connect("A", "c1", f"{b.folder()}/nobody")

    b.on("prepare", "prepare_cb", connect)
    b.start("prepare", "prepare")
    b.turn(2)


def bind_says_why_it_cannot(b: Backend) -> None:
    path = _server(b)
    b.pipe_bind("server", path)  # EINVAL: bound
    b.pipe("A")
    b.pipe_bind("A", path)  # EADDRINUSE
    b.pipe_bind("A", f"{b.folder()}/missing/socket")  # EACCES, for ENOENT
    b.listen("A")  # EINVAL
    b.pipe_name("sockname", "A")  # EBADF
    b.close("A")
    b.pipe_bind("A", f"{b.folder()}/other")
    b.turn()
    b.pipe("ipc", ipc=True)
    b.pipe_bind("ipc", f"{b.folder()}/ipc")
    b.listen("ipc")  # EINVAL: IPC
    b.note("the file is there", os.path.exists(f"{b.folder()}/ipc"))


def the_file_was_removed_by_somebody_else(b: Backend) -> None:
    path = _server(b)
    os.unlink(path)
    b.close("server")
    b.turn()


def chmod_opens_the_file_to_others(b: Backend) -> None:
    b.pipe("unbound")
    b.chmod("unbound", 1)  # EBADF
    path = _server(b)
    os.chmod(path, 0o600)
    for mode in (1, 2, 3, 0, 4):
        b.chmod("server", mode)
        b.note("mode", oct(os.stat(path).st_mode & 0o777))


def several_clients_wait_in_the_backlog(b: Backend) -> None:
    path = _server(b)
    for i in range(3):
        b.peer_connect(f"p{i}", path)
    b.turn()
    for i in range(3):
        b.pipe(f"c{i}")
        b.accept("server", f"c{i}")
        b.read_start(f"c{i}")
        b.turn()
    b.peer_send("p1", b"hello")
    b.turn()


def a_tcp_handle_takes_a_unix_connection(b: Backend) -> None:
    """uv_accept looks at the client's type only to know how to open it."""
    path = _server(b)
    b.peer_connect("peer", path)
    b.turn_when("server", select.POLLIN)
    b.tcp("client")
    b.accept("server", "client")
    b.read_start("client")
    b.peer_send("peer", b"hello")
    b.turn()


def an_open_pipe_cannot_be_bound(b: Backend) -> None:
    fd, other = b.socketpair()
    b.pipe("A")
    b.open("A", fd)
    b.peer("peer", other)
    b.pipe_bind("A", f"{b.folder()}/socket")  # EINVAL
    b.pipe_connect("A", "c1", f"{b.folder()}/socket")  # EISCONN or ENOENT, late
    b.turn()
