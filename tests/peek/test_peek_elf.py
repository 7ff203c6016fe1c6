"""Symbols are found in files and in what is mapped of them, and two kinds of functions are understood."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamscope.peek import elf
from streamscope.peek.elf import AARCH64, X86_64, Elf, NoElf
from streamscope.peek.finding import images
from streamscope.peek.memory import TargetMemory

LIBC = ctypes.CDLL(None)


def address_of(function: str) -> int:
    found = ctypes.cast(getattr(LIBC, function), ctypes.c_void_p).value
    assert found is not None
    return found


def test_a_symbol_has_in_memory_the_address_that_the_loader_says() -> None:
    memory = TargetMemory(os.getpid())
    memory.look_again()
    found = {}
    for region in images(memory.regions):
        try:
            image = elf.of_memory(region.start, lambda at, length: memory.read_one(at, length) or b"")
        except NoElf:
            continue
        if value := image.symbol("process_vm_readv"):
            found[region.path] = image.bias + value, elf.of_file(region.path).symbol("process_vm_readv") == value
    assert (address_of("process_vm_readv"), True) in found.values()


def test_what_is_not_exported_is_nowhere() -> None:
    path = next(r.path for r in _regions() if r.offset == 0 and "/libc" in r.path)
    assert elf.of_file(path).symbol("uv_default_loop") == 0
    assert elf.of_file(path).variable_of("uv_default_loop") == 0


def _regions() -> list[object]:
    memory = TargetMemory(os.getpid())
    memory.look_again()
    return list(memory.regions)


@pytest.mark.parametrize("text", [b"", b"#!/bin/sh\n", b"\x7fELF\1\1" + bytes(60), b"\x7fELF\2\1" + bytes(60)])
def test_what_is_no_program_of_64_bits_is_refused(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "program"
    file.write_bytes(text or b"\0")
    with pytest.raises(NoElf):
        elf.of_file(str(file))


class Code(Elf):
    """A program of one function."""

    def __init__(self, machine: int, code: bytes) -> None:
        self.machine, self.bias, self._code = machine, 0x100000, code
        self._read = lambda address, length: code[address - 0x4000 :][:length]

    def symbol(self, name: str) -> int:
        return 0x4000


@pytest.mark.parametrize(
    ("machine", "code", "variable"),
    [
        (X86_64, "488b05 10000000 4885c0", 0x4017),  # mov rax, [rip + 16]
        (X86_64, "f30f1efa 48833d 20000000 00 7408", 0x402C),  # endbr64; cmp qword [rip + 32], 0
        (X86_64, "53 48391d f0ffffff", 0x3FF8),  # push rbx; cmp [rip - 16], rbx
        (X86_64, "31c0c3", 0),
        (AARCH64, struct.pack("<III", 0xB0000000, 0xF9401001, 0xD65F03C0).hex(), 0x5020),  # adrp x0; ldr x1, [x0, 32]
        (AARCH64, struct.pack("<III", 0x90000002, 0x91004042, 0xF9400840).hex(), 0x4020),  # adrp; add 16; ldr 16
        (AARCH64, struct.pack("<I", 0xD65F03C0).hex(), 0),
    ],
)  # fmt: skip
def test_the_variable_that_a_function_looks_at_first_is_understood(machine: int, code: str, variable: int) -> None:
    found = Code(machine, bytes.fromhex(code.replace(" ", "")).ljust(64, b"\x90")).variable_of("uv_default_loop")
    assert found == (variable and variable + 0x100000)


@pytest.mark.parametrize(
    ("machine", "code", "number"),
    [
        (X86_64, "b802 2e01 00 c3", 0x12E02),
        (X86_64, "f30f1efa b8022c0100 c3", 0x12C02),
        (X86_64, "8b05 00000000 c3", 0),
        (AARCH64, struct.pack("<III", 0x52800000 | 0x3300 << 5, 0x72A00020, 0xD65F03C0).hex(), 0x13300),
    ],
)
def test_the_number_that_a_function_returns_is_understood(machine: int, code: str, number: int) -> None:
    found = Code(machine, bytes.fromhex(code.replace(" ", "")).ljust(64, b"\x90"))
    assert found.number_of("uv_version") == number


@given(st.binary(max_size=2000), st.integers(0, 2**64 - 1))
def test_whatever_is_mapped_it_is_no_program_or_has_no_such_symbol(text: bytes, at: int) -> None:
    def read(address: int, length: int) -> bytes:
        return text[(address - at) % 2000 :][:length]

    for head in (b"", b"\x7fELF\2\1"):
        text = head + text[len(head) :]
        try:
            image = elf.of_memory(at, read)
        except NoElf:
            continue
        assert image.symbol("uv_default_loop") == 0
