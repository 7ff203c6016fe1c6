"""One that means no good, as a process of its own, until its standard input ends.

    python -m benchmarks.attacker ATTACK PATH

Some are inspectors of the engine that listens at PATH: `commands` asks for what there is not, as fast as that is taken;
`visits` comes and goes; `deaf` watches everything and reads nothing. The others are engines themselves, that listen at
PATH and say to whoever comes what no engine says: `ones` is 15 million of them in a frame, `handles` 250,000, `kinds` a
million. `batches` says what an engine may say at most, again and again.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator

from streamscope.core.probe import site
from streamscope.link import wire
from streamscope.link.batches import MOST_WORDS
from streamscope.link.frames import BatchFrame, Command, SliceFrame, pack
from streamscope.link.greeting import greeting
from streamscope.trace.state import LoopState, StreamState

ATTACKS = ("commands", "visits", "deaf", "ones", "handles", "kinds", "batches")
ENGINES = ATTACKS[3:]
AT_ONCE = 500
REST_S = 0.001
"""How long it waits when as many wait to be let in as may: it is not its own part of a CPU that is measured."""


def main(attack: str, path: str) -> None:
    """Attack until standard input ends."""
    threading.Thread(target=_attack, args=(attack, path), daemon=True).start()
    sys.stdin.read()
    os._exit(0)


def _attack(attack: str, path: str) -> None:
    if attack in ENGINES:
        _be_an_engine(attack, path)
    print("ready", flush=True)
    while True:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1)
            try:
                sock.connect(path)
                if attack == "commands":
                    _ask(sock)
                elif attack == "deaf":
                    sock.sendall(pack(Command(1, "watch", {"mode": "everything"})))
                    threading.Event().wait()
            except OSError:
                time.sleep(REST_S)


def _ask(sock: socket.socket) -> None:
    """Ask, and read the answers, so that nothing but the engine is in the way."""
    questions = pack(Command(1, "what?", {})) * AT_ONCE
    while True:
        readable, writable, _ = select.select([sock], [sock], [])
        if readable and not sock.recv(1 << 20):
            return
        if writable:
            sock.send(questions)


def _be_an_engine(attack: str, path: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)
    hello = wire.pack(greeting("echo", 0).frame())
    whole = pack(SliceFrame(0, LoopState(turn=1), [StreamState(1, 12)], True, True))
    before = b"" if attack == "kinds" else hello + whole  # a greeting comes first
    attacks = [] if attack == "batches" else list(frames_of(attack))
    print("ready", flush=True)
    while True:
        sock, _ = listener.accept()
        with contextlib.suppress(OSError), sock:
            sock.sendall(before)
            for frame in attacks or frames_of(attack):
                sock.sendall(frame)
            while sock.recv(1 << 16):
                pass


def _array(length: int, element: bytes) -> bytes:
    return b"\xdd" + length.to_bytes(4, "big") + element * length


def frames_of(attack: str) -> Iterator[bytes]:
    """What an engine says that attacks in this way, as it travels; `batches` has no end."""
    if attack == "ones":
        yield wire.with_length(b"\x95\xa7records\x00\x01\x01" + _array(15_000_000, b"\x01"))
    elif attack == "handles":
        yield pack(SliceFrame(0, LoopState(), [StreamState(number, 12) for number in range(1, 250_001)], True, True))
    elif attack == "kinds":
        kinds = _array(1_000_000, b"\x92\xa1a\x90")
        yield wire.with_length(b"\x99\xa5hello\x02\xa0\x01\xa1x\x90\x01" + kinds + b"\x90")
    else:
        place = 0
        words: list[int | str] = [site("loop.turn", "uv_run"), 1, 1] * (MOST_WORDS // 3)
        while True:
            yield pack(BatchFrame(place, 1, 1, words))
            place += len(words)


if __name__ == "__main__":
    main(*sys.argv[1:])
