"""Bytes that others choose cost work in proportion to their number: no parser of them goes back over what it has read.

Two things could make it otherwise. A pattern that backtracks: so every pattern of the package is looked at, as the
compiler reads it. And a loop of our own that begins anew: so the steps of every parser of such bytes are counted, in
bytecode instructions and in bytes that it has searched, for a text and for one twice as long.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _constants as opcodes
from re import _parser as pattern_parser
from types import FrameType
from typing import Any

import pytest

import streamscope
from streamscope.link.frames import MAX_COMMAND, FrameCutter
from streamscope.servers import http_request
from streamscope.servers.http_request import HttpError, RequestReader
from streamscope.trace.plain_text import host_and_port, visible

PACKAGE = Path(streamscope.__file__).parent
ROOMS = ("servers", "link", "trace/store", "trace/untrusted.py", "trace/plain_text.py")
"""Where bytes of others are read. Patterns elsewhere read what the person has typed."""

CALLS = {f"re.{call}" for call in ("compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer")}

FEW = 64
"""A repeat that ends by itself after so many steps may go back over them."""


def patterns() -> Iterator[tuple[str, str | bytes]]:
    """Every pattern that a call of `re` in these rooms is given; what is filled in reads as one letter."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(ROOMS):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
                    yield f"{name}:{node.lineno}", literal(node.args[0])


def literal(node: ast.expr) -> str | bytes:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    assert isinstance(node, ast.Constant), "a pattern that is made elsewhere"
    assert isinstance(node.value, str | bytes)
    return node.value


def may_go_back(pattern: str | bytes) -> bool:
    """Whether some repeat of the pattern may be tried again with fewer or more turns, many times."""

    def look(items: Any, repeated: bool) -> bool:
        for op, what in items:
            if op in (opcodes.MAX_REPEAT, opcodes.MIN_REPEAT):
                _, most, inner = what
                if (most > 1 and (repeated or most == opcodes.MAXREPEAT or most > FEW)) or look(inner, True):
                    return True
            elif any(look(inner, repeated) for inner in inside(op, what)):
                return True
        return False

    return look(pattern_parser.parse(pattern), False)


def inside(op: Any, what: Any) -> list[Any]:
    if op is opcodes.POSSESSIVE_REPEAT:
        return [what[2]]
    if op is opcodes.ATOMIC_GROUP:
        return [what]
    if op is opcodes.SUBPATTERN:
        return [what[-1]]
    return what[1] if op is opcodes.BRANCH else []


@pytest.mark.parametrize(
    ("pattern", "back"),
    [
        (r"([a-z]+):[ \t]*([^\x00]*?)[ \t]*", True), (r"(?:a*)*+b", True), (r"a{2,1000}", True), (r"(x+|y)z", True),
        (r"[a-z]++:[^\x00]*+", False), (r"\r?\n", False), (r"[A-Z]{2,4} {0,2}", False), (r"(?>a[0-9]*+)b", False),
    ],
)  # fmt: skip
def test_a_pattern_that_may_go_back_is_recognized(pattern: str, back: bool) -> None:
    assert may_go_back(pattern) == back


def test_no_pattern_over_bytes_from_outside_goes_back() -> None:
    found = dict(patterns())
    assert len(found) >= 6
    assert [f"{where}: {pattern!r}" for where, pattern in found.items() if may_go_back(pattern)] == []


class Steps:
    """Counts the bytecode instructions of this package that run inside, and the bytes that patterns were let search."""

    def __init__(self) -> None:
        self.count = 0

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(str(PACKAGE)):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.count += event == "opcode"
        return self._trace

    def __enter__(self) -> Steps:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)


class Counted:
    """A pattern that counts what it has looked at: all there was, where it found nothing."""

    def __init__(self, pattern: re.Pattern[bytes], steps: Steps) -> None:
        self._pattern, self._steps = pattern, steps

    def search(self, data: bytes, begin: int = 0, end: int = sys.maxsize) -> Any:
        found = self._pattern.search(data, begin, end)
        self._steps.count += (found.end() if found else min(len(data), end)) - begin
        return found

    def match(self, data: bytes) -> Any:
        found = self._pattern.match(data)
        self._steps.count += found.end() if found else len(data)
        return found

    def fullmatch(self, data: bytes) -> Any:
        self._steps.count += len(data)
        return self._pattern.fullmatch(data)


HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"

HTTP: dict[str, Callable[[int], bytes]] = {
    "spaces before a control character": lambda n: HEAD + b"X:" + b" " * n + b"\x01\r\n\r\n",
    "spaces in a header": lambda n: HEAD + b"X: a" + b" " * n + b"\r\n\r\n",
    "a header's name": lambda n: HEAD + b"x" * n + b"\r\n\r\n",
    "a target": lambda n: b"GET " + b"/" * n + b" HTTX\r\n\r\n",
    "a method": lambda n: b"G" * n + b"\r\n\r\n",
    "many headers": lambda n: HEAD + b"a:b\r\n" * (n // 5) + b"\r\n",
    "one list on many lines": lambda n: HEAD + b"connection:b\r\n" * (n // 14) + b"\r\n",
    "line ends that are none": lambda n: HEAD + b"\r" * n,
    "empty lines": lambda n: b"\n" * n,
    "many requests": lambda n: (HEAD + b"\r\n") * (n // 25),
    "a body": lambda n: HEAD + b"content-length: %d\r\n\r\n" % n + b"x" * n,
}


def read_http(data: bytes, piece: int, steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_END", "REQUEST_LINE", "HEADER"):
        monkeypatch.setattr(http_request, name, Counted(getattr(http_request, name), steps))
    reader = RequestReader()
    try:
        with steps:
            for start in range(0, len(data), piece):
                reader.feed(data[start : start + piece])
                while reader.next() is not None:
                    pass
    except HttpError:
        pass
    monkeypatch.undo()


def assert_linear(count: Callable[[int], int], n: int) -> None:
    """Twice as much takes twice as many steps, and what there is once: not four times as many."""
    few, many = count(n), count(2 * n)
    assert many < 2.5 * few + 500, f"{few:,} steps for {n:,} bytes, {many:,} for {2 * n:,}"


@pytest.mark.parametrize("piece", [1, 100, 1 << 20])
@pytest.mark.parametrize("kind", HTTP)
def test_reading_http_takes_steps_in_proportion(kind: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(n: int) -> int:
        steps = Steps()
        read_http(HTTP[kind](n), piece, steps, monkeypatch)
        return steps.count

    assert_linear(count, 2000)


@pytest.mark.parametrize("piece", [1, 100, 1 << 20])
@pytest.mark.parametrize("length", [0, 50])
def test_cutting_frames_takes_steps_in_proportion(piece: int, length: int) -> None:
    def count(n: int) -> int:
        data = (length.to_bytes(4, "little") + bytes(length)) * (n // (4 + length))
        cutter = FrameCutter(MAX_COMMAND)
        with Steps() as steps:
            for start in range(0, len(data), piece):
                for _ in cutter.feed(data[start : start + piece]):
                    pass
        return steps.count

    assert_linear(count, 4000)


@pytest.mark.parametrize("read", [visible, host_and_port])
@pytest.mark.parametrize("text", [":", "1", "[", "]", "\x1b", "x"])
def test_reading_names_and_addresses_takes_steps_in_proportion(read: Callable[[str], Any], text: str) -> None:
    def count(n: int) -> int:
        with Steps() as steps:
            read(text * n)
        return steps.count

    assert_linear(count, 4000)
