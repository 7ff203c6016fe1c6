"""A child that the program forks leaves the parent's loop alone, whatever it does."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest
from core_kernel import Diary

from streamscope.core import RUN_NOWAIT, Check, JoinedLoop, Loop, LoopOfParent, Pipe, Timer


def forked(do: Callable[[], Any]) -> int:
    """Do it in a child; returns the child's exit status, 99 for what it raised unasked."""
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(int(do() or 0))
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def reader(loop: Loop, diary: Diary) -> tuple[Pipe, socket.socket]:
    ours, theirs = socket.socketpair()
    pipe = Pipe(loop)
    pipe.open(ours.detach())
    pipe.read_start(None, diary.read)
    loop.run(RUN_NOWAIT)
    return pipe, theirs


def test_run_in_a_child_raises_and_takes_nothing_out_of_the_parents_epoll(loop: Loop, diary: Diary) -> None:
    pipe, theirs = reader(loop, diary)

    def goes_on() -> int:
        pipe.close()
        Timer(loop).start(lambda timer: None, 0)
        try:
            loop.run()
        except LoopOfParent:
            return 7
        return 0

    assert forked(goes_on) == 7
    theirs.sendall(b"for the parent")
    loop.run(RUN_NOWAIT)
    assert diary.entries == [("read", 14, b"for the parent")]
    theirs.close()


@pytest.mark.parametrize("make_loop", [Loop, JoinedLoop])
def test_a_child_forked_in_a_callback_reads_nothing_of_the_parents_and_runs_nothing_more(make_loop: type[Loop]) -> None:
    loop = make_loop()
    told: list[tuple[int, str, bytes]] = []
    pairs = [socket.socketpair() for _ in range(2)]
    out, into = os.pipe()
    children: list[int] = []

    def read(pipe: Pipe, nread: int, data: bytes) -> None:
        told.append((os.getpid(), "read", data))
        if not children:
            children.append(os.fork())

    for ours, _ in pairs:
        pipe = Pipe(loop)
        pipe.open(ours.detach())
        pipe.read_start(None, read)
    Check(loop).start(lambda handle: told.append((os.getpid(), "check", b"")))
    Timer(loop).start(lambda timer: told.append((os.getpid(), "timer", b"")), 0, 1)
    for n, (_, theirs) in enumerate(pairs):
        theirs.sendall(b"%d" % n)
    parent = os.getpid()
    try:
        loop.run(RUN_NOWAIT)
        loop.run(RUN_NOWAIT)
    except LoopOfParent:
        os.write(into, repr([what for pid, what, _ in told if pid != parent]).encode())
        os._exit(0)
    assert os.waitpid(children[0], 0)[1] == 0
    assert os.read(out, 1000) == b"[]"
    assert sorted(data for _, what, data in told if what == "read") == [b"0", b"1"]
    for handle in list(loop.handles.values()):
        handle.close()
    loop.run(RUN_NOWAIT)
    loop.close()
    for fd in (out, into):
        os.close(fd)
    for _, theirs in pairs:
        theirs.close()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_signal_to_the_child_is_not_the_parents(loop: Loop, ignored: bool) -> None:
    caught: list[int] = []
    signal.signal(signal.SIGUSR1, signal.SIG_IGN if ignored else signal.SIG_DFL)
    loop.on_signal(signal.SIGUSR1, caught.append)
    status = forked(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    Timer(loop).start(lambda timer: timer.close(), 0)
    loop.run(RUN_NOWAIT)
    assert status == (0 if ignored else -signal.SIGUSR1)
    assert caught == []
    os.kill(os.getpid(), signal.SIGUSR1)
    idle = Timer(loop)
    idle.start(lambda timer: None, 10_000)
    loop.run(RUN_NOWAIT)
    assert caught == [signal.SIGUSR1]
