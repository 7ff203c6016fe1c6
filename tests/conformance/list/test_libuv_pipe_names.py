"""libuv's tests of what pipes are called: paths, abstract names, and who may open them."""

from __future__ import annotations

import errno
import os
from typing import Any

from list_harness import Calls, failure, never, run, run_until

from streamscope.core import Loop, Pipe
from streamscope.core.flags import BOUND


def test_pipe_bind_error_addrinuse(loop: Loop, path: str) -> None:
    first, second = Pipe(loop), Pipe(loop)
    first.bind(path)
    assert failure(second.bind, path) == "EADDRINUSE"
    first.listen(128, never)
    assert failure(second.listen, 128, never) == "EINVAL"


def test_pipe_bind_error_addrnotavail(loop: Loop, path: str) -> None:
    pipe = Pipe(loop)
    assert failure(pipe.bind, path + "/really/not/there") == "EACCES"  # the kernel says ENOENT
    assert pipe.fd == -1
    assert not pipe.flags & BOUND


def test_pipe_bind_error_inval(loop: Loop, path: str) -> None:
    pipe = Pipe(loop)
    pipe.bind(path)
    assert failure(pipe.bind, path + "2") == "EINVAL"


def test_pipe_listen_without_bind(loop: Loop) -> None:
    assert failure(Pipe(loop).listen, 128, never) == "EINVAL"


def test_pipe_bind_or_listen_error_after_close(loop: Loop, path: str) -> None:
    pipe = Pipe(loop)
    pipe.close()
    assert failure(pipe.bind, path) == "EINVAL"
    assert failure(pipe.listen, 5, never) == "EINVAL"
    run(loop)
    assert not os.path.exists(path)


def test_pipe_overlong_path(loop: Loop) -> None:
    # As newer libuv has it with UV_PIPE_NO_TRUNCATE; 1.44.2 cuts the path, and takes "" for a name of zero bytes.
    calls = Calls()
    pipe = Pipe(loop)
    assert failure(pipe.bind, "/" + "x" * 512) == "EINVAL"
    assert pipe.fd == -1
    for path in ("/" + "x" * 512, ""):
        client = Pipe(loop)
        client.connect(path, calls.note("connect"))
        run(loop)
    assert calls.all == [("connect", -errno.EINVAL)] * 2


def _names(loop: Loop, name: str) -> None:
    """Ask everybody of a connection what they are called."""
    server, client, accepted = Pipe(loop), Pipe(loop), Pipe(loop)
    for pipe in (server, client):
        assert failure(pipe.getsockname) == "EBADF"
        assert failure(pipe.getpeername) == "EBADF"
    server.bind(name)
    bound = server.getsockname()
    assert os.fsencode(bound) == os.fsencode(name) or not name
    assert failure(server.getpeername) == "ENOTCONN"

    def on_connection(server: Pipe, status: int) -> None:
        server.accept(accepted)
        assert accepted.getsockname() == bound
        assert accepted.getpeername() == ""

    def on_connect(request: Any, status: int) -> None:
        assert status == 0
        assert client.getpeername() == bound
        assert client.getsockname() == ""

    server.listen(128, on_connection)
    client.connect(bound, on_connect)
    run_until(loop, lambda: accepted.fd != -1 and client.connect_req is None)
    for pipe in (server, client, accepted):
        pipe.close()
        assert failure(pipe.getsockname) == "EBADF"
    run(loop)
    assert not os.path.exists(os.fsencode(bound).lstrip(b"\0"))


def test_pipe_getsockname(loop: Loop, path: str) -> None:
    _names(loop, path)


def test_pipe_getsockname_abstract(loop: Loop) -> None:
    # Abstract names came with 1.46; the engine knows them all the same.
    _names(loop, f"\0streamscope {os.getpid()} \0 with a zero byte inside")


def test_pipe_getsockname_autobind(loop: Loop) -> None:
    # As in newer libuv: the kernel finds an abstract name.
    _names(loop, "")
    pipe = Pipe(loop)
    pipe.bind("")
    assert os.fsencode(pipe.getsockname())[:1] == b"\0"
    assert len(pipe.getsockname()) == 6


def test_pipe_set_chmod(loop: Loop, path: str) -> None:
    pipe = Pipe(loop)
    assert failure(pipe.chmod, 3) == "EBADF"
    pipe.bind(path)
    os.chmod(path, 0o700)
    for mode, bits in ((1, 0o444), (2, 0o222), (3, 0o666)):
        os.chmod(path, 0o600)
        pipe.chmod(mode)
        assert os.stat(path).st_mode & 0o666 == 0o600 | bits
    for mode in (0, 4, 12345678):
        assert failure(pipe.chmod, mode) == "EINVAL"
    pipe.close()
    assert failure(pipe.chmod, 3) == "EBADF"
