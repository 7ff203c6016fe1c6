"""The catalogue and the engine agree: everything that can be told is told by the function that the catalogue names, and
nothing else is listed.

The tour below makes every pair of kind and function happen once, so that a pair that cannot happen is found.
"""

from __future__ import annotations

import ast
import errno
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from core_feed import told
from core_kernel import HUP, IN, OUT, World

import streamscope.core
from streamscope.core import Check, Idle, Loop, Pipe, Prepare, Tcp, Timer, Tty, UVError, Wakeup
from streamscope.core.flags import BOUND
from streamscope.core.halt import freeze, thaw
from streamscope.core.injecting import act
from streamscope.core.probe import CALLBACK_NAMES, FUNCTIONS, KIND_CODES, KINDS, site
from streamscope.core.records import SAMPLED, Word
from streamscope.core.stream import fds as fds_module
from streamscope.core.tcp import maybe_new_socket

CORE = Path(streamscope.core.__file__).parent
DOMAINS = {
    "int", "bytes", "fd", "req", "handle", "flag", "mask", "status", "result", "ns", "ms", "type", "request",
    "callback", "callbacks", "kernel", "text",
}  # fmt: skip

STOPS: list[Callable[[World], None]] = []


def stop(function: Callable[[World], None]) -> Callable[[World], None]:
    """A stop of the tour: a small program in a world whose feed is read."""
    STOPS.append(function)
    return function


def connected(world: World) -> Tcp:
    stream = Tcp(world.loop)
    stream.open(world.kernel.make())
    return stream


def nothing(*_: Any) -> None:
    pass


@stop
def reads_to_the_end(world: World) -> None:
    stream = connected(world)
    stream.name = "reader"
    stream.read_start(None, nothing)
    world.kernel[stream.fd].inbox.extend([b"x", b"y"])
    world.turn((stream.fd, IN))
    world.turn((stream.fd, IN))
    world.kernel[stream.fd].ended = True
    world.turn((stream.fd, IN))
    stream.read_start(None, nothing)
    stream.read_stop()
    stream.unref()
    stream.ref()
    stream.read_start(None, nothing)
    world.kernel[stream.fd].inbox.append(-errno.ECONNRESET)
    world.turn((stream.fd, IN))


@stop
def is_poked(world: World) -> None:
    act(world.loop, connected(world).number, "eagain")


@stop
def is_frozen(world: World) -> None:
    freeze(world.loop, "a test")
    thaw(world.loop, "let go")


@stop
def unref_and_ref_while_active(world: World) -> None:
    stream = connected(world)
    stream.read_start(None, nothing)
    stream.unref()
    stream.ref()
    world.turn()
    stream.read_stop()
    Timer(world.loop).start(nothing, 1000)
    world.turn((stream.fd, IN))  # the late DEL


@stop
def writes_in_every_way(world: World) -> None:
    stream = connected(world)
    stream.high_water = 1
    stream.read_start(None, nothing)
    world.turn()
    stream.write([b"a", b"b"], nothing)
    world.kernel[stream.fd].takes.extend([1, -errno.EAGAIN, -errno.EPIPE])
    stream.write(b"cd", nothing)
    world.turn((stream.fd, OUT))
    world.turn((stream.fd, OUT))
    stream.shutdown(nothing)
    world.turn()


@stop
def is_interrupted_between_write_callbacks(world: World) -> None:
    def interrupted(request: Any, status: int) -> None:
        raise KeyboardInterrupt

    stream = connected(world)
    stream.write(b"a", interrupted)
    stream.write(b"b", nothing)
    with pytest.raises(KeyboardInterrupt):
        world.turn()


@stop
def closes_with_everything_under_way(world: World) -> None:
    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 5), nothing)
    stream.write(b"x", nothing)
    stream.shutdown(nothing)
    stream.close(nothing)
    world.turn()


@stop
def is_pending_when_it_closes(world: World) -> None:
    stream = connected(world)
    stream.shutdown()
    stream.close()


@stop
def connects_and_is_refused(world: World) -> None:
    stream = Tcp(world.loop)
    stream.connect(("127.0.0.1", 5), nothing)
    world.turn((stream.fd, OUT))
    stream = Tcp(world.loop, socket.AF_INET)
    world.kernel[stream.fd].connect_result = -errno.ECONNREFUSED
    stream.connect(("127.0.0.1", 5), nothing)
    stream.write(b"x", nothing)
    world.turn()


@stop
def binds_in_every_way(world: World) -> None:
    Tcp(world.loop).bind(("127.0.0.1", 0))
    taken = Tcp(world.loop, socket.AF_INET)
    world.kernel[taken.fd].bind_result = -errno.EADDRINUSE
    taken.bind(("127.0.0.1", 5))
    maybe_new_socket(taken, socket.AF_UNSPEC, BOUND)
    maybe_new_socket(Tcp(world.loop), socket.AF_INET, BOUND)
    maybe_new_socket(Tcp(world.loop, socket.AF_INET), socket.AF_INET, BOUND)
    failing = Tcp(world.loop)
    failing.nodelay(True)
    world.kernel.setsockopt_result = -errno.EINVAL
    maybe_new_socket(failing, socket.AF_INET, 0)


@stop
def cannot_be_bound_anywhere(world: World) -> None:
    def bind(*_: Any) -> None:
        raise OSError(errno.EACCES, "")

    world.kernel.bind = bind  # type: ignore[method-assign]
    maybe_new_socket(Tcp(world.loop), socket.AF_INET, BOUND)


@stop
def makes_no_socket(world: World) -> None:
    world.kernel.sockets.append(-errno.EMFILE)
    with pytest.raises(UVError):
        Tcp(world.loop, socket.AF_INET)


@stop
def sets_options(world: World) -> None:
    stream = connected(world)
    for on in (True, False):
        stream.nodelay(on)
        stream.keepalive(on)
        stream.simultaneous_accepts(not on)
    stream.simultaneous_accepts(True)


@stop
def serves(world: World) -> None:
    server = Tcp(world.loop)
    server.listen(1, nothing)
    world.kernel[server.fd].backlog.append(world.kernel.make())
    world.turn((server.fd, IN))
    taken = connected(world)
    with pytest.raises(UVError):
        server.accept(taken)
    world.kernel[server.fd].backlog.append(world.kernel.make())
    server.listen(1, nothing)
    world.turn((server.fd, IN))
    server.accept(Tcp(world.loop))
    world.turn()
    world.kernel[server.fd].backlog.extend([-errno.EMFILE, world.kernel.make()])
    world.turn((server.fd, IN))
    server.close()


@stop
def closes_while_it_holds_a_connection(world: World) -> None:
    server = Tcp(world.loop)
    server.listen(1, nothing)
    world.kernel[server.fd].backlog.append(world.kernel.make())
    world.turn((server.fd, IN))
    server.close()


@stop
def listens_once_at_a_time_because_the_environment_says_so(world: World) -> None:
    streamscope.core.tcp._single_accept = True
    try:
        Tcp(world.loop).listen(1, nothing)
    finally:
        streamscope.core.tcp._single_accept = None


@stop
def carries_descriptors(world: World) -> None:
    pipe = Pipe(world.loop, ipc=True)
    pipe.open(world.kernel.make("unix"))
    pipe.read_start(None, nothing)
    world.kernel[pipe.fd].inbox.append((b"x", [world.kernel.make() for _ in range(12)]))
    world.turn((pipe.fd, IN))
    for _ in range(12):
        client = Tcp(world.loop)
        pipe.accept(client)
    pipe.write2(b"x", client)
    world.kernel[pipe.fd].inbox.append((b"x", [world.kernel.make() for _ in range(70)]))
    world.turn((pipe.fd, IN))
    pipe.close()


@stop
def runs_out_of_memory_for_descriptors(world: World) -> None:
    class Full(fds_module.QueuedFds):
        __slots__ = ()

        def append(self, fd: int) -> None:
            raise MemoryError

    usual = fds_module.QueuedFds
    fds_module.QueuedFds = Full  # type: ignore[misc]
    try:
        pipe = Pipe(world.loop, ipc=True)
        pipe.open(world.kernel.make("unix"))
        pipe.read_start(None, nothing)
        world.kernel[pipe.fd].inbox.append((b"x", [world.kernel.make() for _ in range(2)]))
        world.turn((pipe.fd, IN))
    finally:
        fds_module.QueuedFds = usual  # type: ignore[misc]


@stop
def uses_pipes(world: World) -> None:
    server = Pipe(world.loop)
    server.bind("/fake/path")
    server.listen(1, nothing)
    client = Pipe(world.loop)
    client.connect("/fake/path", nothing)
    world.turn((client.fd, OUT))
    client.close()
    failing = Pipe(world.loop)
    fd = world.kernel.make("unix")
    world.kernel[fd].bind_result = -errno.EACCES
    world.kernel.sockets.append(fd)
    with pytest.raises(UVError):
        failing.bind("/fake/path")
    world.kernel.sockets.append(-errno.EMFILE)
    failing.connect("/nowhere", nothing)
    world.turn()


@stop
def writes_to_a_terminal(world: World) -> None:
    world.kernel.guess_handle = lambda fd: 14  # type: ignore[method-assign]
    usual = streamscope.core.tty._reopen
    streamscope.core.tty._reopen = lambda fd, mode: -1
    try:
        Tty(world.loop, world.kernel.make())
    finally:
        streamscope.core.tty._reopen = usual


@stop
def runs_timers_and_loop_watchers(world: World) -> None:
    world.loop.update_time()
    timer = Timer(world.loop)
    timer.start(lambda t: 1 // 0, 0)
    world.loop.excepthook = nothing
    handles = [kind(world.loop) for kind in (Idle, Prepare, Check)]
    for handle in handles:
        handle.start(nothing)
    world.turn()
    for handle in handles:
        handle.stop()


@stop
def says_whom_it_feeds(world: World) -> None:
    connected(world).feeds(connected(world))


@stop
def is_woken_and_hears_a_signal(world: World) -> None:
    wakeup = Wakeup(world.loop, nothing)
    wakeup.send()
    world.loop.on_signal(signal.SIGUSR1, nothing)
    os.kill(os.getpid(), signal.SIGUSR1)
    world.turn((world.loop.async_watcher.fd, IN), (world.loop.signals.watcher.fd, IN))
    wakeup.close()


@pytest.fixture(scope="module")
def everything() -> set[tuple[str, str]]:
    """What the whole tour tells."""
    pairs: set[tuple[str, str]] = set()
    for go in STOPS:
        world = World()
        feed: list[Word] = []
        world.loop.watch(feed)
        try:
            go(world)
        finally:
            world.kernel.setsockopt_result = 0
            world.end()
        pairs |= told(feed)
    return pairs


def test_every_kind_is_told_and_by_every_function_that_the_catalogue_names(everything: set[tuple[str, str]]) -> None:
    listed = {(kind.name, function) for kind in KINDS for function in kind.functions if function != SAMPLED}
    assert {(kind, function) for kind, function in everything if function != SAMPLED} == listed


def test_every_kind_has_a_meaning_in_one_sentence_or_two_and_arguments_of_known_domains() -> None:
    for kind in KINDS:
        assert kind.meaning.endswith("."), kind.name
        assert kind.functions, kind.name
        assert len(set(kind.functions)) == len(kind.functions), kind.name
        assert {arg.domain for arg in kind.args} <= DOMAINS, kind.name
        assert len({arg.name for arg in kind.args}) == len(kind.args), kind.name
    assert len(KIND_CODES) == len(KINDS) <= 256
    assert len(FUNCTIONS) <= 256


def test_a_site_that_the_catalogue_does_not_list_is_refused() -> None:
    with pytest.raises(KeyError, match=r"uv_run tells of sys\.read"):
        site("sys.read", "uv_run")
    with pytest.raises(KeyError):
        site("sys.teleport", "uv_run")


def test_who_looks_from_outside_may_tell_of_every_kind() -> None:
    assert {site(kind.name, SAMPLED) >> 8 for kind in KINDS} == {FUNCTIONS.index(SAMPLED)}


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(CORE.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def test_every_site_is_made_once_when_its_module_loads_and_is_used() -> None:
    for path, tree in modules():
        if path.name in ("probe.py", "joined_records.py"):
            continue
        at_the_top: set[str] = set()
        calls = sum(isinstance(node, ast.Call) and getattr(node.func, "id", "") == "site" for node in ast.walk(tree))
        for statement in tree.body:
            if isinstance(statement, ast.Assign):
                inside = [
                    n for n in ast.walk(statement) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "site"
                ]
                if inside:
                    assert isinstance(statement.targets[0], ast.Name)
                    at_the_top.add(statement.targets[0].id)
                    calls -= len(inside)
        assert calls == 0, f"{path.name} calls site() elsewhere than at its top"
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        assert at_the_top <= used, f"{path.name} makes sites that it does not use: {at_the_top - used}"


def test_functions_of_the_catalogue_exist_in_the_engine_or_are_macros_and_system_calls_of_libuv() -> None:
    """A name that is found nowhere in the engine would send its reader searching in vain."""
    text = "\n".join(path.read_text() for path, _ in modules() if path.name not in ("probe.py", "joined_records.py"))
    for function in FUNCTIONS:
        assert re.search(rf"\b{re.escape(function)}\b", text) or function.startswith(
            ("uv_idle_", "uv_prepare_", "uv_check_")
        ), function


def test_callbacks_have_names_and_their_numbers_are_constants() -> None:
    constants = {name: value for name, value in vars(streamscope.core.probe).items() if name.startswith("CB_")}
    assert {name[3:].lower() + "_cb": value for name, value in constants.items()} == {
        name: number for number, name in enumerate(CALLBACK_NAMES) if number
    }


def test_nobody_watching_tells_nobody(world: World) -> None:
    feed: list[Word] = []
    loop = world.loop
    loop.watch(feed)
    stream = connected(world)
    loop.unwatch()
    before = list(feed)
    stream.read_start(None, nothing)
    world.turn((stream.fd, IN | OUT | HUP))
    stream.close(nothing)
    world.turn()
    assert feed == before
    assert isinstance(loop, Loop)
