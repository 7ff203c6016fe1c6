"""An inspector that only counts: what watches the engine in these benchmarks, from a process of its own.

    python -m benchmarks.inspector PATH

It reads frames as fast as they come. When its standard input ends, it prints as JSON how many events there were, how
many bytes they took on the wire, how many were lost, and how many words of the feed are missing without a word about
it.
"""

from __future__ import annotations

import json
import select
import socket
import sys

from streamscope.link.client import Client
from streamscope.link.frames import Lost, Records, pack
from streamscope.trace.decode import Decoder


def main(path: str) -> None:
    """Count until standard input ends."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    client = Client(sock)
    decoder = Decoder.here()
    counts = {"events": 0, "bytes": 0, "lost": 0, "untold": 0}
    place: int | None = None
    print("ready", flush=True)
    ended = False
    while not ended and not client.broken:
        readable, _, _ = select.select([client, sys.stdin], [], [])
        ended = sys.stdin in readable
        client.receive()
        while (frame := client.take()) is not None:
            if isinstance(frame, Records):
                if place is not None:
                    counts["untold"] += abs(frame.place - place)
                place = frame.place + len(frame.words)
                counts["events"] += decoder.count(frame.words)
                counts["bytes"] += len(pack(frame))
            elif isinstance(frame, Lost):
                counts["lost"] += frame.events
                place = None  # told: the next batch may begin anywhere
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
