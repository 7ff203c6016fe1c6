"""One function of the engine as a graph: which of its statements can follow each other, and what each tells or calls.

Conditions are not looked at, but one: whether anybody listens. Whoever reads a feed knows that somebody did.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import NamedTuple


class Does(Enum):
    """What a statement does, as far as it matters here."""

    PASS = "passes"
    TELL = "tells of an event"
    CALL = "calls functions of the engine"
    PROGRAM = "lets the program run, which may call what it likes"


class Gate(NamedTuple):
    """What must be so for a branch to be taken: that a parameter was given, or how the result of a system call compares
    with 0 (`<`, `==`, and their opposites `>=`, `!=`). One that asks for neither stands before a branch that leaves the
    function without telling of anything itself, which is the exception.
    """

    parameter: str = ""
    result: str = ""

    def lets_pass(self, result: int) -> bool:
        """Whether it does after this result of a system call."""
        if self.result in ("<", ">="):
            return (result < 0) == (self.result == "<")
        return (result == 0) == (self.result == "==")


class Node(NamedTuple):
    """A place in a function: what it does there, its line, and the nodes that can come next. `what` is the expression
    of the header for TELL, the call for CALL, and for PASS the gate, if there is one.
    """

    does: Does
    line: int
    what: ast.expr | Gate | None
    after: list[int]


class Flow:
    """The graph of one function: `nodes`, of which the first is its beginning and the second its end."""

    def __init__(self, function: ast.FunctionDef, acts: Callable[[ast.Call], Does]) -> None:
        """`acts` says what a call does; what passes has no node."""
        self.nodes: list[Node] = []
        self._acts = acts
        self._parameters = [each.arg for each in (*function.args.args, *function.args.kwonlyargs)]
        self._loops: list[tuple[int, list[int]]] = []  # where `continue` goes, and what `break` leaves
        self._finals: list[list[int]] = []  # what returns through a `finally`
        start, self.end = self._node(Does.PASS, function.lineno, []), self._node(Does.PASS, function.lineno, [])
        self._link(self._body(function.body, [start]), self.end)

    def _node(self, does: Does, line: int, before: Iterable[int], what: ast.expr | Gate | None = None) -> int:
        self.nodes.append(Node(does, line, what, []))
        self._link(before, len(self.nodes) - 1)
        return len(self.nodes) - 1

    def _link(self, before: Iterable[int], to: int) -> None:
        for each in before:
            if to not in self.nodes[each].after:
                self.nodes[each].after.append(to)

    def _body(self, body: Sequence[ast.stmt], before: list[int]) -> list[int]:
        """The nodes behind which the next statement comes; none after a return."""
        for statement in body:
            before = self._statement(statement, before)
        return before

    def _statement(self, it: ast.stmt, before: list[int]) -> list[int]:
        match it:
            case ast.If():
                before = self._expression(it.test, before)
                begin, other = (self._behind(gate, it, before) for gate in self._gates(it))
                after = self._body(it.body, begin)
                return [*after, *([] if _listens(it.test) else self._body(it.orelse, other))]
            case ast.While():
                return self._loop(it.body, it.orelse, before, it.test, forever=_is_true(it.test))
            case ast.For():
                return self._loop(it.body, it.orelse, self._expression(it.iter, before), None, forever=False)
            case ast.Try():
                return self._try(it, before)
            case ast.With():
                for item in it.items:
                    before = self._expression(item.context_expr, before)
                return self._body(it.body, before)
            case ast.Return() | ast.Raise():
                value = it.value if isinstance(it, ast.Return) else it.exc
                left = [self._node(Does.PASS, it.lineno, self._expression(value, before))]
                if self._finals:
                    self._finals[-1] += left
                else:
                    self._link(left, self.end)
                return []
            case ast.Break():
                self._loops[-1][1].extend(before)
                return []
            case ast.Continue():
                self._link(before, self._loops[-1][0])
                return []
            case ast.FunctionDef() | ast.ClassDef():
                return before
        for child in ast.iter_child_nodes(it):
            if isinstance(child, ast.expr):
                before = self._expression(child, before)
        return before

    def _behind(self, gate: Gate | None, it: ast.stmt, before: list[int]) -> list[int]:
        return before if gate is None else [self._node(Does.PASS, it.lineno, before, gate)]

    def _gates(self, it: ast.If) -> tuple[Gate | None, Gate | None]:
        """Of the branch that is taken if this holds, and of the other."""
        given = _asked_for(it.test)
        if given in self._parameters:
            return Gate(parameter=given), None
        if compared := _compared(it.test):
            return Gate(result=compared[0]), Gate(result=compared[1])
        calls = [each for line in it.body for each in ast.walk(line) if isinstance(each, ast.Call)]
        leaves = isinstance(it.body[-1], ast.Return | ast.Raise) and not any(map(self._tells, calls))
        return (Gate() if leaves else None), None

    def _tells(self, call: ast.Call) -> bool:
        return self._acts(call) is Does.TELL

    def _loop(
        self, body: list[ast.stmt], orelse: list[ast.stmt], before: list[int], test: ast.expr | None, *, forever: bool
    ) -> list[int]:
        head = self._node(Does.PASS, body[0].lineno, before)
        left: list[int] = []
        self._loops.append((head, left))
        tested = self._expression(test, [head])
        self._link(self._body(body, tested), head)
        self._loops.pop()
        return [*left, *([] if forever else self._body(orelse, tested))]

    def _try(self, it: ast.Try, before: list[int]) -> list[int]:
        if it.finalbody:
            self._finals.append([])
        first = self._node(Does.PASS, it.lineno, before)
        after = self._body(it.orelse, self._body(it.body, [first]))
        within = range(first, len(self.nodes))  # anything in it may raise
        for handler in it.handlers:
            after = [*after, *self._body(handler.body, list(within))]
        if not it.finalbody:
            return after
        returned = self._finals.pop()
        behind = self._body(it.finalbody, [*after, *returned, *within])
        self._link(behind, self.end)
        return behind

    def _expression(self, it: ast.expr | None, before: list[int]) -> list[int]:
        """The calls in an expression, in the order in which they are made. What stands behind `and`, `or` or `if` may
        not be.
        """
        if it is None or isinstance(it, ast.Lambda):
            return before
        children = [child for child in ast.iter_child_nodes(it) if isinstance(child, ast.expr | ast.keyword)]
        may_not_be = isinstance(it, ast.BoolOp | ast.IfExp | ast.GeneratorExp | ast.ListComp)
        for child in children:
            behind = self._expression(child.value if isinstance(child, ast.keyword) else child, before)
            before = [*before, *behind] if may_not_be and behind is not before else behind
        if isinstance(it, ast.Call) and (does := self._acts(it)) is not Does.PASS:
            return [self._node(does, it.lineno, before, it.args[0] if does is Does.TELL else it)]
        return before


def _listens(test: ast.expr) -> bool:
    """Whether this asks whether anybody listens, and nothing else: `emit is not None`."""
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.IsNot)
        and last_name(test.left) in ("emit", "feed")
    )


def _asked_for(test: ast.expr) -> str:
    """What this asks for, and nothing else: whether it was given, `family` or `send_handle is not None`."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.IsNot):
        test = test.left
    return test.id if isinstance(test, ast.Name) else ""


_OPERATORS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">="), ast.GtE: (">=", "<"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
}  # fmt: skip


def _compared(test: ast.expr) -> tuple[str, str] | None:
    """How this compares the result of a system call with 0, and the opposite; None if it does nothing such."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        name, against, found = last_name(test.left), test.comparators[0], _OPERATORS.get(type(test.ops[0]))
        if isinstance(against, ast.Constant) and against.value == 0 and (name in ("n", "nread") or name == "status"):
            return found if name != "status" or (found and found[0] == "<") else None
    return None


def _is_true(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant) and test.value is True


def last_name(it: ast.expr) -> str:
    """`emit` of `self.loop.emit`; "" of what is no name."""
    return it.attr if isinstance(it, ast.Attribute) else it.id if isinstance(it, ast.Name) else ""
