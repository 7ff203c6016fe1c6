"""The soak's inspector: a process that holds a session as the screen does, and compares it with the engine when asked.

    python soak_inspector.py SOCKET

A line of JSON tells when the model is whole for the first time. Then, for each line `compare` on standard input, one
that says how things are and what differs. For that a second inspector attaches, gets every stream from the engine
itself, and both are folded up to the same place of the feed: there the two models must be equal, field for field,
however long the first has been folding and whatever it has lost. An empty line or the end of the input ends it.
"""

from __future__ import annotations

import json
import select
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from streamscope.link.discovery import ProbeError
from streamscope.link.session import Session
from streamscope.trace.model import Model

PAST_BYTES = 4 * 1024 * 1024  # full soon, so that its growth is not taken for a leak
CLOSED_STAYS_NS = 5_000_000_000
PATIENCE_S = 60.0


def follow(session: Session, budget_s: float) -> None:
    """What a tick of the screen does."""
    session.receive()
    session.fold(budget_s)
    session.model.forget_closed(session.model.t - CLOSED_STAYS_NS)


def wait(session: Session, seconds: float) -> None:
    """Wait until more has come, for so long at most. (Not by select(2), which knows no descriptor above 1023.)"""
    if session.fileno() != -1:
        poll = select.poll()
        poll.register(session.fileno(), select.POLLIN)
        poll.poll(seconds * 1000)


def differences(path: Path, session: Session) -> list[str]:
    """What the session's model has otherwise than the engine tells a newcomer now."""
    newcomer = Session.attach(path, past_bytes=PAST_BYTES)
    deadline = time.monotonic() + PATIENCE_S
    try:
        while (behind := _behind(session, newcomer)) is not None:
            if time.monotonic() > deadline:
                return [f"in {PATIENCE_S:g} s the two did not come to the same place"]
            session.receive()
            newcomer.receive()
            if not behind.fold(0):  # one frame
                wait(behind, 0.05)
            for one in (session, newcomer):
                if one.status not in ("connecting", "live"):
                    return [f"a session is {one.status}: {one.reason}"]
        return compare(session.model, newcomer.model)
    finally:
        newcomer.close()


def _behind(session: Session, newcomer: Session) -> Session | None:
    """Whoever has to take the next frame; None if both are whole and at the same place."""
    if not session.model.whole or session._place is None:
        return session
    if not newcomer.model.whole or newcomer._place is None or newcomer._place < session._place:
        return newcomer
    return session if session._place < newcomer._place else None


SAMPLED = {"kernel", "kernel_t"}
"""What slices do not say of a stream or the loop: who comes anew is told it by the next samples."""


def compare(model: Model, engine: Model) -> list[str]:
    """What a model has otherwise than one that the engine has just made whole, at the same place of the feed."""
    ours, theirs = _open(model), _open(engine)
    found = [f"stream {number} is in one of the two only" for number in ours.keys() ^ theirs.keys()]
    for number in ours.keys() & theirs.keys():
        for name, value in theirs[number].items():
            if value != ours[number][name] and not (name in ("local", "peer") and not value) and name not in SAMPLED:
                found.append(f"stream {number} {name}: {ours[number][name]!r}, and in the engine {value!r}")
    loops = msgspec.structs.asdict(model.loop), msgspec.structs.asdict(engine.loop)
    for name, value in loops[1].items():
        if value != loops[0][name] and name not in SAMPLED:
            found.append(f"loop {name}: {loops[0][name]!r}, and in the engine {value!r}")
    return found


def _open(model: Model) -> dict[int, dict[str, Any]]:
    states = {number: state for number, state in model.known.items() if not state.closed_t}
    return {n: {f: msgspec.to_builtins(getattr(s, f)) for f in s.__struct_fields__} for n, s in states.items()}


def _state(session: Session, different: list[str]) -> dict[str, Any]:
    model = session.model
    return {
        "status": session.status,
        "reason": session.reason,
        "streams": sum(not state.closed_t for state in model.streams.values()),
        "seen": model.events_seen,
        "lost": model.events_lost,
        "different": different[:10],
    }


def main(path: Path) -> None:
    """Follow until standard input ends."""
    session = Session.attach(path, past_bytes=PAST_BYTES)
    told = False
    while True:
        ready, _, _ = select.select([sys.stdin, *([session] if session.fileno() != -1 else [])], [], [], 0.5)
        follow(session, 0.05)
        session.model.changed.clear()
        if session.model.whole and not told:
            told = True
            print(json.dumps(_state(session, [])), flush=True)
        if sys.stdin in ready:
            word = sys.stdin.readline().strip()
            if not word:
                break
            print(json.dumps(_state(session, differences(path, session))), flush=True)
    session.close()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except ProbeError as error:
        sys.exit(f"a soak's inspector: {error}")
