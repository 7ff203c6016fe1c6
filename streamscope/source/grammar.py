"""What calls of the engine's functions can tell, in which order: the grammar that a feed is written in.

A function that tells in its caller's name (`uv__set_flags`, `Loop.call`) is given the site by it, as an argument. So
there is one *rule* for a function and what it was given. Whom a call may reach is not always known (a method of any
class that has it): then any of them may have been called, and what was told decides.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from streamscope.source.graph import Does, Flow, Gate, last_name
from streamscope.source.texts import Function, Module, Site, Texts, texts

NOTHING = "nothing"
"""What a parameter was given that was given None."""
Given: TypeAlias = frozenset[Site] | frozenset[str] | str
"""What a parameter was given: sites, one of which is told; flags, any of which may be meant; or a word."""


class Clue(NamedTuple):
    """What is known of an event: its kind, the function it names, the flag that it is about, "" for none, the result of
    a system call, None if it is none, and the type of its handle, "" for the loop or if that is not known.
    """

    kind: str
    function: str
    flag: str = ""
    result: int | None = None
    type: str = ""


class Rule:
    """A function, and what it was given. `tells` has what each TELL node tells, `calls` whom each CALL node reaches."""

    def __init__(self, number: int, function: Function, given: Mapping[str, Given], flow: Flow) -> None:
        self.number = number
        self.function = function
        self.given = given
        self.flow = flow
        self.tells: dict[int, tuple[frozenset[Site], bool]] = {}  # and whether the site is named here
        self.calls: dict[int, list[Rule]] = {}
        self.named: tuple[str, ...] = ()  # the functions in whose name it tells, or has others tell
        self.first: set[Site] = set()  # what can be told first in a call of it
        self.silent = False  # whether it may return without having told anything
        self.ever: set[Site] = set()  # what can be told in a call of it at all, the program left out

    def cost_of(self, node: int, result: int | None) -> int | None:
        """How unlikely it is to pass here after that result of a system call; None if it cannot be. Where a parameter
        is asked for, it was most often not given, and seldom does a function leave early.
        """
        gate = self.flow.nodes[node].what
        if not isinstance(gate, Gate):
            return 0
        if gate.parameter:
            return None if self.given.get(gate.parameter) == NOTHING else 1
        if not gate.result:
            return 1
        return 0 if result is None or gate.lets_pass(result) else None

    def may_be(self, node: int, clue: Clue) -> bool:
        """Whether what is told at a node may be this event."""
        sites, _ = self.tells[node]
        flags = self.given.get("flags")
        return (clue.kind, clue.function) in sites and (
            not clue.flag or not isinstance(flags, frozenset) or clue.flag in flags
        )


_NOT_THE_ENGINES = {
    "system", "poller", "os", "socket", "signal", "passenger", "struct", "sys", "early", "data", "queued", "tap",
    "pending_list", "closing", "closing_list", "queue", "watchers", "loop_watchers", "wakeups", "heap", "atexit",
    "bufs", "events", "termios", "fcntl", "traceback", "emfile_fd", "buf", "error",
}  # fmt: skip
"""Receivers of calls that reach none of the engine's functions, whatever the method is called."""
_CLASS_OF = {
    "handle": "Handle", "stream": "Stream", "server": "Stream", "loop": "Loop", "timer": "Timer", "tcp": "Tcp",
    "pipe": "Pipe", "wakeup": "Wakeup", "signals": "Signals",
}  # fmt: skip
"""Which class that which has such a name is of, or is made of."""
_WATCHERS = {
    "w": ("uv__stream_io", "uv__server_io", "uv__async_io"),
    "signals": ("_uv__signal_event",),
}  # fmt: skip
"""What `io_cb` may be, by what it is called on."""
_TYPES = {"wakeup": "async"}
"""What the type is called of a class whose name is another."""
_PROGRAMS = {"callback", "alloc_cb", "excepthook", "hear"}
"""What is called by such a name is the program's; or, of a passenger, what an inspector has it do."""


CALL_COST, RARE_COST = 64, 32
"""How unlikely it is that the program calls another function, and one that is seldom called: more than anything that
happens within one. A branch that is the exception, and a call that tells nothing, cost 1.
"""
_RARE = {"uv_write2", "uv_timer_again"}
"""What programs seldom call where the other function with the same effects would do."""


class Grammar:
    """The rules. `program` is the one of the program itself: it calls what programs may call, any number of times."""

    def __init__(self, read: Texts) -> None:
        self.texts = read
        self.rules: list[Rule] = []
        self._by_key: dict[tuple[str, int, frozenset[tuple[str, Given]]], Rule] = {}
        self._flows: dict[tuple[str, int], Flow] = {}
        self._telling = self._telling_functions()
        self._above = {
            type_name: read.above(name)
            for type_name, name in ((_TYPES.get(each.lower(), each.lower()), each) for each in read.classes)
        }
        tree = ast.parse("def program():\n    while True: callback()").body[0]
        assert isinstance(tree, ast.FunctionDef)
        nobody = Function("", "", tree)
        self.program = Rule(0, nobody, {}, Flow(tree, lambda call: Does.PROGRAM))
        self.rules.append(self.program)
        self.public = [self._rule(each, {}) for each in self._public() if each in self._telling]
        self.told = frozenset(site for rule in self.rules for sites, _ in rule.tells.values() for site in sites)
        self._settle()

    # which functions matter

    def _public(self) -> list[Function]:
        """Those that programs call: `Loop.run`, the making of handles, and what their classes have under a name without
        an underscore.
        """
        texts = self.texts
        found = dict.fromkeys(texts.methods("run", iter(["Loop"])))
        kinds = [each for each in texts.classes.values() if "Handle" in texts.above(each.name)]
        for each in kinds:
            for name in (*each.methods, *each.bound):
                if not name.startswith("_"):
                    found |= dict.fromkeys(texts.methods(name, iter([each.name])))
            if not any(each.name in other.bases for other in kinds):  # nobody makes what others are made of
                found |= dict.fromkeys(self._constructors(each.name))
        return list(found)

    def _telling_functions(self) -> set[Function]:
        """The functions in which something may be told or the program may run, however deep."""
        reaches: dict[Function, list[Function]] = {}
        telling: set[Function] = set()
        for function in self.texts.functions:
            calls = [node for node in ast.walk(function.tree) if isinstance(node, ast.Call)]
            reaches[function] = [each for call in calls for each in self._reached(call, function)]
            if any(_tells(call) or self._is_program(call) for call in calls):
                telling.add(function)
        while more := {
            each for each, calls in reaches.items() if each not in telling and not telling.isdisjoint(calls)
        }:
            telling |= more
        return telling

    def _is_program(self, call: ast.Call) -> bool:
        return last_name(call.func) in _PROGRAMS

    def _reached(self, call: ast.Call, by: Function) -> list[Function]:
        """The functions of the engine that a call may reach."""
        module = self.texts.modules[by.file]
        func = call.func
        if isinstance(func, ast.Name):
            if (function := self.texts.named(func.id, module)) is not None:
                return [function]
            return self._constructors(module.imported.get(func.id, func.id))
        if not isinstance(func, ast.Attribute):
            return []
        name, receiver = func.attr, func.value
        if name == "io_cb":
            whose = _WATCHERS[last_name(receiver)]
            return [each for each in self.texts.functions if each.tree.name in whose]
        if isinstance(receiver, ast.Call):  # super()
            above = self.texts.above(by.owner)[1:] if last_name(receiver.func) == "super" else []
            return self.texts.methods(name, iter(above))[:1]
        name_of = last_name(receiver)
        if name_of in _NOT_THE_ENGINES:
            return []
        if name_of in self.texts.classes:
            return self.texts.methods(name, iter([name_of]))
        of = by.owner if name_of == "self" else _CLASS_OF.get(name_of, "")
        return self.texts.methods(name, self.texts.family(of) if of else None)

    def _constructors(self, name: str) -> list[Function]:
        above = self.texts.above(name)
        return self.texts.methods("__init__", iter(above))[:1] if above else []

    # rules

    def _rule(self, function: Function, given: Mapping[str, Given]) -> Rule:
        key = function.file, function.tree.lineno, frozenset(given.items())
        rule = self._by_key.get(key)
        if rule is None:
            rule = Rule(len(self.rules), function, given, self._flow(function))
            self._by_key[key] = rule
            self.rules.append(rule)
            self._fill(rule)
        return rule

    def _flow(self, function: Function) -> Flow:
        def acts(call: ast.Call) -> Does:
            if _tells(call):
                return Does.TELL
            if self._is_program(call):
                return Does.PROGRAM
            reached = self._reached(call, function)
            return Does.CALL if any(each in self._telling for each in reached) else Does.PASS

        key = function.file, function.tree.lineno
        if key not in self._flows:
            self._flows[key] = Flow(function.tree, acts)
        return self._flows[key]

    def _fill(self, rule: Rule) -> None:
        module = self.texts.modules[rule.function.file]
        named: list[str] = []
        for number, node in enumerate(rule.flow.nodes):
            if node.does is Does.TELL and isinstance(node.what, ast.expr):
                sites = self._sites(node.what, module, rule.given)
                here = self._names(node.what, module)
                named += sorted({function for _, function in sites}) if here else []
                rule.tells[number] = sites, here
            elif node.does is Does.CALL and isinstance(node.what, ast.Call):
                reached = [each for each in self._reached(node.what, rule.function) if each in self._telling]
                rule.calls[number] = [
                    self._rule(each, self._given(node.what, each, module, rule.given)) for each in reached
                ]
                for argument in node.what.args:
                    if self._names(argument, module):
                        named += sorted({function for _, function in self._sites(argument, module, rule.given)})
        rule.named = tuple(dict.fromkeys(named))

    def _names(self, it: ast.expr, module: Module) -> bool:
        return any(isinstance(each, ast.Name) and each.id in module.sites for each in ast.walk(it))

    def _sites(self, it: ast.expr, module: Module, given: Mapping[str, Given]) -> frozenset[Site]:
        """The sites that an expression names, or was given."""
        found: set[Site] = set()
        for each in ast.walk(it):
            if isinstance(each, ast.Subscript) and isinstance(each.value, ast.Name) and each.value.id in module.sites:
                word = given.get(last_name(each.slice), "") if isinstance(each.slice, ast.Name) else ""
                several = module.sites[each.value.id]
                found |= {several[word]} if isinstance(word, str) and word in several else set(several.values())
            elif isinstance(each, ast.Name) and "" in module.sites.get(each.id, {}):
                found.add(module.sites[each.id][""])
            elif isinstance(each, ast.Name) and isinstance(passed := given.get(each.id), frozenset):
                found |= {site for site in passed if isinstance(site, tuple)}
        return frozenset(found)

    def _given(self, call: ast.Call, to: Function, module: Module, given: Mapping[str, Given]) -> dict[str, Given]:
        """What a call gives to the parameters of whom it reaches; where it gives nothing, what they are then."""
        names = to.parameters
        if to.owner and not (isinstance(call.func, ast.Attribute) and last_name(call.func.value) in self.texts.classes):
            names = names[1:]  # self
        found: dict[str, Given] = {}
        theirs = self.texts.modules[to.file]
        for name, default in zip(reversed(to.parameters), reversed(to.tree.args.defaults)):
            if self._names(default, theirs):
                found[name] = self._sites(default, theirs, {})
        passed = [*zip(names, call.args), *((word.arg, word.value) for word in call.keywords if word.arg)]
        for name, it in passed:
            if sites := self._sites(it, module, given):
                found[name] = sites
            elif isinstance(it, ast.Constant) and (it.value is None or isinstance(it.value, str)):
                found[name] = it.value or NOTHING
            elif isinstance(it, ast.Name) and it.id in given:
                found[name] = given[it.id]
            elif flags := _flags(it):
                found[name] = flags
        return {name: value for name, value in found.items() if _matters(to, name)}

    # what can come first

    def _settle(self) -> None:
        """Find what can be told first in each rule, until nothing more is found."""
        self.program.silent = True
        going = True
        while going:
            going = False
            for rule in self.rules[1:]:
                before = len(rule.first), rule.silent, len(rule.ever)
                self._find_first(rule)
                going |= before != (len(rule.first), rule.silent, len(rule.ever))
            first = {site for rule in self.public for site in rule.first}
            going |= first != self.program.first
            self.program.first = first

    def _find_first(self, rule: Rule) -> None:
        seen, left = {0}, [0]
        for sites, _ in rule.tells.values():
            rule.ever |= sites
        for called in rule.calls.values():
            for each in called:
                rule.ever |= each.ever
        while left:
            at = left.pop()
            node, passes = rule.flow.nodes[at], True
            if at in rule.tells:
                rule.first |= rule.tells[at][0]
                passes = False
            elif node.does is Does.PROGRAM:
                rule.first |= self.program.first
            elif at in rule.calls:
                for each in rule.calls[at]:
                    rule.first |= each.first
                passes = any(each.silent for each in rule.calls[at])
            if at == rule.flow.end:
                rule.silent = True
            for after in node.after if passes else ():
                if after not in seen:
                    seen.add(after)
                    left.append(after)

    def cost_of_call(self, rule: Rule) -> int:
        """What it costs that the program calls this."""
        return CALL_COST + (RARE_COST if rule.function.name in _RARE else 0)

    def callees(self, rule: Rule, node: int, clue: Clue) -> Iterator[Rule]:
        """Whose rules a node may go into, if this is told next: of a handle's methods, those of its class."""
        if rule.flow.nodes[node].does is Does.PROGRAM:
            yield from self.public
            return
        called = rule.calls.get(node, ())
        above = self._above.get(clue.type, ()) if len(called) > 1 else ()
        own = min((place for place in (self._place(each, above) for each in called) if place >= 0), default=-1)
        for each in called:
            place = self._place(each, above)
            if own < 0 or place in (own, -1):
                yield each

    def _place(self, rule: Rule, above: Sequence[str]) -> int:
        """How far up from a handle's class the one is whose method this is; -1 for what is no method of a handle."""
        owner = rule.function.owner
        if owner in above:
            return above.index(owner)
        return len(above) if "Handle" in self.texts.above(owner) else -1


def _tells(call: ast.Call) -> bool:
    """Whether this appends to the feed: `emit((…))`, or `loop.feed.append(…)`."""
    func = call.func
    if last_name(func) == "emit":
        return True
    return isinstance(func, ast.Attribute) and func.attr == "append" and last_name(func.value) == "feed"


def _flags(it: ast.expr) -> frozenset[str]:
    """The flags that an expression is made of; none where it is made of anything else."""
    names = [each.id for each in ast.walk(it) if isinstance(each, ast.Name)]
    simple = all(
        isinstance(each, ast.Name | ast.BinOp | ast.BitOr | ast.Load | ast.IfExp | ast.Constant | ast.Compare | ast.Eq
                   | ast.Attribute)
        for each in ast.walk(it)
    )  # fmt: skip
    return frozenset(name for name in names if name.isupper()) if simple else frozenset()


def _matters(function: Function, name: str) -> bool:
    """Whether what a parameter was given says anything of what is told."""
    return name in ("flags", "send_handle") or any(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
        for call in ast.walk(function.tree)
        if isinstance(call, ast.Call)
        for argument in call.args
        for each in ast.walk(argument)
    )


@lru_cache(1)
def grammar() -> Grammar:
    """That of this version's engine, made when somebody first looks."""
    return Grammar(texts())
