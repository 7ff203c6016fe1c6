"""Having something happen to a stream: the table of `pokes`, carried out where the loop waits.

What stays is a fault (`faults`); what is done at once is what the program could have called. Either way it is told as
injected before it happens, and the loop turns.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .errors import UVError
from .faults import Faults, of_stream, rest, tell
from .flags import CLOSED, CLOSING, READING
from .pokes import POKES
from .probe import site
from .records import SAMPLED
from .stream import Stream
from .stream.open import uv_buffer_size
from .stream.shutdown import uv_shutdown
from .tcp import Tcp, uv_tcp_close_reset

if TYPE_CHECKING:
    from .loop import Loop

_WAITS = site("loop.waits", SAMPLED)
_UNDOES = {"read-start": "read-stop", "release-accepts": "hold-accepts"}


class FaultError(Exception):
    """The action cannot be carried out; the text says why, and what could be."""


def act(loop: Loop, number: int, name: str, value: int = 0) -> None:
    """Do this to the stream of that number, and have the loop turn. Raises FaultError."""
    action = POKES.get(name)
    if action is None:
        raise FaultError(f"there is no action {name!r}: there are {', '.join(POKES)}")
    if action.takes and not 1 <= value <= action.most:
        unit = "bytes" if action.takes == "bytes" else "ms"
        raise FaultError(f"{name} takes 1 to {action.most:,} {unit}")
    if value and not action.takes:
        raise FaultError(f"{name} takes no value")
    stream = _stream(loop, number)
    tell_the_time(loop)
    try:
        if action.stays:
            _FITS.get(name, _fits)(stream)
            of_stream(stream).begin(name, value)
        else:
            _AT_ONCE[name](stream)
    except UVError as error:
        raise FaultError(f"{name} does not fit #{number} as it is: {error.strerror}") from None
    finally:
        rest(stream)
        wake(loop)


def undo(loop: Loop, number: int, name: str) -> None:
    """End one fault of a stream, if the stream and the fault are still there."""
    stream = loop.handles.get(number)
    if isinstance(stream, Stream) and isinstance(stream.system, Faults) and name in stream.system.held:
        tell_the_time(loop)
        stream.system.end(name)
        rest(stream)
        wake(loop)


def wake(loop: Loop) -> None:
    """Have the loop end its wait, and turn."""
    try:
        os.eventfd_write(loop.async_watcher.fd, 1)
    except BlockingIOError:
        pass  # it is woken already


def tell_the_time(loop: Loop) -> None:
    """Within a wait: what is told next happens now."""
    if loop.emit is not None:
        loop.emit((_WAITS, loop.waits()))


def _stream(loop: Loop, number: int) -> Stream:
    handle = loop.handles.get(number)
    if handle is None:
        there = [each.number for each in loop.handles.values() if isinstance(each, Stream)]
        some = f"there are {', '.join(f'#{each}' for each in there[:8])}{' …' if len(there) > 8 else ''}"
        raise FaultError(f"there is no stream #{number}: {some if there else 'there are none'}")
    if not isinstance(handle, Stream):
        raise FaultError(f"#{number} is a {type(handle).__name__.lower()}, and no stream")
    if handle.flags & (CLOSING | CLOSED):
        raise FaultError(f"#{number} is closing already")
    if handle.fd == -1:
        raise FaultError(f"#{number} has no descriptor yet")
    return handle


def _fits(stream: Stream) -> None:
    pass


def _reads(stream: Stream) -> None:
    if not stream.flags & READING:
        raise FaultError(f"#{stream.number} does not read")


def _listens(stream: Stream) -> None:
    if stream.connection_cb is None:
        raise FaultError(f"#{stream.number} does not listen")


def _is_socket(stream: Stream) -> None:
    uv_buffer_size(stream, "SO_SNDBUF", 0)


def _writes(stream: Stream) -> None:
    if stream.connection_cb is not None:
        raise FaultError(f"#{stream.number} listens, and writes nothing")


_FITS: dict[str, Callable[[Stream], None]] = {
    "read-stop": _reads,
    "hold-accepts": _listens,
    "send-buffer": _is_socket,
    "recv-buffer": _is_socket,
    "cap-writes": _writes,
    "partial": _writes,
}


def _end(name: str) -> Callable[[Stream], None]:
    fault = _UNDOES[name]

    def end(stream: Stream) -> None:
        if not isinstance(stream.system, Faults) or fault not in stream.system.held:
            raise FaultError(f"{name} undoes {fault}, and that is not set on #{stream.number}")
        tell(stream, name)
        stream.system.end(fault)

    return end


def _clear(stream: Stream) -> None:
    if isinstance(stream.system, Faults):
        tell(stream, "clear")
        for name in list(stream.system.held):
            stream.system.end(name)


def _close(stream: Stream) -> None:
    tell(stream, "close")
    stream.close()


def _reset(stream: Stream) -> None:
    if not isinstance(stream, Tcp) or stream.connection_cb is not None:
        raise FaultError(f"only a TCP connection can be reset, and #{stream.number} is none")
    tell(stream, "reset")
    uv_tcp_close_reset(stream)


def _shutdown(stream: Stream) -> None:
    tell(stream, "shutdown")
    uv_shutdown(stream)


_AT_ONCE: dict[str, Callable[[Stream], None]] = {
    "read-start": _end("read-start"),
    "release-accepts": _end("release-accepts"),
    "shutdown": _shutdown,
    "close": _close,
    "reset": _reset,
    "clear": _clear,
}
assert _AT_ONCE.keys() == {name for name, action in POKES.items() if not action.stays}
