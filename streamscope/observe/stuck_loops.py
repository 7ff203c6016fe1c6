"""How a process of asyncio's answers whose loop does not come round: in what it is stuck, and where.

As with our engine (`link.answering`): an inspector that hears nothing sends SIGURG, whose handler writes what it finds.
Python runs handlers in the main thread alone, and lets them be set only there. So the main thread's loop sets it, for
all loops of the process, while any of them is watched; each loop is told of by its own thread's stack. Where the main
thread runs no loop nobody can answer, and that is what is said.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from streamscope.observe.aio_kinds import CALLBACKS, CB_BUFFER, CB_DATA, CB_EOF, CB_LOST, CB_PAUSE, CB_RESUME
from streamscope.observe.books import book_of
from streamscope.observe.described import not_the_program

MOST_FRAMES = 64

_CALLERS = {
    "_read_ready__data_received": CB_DATA, "_read_ready__get_buffer": CB_BUFFER, "_read_ready__on_eof": CB_EOF,
    "_call_connection_lost": CB_LOST, "_maybe_pause_protocol": CB_PAUSE, "_maybe_resume_protocol": CB_RESUME,
    "_read_ready": CB_DATA,
}  # fmt: skip
"""asyncio's functions that call a protocol, and what they call."""

Tell = Callable[[], dict[str, Any]]


class Answers:
    """Of this process. `main_runs` says which loop is the main thread's, if any."""

    def __init__(self) -> None:
        self._main: weakref.ref[Any] | None = None
        self._tellers: dict[int, Callable[[FrameType | None], dict[str, Any]]] = {}
        self._answering: Any = None
        self._lock = threading.Lock()

    def main_runs(self, loop: Any) -> None:
        """The main thread runs this loop now."""
        self._main = weakref.ref(loop)

    def begin(self, number: int, tell: Callable[[FrameType | None], dict[str, Any]]) -> None:
        """This loop is watched from now on: `tell` says where it stands whose thread was interrupted in a frame."""
        self._tellers = {**self._tellers, number: tell}
        self._in_main_thread(self._settle)

    def end(self, number: int) -> None:
        """It is watched no more."""
        self._tellers = {each: tell for each, tell in self._tellers.items() if each != number}
        self._in_main_thread(self._settle)

    def look(self) -> None:
        """See `Answering.look`."""
        if self._answering is not None:
            self._answering.look()

    def forget(self) -> None:
        """In a child that was forked: nothing of it is left there."""
        self._tellers = {}
        if self._answering is not None:
            self._answering.forget()
            self._answering = None
        self._lock = threading.Lock()

    def _in_main_thread(self, call: Callable[[], None]) -> None:
        if threading.current_thread() is threading.main_thread():
            call()
            return
        loop = None if self._main is None else self._main()
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(call)

    def _settle(self) -> None:
        with self._lock:
            if self._tellers and self._answering is None:
                from streamscope.link.answering import Answering

                self._answering = Answering(self._tell)
                self._answering.begin()
            elif not self._tellers and self._answering is not None:
                answering, self._answering = self._answering, None
                answering.end()

    def _tell(self, frame: FrameType | None) -> dict[str, Any]:
        return {"loops": {str(number): tell(frame) for number, tell in self._tellers.items()}}


answers = Answers()
"""Those of this process."""


def where_it_stands(loop: Any, frame: FrameType | None) -> dict[str, Any]:
    """Which callback of the program a loop runs, and where in it, as `asking.Answer` has it. Reads, and changes
    nothing. `frame` is the main thread's.
    """
    ident = getattr(loop, "_thread_id", None)
    if ident != threading.main_thread().ident:
        frame = sys._current_frames().get(ident) if ident is not None else None
    frames: list[FrameType] = []
    engine: list[FrameType] = []
    passed_over = not_the_program()
    while frame is not None and frame.f_code.co_name != "run_forever":
        ours = frame.f_code.co_filename.startswith(passed_over)
        if ours and frames:
            engine.append(frame)
        elif not engine:
            frames.append(frame)
        frame = frame.f_back
    stream, callback = _whose(engine)
    return {
        "stream": stream,
        "callback": callback or ("a task" if engine else ""),
        "frames": [
            _place(each) for each in frames[:MOST_FRAMES] if not each.f_code.co_filename.startswith(passed_over)
        ],
        "engine": [each.f_code.co_name for each in engine if "/streamscope/" not in each.f_code.co_filename][
            :MOST_FRAMES
        ],
    }


def _whose(engine: list[FrameType]) -> tuple[int, str]:
    """The number of the stream whose callback runs, and that callback; 0 and "" for what is no stream's."""
    for frame in engine:
        callback = _CALLERS.get(frame.f_code.co_name)
        if callback is not None:
            book = book_of(frame.f_locals.get("self"))
            return (0 if book is None else book.mark >> 16), CALLBACKS[callback]
    return 0, ""


def _place(frame: FrameType) -> list[str | int]:
    return [frame.f_code.co_filename[:500], frame.f_lineno or 0, frame.f_code.co_qualname[:200]]
