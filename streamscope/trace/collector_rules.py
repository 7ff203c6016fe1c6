"""What each kind of record does to totals: `effects`, carried out on a `Collector`.

A rule is called as `rule(collector, words, i)`: `words[i]` is the record's header. A busy server tells of little but
joined records, above all of `answer`; that is written here by hand, as a loop over as many as follow each other, and of
the records that tell how a write ended long after the kernel had it all nothing is wanted. Tests hold both against the
events, one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from streamscope.core.joined_records import joined_site
from streamscope.language import tr
from streamscope.trace.collector import Collector
from streamscope.trace.decode import Decoder
from streamscope.trace.effects import Change, Effect, effect_of
from streamscope.trace.fold import KERNEL_FIELDS_KEPT
from streamscope.trace.handlers import Handlers
from streamscope.trace.histogram import EDGES, Slow
from streamscope.trace.joined_rules import repeated
from streamscope.trace.seconds import OTHER_ERROR
from streamscope.trace.state import NO_FAILURES, RAISED
from streamscope.trace.untrusted import FeedError

Words: TypeAlias = Sequence[Any]
Rule: TypeAlias = Callable[[Collector, Words, int], None]

_NUMBER = "words[i] >> 16"
_FLOWS = {"bytes_in": "take_in", "bytes_out": "take_out"}


def _statement(change: Change, effect: Effect) -> str:
    field, how, value, _, within = change
    if field in _FLOWS:
        return f"collector.{_FLOWS[field]}({_NUMBER}, {value if how == '+=' else f'max({value} - old, 0)'})"
    if field.startswith("loop."):
        return _of_the_loop(field.removeprefix("loop."), how, value, effect)
    if field == "kernel":
        said = "value" if within else "0" if value.startswith("unsaid") else ""
        return f"if field == collector.rules.outq: collector.ask({_NUMBER}, {said})" if said else ""
    if field == "last_error" and len(effect.fields) > 1:
        return f"collector.second.fail({value})"
    if field == "write_queue_size":
        return f"collector.queue({_NUMBER}, {value})"
    return _STATEMENTS.get((field, how), "")


_STATEMENTS = {
    ("known", "begin_handle"): f"collector.begin({_NUMBER}, type, place)",
    ("peer", "="): f"collector.address({_NUMBER}, peer)",
    ("name", "="): f"collector.name({_NUMBER}, name)",
    ("server", "="): "collector.second.accepted += 1",
    ("closed_t", "="): f"collector.close({_NUMBER})",
    ("requests", "begin_request"): "if request == collector.rules.write: collector.begin_write(req)",
    ("requests", "end_request"): f"collector.end_write({_NUMBER}, req)",
    ("write_completed_queue", "push"): f"collector.end_write({_NUMBER}, req)",
}
"""What the other changes are to a collector, by field and verb."""


def _of_the_loop(field: str, how: str, value: str, effect: Effect) -> str:
    """What a record says of the clock, of callbacks and of poll; and failures that somebody counted from outside."""
    if field == "t":
        looked = "collector.second.sampled = True" if "since" in effect.arguments else ""
        return f"collector.read_clock({value}); {looked}".rstrip("; ")
    if field == "turn":
        return f"collector.turn = {value}"
    if field == "poll_ns" and how == "+=":
        return "collector.poll(t)" if "ready" in effect.arguments else "collector.go_on_waiting()"
    if field == "callback_ns" and how == "+=":
        return f"took = {value}; collector.read_clock(t); collector.ran({_NUMBER}, callback, took)"
    if field == "failures" and "last_error" not in effect.fields:
        return f"if new > old: collector.second.fail({OTHER_ERROR}, new - old)"
    return ""


_RULES = Handlers(
    "collector, words, i",
    {"loop.t": "collector.t", "t": "collector.t"},
    _statement,
    {"NO_FAILURES": NO_FAILURES, "RAISED": RAISED, "KERNEL_FIELDS_KEPT": KERNEL_FIELDS_KEPT},
)

_ANSWER = joined_site("answer")
_WRITTEN = ("written", "written.rearm")
"""Joined records that end writes of which the kernel has had all since the record that began them, or one of its own.
"""


def _answers(collector: Collector, words: Words, i: int) -> int:
    """`answer`, as many as follow each other within the second: bytes that came, a write that was taken at once, and
    the callback. Returns where they end.
    """
    second, edge, begun = collector.second, collector.edge, i
    talker_of, callbacks = second.talker, second.callbacks
    known, counts, floor, longest = second.talkers or {}, callbacks.counts, callbacks.floor, collector.longest_in_turn
    bytes_in = bytes_out = callback_ns = 0
    queued = collector.queued
    t = collector.t
    for header, since, _, came, _, size, _, end_t in repeated(words, i, 8):
        if header & 255 != _ANSWER or not t <= since <= end_t < edge or not came > 0 or not size > 0:
            break
        i += 8
        number, took, t = header >> 16, end_t - since, end_t
        talker = known.get(number) or talker_of(number)
        talker[0] += came
        talker[1] += size
        talker[2] += took
        if queued:
            queued.pop(number, None)
        bytes_in += came
        bytes_out += size
        callback_ns += took
        counts[bisect_right(EDGES, took)] += 1
        if took > floor:
            callbacks.note(Slow(took, t, collector.turn, number, collector.rules.read_cb))
            floor = callbacks.floor
        if took > longest[0]:
            longest = took, number, collector.rules.read_cb
    if i > begun:
        second.bytes_in += bytes_in
        second.bytes_out += bytes_out
        second.callback_ns += callback_ns
        second.writes.counts[0] += (i - begun) // 8
        collector.t, collector.longest_in_turn = t, longest
    return i


class CollectorRules:
    """What a collector needs of a feed, by code: made once, for any number of collectors."""

    def __init__(self, decoder: Decoder) -> None:
        vocabulary, self.layout = decoder.vocabulary, decoder.layout
        self.stream_types = vocabulary.stream_types
        self.outq = vocabulary.kernel_number("outq")
        self.write = vocabulary.request("write")
        self.read_cb = vocabulary.callback("read_cb")
        self._effects = [effect_of(name) for name, _ in decoder.kinds]
        there = len(decoder.kinds)
        self._rules: list[Rule | None] = [
            self._first if code < there or code in self.layout.expansions else None for code in range(256)
        ]
        expansion = self.layout.expansions.get(_ANSWER)
        self._answer = _ANSWER if expansion is not None and expansion.known and expansion.name == "answer" else -1

    def go_over(self, collector: Collector, words: Words) -> None:
        """A batch of the feed, whose words the decoder has accepted. Raises FeedError."""
        rules, lengths, answer = self._rules, self.layout.lengths, self._answer
        i, end = 0, len(words)
        try:
            while i < end:
                code = words[i] & 255
                if code == answer:
                    after = _answers(collector, words, i)
                    if after != i:
                        i = after
                        continue
                rule = rules[code]
                if rule is not None:
                    rule(collector, words, i)
                i += lengths[code]
        except (TypeError, IndexError) as error:
            raise FeedError(tr("a word has the wrong type")) from error

    def _first(self, collector: Collector, words: Words, i: int) -> None:
        """The first record of its kind, whose rule is made now."""
        code = words[i] & 255
        expansion = self.layout.expansions.get(code)
        rule: Rule | None
        if expansion is None:
            rule = _RULES.of_effect(self._effects[code])
        elif expansion.known:
            rule = None if expansion.name in _WRITTEN else _RULES.of_joined(expansion.name)
        else:
            rule = self._one_by_one
        self._rules[code] = rule
        if rule is not None:
            rule(collector, words, i)

    def _one_by_one(self, collector: Collector, words: Words, i: int) -> None:
        records: Sequence[tuple[Words, int]] = self.layout.expansions[words[i] & 255].unfold(words, i)
        for record, start in records:
            rule = self._rules[record[start] & 255]
            if rule is not None:
                rule(collector, record, start)
