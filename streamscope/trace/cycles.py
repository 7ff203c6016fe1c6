"""The feed in cycles: what the loop does for one watcher, from when it is told of it until it turns to the next.

Most of what an engine tells is the same all day: a descriptor is ready, it is read, the program's callback writes, and
the loop goes on. Such a cycle is what a person would tell in a line. Here it is found where it begins and ends, from
the codes of records alone, without making an event; and whether anything in it may be worth a line at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from streamscope.core.records import Word
from streamscope.trace.decode import Decoder
from streamscope.trace.matters import Matter, Matters

_BEGIN = frozenset({"loop.turn", "loop.phase", "epoll.wait", "epoll.event", "closing.pop", "sample.taken"})
"""Kinds with which the loop turns to something else, wherever they stand."""
_BEGIN_OUTSIDE = frozenset({"pending.pop"})
"""Kinds that do so outside of a callback; within one, the program has had it done."""

MOST_ROWS = 1_000
"""A cycle is cut behind so many events: a program may do anything in a callback."""


class Cycle(NamedTuple):
    """A cycle in a batch: its first row and the one after its last, the same of its words, and the turn and the time
    that hold at its start.
    """

    row: int
    end: int
    start: int
    stop: int
    turn: int
    t: int


class _Code(NamedTuple):
    """What matters of the records with one code: whether they begin a cycle (1 always, 2 outside of a callback), how
    many callbacks begin in them less those that end, and whether they may tell: _FLAG if that depends on the flag that
    stands at a place in them, _STATUS if on whether the status there is a failure; and where the clock and the turn
    stand, 0 for nowhere.
    """

    begins: int
    depth: int
    tells: int
    at: int
    t_at: int
    turn_at: int


_NO, _YES, _FLAG, _STATUS = range(4)


class Cycles:
    """Finds the cycles in batches of one feed."""

    def __init__(self, decoder: Decoder, matters: Matters) -> None:
        layout = decoder.layout
        self._lengths, self._weights = layout.lengths, layout.weights
        self._passing = matters.passing
        kinds: list[_Code] = []
        for code, (kind, arguments) in enumerate(decoder.kinds):
            begins = 1 if kind in _BEGIN else 2 if kind in _BEGIN_OUTSIDE else 0
            matter = matters.of(kind)
            tells, at = _tells(matter, arguments)
            kinds.append(_Code(begins, matter.calls, tells, at, layout.t_at[code], layout.turn_at[code]))
        self._codes: list[_Code | None] = [code if any(code) else None for code in kinds]
        self._codes += [None] * (256 - len(kinds))
        for code, expansion in layout.expansions.items():
            steps = [(kinds[site & 255], refs) for site, refs in expansion.steps]
            tells = _YES if any(self._step_tells(step, refs) for step, refs in steps) else _NO
            depth = sum(step.depth for step, _ in steps)
            known = _Code(steps[0][0].begins, depth, tells, 0, layout.t_at[code], layout.turn_at[code])
            self._codes[code] = known if any(known) else None

    def _step_tells(self, step: _Code, refs: Sequence[Sequence[int]]) -> bool:
        """Whether an event of a joined record may tell. Which flag it is, or which status, says a constant, or nothing
        is known of it.
        """
        if step.tells in (_FLAG, _STATUS):
            is_constant, word = refs[step.at - 1]
            return not is_constant or (word < 0 if step.tells == _STATUS else not word & self._passing)
        return step.tells == _YES

    def of(
        self,
        words: Sequence[Word],
        row: int,
        turn: int,
        t: int,
        *,
        stream: int | None = None,
        every: bool = False,
    ) -> list[Cycle]:
        """The cycles of a batch, whose first row this is and at whose start the clock stands there, of which a line may
        come; of this stream, if one is given. Or `every` cycle.
        """
        codes, lengths, weights, passing = self._codes, self._lengths, self._weights, self._passing
        found: list[Cycle] = []
        begun, first, depth, may_tell = row, 0, 0, every
        at_turn, at_t = turn, t
        i, end = 0, len(words)
        while i < end:
            header: int = words[i]  # type: ignore[assignment]  # types were checked when the batch was appended
            code = header & 255
            known = codes[code]
            if known is not None:
                begins, deeper, tells, at, t_at, turn_at = known
                if begins and (begins == 1 or depth <= 0):
                    if may_tell and row > begun:
                        found.append(Cycle(begun, row, first, i, at_turn, at_t))
                    begun, first, depth, may_tell, at_turn, at_t = row, i, 0, every, turn, t
                depth += deeper
                if tells and not may_tell and (stream is None or header >> 16 == stream):
                    if tells == _YES:
                        may_tell = True
                    elif tells == _FLAG:
                        may_tell = not words[i + at] & passing  # type: ignore[operator]
                    else:
                        may_tell = words[i + at] < 0  # type: ignore[operator]
                if t_at:
                    t = words[i + t_at]  # type: ignore[assignment]
                if turn_at:
                    turn = words[i + turn_at]  # type: ignore[assignment]
            row += weights[code]
            i += lengths[code]
            if row - begun >= MOST_ROWS:
                if may_tell:
                    found.append(Cycle(begun, row, first, i, at_turn, at_t))
                begun, first, may_tell, at_turn, at_t = row, i, every, turn, t
        if may_tell and row > begun:
            found.append(Cycle(begun, row, first, end, at_turn, at_t))
        return found


def _tells(matter: Matter, arguments: Sequence[str]) -> tuple[int, int]:
    """Whether records of a kind may tell, and the place of what that depends on."""
    if not matter.may_tell:
        return _NO, 0
    if matter.flag and "flag" in arguments:
        return _FLAG, arguments.index("flag") + 1
    status = next((name for name in ("result", "status") if name in arguments), "")
    if status and not (matter.told or matter.moves or matter.queues or matter.connects):
        return _STATUS, arguments.index(status) + 1
    return _YES, 0
