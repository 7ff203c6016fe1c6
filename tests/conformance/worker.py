"""The process in which the real library lives: runs scenarios on request, one after the other.

A request is a line of JSON, [module, function, arguments]; the answer is a line too, a `Run`. The process ends when
its stdin does, or when libuv aborts, which whoever asked then sees.
"""

from __future__ import annotations

import gc
import sys

import msgspec
from libuv import LibuvBackend, library
from runs import run


def main() -> None:
    """Answer requests until there are no more."""
    library()
    gc.disable()  # collected between scenarios, so that none pays for another's cycles
    for number, line in enumerate(sys.stdin.buffer):
        module, function, arguments = msgspec.json.decode(line)
        answer = run(LibuvBackend, module, function, arguments)
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
        if number % 20 == 0:
            gc.collect()


if __name__ == "__main__":
    main()
