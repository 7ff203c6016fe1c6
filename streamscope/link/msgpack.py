"""msgpack, as much of it as the link needs, for programs that have the standard library alone.

A producer rides in programs that are not ours and that may have no other library. So it writes its frames itself: any
reader of msgpack takes them. What inspectors send it is read with bounds on everything, because it comes from outside:
on how deep it nests and on how many values it has, which is what reading costs.

Integers are the bulk of what travels, and text among them is rare. A run of integers is written in the one form that
fits all, nine bytes each, a column at a time: a tenth of what it costs to write one after the other.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from sys import byteorder
from typing import Any

MOST_DEPTH = 8
MOST_VALUES = 1024
"""Of one value that is read: how deep it nests, and how many values are in it."""

_WORTH_A_RUN = 16
"""From so many integers on, writing them by columns is faster."""

_WORDS = 256
"""A list of so many is words of a feed, and nearly always of integers alone: that is tried before it is looked at."""

_INTEGERS = {int}
_DOUBLE = struct.Struct(">Bd")
_INT = struct.Struct(">Bq")
_WIDEST = struct.Struct(">BQ")


class UnpackError(Exception):
    """What came is no msgpack, or more of it than is taken; the text says which."""


# writing


def encode(value: Any) -> bytes:
    """None, bool, int, float, str, bytes, and lists, tuples and dicts of them.

    Raises OverflowError for numbers beyond 64 bits, UnicodeError for text that has no UTF-8, TypeError for the rest.
    """
    out = bytearray()
    _write(value, out)
    return bytes(out)


def _write(value: Any, out: bytearray) -> None:
    kind = type(value)
    if kind is int:
        _write_int(value, out)
    elif kind is str:
        text = value.encode()
        _write_head(out, len(text), 0xA0, 32, b"\xd9\xda\xdb")
        out += text
    elif kind is list or kind is tuple:
        _write_head(out, len(value), 0x90, 16, b"\0\xdc\xdd")
        if len(value) < _WORTH_A_RUN:
            for item in value:
                _write(item, out)
        else:
            _write_many(value, out)
    elif value is None:
        out.append(0xC0)
    elif kind is bool:
        out.append(0xC3 if value else 0xC2)
    elif kind is float:
        out += _DOUBLE.pack(0xCB, value)
    elif kind is bytes:
        _write_head(out, len(value), 0, 0, b"\xc4\xc5\xc6")
        out += value
    elif kind is dict:
        _write_head(out, len(value), 0x80, 16, b"\0\xde\xdf")
        for key, item in value.items():
            _write(key, out)
            _write(item, out)
    else:
        raise TypeError(f"msgpack has no form for a {kind.__name__}")


def _write_int(value: int, out: bytearray) -> None:
    if -32 <= value < 128:
        out.append(value & 255)
    elif value >> 63 in (0, -1):
        out += _INT.pack(0xD3, value)
    elif value >> 64 == 0:
        out += _WIDEST.pack(0xCF, value)
    else:
        raise OverflowError("msgpack has no form for a number beyond 64 bits")


def _write_head(out: bytearray, length: int, short: int, below: int, tags: bytes) -> None:
    """How long what follows is. `short` is the form in one byte, for lengths `below` some; then one, two or four."""
    if length < below:
        out.append(short | length)
    elif length < 256 and tags[0]:
        out += bytes((tags[0], length))
    elif length < 1 << 16:
        out.append(tags[1])
        out += length.to_bytes(2, "big")
    else:
        out.append(tags[2])
        out += length.to_bytes(4, "big")


def _write_many(values: Sequence[Any], out: bytearray) -> None:
    """Runs of integers by columns, and what stands between them one by one."""
    if len(values) >= _WORDS:
        try:
            _write_columns(array("q", values), out)
            return
        except (TypeError, OverflowError):
            pass
    if set(map(type, values)) == _INTEGERS:
        _write_run(values, out)
        return
    start = 0
    for i in (*(i for i, value in enumerate(values) if type(value) is not int), len(values)):
        _write_run(values[start:i], out)
        if i < len(values):
            _write(values[i], out)
        start = i + 1


def _write_run(integers: Sequence[int], out: bytearray) -> None:
    """Integers, each as its tag and eight bytes."""
    if len(integers) < _WORTH_A_RUN:
        for integer in integers:
            _write_int(integer, out)
        return
    try:
        numbers = array("q", integers)
    except OverflowError:  # unsigned, or beyond 64 bits
        for integer in integers:
            _write_int(integer, out)
        return
    _write_columns(numbers, out)


def _write_columns(numbers: array[int], out: bytearray) -> None:
    if byteorder == "little":
        numbers.byteswap()
    columns = numbers.tobytes()
    run = bytearray(9 * len(numbers))
    run[::9] = b"\xd3" * len(numbers)
    for column in range(8):
        run[column + 1 :: 9] = columns[column::8]
    out += run


# reading


def decode(packed: bytes) -> Any:
    """The one value that these bytes are. Raises UnpackError, and nothing else."""
    reader = _Reader(packed)
    value = reader.value(MOST_DEPTH)
    if reader.at != len(packed):
        raise UnpackError("something follows the value")
    return value


_NUMBERS: dict[int, tuple[str, int]] = {
    0xCA: (">f", 4), 0xCB: (">d", 8),
    0xCC: (">B", 1), 0xCD: (">H", 2), 0xCE: (">I", 4), 0xCF: (">Q", 8),
    0xD0: (">b", 1), 0xD1: (">h", 2), 0xD2: (">i", 4), 0xD3: (">q", 8),
}  # fmt: skip
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_LENGTHS = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,
}  # fmt: skip
"""By tag of what has a length: how many bytes say it."""


class _Reader:
    """Reads one value; `at` is how far it has come, `left` how many values it still takes."""

    def __init__(self, packed: bytes) -> None:
        self.packed = packed
        self.at = 0
        self.left = MOST_VALUES

    def value(self, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise UnpackError(f"there are more than {MOST_VALUES:,} values")
        tag = self._take(1)[0]
        if tag < 0x80:
            return tag
        if tag >= 0xE0:
            return tag - 256
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        if tag in _NUMBERS:
            form, size = _NUMBERS[tag]
            return struct.unpack(form, self._take(size))[0]
        return self._long(tag, depth)

    def _long(self, tag: int, depth: int) -> Any:
        if tag < 0xC0:
            length = tag & (31 if tag >= 0xA0 else 15)
        elif tag in _LENGTHS:
            length = int.from_bytes(self._take(_LENGTHS[tag]), "big")
        else:
            raise UnpackError("there is a value of a kind that is not taken")
        if 0xA0 <= tag < 0xC0 or 0xD9 <= tag <= 0xDB:
            return self._text(length)
        if 0xC4 <= tag <= 0xC6:
            return self._take(length)
        if not depth:
            raise UnpackError(f"values are nested deeper than {MOST_DEPTH}")
        if tag < 0x90 or tag >= 0xDE:
            return self._map(length, lambda: self.value(depth - 1))
        return [self.value(depth - 1) for _ in range(self._possible(length))]

    def _map(self, length: int, value: Callable[[], Any]) -> dict[Any, Any]:
        found = {}
        for _ in range(self._possible(2 * length) // 2):
            key = value()
            if type(key) not in (str, int):
                raise UnpackError("a map has a key that is neither text nor number")
            found[key] = value()
        return found

    def _possible(self, values: int) -> int:
        """So many values, if so many are taken yet."""
        if values > self.left:
            raise UnpackError(f"there are more than {MOST_VALUES:,} values")
        return values

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeError as error:
            raise UnpackError("a text is no UTF-8") from error

    def _take(self, length: int) -> bytes:
        start, self.at = self.at, self.at + length
        if self.at > len(self.packed):
            raise UnpackError("it is cut off")
        return self.packed[start : self.at]
