"""What is read off a program's protocols, which may be anything."""

from __future__ import annotations

import asyncio
from asyncio import base_subprocess
from typing import Any

from streamscope.observe.described import reader_of


class Shell(asyncio.Protocol):
    """One that keeps a subprocess for itself, by the name that asyncio's own has for that."""

    proc = object()


def test_the_reader_of_a_protocol_is_asyncios_own() -> None:
    loop = asyncio.new_event_loop()
    reader = asyncio.StreamReader(loop=loop)
    streams = asyncio.StreamReaderProtocol(reader, loop=loop)
    loop.close()

    class Process:
        """What a pipe of a subprocess hangs on."""

        class _protocol:
            stdout, stderr = reader, None

    process: Any = Process

    assert reader_of(streams) is reader
    assert reader_of(base_subprocess.ReadSubprocessPipeProto(process, 1)) is reader
    assert reader_of(base_subprocess.ReadSubprocessPipeProto(process, 2)) is None
    assert reader_of(Shell()) is None
    assert reader_of(None) is None
