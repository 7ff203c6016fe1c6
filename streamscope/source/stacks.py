"""Events → stacks: inside which functions, and at which of their lines, each of them was told.

All the ways in which the engine's text can have told what was told are followed side by side, event by event; a way
that the next event does not fit ends there. Those that are left at the end of the events are gone back along, so what
came later decides what had been open. Of several, that is taken in which the program has made the fewest calls: five
events that one call of `uv_tcp_bind` tells of are not five calls that failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from streamscope.source.grammar import Clue, Grammar, Rule
from streamscope.source.graph import Does

MOST_WAYS = 200
"""So many are followed at most; of more, which are dropped is by chance, and nothing is sure any more."""
_DEEPEST = 60


class Call(NamedTuple):
    """A function that is under way: what libuv calls it, and the engine's own function, with the line it is at.

    `libuv` is "" for a helper that libuv has not. For the program, which stands between the callback and what it calls,
    `file` is "" and `libuv` the callback's name, "" outside of callbacks.
    """

    libuv: str
    function: str
    file: str
    line: int
    first: int = 0
    last: int = 0


class Stack(NamedTuple):
    """The calls, the outermost first, of which the last is the one that told. `sure` is whether that is the only way
    it can have been.
    """

    calls: tuple[Call, ...]
    sure: bool

    @property
    def names(self) -> tuple[str, ...]:
        """What the functions are called, and the line of the one that told."""
        return (*(call.libuv for call in self.functions), *(f"{each.file}:{each.line}" for each in self.calls[-1:]))

    @property
    def functions(self) -> list[Call]:
        """Those that libuv has, and the program: of several that are one function of libuv's, the innermost."""
        found: list[Call] = []
        for call in self.calls:
            if found and call.file and found[-1].libuv == call.libuv and found[-1].file:
                found[-1] = call
            elif call.libuv or not call.file:
                found.append(call)
        return found


_Way: TypeAlias = tuple[int, int, "_Way | None"]
"""A rule, the node in it, and the way that leads to its call."""


class _Step(NamedTuple):
    """What leads to a way: how many calls the program has made, as few as can be, and the ways before it."""

    cost: int
    before: list[_Way]


def _length(stack: Stack) -> tuple[int, int, int]:
    return len(stack.functions), len(stack.calls), stack.calls[-1].line if stack.calls else 0


def _is_within(some: Sequence[str], names: Sequence[str]) -> bool:
    """Whether all of some are among the names, in their order: the same way, but for a function that may have been
    passed through, as `uv_timer_again` on the way to `uv_timer_start`.
    """
    left = iter(names)
    return all(name in left for name in some)


def _take(ways: dict[_Way, _Step], way: _Way, cost: int, before: _Way) -> None:
    known = ways.get(way)
    if known is None or cost < known.cost:
        ways[way] = _Step(cost, [before])
    elif cost == known.cost:
        known.before.append(before)


class Stacks:
    """Finds the stacks of events."""

    def __init__(self, grammar: Grammar) -> None:
        self._rules = grammar.rules
        self._grammar = grammar
        self._starts: dict[Clue, list[tuple[_Way, int]]] = {}
        node = next(n for n, node in enumerate(grammar.program.flow.nodes) if node.does is Does.PROGRAM)
        self._outside: _Way = (0, node, None)

    def stacks(self, clues: Sequence[Clue], callbacks: Sequence[Sequence[str]]) -> list[Stack]:
        """The stack of each event. The first should be one with which the loop turns to something, or with which the
        feed begins; `callbacks` are those that are under way at each, the outermost first.
        """
        layers: list[dict[_Way, _Step]] = []
        unsure = [False] * len(clues)
        for at, clue in enumerate(clues):
            ways = self._next(layers[-1], clue, clues[at - 1].result) if layers else {}
            if not ways and layers and clues[at - 1].result is not None:
                ways = self._next(layers[-1], clue, None)
            if not ways:
                unsure[at] = at > 0
                ways = {way: _Step(cost, []) for way, cost in self._start(clue)}
            if len(ways) > MOST_WAYS:
                unsure[at] = True
                ways = dict(sorted(ways.items(), key=lambda item: item[1].cost)[:MOST_WAYS])
            layers.append(ways)
        return self._back(layers, clues, callbacks, unsure)

    def _next(self, layer: dict[_Way, _Step], clue: Clue, result: int | None) -> dict[_Way, _Step]:
        """The ways on from those of the event before, which had that result if it was a system call."""
        ways: dict[_Way, _Step] = {}
        for before, led in layer.items():
            for way, cost in self._follow(before, clue, result).items():
                _take(ways, way, led.cost + cost, before)
        return ways

    def _back(
        self,
        layers: Sequence[dict[_Way, _Step]],
        clues: Sequence[Clue],
        callbacks: Sequence[Sequence[str]],
        unsure: Sequence[bool],
    ) -> list[Stack]:
        """From the last event back along the ways that cost least."""
        found: list[Stack] = []
        alive: Iterable[_Way] = ()
        for at in reversed(range(len(clues))):
            layer = layers[at]
            if not alive:
                least = min((step.cost for step in layer.values()), default=0)
                alive = [way for way, step in layer.items() if step.cost == least]
            told = {self._told(way, clues[at], callbacks[at]): way for way in alive}
            stacks = sorted((Stack(calls, sure=not unsure[at]) for calls in told), key=_length)
            shortest = stacks[0] if stacks else Stack((), sure=False)
            same = all(_is_within(shortest.names, each.names) for each in stacks)
            found.append(shortest if same else shortest._replace(sure=False))
            alive = {before for way in alive for before in layer[way].before}
        found.reverse()
        return found

    # following

    def _follow(self, way: _Way, clue: Clue, result: int | None) -> dict[_Way, int]:
        """Where the event can have been told after what was told at the end of this way, and how unlikely that is. What
        the functions did that were under way then depends on the `result`; those that are entered have others.
        """
        site = clue.kind, clue.function
        found: dict[_Way, int] = {}
        seen: dict[tuple[_Way, bool], int] = {}
        left = deque([(way, True, 0, 0)])  # whether the node is over or has just been come to; the cost; how deep since
        while left:
            here, over, cost, fresh = left.popleft()
            if seen.get((here, over), cost + 1) <= cost:
                continue
            seen[here, over] = cost
            number, at, outer = here
            rule = self._rules[number]
            node = rule.flow.nodes[at]
            if over:
                if at != rule.flow.end:
                    left.extendleft(((number, after, outer), False, cost, fresh) for after in node.after)
                elif outer is not None:
                    left.appendleft((outer, not self._is_program(outer), cost, max(fresh - 1, 0)))
                continue
            more = rule.cost_of(at, None if fresh else result)
            if more is None:
                continue
            if node.does is Does.TELL:
                if rule.may_be(at, clue):
                    found[here] = min(cost, found.get(here, cost))
                continue
            passes = node.does is not Does.CALL
            for callee in self._grammar.callees(rule, at, clue):
                passes = passes or callee.silent
                if site in callee.first and _depth(here) < _DEEPEST:
                    called = self._grammar.cost_of_call(callee) if node.does is Does.PROGRAM else 0
                    (left.append if called else left.appendleft)(
                        ((callee.number, 0, here), True, cost + called, fresh + 1)
                    )
            if passes:
                more += node.does is Does.CALL
                (left.append if more else left.appendleft)((here, True, cost + more, fresh))
        return found

    def _is_program(self, way: _Way) -> bool:
        return self._rules[way[0]].flow.nodes[way[1]].does is Does.PROGRAM

    def _start(self, clue: Clue) -> list[tuple[_Way, int]]:
        """Where the event can have been told if nothing is known of what was before, but that no callback was under
        way; and how unlikely each is.
        """
        if clue not in self._starts:
            site = clue.kind, clue.function
            self._starts[clue] = [
                (way, self._grammar.cost_of_call(rule))
                for rule in self._grammar.public
                if site in rule.ever
                for way in self._within(rule, self._outside, clue, frozenset())
            ]
        return self._starts[clue]

    def _within(self, rule: Rule, outer: _Way, clue: Clue, entered: frozenset[int]) -> Iterator[_Way]:
        site = clue.kind, clue.function
        for at in rule.tells:
            if rule.may_be(at, clue):
                yield rule.number, at, outer
        for at, callees in rule.calls.items():
            for callee in callees:
                if site in callee.ever and callee.number not in entered:
                    yield from self._within(callee, (rule.number, at, outer), clue, entered | {rule.number})

    # telling

    def _told(self, way: _Way, clue: Clue, callbacks: Sequence[str]) -> tuple[Call, ...]:
        """The calls of a way, down to the one in whose name the event was told."""
        frames: list[tuple[Rule, int]] = []
        here: _Way | None = way
        while here is not None:
            frames.append((self._rules[here[0]], here[1]))
            here = here[2]
        frames.reverse()
        calls: list[Call] = []
        told_by, inner = 0, iter(callbacks)
        for rule, at in frames:
            if rule.number:
                name = _name(rule, clue)
                tree, line = rule.function.tree, rule.flow.nodes[at].line
                calls.append(
                    Call(name, rule.function.name, rule.function.file, line, tree.lineno, tree.end_lineno or 0)
                )
                if name == clue.function or clue.function in rule.named:
                    told_by = len(calls)
            if rule.flow.nodes[at].does is Does.PROGRAM:
                calls.append(Call(next(inner, "") if rule.number else "", "", "", 0))
        return tuple(calls[:told_by] if told_by else calls)


def _name(rule: Rule, clue: Clue) -> str:
    """What libuv calls the function; "" if it has none such."""
    name = rule.function.tree.name.removeprefix("_")
    if len(rule.named) > 1 and clue.function in rule.named:
        return clue.function
    if name.startswith(("uv_", "maybe_new_socket", "new_socket")) and rule.function.name != "_new_socket":
        word = rule.given.get("word")
        return rule.named[0] if word and len(rule.named) == 1 else name
    return rule.named[0] if rule.named else ""


def _depth(way: _Way) -> int:
    depth, here = 0, way[2]
    while here is not None:
        depth, here = depth + 1, here[2]
    return depth
