"""From states to events: what a producer tells that cannot follow a loop and only looks at it now and then.

It has a state and the state before, and what differs becomes records of the kinds that everyone knows, told by the
function `sampled`, after a `sample.taken` that says when the look before was, when this one, and how sure it is. So
past, time line, filter, check, record and replay need to know nothing of it.

Folding what is told of two states gives the second. Times are the exception: what is new since the look before is told
with the time of this look, which is what a fold makes of it. In which order things happened in between nobody knows;
they are told in the order of the fields. Nor how a request ended that is not there any more: its end carries the error
that was last seen at it, and a sampler that sees none says so by having `status` among its `unseen`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from streamscope.core.records import SAMPLED, Word
from streamscope.trace.fold import EXACT, MISSED
from streamscope.trace.state import LoopState, RequestState, StreamState, held_requests
from streamscope.trace.vocabulary import SAID_BY_PROGRAM, Vocabulary

_CHANGES = (
    ("fd", "fd"), ("high_water", "high_water"), ("write_queue_size", "write_queue_size"),
    ("accepted_fd", "accepted_fd"), ("delayed_error", "delayed_error"), ("callbacks", "callbacks"),
    ("queued_fds_capacity", "queued_fds.capacity"), ("events", "io.events"),
)  # fmt: skip
"""Fields whose kind tells old and new, in the order in which they are told."""

_SWITCHES = (
    ("pending", "io.feed", "pending.pop"), ("watched", "watcher_queue.push", "watcher_queue.pop"),
    ("closing", "closing.push", "closing.pop"),
)  # fmt: skip
_COUNTS = ("bytes_in", "bytes_out", "reads", "writes", "errors", "last_error")
_OF_LOOP = ("active_handles", "active_reqs", "poll_ns", "callback_ns")


class Differ:
    """Tells of the differences between states, in the codes of one producer's vocabulary. Fields of handles that are
    among its `unseen` are not compared.

    Raises ValueError for a vocabulary without the function `sampled`, KeyError for a kind that it lacks and that is to
    be told.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        function = vocabulary.functions.index(SAMPLED) << 8
        self._sites = {name: function | code for code, (name, _) in enumerate(vocabulary.kinds)}
        self._write = vocabulary.request("write")
        self._unseen = [field for field in StreamState.__struct_fields__ if not vocabulary.knows(field)]

    def words(
        self,
        before: Mapping[int, StreamState],
        after: Mapping[int, StreamState],
        loops: tuple[LoopState, LoopState],
        sure: str = EXACT,
        others: Mapping[int, str] = MappingProxyType({}),
    ) -> list[Word]:
        """What happened between two looks, as whole records; the times of the looks are those of the `loops`. `others`
        says of single handles how sure they are. Handles that are not in `after` have closed.
        """
        loop_before, loop_after = loops
        counts = [field for field in _COUNTS if field not in self._unseen and field in self._sites]
        telling = _Telling(self._sites, self._write, counts, loop_after.active_reqs)
        if loop_before.turn != loop_after.turn:
            telling.record(0, "loop.turn", loop_after.turn, loop_after.t)
        telling.record(0, "sample.taken", loop_before.t, loop_after.t, sure)
        for number in sorted(after.keys() | before.keys() | others.keys()):
            old, new = before.get(number), after.get(number)
            if new is not None and self._unseen:
                known = old or StreamState(number)
                new = replace(new, **{field: getattr(known, field) for field in self._unseen})
            if number in others:
                telling.record(number, "sample.taken", loop_before.t, loop_after.t, others[number])
            if old == new:
                continue
            if new is not None:
                telling.handle(old, new)
            elif old is not None:
                telling.gone(old)
        telling.loop(loop_before, loop_after)
        return telling.words

    def missed(self, since: int, t: int) -> list[Word]:
        """That a look came to nothing."""
        return [self._sites["sample.taken"], since, t, MISSED]


class _Telling:
    """One look. `words` is what was told so far; `write` is the type of writes, `counts` are those that the
    producer knows, `active_reqs` is the loop's, which records of requests carry.
    """

    def __init__(self, sites: Mapping[str, int], write: int, counts: Sequence[str], active_reqs: int) -> None:
        self.words: list[Word] = []
        self._sites = sites
        self._write = write
        self._counts_known = counts
        self._active_reqs = active_reqs
        self._has_told_reqs = False

    def record(self, number: int, kind: str, *words: Word) -> None:
        """One record of a handle, 0 for the loop."""
        self.words += (number << 16 | self._sites[kind], *words)

    def _change(self, number: int, kind: str, old: int, new: int) -> None:
        if old != new:
            self.record(number, kind, old, new)

    def loop(self, old: LoopState, new: LoopState) -> None:
        """What differs in the loop."""
        self._change(0, "loop.nfds", old.nfds, new.nfds)
        self._kernel(0, old, new)
        for field in _OF_LOOP:
            if field != "active_reqs" or not self._has_told_reqs:
                self._change(0, f"loop.{field}", getattr(old, field), getattr(new, field))

    # one handle

    def handle(self, old: StreamState | None, new: StreamState) -> None:
        """What differs in a handle; all of it, where it is another than that which had its number."""
        number = new.number
        told = "handle.place" in self._sites
        if old is None or _is_another(old, replace(new, place=old.place) if told else new):
            if old is not None:
                self.gone(old)
            self.record(number, "handle.init", new.type, new.place)
            old = StreamState(number, new.type, place=new.place)
        if old.place != new.place and told:
            self.record(number, "handle.place", new.place)
        if old.name != new.name:
            self.record(number, "handle.name", new.name)
        if (old.local, old.peer) != (new.local, new.peer):
            self.record(number, "handle.address", new.local, new.peer)
        if old.server != new.server:
            self.record(number, "handle.accepted", new.server)
        if new.ipc and not old.ipc:
            self.record(number, "handle.ipc")
        self._flags(old, new)
        for field, kind in _CHANGES:
            self._change(number, kind, getattr(old, field), getattr(new, field))
        if old.pevents & ~new.pevents:
            self.record(number, "io.stop", old.pevents, old.pevents & new.pevents)
        if new.pevents & ~old.pevents:
            self.record(number, "io.start", old.pevents & new.pevents, new.pevents)
        for field, on, off in _SWITCHES:
            if getattr(old, field) != getattr(new, field):
                self.record(number, on if getattr(new, field) else off)
        left, joined = _passage(old.queued_fds, new.queued_fds)
        self._each(number, "queued_fds.pop", left)
        self._each(number, "queued_fds.push", joined)
        self._counts(old, new, self._requests(old, new))
        self._kernel(number, old, new)
        feeds, fed = new.feeds or {}, old.feeds or {}
        for to in sorted(fed.keys() | feeds.keys()):
            if fed.get(to) != feeds.get(to):
                self.record(number, "feeds", to, feeds.get(to, ""))
        if new.faults != old.faults:
            self.record(number, "faults", new.faults)
        if new.closed_t and not old.closed_t:
            self.record(number, "handle.closed")

    def _kernel(self, number: int, old: StreamState | LoopState, new: StreamState | LoopState) -> None:
        """What the kernel says now and did not say before."""
        before, now = old.kernel or {}, new.kernel or {}
        changed = [field for field, value in now.items() if before.get(field) != value]
        for field in changed:
            self.record(number, "program.says" if field >= SAID_BY_PROGRAM else "kernel.sample", field, now[field])
        gone = before.keys() - now.keys()
        for field in sorted(gone):
            self.record(number, "kernel.unknown", field)
        if old.kernel_t != new.kernel_t and not changed and not gone:
            self.record(number, "kernel.same")

    def gone(self, old: StreamState) -> None:
        """A handle that is not there any more, and its requests."""
        self._end(old.number, held_requests(old))
        if not old.closed_t:
            self.record(old.number, "handle.closed")

    def _each(self, number: int, kind: str, words: Iterable[int]) -> None:
        for word in words:
            self.record(number, kind, word)

    def _flags(self, old: StreamState, new: StreamState) -> None:
        changed = old.flags ^ new.flags
        while changed:
            flag = changed & -changed
            self.record(new.number, "flag.set" if new.flags & flag else "flag.clear", flag)
            changed ^= flag

    def _counts(self, old: StreamState, new: StreamState, ended: Sequence[RequestState]) -> None:
        """Counts that differ from what a fold makes of the requests that ended."""
        failed = [request.error for request in ended if request.error < 0]
        folded = {
            "writes": old.writes + sum(request.error == 0 and request.request == self._write for request in ended),
            "errors": old.errors + len(failed),
            "last_error": failed[-1] if failed else old.last_error,
        }
        for field in self._counts_known:
            self._change(new.number, field, folded.get(field, getattr(old, field)), getattr(new, field))

    # requests

    def _requests(self, old: StreamState, new: StreamState) -> list[RequestState]:
        """What differs in them, and in what holds them; returns those that ended."""
        number = new.number
        now = {request.number: request for request in held_requests(new)}
        kept = {r.number: r for r in held_requests(old) if r.number in now and _is_same(r, now[r.number])}
        ended = [request for request in held_requests(old) if request.number not in kept]
        joining: dict[str, Sequence[int]] = {}
        for queue in ("write_queue", "write_completed_queue"):
            # what ended is not what comes under its number
            before = [r.number if r.number in kept else -r.number for r in getattr(old, queue)]
            left, joining[queue] = _passage(before, [r.number for r in getattr(new, queue)])
            self._each(number, f"{queue}.pop", map(abs, left))
        for field in ("connect_req", "shutdown_req"):
            was, is_ = getattr(old, field), getattr(new, field)
            if was is not None and (is_ is None or is_.number != was.number or was.number not in kept):
                self.record(number, field, was.number, 0)
                was = None
            if is_ is not None and was is None:
                joining[field] = [is_.number]
        self._end(number, ended)
        for request in now.values():
            self._begin(number, kept.get(request.number), request)
        for holder, numbers in joining.items():
            for joined in numbers:
                if holder.endswith("_req"):
                    self.record(number, holder, 0, joined)
                else:
                    self.record(number, f"{holder}.push", joined)
        done = frozenset(joining["write_completed_queue"])
        for request in now.values():
            self._progress(number, kept.get(request.number), request, is_done=request.number in done)
        return ended

    def _begin(self, number: int, old: RequestState | None, new: RequestState) -> None:
        """What a request is, and what is told of it before it is in its queue."""
        if old is None:
            self._has_told_reqs = True
            self.record(number, "request.begin", new.number, new.request, new.bytes, new.nbufs, self._active_reqs)
        if new.send_handle != (old.send_handle if old else 0):
            self.record(number, "request.send", new.number, new.send_handle)
        if new.error != (old.error if old else 0):
            self.record(number, "request.error", new.number, new.error)

    def _progress(self, number: int, old: RequestState | None, new: RequestState, *, is_done: bool) -> None:
        """How far it has come, where that does not follow from its beginning or from its being done."""
        left, index = (old.left, old.write_index) if old else (new.bytes, 0)
        if is_done and not new.error:
            left, index = 0, new.nbufs
        if (left, index) != (new.left, new.write_index):
            self.record(number, "request.progress", new.number, new.write_index, new.left)

    def _end(self, number: int, requests: Iterable[RequestState]) -> None:
        for request in requests:
            self._has_told_reqs = True
            self.record(number, "request.end", request.number, request.error, self._active_reqs, request.request)


def _is_another(old: StreamState, new: StreamState) -> bool:
    """Whether the handle is another than the one that had its number: what cannot change is not the same."""
    return (
        (old.type, old.place, old.begin_t) != (new.type, new.place, new.begin_t)
        or bool(old.closed_t and not new.closed_t)
        or (old.ipc and not new.ipc)
    )


def _is_same(old: RequestState, new: RequestState) -> bool:
    """Whether the request that has this number is the one that had it."""
    return (old.request, old.bytes, old.nbufs, old.begin_t) == (new.request, new.bytes, new.nbufs, new.begin_t)


def _passage(old: Sequence[int], new: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Who left a queue, and who joined its end; all of it anew, where that does not tell it."""
    there = frozenset(new)
    stayed = [entry for entry in old if entry in there]
    if stayed != list(new[: len(stayed)]):
        return old, new
    return [entry for entry in old if entry not in there], new[len(stayed) :]
