"""An inspector that only counts: what watches the engine in these benchmarks, from a process of its own.

    python -m benchmarks.inspector PATH [MODE]

It watches in this mode, and from each line of its standard input on in the mode that stands there; `leave` is to go
away. It takes what comes as fast as it comes and keeps it, and looks at it only when its standard input ends: it shares
a core with the clients, and what it took of that while they drive the engine would be missing from them. Then it prints
as JSON how many events there were, how many bytes they took on the wire, how many were lost, and how many words of the
feed are missing without a word about it.
"""

from __future__ import annotations

import json
import select
import socket
import sys

from streamscope.link.frames import MAX_FRAME, BatchFrame, Command, FrameCutter, GapFrame, Hello, pack, read_frame
from streamscope.link.subscriber import EVERYTHING
from streamscope.trace.decode import Decoder
from streamscope.trace.vocabulary import Vocabulary

LEAVE = "leave"


def main(path: str, mode: str = EVERYTHING) -> None:
    """Keep what comes until standard input ends, then count. `mode` is what it watches first."""
    sock = _watching(path, mode)
    kept: list[bytes] = []
    while True:
        readable, _, _ = select.select([each for each in (sock, sys.stdin) if each is not None], [], [])
        data = sock.recv(1 << 20) if sock in readable and sock is not None else b""
        if data:
            kept.append(data)
        elif sys.stdin not in readable:
            break
        elif line := sys.stdin.readline():
            if sock is not None:
                sock.close()
            kept.clear()
            sock = _watching(path, line.strip())
        else:
            break
    print(json.dumps(count(kept)), flush=True)


def _watching(path: str, mode: str) -> socket.socket | None:
    sock = None
    if mode != LEAVE:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(path)
        sock.sendall(pack(Command(1, "watch", {"mode": mode})))
    print("ready", flush=True)
    return sock


def count(kept: list[bytes]) -> dict[str, int]:
    """What these pieces of a feed tell of."""
    counts = {"events": 0, "bytes": 0, "lost": 0, "untold": 0}
    cutter, decoder = FrameCutter(MAX_FRAME), Decoder.here()
    place: int | None = None
    for body in (body for data in kept for body in cutter.feed(data)):
        frame = read_frame(body)
        if isinstance(frame, Hello):
            decoder = Decoder(Vocabulary.of(frame))
        if isinstance(frame, BatchFrame):
            if place is not None:
                counts["untold"] += abs(frame.place - place)
            place = frame.place + len(frame.words)
            counts["events"] += decoder.count(frame.words)
            counts["bytes"] += 4 + len(body)
        elif isinstance(frame, GapFrame):
            counts["lost"] += frame.events
            place = None  # told: the next batch may begin anywhere
    return counts


if __name__ == "__main__":
    main(*sys.argv[1:])
