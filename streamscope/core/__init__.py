"""The engine: libuv 1.44.2's stream layer in Python, standard library only. This is its `uv.h`.

    from streamscope.core import Loop, Tcp

Functions keep libuv's names: `uv_…` is what programs may call, `uv__…` is inside. The classes bind them as methods
without the prefix. A call that fails at once raises `UVError`; callbacks get a status, 0 or negative. Everything
observable is told through the one emit slot of `probe.py`.

Names are loaded when they are first asked for: the catalogue (`probe`, `records`, `joined_records`, `vocabulary`) is
read by inspectors, and by producers in programs that have nothing to do with this engine, and needs none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import EOF as EOF
    from .errors import UVError as UVError
    from .errors import error_name as error_name
    from .errors import error_text as error_text
    from .flags import RUN_DEFAULT as RUN_DEFAULT
    from .flags import RUN_NOWAIT as RUN_NOWAIT
    from .flags import RUN_ONCE as RUN_ONCE
    from .forked import LoopOfParent as LoopOfParent
    from .handle import Handle as Handle
    from .joined import JoinedLoop as JoinedLoop
    from .loop import Loop as Loop
    from .loop_watcher import Check as Check
    from .loop_watcher import Idle as Idle
    from .loop_watcher import Prepare as Prepare
    from .pipe import Pipe as Pipe
    from .poll import Passenger as Passenger
    from .request import ConnectRequest as ConnectRequest
    from .request import Request as Request
    from .request import ShutdownRequest as ShutdownRequest
    from .request import WriteRequest as WriteRequest
    from .stream import Stream as Stream
    from .system import System as System
    from .system import format_address as format_address
    from .tcp import UV_TCP_IPV6ONLY as UV_TCP_IPV6ONLY
    from .tcp import Tcp as Tcp
    from .timer import Timer as Timer
    from .tty import Tty as Tty
    from .wakeup import Wakeup as Wakeup

_HOMES = {
    name: module
    for module, names in {
        ".errors": "EOF UVError error_name error_text",
        ".flags": "RUN_DEFAULT RUN_NOWAIT RUN_ONCE",
        ".forked": "LoopOfParent",
        ".handle": "Handle",
        ".joined": "JoinedLoop",
        ".loop": "Loop",
        ".loop_watcher": "Check Idle Prepare",
        ".pipe": "Pipe",
        ".poll": "Passenger",
        ".request": "ConnectRequest Request ShutdownRequest WriteRequest",
        ".stream": "Stream",
        ".system": "System format_address",
        ".tcp": "UV_TCP_IPV6ONLY Tcp",
        ".timer": "Timer",
        ".tty": "Tty",
        ".wakeup": "Wakeup",
    }.items()
    for name in names.split()
}
"""Where each name is defined."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(home, __name__), name)
    globals()[name] = found
    return found
