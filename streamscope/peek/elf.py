"""Symbols of a program or library: out of its file, or out of what is mapped of it.

Only what a dynamic loader would look at is read: the program headers, the dynamic section, and the hash table of the
symbols that it exports (DT_GNU_HASH), where finding one of a hundred thousand takes a few reads.

A function that only returns a variable's address, or a number, says so in its first instructions; two of them are read
here, for x86-64 and aarch64.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from typing import NamedTuple

from streamscope.language import tr

X86_64, AARCH64 = 62, 183
_LOAD, _DYNAMIC = 1, 2
_STRTAB, _SYMTAB, _GNU_HASH = 5, 6, 0x6FFFFEF5
MOST_HEADERS = 64
MOST_DYNAMIC = 256
MOST_CHAIN = 4096
LONGEST_NAME = 64
CODE_BYTES = 64

Read = Callable[[int, int], bytes]
"""Reads so many bytes at an address as the file has it, fewer where there are no more."""


class NoElf(Exception):
    """It is no ELF file of 64 bits that has symbols to be found."""


class Loaded(NamedTuple):
    """A part of the file that is mapped."""

    address: int
    offset: int
    length: int


def of_file(path: str) -> Elf:
    """Out of a file. Raises NoElf, and OSError."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        segments, dynamic = _headers(lambda offset, length: mapped[offset : offset + length])

    def read(address: int, length: int) -> bytes:
        for segment in segments:
            if 0 <= (into := address - segment.address) < segment.length:
                with open(path, "rb") as file:
                    file.seek(into + segment.offset)
                    return file.read(length)
        return b""

    return Elf(read(segments[0].address, 64), dynamic, read, 0)


def of_memory(base: int, read: Read) -> Elf:
    """Out of memory, where its first page is at `base`; `read` reads there. Raises NoElf."""
    segments, dynamic = _headers(lambda offset, length: read(base + offset, length))
    bias = base - segments[0].address
    return Elf(read(base, 64), dynamic, lambda address, length: read(bias + address, length), bias)


def _headers(at_offset: Read) -> tuple[list[Loaded], int]:
    """The segments, the first of which begins with the file, and the address of the dynamic section."""
    head = at_offset(0, 64)
    if len(head) < 64 or head[:4] != b"\x7fELF":
        raise NoElf
    if head[4:6] != b"\2\1":
        raise NoElf(tr("it is no program of 64 bits, the low byte first"))
    offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    segments, dynamic = [], 0
    for place in range(min(count, MOST_HEADERS)):
        raw = at_offset(offset + place * size, 56)
        if len(raw) < 56:
            raise NoElf
        kind, _, at, address, _, length = struct.unpack_from("<IIQQQQ", raw)
        if kind == _LOAD:
            segments.append(Loaded(address, at, length))
        elif kind == _DYNAMIC:
            dynamic = address
    if not segments or segments[0].offset:
        raise NoElf
    return segments, dynamic


class Elf:
    """A program or library, that begins with `head`; `bias` is what is added to its addresses where it is mapped."""

    def __init__(self, head: bytes, dynamic: int, read: Read, bias: int) -> None:
        self.machine = struct.unpack_from("<H", head, 18)[0]
        self.bias = bias
        self._read = read
        self._tables = self._dynamic(dynamic)

    def _dynamic(self, address: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for place in range(MOST_DYNAMIC) if address else ():
            raw = self._read(address + place * 16, 16)
            if len(raw) < 16:
                break
            tag, value = struct.unpack("<QQ", raw)
            if not tag:
                break
            # a loader may have put the address in memory in the place of that in the file
            found[tag] = value - self.bias if self.bias and value >= self.bias else value
        return found

    def symbol(self, name: str) -> int:
        """The address of a symbol that it exports, as the file has it; 0 if it exports none of that name."""
        try:
            return self._lookup(name.encode())
        except (struct.error, KeyError):
            return 0

    def _lookup(self, name: bytes) -> int:
        table, symbols, names = self._tables[_GNU_HASH], self._tables[_SYMTAB], self._tables[_STRTAB]
        buckets, first, bloom, _ = struct.unpack("<4I", self._read(table, 16))
        wanted = _hash(name)
        at = table + 16 + bloom * 8
        begin = self._number(at + wanted % buckets * 4) if buckets else 0
        for place in range(begin, begin + MOST_CHAIN) if begin >= first else ():
            found = self._number(at + buckets * 4 + (place - first) * 4)
            if found | 1 == wanted | 1:
                text, _, _, section, value, _ = struct.unpack("<IBBHQQ", self._read(symbols + place * 24, 24))
                if section and self._read(names + text, LONGEST_NAME).partition(b"\0")[0] == name:
                    return int(value)
            if found & 1:
                break
        return 0

    def _number(self, address: int) -> int:
        return int(struct.unpack("<I", self._read(address, 4))[0])

    def variable_of(self, function: str) -> int:
        """Where in memory the variable is that this function looks at first; 0 where that does not show."""
        address = self.symbol(function)
        code = self._read(address, CODE_BYTES) if address else b""
        found = {X86_64: _looked_at_x86, AARCH64: _looked_at_arm}.get(self.machine, _nowhere)(code, address)
        return found + self.bias if found else 0

    def number_of(self, function: str) -> int:
        """The number that this function returns; 0 where that does not show."""
        address = self.symbol(function)
        code = self._read(address, CODE_BYTES) if address else b""
        return {X86_64: _returned_x86, AARCH64: _returned_arm}.get(self.machine, _nowhere)(code, address)


def _hash(name: bytes) -> int:
    value = 5381
    for byte in name:
        value = (value * 33 + byte) & 0xFFFFFFFF
    return value


def _nowhere(code: bytes, address: int) -> int:
    return 0


def _looked_at_x86(code: bytes, address: int) -> int:
    """The first `mov`, `cmp` or `cmp` with a number whose operand is a place counted from the next instruction."""
    for i in range(len(code) - 8):
        prefix, opcode, operands = code[i], code[i + 1], code[i + 2]
        if 0x48 <= prefix <= 0x4F and opcode in (0x8B, 0x39, 0x3B, 0x83) and operands & 0xC7 == 0x05:
            length = 8 if opcode == 0x83 else 7
            return int(address + i + length + struct.unpack_from("<i", code, i + 3)[0])
    return 0


def _looked_at_arm(code: bytes, address: int) -> int:
    """The first `adrp`, and the `ldr` or `add` that goes on from there."""
    pages: dict[int, int] = {}
    for place, (word,) in enumerate(struct.iter_unpack("<I", code[: len(code) // 4 * 4])):
        base = word >> 5 & 31
        if word & 0x9F000000 == 0x90000000:
            page = (word >> 5 & 0x7FFFF) << 2 | word >> 29 & 3
            page -= (page & 1 << 20) << 1
            pages[word & 31] = (address + place * 4 & ~0xFFF) + (page << 12)
        elif word & 0xFFC00000 == 0xF9400000 and base in pages:
            return int(pages[base] + (word >> 10 & 0xFFF) * 8)
        elif word & 0xFFC00000 == 0x91000000 and base in pages:
            pages[word & 31] = pages[base] + (word >> 10 & 0xFFF)
    return 0


def _returned_x86(code: bytes, address: int) -> int:
    code = code.removeprefix(b"\xf3\x0f\x1e\xfa")  # endbr64
    return int(struct.unpack_from("<I", code, 1)[0]) if code[:1] == b"\xb8" and code[5:6] == b"\xc3" else 0


def _returned_arm(code: bytes, address: int) -> int:
    value: int = 0
    for (word,) in struct.iter_unpack("<I", code[:16]):
        if word & 0xFFE0001F == 0x52800000:
            value = int(word) >> 5 & 0xFFFF
        elif word & 0xFFE0001F == 0x72A00000:
            value |= (int(word) >> 5 & 0xFFFF) << 16
    return int(value)
