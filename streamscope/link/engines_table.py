"""What `ps` prints: the running engines, one a line."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from streamscope.language import tr
from streamscope.link.asking import RESTS, Standstill
from streamscope.link.discovery import FoundEngine
from streamscope.trace.plain_text import visible

_HEAD = ("PID", "PROGRAM", "ADDRESS", "STREAMS", "AGE")
_RIGHT = {"PID", "STREAMS", "AGE"}


def engines_table(
    engines: Sequence[FoundEngine],
    standstills: Mapping[int, Standstill] = MappingProxyType({}),
    now: float | None = None,
) -> list[str]:
    """A head and a line for each engine, aligned; `standstills` is what is known of those that do not answer, by pid,
    and `now` is Unix time. What engines say of themselves is made visible.
    """
    now = time.time() if now is None else now
    rows = [_HEAD, *(_row(engine, standstills.get(engine.pid), now) for engine in engines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return ["  ".join(_cell(*cell) for cell in zip(_HEAD, row, widths)).rstrip() for row in rows]


def age(seconds: float) -> str:
    """`42s`, `3m05s`, `2h10m`, `5d03h`; `–` for NaN, where it is not known."""
    if math.isnan(seconds):
        return "–"
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def _row(engine: FoundEngine, standstill: Standstill | None, now: float) -> tuple[str, ...]:
    hello = engine.hello
    if hello is None:
        what = tr("does not answer") if standstill is None else _standing(standstill)
        return (engine.name, what, "–", "–", "–")
    addresses = ", ".join(visible(address, 100) for address in hello.addresses[:4]) or "–"
    program = (
        tr("{program} (injected: {injected})", program=visible(hello.program, 40), injected=visible(hello.injected, 80))
        if hello.injected
        else ""
    )
    program = program or visible(hello.program, 40)
    return (engine.name, program, addresses, f"{hello.streams:,}", age(now - hello.started))


def _standing(standstill: Standstill) -> str:
    return tr(standstill.text) if standstill.state == RESTS else f"■ {tr(standstill.text)}"


def _cell(head: str, text: str, width: int) -> str:
    return text.rjust(width) if head in _RIGHT else text.ljust(width)
