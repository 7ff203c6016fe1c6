"""Pipes and terminals on the real kernel."""

from __future__ import annotations

import os
import pty
import socket
import stat
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from core_kernel import Diary

from streamscope.core import EOF, RUN_NOWAIT, RUN_ONCE, Loop, Pipe, Tcp, Tty, UVError, error_name, error_text
from streamscope.core import tty as tty_module
from streamscope.core.flags import BLOCKING_WRITES, BOUND, READABLE, WRITABLE
from streamscope.core.system import System, encodable, format_address, open_spare


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: paths of sockets have room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="sc") as name:
        yield Path(name)


def turns(loop: Loop, until: Any) -> None:
    """Turn until the condition holds; every turn waits, so this ends or the loop is dead."""
    while not until():
        assert loop.run(RUN_ONCE) or until(), "nothing is alive any more"


@pytest.mark.parametrize("abstract", [False, True])
def test_two_pipes_meet_over_a_path_or_an_abstract_name(loop: Loop, diary: Diary, folder: Path, abstract: bool) -> None:
    path = f"\0streamscope-test-{os.getpid()}" if abstract else str(folder / "s")
    server, client = Pipe(loop), Pipe(loop)
    server.bind(path)
    accepted: list[Pipe] = []

    def connection(server: Any, status: int) -> None:
        accepted.append(Pipe(loop))
        server.accept(accepted[0])
        accepted[0].read_start(None, diary.read)

    server.listen(8, connection)
    client.connect(path, diary.connect)
    client.write(b"hello", diary.write)
    client.shutdown(diary.shutdown)
    turns(loop, lambda: diary.of("read")[-1:] == [("read", EOF, None)])
    assert diary.of("connect", "write", "shutdown") == [("connect", 0), ("write", 5, 0), ("shutdown", 0)]
    assert diary.of("read")[0] == ("read", 5, b"hello")
    name = client.getpeername()
    assert (name if isinstance(name, str) else name.decode()) == path
    assert not client.getsockname()
    assert server.flags & BOUND
    server.close()
    assert not (folder / "s").exists()


def test_what_pipes_refuse(loop: Loop, diary: Diary, folder: Path) -> None:
    path = str(folder / "s")
    server = Pipe(loop)
    with pytest.raises(UVError, match="EBADF"):
        server.getsockname()
    with pytest.raises(UVError, match="EBADF"):
        server.chmod(1)
    server.bind(path)
    for call, name in [
        (lambda: server.bind(path), "EINVAL"),
        (lambda: Pipe(loop).bind(path), "EADDRINUSE"),
        (lambda: Pipe(loop).bind(str(folder / "no" / "s")), "EACCES"),  # ENOENT, as libuv has it
        (lambda: Pipe(loop).bind("x" * 200), "EINVAL"),
        (lambda: Pipe(loop).listen(1, diary.connection), "EINVAL"),
        (lambda: server.getpeername(), "ENOTCONN"),
        (lambda: server.chmod(0), "EINVAL"),
        (lambda: Pipe(loop).open(999_999), "EBADF"),
    ]:
        with pytest.raises(UVError, match=name):
            call()
    closing = Pipe(loop)
    closing.close()
    with pytest.raises(UVError, match="EINVAL"):
        closing.bind(str(folder / "t"))
    server.listen(1, diary.connection)
    with pytest.raises(UVError, match="EEXIST"):
        Pipe(loop).open(server.fileno())


def test_a_pipe_learns_late_that_nobody_listens(loop: Loop, diary: Diary, folder: Path) -> None:
    for path in (str(folder / "nobody"), "x" * 200):
        Pipe(loop).connect(path, diary.connect)
    assert diary.entries == []
    loop.run(RUN_NOWAIT)
    assert [error_name(status) for _, status in diary.entries] == ["ENOENT", "EINVAL"]


def test_chmod_opens_the_file_of_a_bound_pipe(loop: Loop, folder: Path) -> None:
    server = Pipe(loop)
    server.bind(str(folder / "s"))
    os.chmod(folder / "s", 0o600)
    for mode, expected in [(1, 0o644), (2, 0o666), (3, 0o666)]:
        server.chmod(mode)
        assert stat.S_IMODE((folder / "s").stat().st_mode) == expected
    os.unlink(folder / "s")
    with pytest.raises(UVError, match="ENOENT"):
        server.chmod(3)


def test_how_a_pipe_was_opened_tells_its_direction(loop: Loop, diary: Diary) -> None:
    r, w = os.pipe()
    reader, writer = Pipe(loop), Pipe(loop)
    reader.open(r)
    writer.open(w)
    assert (reader.flags & (READABLE | WRITABLE), writer.flags & (READABLE | WRITABLE)) == (READABLE, WRITABLE)
    assert (reader.is_readable(), reader.is_writable()) == (True, False)
    with pytest.raises(UVError, match="EPIPE"):
        reader.write(b"x")
    with pytest.raises(UVError, match="ENOTCONN"):
        writer.read_start(None, diary.read)
    reader.read_start(None, diary.read)
    assert writer.try_write(b"over") == 4
    writer.close()
    turns(loop, lambda: len(diary.entries) == 2)
    assert diary.entries == [("read", 4, b"over"), ("read", EOF, None)]  # the end is a lone POLLHUP
    with pytest.raises(UVError, match="ENOTSOCK"):
        reader.recv_buffer_size()


def test_descriptors_travel_between_real_pipes(loop: Loop, diary: Diary) -> None:
    ours, theirs = socket.socketpair()
    sender, receiver = Pipe(loop, ipc=True), Pipe(loop, ipc=True)
    sender.open(ours.detach())
    receiver.open(theirs.detach())
    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(1, diary.connection)
    received: list[Any] = []

    def read(pipe: Any, nread: int, buf: Any) -> None:
        diary.read(pipe, nread, buf)
        while pipe.pending_count():
            received.append(Tcp(loop) if pipe.pending_type() == 12 else Pipe(loop))
            pipe.accept(received[-1])

    receiver.read_start(None, read)
    sender.write2(b"a", server)
    sender.write2(b"b", sender)
    turns(loop, lambda: len(received) == 2)
    assert [type(handle) for handle in received] == [Tcp, Pipe]
    assert received[0].getsockname() == server.getsockname()
    assert received[0].fd != server.fd


def test_a_stream_becomes_blocking_when_asked(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    pipe = Pipe(loop)
    pipe.open(ours.detach())
    assert not os.get_blocking(pipe.fd)
    pipe.set_blocking(True)
    assert os.get_blocking(pipe.fd)
    pipe.set_blocking(False)
    assert not os.get_blocking(pipe.fd)
    assert pipe.flags & BLOCKING_WRITES == 0
    theirs.close()


def test_buffer_sizes_are_the_kernels(loop: Loop) -> None:
    stream = Tcp(loop, socket.AF_INET)
    assert stream.send_buffer_size(8192) == 16384  # Linux doubles
    assert stream.send_buffer_size() == 16384
    assert stream.recv_buffer_size() > 0


# terminals


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: master and slave."""
    master, slave = pty.openpty()
    yield master, slave
    for fd in (master, slave):
        try:
            os.close(fd)
        except OSError:
            pass


def test_a_slave_is_opened_anew_and_a_master_gets_blocking_writes(loop: Loop, terminal: tuple[int, int]) -> None:
    master, slave = terminal
    one = Tty(loop, slave)
    assert one.fd != slave
    assert one.flags & (BLOCKING_WRITES | READABLE | WRITABLE) == READABLE | WRITABLE
    assert not os.get_blocking(one.fd)
    other = Tty(loop, os.dup(master))
    assert other.flags & BLOCKING_WRITES
    assert os.get_blocking(other.fd)


def test_a_terminal_reads_writes_and_knows_its_size(loop: Loop, diary: Diary, terminal: tuple[int, int]) -> None:
    master, slave = terminal
    tty = Tty(loop, slave)
    tty.set_mode(1)
    tty.read_start(None, diary.read)
    os.write(master, b"keys")
    turns(loop, lambda: bool(diary.entries))
    assert diary.entries == [("read", 4, b"keys")]
    assert tty.try_write(b"out") == 3
    assert os.read(master, 10) == b"out"
    termios.tcsetwinsize(slave, (24, 80))
    assert tty.get_winsize() == (80, 24)
    with pytest.raises(UVError, match="ENOTSUP"):
        tty.send_buffer_size()
    with pytest.raises(UVError, match="EINVAL"):
        tty.listen(1, diary.connection)


def test_closing_a_raw_terminal_gives_it_its_mode_back(loop: Loop, terminal: tuple[int, int]) -> None:
    _, slave = terminal
    before = termios.tcgetattr(slave)
    tty = Tty(loop, slave)
    for mode in (1, 2, 0, 2, 2):
        tty.set_mode(mode)
        assert (termios.tcgetattr(slave)[3] & termios.ICANON == 0) is (mode != 0)
    with pytest.raises(UVError, match="EINVAL"):
        tty.set_mode(3)
    tty.close()
    assert termios.tcgetattr(slave) == before
    assert tty_module._original is None  # its descriptor may be another's by the time of the exit


def test_at_exit_the_first_terminals_mode_is_given_back(loop: Loop, terminal: tuple[int, int]) -> None:
    _, slave = terminal
    before = termios.tcgetattr(slave)
    tty = Tty(loop, slave)
    tty.set_mode(1)
    tty_module.uv_tty_reset_mode()
    assert termios.tcgetattr(slave) == before
    tty_module.uv_tty_reset_mode()  # nothing happens


def test_what_is_no_terminal_nor_a_stream_is_refused(loop: Loop, folder: Path) -> None:
    with open(folder / "f", "w+") as file, open("/dev/zero") as zero:
        for fd in (file.fileno(), zero.fileno(), 999_999):
            with pytest.raises(UVError, match="EINVAL"):
                Tty(loop, fd)


def test_a_pipe_can_be_a_tty_handle_that_does_not_block(loop: Loop) -> None:
    r, w = os.pipe()
    writer = Tty(loop, w)
    assert (writer.fd, writer.flags & (BLOCKING_WRITES | READABLE | WRITABLE)) == (w, WRITABLE)
    with pytest.raises(UVError, match="ENOTTY"):
        writer.get_winsize()
    with pytest.raises(UVError, match="ENOTTY"):
        writer.set_mode(1)
    os.close(r)


# the system


def test_what_kind_of_handle_fits_a_descriptor(folder: Path, terminal: tuple[int, int]) -> None:
    system = System()
    r, w = os.pipe()
    unix, other = socket.socketpair()
    sockets = [
        socket.socket(), socket.socket(socket.AF_INET6), socket.socket(type=socket.SOCK_DGRAM),
        unix, other, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    ]  # fmt: skip
    directory = os.open(folder, os.O_RDONLY)
    try:
        kinds = [system.guess_handle(fd) for fd in (*(s.fileno() for s in sockets), r, w, *terminal, directory, -1)]
        assert kinds == [12, 12, 15, 7, 7, 0, 7, 7, 14, 14, 0, 0]
    finally:
        for s in sockets:
            s.close()
        for fd in (r, w, directory):
            os.close(fd)


def test_calls_on_no_descriptor_are_ebadf() -> None:
    system = System()
    for call in (system.getsockname, system.getpeername, system.shutdown, system.accept):
        with pytest.raises(OSError, match="Bad file descriptor"):
            call(-1)


def test_the_spare_descriptor_is_dev_null_or_the_root() -> None:
    asked: list[str] = []

    class Bare(System):
        @staticmethod
        def open(path: str, flags: int) -> int:  # type: ignore[override]
            asked.append(path)
            raise FileNotFoundError(2, path)

    assert open_spare(Bare()) == -1
    assert asked == ["/dev/null", "/"]


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("127.0.0.1", 80), "127.0.0.1:80"),
        (("::1", 80, 0, 0), "[::1]:80"),
        ("/run/x", "/run/x"),
        (b"\0abstract\0name", "@abstract\0name"),
        ("\0abstract", "@abstract"),
        ("", ""),
        (b"/tmp/\xff", "/tmp/\\udcff"),
    ],
)
def test_addresses_as_a_person_writes_them(address: Any, text: str) -> None:
    assert format_address(address) == text


def test_every_text_can_be_packed() -> None:
    assert encodable("plain") == "plain"
    assert encodable("größer 中") == "größer 中"
    assert encodable("a\udc80\ud800b") == "a\\udc80\\ud800b"


def test_errors_have_libuvs_names_and_numbers() -> None:
    error = UVError(-32, "write")
    assert (error.number, error.errno, error.name) == (-32, 32, "EPIPE")
    assert str(error) == "EPIPE: write: broken pipe"
    assert str(UVError(-32)) == "EPIPE: broken pipe"
    assert isinstance(error, OSError)
    assert [error_name(n) for n in (-32, EOF, -9999)] == ["EPIPE", "EOF", "errno 9999"]
    assert error_text(EOF) == "end of file"
