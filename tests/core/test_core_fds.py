"""Descriptors that come over an IPC pipe: accepted_fd, queued_fds and how they grow, and that none is ever lost."""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

import pytest
from core_feed import lines
from core_kernel import IN, Diary, World

from streamscope.core import RUN_ONCE, Loop, Pipe, Tcp
from streamscope.core.stream import fds as fds_module


def arrive(world: World, ipc: Pipe, fds: list[int], data: bytes = b"x") -> None:
    world.kernel[ipc.fd].inbox.append((data, fds))
    world.turn((ipc.fd, IN))


def test_the_first_descriptor_is_held_and_the_others_queue(world: World, ipc: Pipe, diary: Diary) -> None:
    fds = [world.kernel.make("tcp"), world.kernel.make("unix"), world.kernel.make("tcp")]
    counts: list[tuple[int, int]] = []

    def read(pipe: Any, nread: int, buf: Any) -> None:
        diary.read(pipe, nread, buf)
        while pipe.pending_count():
            counts.append((pipe.pending_count(), pipe.pending_type()))
            pipe.accept(Tcp(world.loop) if pipe.pending_type() == 12 else Pipe(world.loop))

    ipc.read_start(None, read)
    arrive(world, ipc, fds, b"data")
    assert diary.entries == [("read", 4, b"data")]  # they are there before read_cb
    assert counts == [(3, 12), (2, 7), (1, 12)]
    assert [h.fd for h in world.loop.handles.values() if h is not ipc] == fds
    assert (ipc.accepted_fd, ipc.queued_fds, ipc.pending_count(), ipc.pending_type()) == (-1, None, 0, 0)


def test_queued_fds_begins_with_room_for_8_and_grows_by_8(world: World, ipc: Pipe, diary: Diary) -> None:
    ipc.read_start(None, diary.read)
    capacities = []
    fds = []
    for _ in range(20):
        fds.append(world.kernel.make())
        arrive(world, ipc, fds[-1:])
        capacities.append(None if ipc.queued_fds is None else ipc.queued_fds.capacity)
    assert capacities == [None] + [8] * 8 + [16] * 8 + [24] * 3
    assert ipc.accepted_fd == fds[0]
    assert list(ipc.queued_fds or []) == fds[1:]
    taken = []
    while ipc.pending_count():
        client = Tcp(world.loop)
        ipc.accept(client)
        taken.append(client.fd)
    assert taken == fds
    assert ipc.queued_fds is None


def test_closing_the_pipe_closes_every_descriptor_that_waits(world: World, ipc: Pipe, diary: Diary) -> None:
    ipc.read_start(None, diary.read)
    fds = [world.kernel.make() for _ in range(12)]
    arrive(world, ipc, fds)
    own = ipc.fd
    ipc.close(diary.closed)
    assert [fd for _, fd in world.kernel.called("close")] == [own, *fds]
    assert (ipc.accepted_fd, ipc.queued_fds) == (-1, None)


def test_descriptors_closed_behind_the_engines_back_do_not_stop_a_close(world: World, ipc: Pipe, diary: Diary) -> None:
    ipc.read_start(None, diary.read)
    fds = [world.kernel.make() for _ in range(3)]
    arrive(world, ipc, fds)
    for fd in (ipc.fd, fds[0], fds[2]):
        del world.kernel.descriptors[fd]
    ipc.close(diary.closed)
    world.turn()
    assert diary.entries[-1] == ("closed", "pipe")
    assert fds[1] not in world.kernel.descriptors
    assert ipc.errors == 3


def test_when_memory_runs_out_the_rest_is_closed_and_the_error_told(
    world: World, ipc: Pipe, diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(fds_module.QueuedFds):
        __slots__ = ()

        def append(self, fd: int) -> None:
            raise MemoryError

    ipc.read_start(None, diary.read)
    fds = [world.kernel.make() for _ in range(4)]
    monkeypatch.setattr(fds_module, "QueuedFds", Full)
    arrive(world, ipc, fds)
    assert diary.entries == [("read", -errno.ENOMEM, None)]
    assert ipc.accepted_fd == fds[0]
    assert [fd for _, fd in world.kernel.called("close")] == fds[1:]


def test_other_control_messages_are_ignored_with_a_word_on_stderr(
    world: World, ipc: Pipe, diary: Diary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def recvmsg(fd: int, buffers: Any) -> Any:
        memoryview(buffers[0])[:1] = b"x"
        return 1, [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, b"\0" * 12)], 0

    monkeypatch.setattr(world.kernel, "recvmsg", recvmsg)
    ipc.read_start(None, diary.read)
    world.turn((ipc.fd, IN))
    assert diary.entries == [("read", 1, b"x")]
    assert ipc.accepted_fd == -1
    assert capsys.readouterr().err == f"ignoring non-SCM_RIGHTS ancillary data: {socket.SCM_CREDENTIALS}\n"


def test_descriptors_that_the_kernel_dropped_are_told_and_how_many_came(loop: Loop, diary: Diary) -> None:
    """libuv has room for 64; the 6 that did not fit are gone, and only MSG_CTRUNC says so."""
    ours, theirs = socket.socketpair()
    pipe = Pipe(loop, ipc=True)
    pipe.open(ours.detach())
    pipe.read_start(None, diary.read)
    feed: list[Any] = []
    loop.watch(feed)
    for count in (64, 70):
        sent = [os.dup(0) for _ in range(count)]
        socket.send_fds(theirs, [b"x"], sent)
        for fd in sent:
            os.close(fd)
        loop.run(RUN_ONCE)
    assert pipe.pending_count() == 64 + 64
    told = [line for line in lines(feed) if "uv__recvmsg" in line]
    assert [line.rpartition(": ")[2] for line in told] == [
        f"sys.recvmsg {pipe.fd} 65536 1", f"sys.recvmsg {pipe.fd} 65536 1", "fds.truncated 64",
    ]  # fmt: skip
    theirs.close()


def test_ipc_reads_eagain_eintr_errors_and_buffers_like_any_other(world: World, ipc: Pipe, diary: Diary) -> None:
    ipc.read_start(lambda stream, size: bytearray(4), diary.read)
    world.kernel[ipc.fd].inbox.extend([b"full", b"ab"])
    world.kernel.interruptions = 1
    world.turn((ipc.fd, IN))
    world.turn((ipc.fd, IN))
    world.kernel[ipc.fd].inbox.append(-errno.ECONNRESET)
    world.turn((ipc.fd, IN))
    assert diary.entries == [
        ("read", 4, b"full"), ("read", 2, b"ab"), ("read", 0, None), ("read", -errno.ECONNRESET, None),
    ]  # fmt: skip
    assert not world.kernel.called("read")


def test_a_pipe_without_ipc_has_nothing_pending(world: World) -> None:
    pipe = Pipe(world.loop)
    assert (pipe.pending_count(), pipe.pending_type()) == (0, 0)
