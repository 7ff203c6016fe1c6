"""What the fold does for each kind of record: `effects`, carried out on a `Fold`.

A handler is called as `handler(fold, stream, words, i)`: `words[i]` is the record's header, its arguments follow.
`KNOWN` makes them for records of known handles, `STRANGERS` for records of the loop itself and of handles that are not
known; only what they say of the loop counts then.

The words have been checked before, except that a batch may end within a record: an IndexError, which `Model.apply`
answers. Kinds that carry text have been looked at more closely.
"""

from __future__ import annotations

from collections.abc import Callable

from streamscope.trace.effects import Change, Effect
from streamscope.trace.fold import KERNEL_FIELDS_KEPT, LONG_NS, TEXT_LIMIT, Fold
from streamscope.trace.handlers import Handlers
from streamscope.trace.joined_rules import Run, repeated
from streamscope.trace.state import NO_FAILURES, RAISED, LoopState, StreamState

_OF_STREAM = {field: f"stream.{field}" for field in StreamState.__struct_fields__}
_QUEUES = frozenset({"queued_fds", "write_queue", "write_completed_queue"})  # whose verbs get the queue itself
_NAMES = {
    **_OF_STREAM,
    **{f"loop.{field}": f"fold.{field}" for field in (*LoopState.__struct_fields__, "slow_ns", "turn_ns")},
    **{verb: f"fold.{verb}" for verb in dir(Fold) if not verb.startswith("_") and verb not in _OF_STREAM},
    "t": "fold.t", "number": "(words[i] >> 16)",
    "POLL_OUT": "fold.poll_out", "WRITE": "fold.write", "CONNECT": "fold.connect", "SHUTDOWN": "fold.shutdown",
}  # fmt: skip


def _statement(change: Change, effect: Effect) -> str:
    field, how, value, _, within = change
    if not how.endswith("="):
        return f"fold.{how}(stream.{field}, {value})" if field in _QUEUES else f"fold.{how}({value})"
    return f"{_OF_STREAM.get(field) or 'fold.' + field.removeprefix('loop.')}{within} {how} {value}"


def _of_known(change: Change, effect: Effect) -> str:
    return "" if change.condition.startswith("number == 0") else _statement(change, effect)  # no handle has that number


def _of_strangers(change: Change, effect: Effect) -> str:
    return _statement(change, effect) if change.field.startswith(("loop.", "known")) else ""


def _made(statement: Callable[[Change, Effect], str]) -> Handlers:
    used = {
        "TEXT_LIMIT": TEXT_LIMIT, "KERNEL_FIELDS_KEPT": KERNEL_FIELDS_KEPT, "LONG_NS": LONG_NS,
        "NO_FAILURES": NO_FAILURES, "RAISED": RAISED, "repeated": repeated,
    }  # fmt: skip
    return Handlers("fold, stream, words, i", _NAMES, statement, used)


KNOWN = _made(_of_known)
STRANGERS = _made(_of_strangers)

IN_RUNS = frozenset({"kernel.sample"})
"""Kinds of which a handle's records come many at a time."""


def run_of(effect: Effect, length: int) -> Run:
    """How a run of records of so many words is folded that do this and nothing else."""
    arguments = [*effect.arguments, *(f"_{place}" for place in range(len(effect.arguments) + 1, length))]
    run: Run = KNOWN.compiled(
        [
            "def handler(fold, words, i):",
            "known, changed, code, last = fold.known.get, fold.changed.add, words[i] & 255, -1",
            f"for header, {', '.join(arguments)} in repeated(words, i, {length}):",
            " if header != last:",
            "  stream = known(header >> 16)",
            "  if stream is None or header & 255 != code: break",
            "  changed(header >> 16); last = header",
            *(f" {line}" for line in KNOWN.lines(effect, effect.arguments)),
            f" i += {length}",
            "return i",
        ]
    )
    return run
