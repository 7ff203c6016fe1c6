"""Which callback of the program runs, told by the frames of a thread that was interrupted in it.

The engine keeps no account of what runs now: it would cost every callback something, for a question that is asked only
when one does not return. Whoever is called between two bytecodes (a Python signal handler) has the interrupted frame,
and the engine's own frames further out know whose callback they are in.
"""

from __future__ import annotations

import os
from types import CodeType, FrameType
from typing import NamedTuple

from .handle import Handle
from .joined import JoinedLoop
from .loop import Loop
from .probe import CB_ALLOC, CB_READ, NO_CALLBACK
from .stream import read

_ENGINE = os.path.dirname(__file__) + os.sep

_CALLERS: dict[CodeType, tuple[str, str | int]] = {
    Loop.call.__code__: ("handle", "number"),
    JoinedLoop.dispatch.__code__: ("stream", CB_READ),
    read._alloc.__code__: ("stream", CB_ALLOC),
}
"""The functions that call the program: the local variable that has the handle, and the callback or its variable."""


class Interrupted(NamedTuple):
    """Where the program stands. `handle` is None for a callback that is no handle's; `callback` is its number;
    `frames` are the program's, innermost first, and `engine` the engine's further out, for who wants to know the way.

    `may_raise`: whether the program alone was interrupted, and no function of the engine that it has called, whose
    state an exception would tear.
    """

    handle: Handle | None
    callback: int
    frames: list[FrameType]
    engine: list[FrameType]
    may_raise: bool


def interrupted(frame: FrameType | None) -> Interrupted:
    """What is interrupted in this frame. Without a callback around it, every frame is the program's, and none may
    raise.
    """
    frames: list[FrameType] = []
    within = False
    while frame is not None:
        caller = _CALLERS.get(frame.f_code)
        if caller is not None and (frames or frame.f_code is Loop.call.__code__):
            return _in_callback(frame, caller, frames, not within)
        within = within or frame.f_code.co_filename.startswith(_ENGINE)
        frames.append(frame)
        frame = frame.f_back
    return Interrupted(None, NO_CALLBACK, [each for each in frames if not _is_engine(each)], [], False)


def _in_callback(
    frame: FrameType, caller: tuple[str, str | int], frames: list[FrameType], may_raise: bool
) -> Interrupted:
    holder, number = caller
    values = frame.f_locals
    handle = values.get(holder)
    own = [each for each in frames if not _is_engine(each)]
    if frames and not own:  # the engine's own work, between two callbacks
        callback: object = NO_CALLBACK
    else:
        callback = values.get(number) if isinstance(number, str) else number
    engine: list[FrameType] = []
    outer: FrameType | None = frame
    while outer is not None and _is_engine(outer):
        engine.append(outer)
        outer = outer.f_back
    return Interrupted(
        handle if isinstance(handle, Handle) else None,
        callback if isinstance(callback, int) else NO_CALLBACK,
        own,
        engine,
        may_raise and bool(own),
    )


def _is_engine(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_ENGINE)
