"""Running a program on the engine in a test, recorded, to say afterwards what has to have held.

    tracer = Tracer(folder)
    trace = tracer(main, port=0, client=talk)      # main(loop, port=0), then talk(address) in a thread
    trace.check("max(wq) < 1MiB", "count(error) == 0")
    assert len(trace.events("kind == sys.accept")) == 2

The engine is the one that `streamscope run` has, in this process and on this thread. What it tells goes into a trace
file as it happens, so memory stays bounded, and what fails can be looked at with `streamscope replay`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from streamscope.core import RUN_DEFAULT, JoinedLoop, Loop, Pipe, Tcp, Timer, UVError, Wakeup
from streamscope.core.errors import UV_EBUSY
from streamscope.core.flags import POLLIN
from streamscope.core.handle import Handle
from streamscope.diagnosis.lint_words import Judge, LintWords
from streamscope.link.batches import OwnLayout
from streamscope.link.engine import EngineProducer, listening
from streamscope.link.feed import Feed
from streamscope.link.frames import BatchFrame, GoodbyeFrame, Hello, SliceFrame, as_received, read_frame
from streamscope.link.greeting import greeting
from streamscope.trace.check import Assertion, check, lines
from streamscope.trace.decode import Event
from streamscope.trace.filter import Filter, FilterError, marked
from streamscope.trace.filter.rows import walk_for
from streamscope.trace.model import Model
from streamscope.trace.pieces import BatchLeaf
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.walk import state_before

T = TypeVar("T")

MS = 1_000_000

_HEAD = 4  # bytes of a frame's length

Address = tuple[str, int] | str
"""(host, port), or the path of a Unix socket."""


class Tracer:
    """Runs programs and records them into files of a folder. `close` ends what it has opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._traces: list[Trace] = []

    def __call__(
        self,
        main: Callable[..., Any],
        *args: Any,
        client: Callable[[Any], Any] | None = None,
        seconds: float | None = None,
        timeout: float = 10.0,
        **options: Any,
    ) -> Trace:
        """Runs `main(loop, *args, **options)` until nothing keeps the loop alive, and returns what was recorded.

        `client` is called in a thread, with the address that the program listens on (None if it listens nowhere); when
        it has returned, the program's servers are closed, and the connections have until the timeout to end by
        themselves. `seconds` ends a program that would go on for ever: after so long all its handles are closed.

        What the client raises, and what a callback raises, is raised here. So is AssertionError if the program is still
        running after `timeout` seconds.
        """
        __tracebackhide__ = True  # a failure is the test's, the program's or the client's: nobody need read this file
        path = self._folder / f"trace{len(self._traces) or ''}.scope"
        with open(path, "xb", opener=_only_for_us) as file:
            run = _Run(file, getattr(main, "__module__", "program"), seconds, timeout)
            try:
                run.go(lambda loop: main(loop, *args, **options), client)
            finally:
                run.close()
        trace = Trace(path)
        self._traces.append(trace)
        run.raise_what_was_raised()
        if run.late:
            raise AssertionError(f"the program was still running after {timeout:g} s: {run.late}; its trace: {path}")
        return trace

    def close(self) -> None:
        """Lets go of the traces."""
        for trace in self._traces:
            trace.close()


class Trace:
    """What was recorded of one run; `path` is its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = TraceFile.open(path)
        self._words = LintWords(self._file.past.decoder.vocabulary)

    def check(self, *assertions: str, allow_vacuous: bool = False, strict: bool = False) -> None:
        """Raises AssertionError, with what failed and where, unless all of these hold; with `allow_vacuous` also where
        a `where` was never so, and with `strict` only where there was something to show. FilterError for what is no
        assertion.
        """
        __tracebackhide__ = True
        vocabulary = self._file.past.decoder.vocabulary
        parse = partial(_understood, lambda text: Assertion.parse(text, vocabulary, states=self._words))
        parsed = list(map(parse, assertions))  # in no frame of its own
        judge = Judge(self._file.past)
        stated = judge.events(self._words) if any(each.asks_states for each in parsed) else ()
        report = check(self._file.past, parsed, stated=stated, allow_vacuous=allow_vacuous, strict=strict)
        if not report.ok:
            said = "\n".join(lines(report, str(self.path), quiet=True, beside=judge.beside))
            raise AssertionError(f"the trace is not as it has to be\n{said}")

    def events(self, query: str = "") -> list[Event]:
        """The events that a filter wants, in order. Raises FilterError."""
        __tracebackhide__ = True
        past = self._file.past
        wanted = _understood(lambda text: Filter.parse(text, past.decoder.vocabulary), query)
        walk = walk_for(past.decoder, wanted)
        _, piece, model = state_before(past, 0, self._blank())
        found = []
        for _, leaf in past.leaves(piece):
            if not isinstance(leaf, BatchLeaf):
                walk.pass_over(leaf)
                leaf.fold(model)
            elif wanted.needs_state:
                found += [e for _, e in walk.fold(leaf, model) if wanted.of_event(e, model.known.get(e.stream))]
            else:
                found += [event for _, event in walk.events(leaf) if wanted.of_event(event)]
        return found

    def streams(self, query: str = "") -> list[StreamState]:
        """The streams that a filter wants, as they were at the end; those that had closed by then are among them.
        Raises FilterError.
        """
        __tracebackhide__ = True
        past = self._file.past
        vocabulary = past.decoder.vocabulary
        wanted = _understood(lambda text: Filter.parse(text, vocabulary, for_streams=True), query)
        _, piece, model = state_before(past, past.end, self._blank())
        for _, leaf in past.leaves(piece):
            leaf.fold(model)
        return [state for state in model.streams.values() if wanted.of_stream(state, model.t)]

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _blank(self) -> Model:
        return Model(self._file.past.decoder.vocabulary)


class _ProgramLoop(JoinedLoop):
    """The loop that the program gets. It may run it itself, from within its `main`, and close it."""

    def __init__(self) -> None:
        super().__init__()
        self.begin: Callable[[], None] = lambda: None
        self.ours: set[Handle] = set()

    def run(self, mode: int = RUN_DEFAULT) -> bool:
        """See `Loop.run`."""
        self.begin()
        return super().run(mode)

    def close(self) -> None:
        """What the program gets is libuv's answer; the test still needs the loop."""
        if set(self.handles.values()) - self.ours or self.active_reqs:
            raise UVError(UV_EBUSY, "loop_close")


class _Run:
    """One program on one loop. It rides along in the loop's waits, to write down what was told."""

    def __init__(self, file: Any, program: str, seconds: float | None, timeout: float) -> None:
        self.late = ""
        self._timeout = timeout
        # a passenger has a descriptor; nothing ever comes there
        self.event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK), POLLIN
        self._raised: list[BaseException] = []
        self._thread: threading.Thread | None = None
        self._loop = _ProgramLoop()
        self._loop.excepthook = self._callback_raised
        # ours, and begun before anything is told: of them the trace has no more than that the wakeup came
        self._wakeup = Wakeup(self._loop, lambda wakeup: self._client_is_done())
        self._deadline = Timer(self._loop)
        self._stopper = Timer(self._loop)
        self._loop.ours = {self._wakeup, self._deadline, self._stopper}
        self._deadline.start(lambda timer: self._too_late(), round(timeout * 1000))
        if seconds is not None:
            self._stopper.start(lambda timer: self._close_all(), round(seconds * 1000))
        for handle in self._loop.ours:
            handle.unref()
        hello = greeting(program, self._loop.clock())
        self._feed = Feed(EngineProducer(self._loop), OwnLayout(hello.kinds, hello.joined), self._take)
        said = as_received(hello.frame())
        assert isinstance(said, Hello)
        self._writer = TraceWriter(file, said)
        self._writer.slice(SliceFrame(0, LoopState(), [], True, True))  # nothing is there yet, and nothing unknown
        self._feed.begin()
        self._loop.set_passenger(self)

    def go(self, begin: Callable[[Loop], Any], client: Callable[[Any], Any] | None) -> None:
        """Runs the program to its end, or to ours."""
        __tracebackhide__ = True
        loop = self._loop
        if client is not None:
            loop.begin = lambda: self._start(client)
        begin(loop)
        loop.run()
        if self._thread is not None and not self.late:
            self._thread.join(self._timeout)

    def _start(self, client: Callable[[Any], Any]) -> None:
        """The loop is about to run for the first time: from now on somebody can be served."""
        self._loop.begin = lambda: None
        self._wakeup.ref()
        self._thread = threading.Thread(target=self._talk, args=(client, _address(self._loop)), daemon=True)
        self._thread.start()

    def wait(self, timeout_ms: int, now: int) -> int:
        """The loop is about to wait: not longer than what was told may be late, or a silence would be in no batch, and
        nothing that lasts could be found in it.
        """
        if self._feed.is_due(now):
            self._take()
        left_ms = -((now - self._feed.due_at) // MS) if self._feed.due_at else timeout_ms
        return left_ms if timeout_ms < 0 else min(timeout_ms, left_ms)

    def hear(self) -> None:
        """Nobody speaks."""

    def _take(self) -> None:
        for packed, _ in self._feed.take():
            frame = read_frame(packed[_HEAD:])
            if isinstance(frame, BatchFrame):
                self._writer.records(frame)

    def close(self) -> None:
        """Closes what is left of the program, and ends the trace."""
        loop = self._loop
        self._close_all()
        loop.run()
        self._take()
        self._feed.stop()
        for handle in loop.ours:
            handle.close()
        loop.run()
        self._writer.close(GoodbyeFrame("the test's program has ended", 0))
        loop.set_passenger(None)
        Loop.close(loop)
        os.close(self.event[0])

    def raise_what_was_raised(self) -> None:
        """Raises the first of what the program's callbacks and the client raised."""
        __tracebackhide__ = True
        if self._raised:
            raise self._raised[0]

    # what happens meanwhile

    def _talk(self, client: Callable[[Any], Any], address: Address | None) -> None:
        __tracebackhide__ = True
        try:
            client(address)
        except BaseException as error:
            self._raised.append(error)
        with suppress(UVError):  # the test has waited long enough already
            self._wakeup.send()

    def _client_is_done(self) -> None:
        """The program serves nobody new; whoever is connected may finish."""
        self._wakeup.unref()
        for stream in listening(self._loop):
            stream.close()
        if self._raised:
            self._close_all()

    def _callback_raised(self, handle: Handle | None, callback: str, error: Exception) -> None:
        self._raised.append(error)
        if handle is not None and not handle.is_closing():
            handle.close()

    def _too_late(self) -> None:
        left = [handle for handle in self._loop.handles.values() if handle not in self._loop.ours and handle.has_ref()]
        kinds = ", ".join(f"{type(handle).__name__} #{handle.number}" for handle in left[:5])
        self.late = f"{kinds}{' and more' if len(left) > 5 else ''} kept it alive" if left else "it does not end"
        self._wakeup.unref()
        self._close_all()

    def _close_all(self) -> None:
        for handle in list(self._loop.handles.values()):
            if handle not in self._loop.ours and not handle.is_closing():
                handle.close()


def _address(loop: Loop) -> Address | None:
    server = next(iter(listening(loop)), None)
    if server is None:
        return None
    assert isinstance(server, Tcp | Pipe)  # a tty does not listen
    address = server.getsockname()
    return (address[0], address[1]) if isinstance(address, tuple) else address


def _understood(parse: Callable[[str], T], text: str) -> T:
    """What is written there. Raises FilterError, which shows the place."""
    __tracebackhide__ = True
    try:
        return parse(text)
    except FilterError as error:
        shown = "\n".join(f"  {line}" for line in marked(error, text).split("\n"))
        raise FilterError(f"{error.message}\n{shown}", error.start, error.end) from None


def _only_for_us(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
