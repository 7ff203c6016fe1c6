"""One question to an engine, and its answer: for commands that look at nothing."""

from __future__ import annotations

import select
import time
from pathlib import Path

from streamscope.language import tr
from streamscope.link.client import Client
from streamscope.link.discovery import ProbeError, connect
from streamscope.link.frames import Command, FrameError, Hello, Reply
from streamscope.link.subscriber import NOTHING

ANSWER_WITHIN_S = 10.0


def ask_once(path: Path, name: str, **arguments: int | str | bool) -> tuple[Hello, str]:
    """Give the engine that listens at this path one command: who it is, and why it has refused, "" if it has not.

    Raises ProbeError when it cannot be reached, or does not answer.
    """
    client = Client(connect(path))
    try:
        client.send(Command(1, "watch", {"mode": NOTHING}))
        client.send(Command(2, name, arguments))
        hello: Hello | None = None
        until = time.monotonic() + ANSWER_WITHIN_S
        while not client.broken and (left := until - time.monotonic()) > 0:
            select.select([client.fileno()], [], [], left)
            client.receive()
            while (frame := client.take()) is not None:
                if isinstance(frame, Hello):
                    hello = frame
                elif isinstance(frame, Reply) and frame.number == 2 and hello is not None:
                    return hello, frame.error
    except FrameError as error:
        raise ProbeError(tr("what listens at {path} is no engine: {error}", path=path, error=error)) from error
    finally:
        client.close()
    raise ProbeError(
        tr("the engine at {path} has left", path=path)
        if client.broken
        else tr("the engine at {path} does not answer", path=path)
    )
