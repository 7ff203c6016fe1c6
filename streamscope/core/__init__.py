"""The engine: libuv 1.44.2's stream layer in Python, standard library only. This is its `uv.h`.

    from streamscope.core import Loop, Tcp

Functions keep libuv's names: `uv_…` is what programs may call, `uv__…` is inside. The classes bind them as methods
without the prefix. A call that fails at once raises `UVError`; callbacks get a status, 0 or negative. Everything
observable is told through the one emit slot of `probe.py`.
"""

from .errors import EOF, UVError, error_name, error_text
from .flags import RUN_DEFAULT, RUN_NOWAIT, RUN_ONCE
from .handle import Handle
from .loop import Loop
from .loop_watcher import Check, Idle, Prepare
from .pipe import Pipe
from .poll import Passenger
from .request import ConnectRequest, Request, ShutdownRequest, WriteRequest
from .stream import Stream
from .system import System, format_address
from .tcp import UV_TCP_IPV6ONLY, Tcp
from .timer import Timer
from .tty import Tty
from .wakeup import Wakeup

__all__ = [
    "EOF",
    "RUN_DEFAULT",
    "RUN_NOWAIT",
    "RUN_ONCE",
    "UV_TCP_IPV6ONLY",
    "Check",
    "ConnectRequest",
    "Handle",
    "Idle",
    "Loop",
    "Passenger",
    "Pipe",
    "Prepare",
    "Request",
    "ShutdownRequest",
    "Stream",
    "System",
    "Tcp",
    "Timer",
    "Tty",
    "UVError",
    "Wakeup",
    "WriteRequest",
    "error_name",
    "error_text",
    "format_address",
]
