"""An event as a line of the event list: what was done, and what changed from what to what.

Both are plain strings for one column each; the other columns (when, which stream, which function) are the
event's own. A system call reads as strace writes it, a change as `name old → new`. What numbers are called is what the
feed's vocabulary says; a kind that is not known here is told of in its engine's words. A person reads this, in their
language: programs have the event's fields.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import TypeAlias

from streamscope.core.records import Word
from streamscope.language import N_, items, tr, trn
from streamscope.trace.decode import Event
from streamscope.trace.plain_text import visible
from streamscope.trace.vocabulary import Vocabulary

Writer: TypeAlias = Callable[[Event, Vocabulary], tuple[str, str]]

NONE = "–"


def sentence(event: Event, vocabulary: Vocabulary) -> tuple[str, str]:
    """What the event did, and what it changed ("" for nothing), both fit for a terminal. Knows every kind of feed."""
    writer = _WRITERS.get(event.kind)
    if writer is None:
        writer = _system_call if event.kind.startswith("sys.") else _other
    try:
        return writer(event, vocabulary)
    except (KeyError, TypeError):  # a kind of another version that bears a name of ours, with other arguments
        return _other(event, vocabulary)


def word_text(vocabulary: Vocabulary, kind: str, argument: str, word: Word | None) -> str:
    """One argument as a person reads it: by name, with separators, `–` for none and for what nobody can know."""
    if word is None or not vocabulary.knows(argument):
        return NONE
    if isinstance(word, str):
        return visible(word) or NONE
    domain, namer, fails = vocabulary.reading(kind, argument)
    if namer is not None:
        return namer(word) or NONE
    if word < 0:
        return vocabulary.error_text(word) if fails else NONE if domain == "fd" else f"{word:,}"
    if domain in ("handle", "req"):
        return f"{'#' if domain == 'handle' else ''}{word}" if word else NONE
    return str(word) if domain == "fd" else f"{word:,}"


def change(event: Event, words: Vocabulary, name: str) -> str:
    """`name old → new` with what the engine calls the field, without the name if that is empty."""
    name = words.label(name) if name else name
    old, new = word_text(words, event.kind, "old", event.old), word_text(words, event.kind, "new", event.new)
    return f"{name} {old} → {new}".lstrip()


def _int(event: Event, name: str) -> int:
    word = event.fields[name]
    if isinstance(word, str):
        raise TypeError(name)
    return word


def _pair(event: Event) -> tuple[int, int]:
    old, new = event.old, event.new
    if not isinstance(old, int) or not isinstance(new, int):
        raise TypeError(event.kind)
    return old, new


def _result(words: Vocabulary, result: int) -> str:
    if not words.knows("result"):
        return NONE
    return f"-1 {words.error_text(result)}" if result < 0 else str(result)


def _status(words: Vocabulary, status: int) -> str:
    if not words.knows("status"):
        return NONE
    return words.error_text(status) if status < 0 else str(status)


def _system_call(event: Event, words: Vocabulary) -> tuple[str, str]:
    call, fd, asked = event.kind.removeprefix("sys."), _int(event, "fd"), _int(event, "asked")
    if call in ("read", "recvmsg", "write", "writev", "sendmsg"):
        arguments = f"{fd}, {asked} B"
    elif call == "listen":
        arguments = f"{fd}, {asked}"
    else:
        arguments = {"shutdown": f"{fd}, SHUT_WR", "getsockopt": f"{fd}, SO_ERROR", "socket": ""}.get(call, str(fd))
    return f"{call}({arguments}) = {_result(words, _int(event, 'result'))}", ""


def _epoll_ctl(event: Event, words: Vocabulary) -> tuple[str, str]:
    verb = event.kind.removeprefix("epoll.").upper()
    mask = f", {words.mask_text(_int(event, 'mask')) or NONE}" if "mask" in event.fields else ""
    return f"epoll_ctl({verb}, {_int(event, 'fd')}{mask}) = {_result(words, _int(event, 'result'))}", ""


def _epoll_wait(event: Event, words: Vocabulary) -> tuple[str, str]:
    timeout = _int(event, "timeout")
    return f"epoll_wait({timeout if timeout < 0 else f'{timeout:,} ms'}) = {_int(event, 'ready')}", ""


def _flag(event: Event, words: Vocabulary) -> tuple[str, str]:
    turned = N_("{flag} off → on") if event.new else N_("{flag} on → off")
    return tr("flags"), tr(turned, flag=words.flag_text(_int(event, "flag")) or NONE)


def _write_queue_size(event: Event, words: Vocabulary) -> tuple[str, str]:
    old, new = _pair(event)
    return f"{'+' if new >= old else '−'}{abs(new - old):,} B", change(event, words, "write_queue_size")


def _interest(event: Event, words: Vocabulary) -> tuple[str, str]:
    old, new = _pair(event)
    bits = new & ~old if event.kind == "io.start" else old & ~new
    names = [name for name in words.mask_text(bits).split("|") if name]
    said = [
        f"POLL{name}" if hasattr(select, f"POLL{name}") else name for name in names
    ]  # as poll(2) calls it, if it does
    return "|".join(said) or tr("nothing new"), change(event, words, "wants")


def _callbacks(event: Event, words: Vocabulary) -> tuple[str, str]:
    old, new = _pair(event)
    changed = ((N_("set {names}"), new & ~old), (N_("cleared {names}"), old & ~new))
    parts = [tr(message, names=words.callbacks_text(bits)) for message, bits in changed if bits]
    return tr(items(parts)) or tr("callbacks"), change(event, words, "callbacks")


def _delayed_error(event: Event, words: Vocabulary) -> tuple[str, str]:
    return tr("kept for later") if event.new else tr("told"), change(event, words, "delayed_error")


def _request_begin(event: Event, words: Vocabulary) -> tuple[str, str]:
    name, req = words.request_text(_int(event, "request")), _int(event, "req")
    if name in _WITHOUT_BYTES:
        return tr("{name} {number} begins", name=name, number=req), _active_reqs(event, words)
    begins = trn(
        "{name} {number} begins: {size} B in {n} buffer",
        "{name} {number} begins: {size} B in {n} buffers",
        _int(event, "nbufs"), name=name, number=req, size=f"{_int(event, 'bytes'):,}",
    )  # fmt: skip
    return begins, _active_reqs(event, words)


_WITHOUT_BYTES = frozenset({"connect", "shutdown"})
"""Requests that carry none, so that it need not be said."""


def _request_end(event: Event, words: Vocabulary) -> tuple[str, str]:
    status = _status(words, _int(event, "status"))
    ends = tr("request {number} ends: {status}", number=_int(event, "req"), status=status)
    return ends, _active_reqs(event, words)


def _active_reqs(event: Event, words: Vocabulary) -> str:
    return f"active_reqs {word_text(words, event.kind, 'active_reqs', _int(event, 'active_reqs'))}"


def _request_send(event: Event, words: Vocabulary) -> tuple[str, str]:
    req, handle = _int(event, "req"), _int(event, "handle")
    if handle:
        return tr("write {number} carries #{handle}", number=req, handle=handle), ""
    return tr("write {number} has sent its handle", number=req), ""


def _request_progress(event: Event, words: Vocabulary) -> tuple[str, str]:
    left = tr("write {number}: {size} B left", number=_int(event, "req"), size=f"{_int(event, 'left'):,}")
    return left, f"write_index {_int(event, 'write_index'):,}"


def _callback_begin(event: Event, words: Vocabulary) -> tuple[str, str]:
    value = _int(event, "value")
    shown = words.error_text(value) if value < 0 else f"{value:,}"
    return f"{words.callback_text(_int(event, 'callback'))}({shown})", ""


def _callback_error(event: Event, words: Vocabulary) -> tuple[str, str]:
    error = word_text(words, event.kind, "error", event.fields["error"])
    callback = _int(event, "callback")
    if not callback:
        return tr("refused by epoll: {error}", error=error), ""
    return tr("{callback} raised {error}", callback=words.callback_text(callback), error=error), ""


def _timer_start(event: Event, words: Vocabulary) -> tuple[str, str]:
    timeout, repeat = f"{_int(event, 'timeout'):,}", _int(event, "repeat")
    if not repeat:
        return tr("fires in {n} ms", n=timeout), ""
    return tr("fires in {n} ms, then every {every} ms", n=timeout, every=f"{repeat:,}"), ""


def _queue(name: str) -> Writer:
    """For records of a queue of requests or descriptors: which one joined or left."""

    def writer(event: Event, words: Vocabulary) -> tuple[str, str]:
        if "req" in event.fields:
            what = tr("write {number}", number=_int(event, "req"))
        else:
            what = f"fd {_int(event, 'fd')}"
        return what, tr(N_("{queue} joined") if _joins(event) else N_("{queue} left"), queue=name)

    return writer


def _joins(event: Event) -> bool:
    return event.kind.endswith(".push")


def _watcher_in(name: str) -> Writer:
    """For records of a queue that holds handles: this one joined or left."""
    return lambda event, words: (tr(N_("joins {queue}") if _joins(event) else N_("leaves {queue}"), queue=name), "")


def _changes(what: str, name: str) -> Writer:
    return lambda event, words: (tr(what), change(event, words, name))


def _fixed(what: str) -> Writer:
    return lambda event, words: (tr(what), "")


def _shown(template: str) -> Writer:
    """Fills in the event's fields, each as a person reads it."""
    return lambda event, words: (
        tr(template).format_map({name: word_text(words, event.kind, name, w) for name, w in event.fields.items()}),
        "",
    )


def _sample(who: str) -> Writer:
    """For what somebody says of a stream: the kernel, or the program."""

    def writer(event: Event, words: Vocabulary) -> tuple[str, str]:
        field, value = event.fields["field"], event.fields["value"]
        if not isinstance(field, int) or not isinstance(value, int):
            return tr(who), ""
        said = f"{words.kernel_text(field)} = {words.kernel_value(field, value)}"
        return tr("{who}: {what}", who=tr(who), what=said), ""

    return writer


def _faults(event: Event, words: Vocabulary) -> tuple[str, str]:
    held = visible(str(event.fields.get("held", "")))
    return tr("faults now: {faults}", faults=held) if held else tr("faults now: none"), ""


def _other(event: Event, words: Vocabulary) -> tuple[str, str]:
    """A kind that this version does not know: what its engine calls it, or its name, and its arguments."""
    what = words.kind(event.kind).plain or event.kind
    fields = [f"{name}={word_text(words, event.kind, name, word)}" for name, word in event.fields.items()]
    changed = "" if event.old is None and event.new is None else change(event, words, "")
    return " ".join([visible(what), *fields]), changed


_WRITERS: dict[str, Writer] = {
    "loop.turn": lambda event, words: (tr("turn {n}", n=f"{event.turn:,}"), ""),
    "loop.phase": lambda event, words: (
        tr("phase {name}", name=event.fn.removeprefix("uv__").removeprefix("run_")),
        "",
    ),
    "loop.nfds": _changes(N_("io watchers"), "nfds"),
    "epoll.wait": _epoll_wait,
    "epoll.event": _shown(N_("ready: {mask}")),
    "epoll.add": _epoll_ctl,
    "epoll.mod": _epoll_ctl,
    "epoll.del": _epoll_ctl,
    "handle.init": _shown(N_("{type} made at {place}")),
    "handle.name": _shown(N_("named {name}")),
    "handle.address": _shown(N_("local {local}, peer {peer}")),
    "handle.accepted": _shown(N_("accepted by {server}")),
    "handle.ipc": _fixed(N_("carries descriptors")),
    "handle.start": _changes(N_("counts as active"), "active_handles"),
    "handle.stop": _changes(N_("no longer active"), "active_handles"),
    "handle.close": _fixed(N_("close asked for")),
    "handle.closed": _fixed(N_("closed")),
    "flag.set": _flag,
    "flag.clear": _flag,
    "fd": _changes(N_("descriptor"), "fd"),
    "write_queue_size": _write_queue_size,
    "high_water": _changes(N_("mark"), "high_water"),
    "accepted_fd": _changes(N_("descriptor"), "accepted_fd"),
    "delayed_error": _delayed_error,
    "callbacks": _callbacks,
    "connect_req": _changes(N_("request"), "connect_req"),
    "shutdown_req": _changes(N_("request"), "shutdown_req"),
    "write_queue.push": _queue("write_queue"),
    "write_queue.pop": _queue("write_queue"),
    "write_completed_queue.push": _queue("write_completed_queue"),
    "write_completed_queue.pop": _queue("write_completed_queue"),
    "queued_fds.push": _queue("queued_fds"),
    "queued_fds.pop": _queue("queued_fds"),
    "queued_fds.capacity": _changes(N_("room"), "queued_fds.capacity"),
    "fds.truncated": _shown(N_("MSG_CTRUNC: {came} descriptors came, others were lost")),
    "io.feed": _fixed(N_("joins pending_queue")),
    "pending.pop": _watcher_in("pending_queue"),
    "watcher_queue.push": _watcher_in("watcher_queue"),
    "watcher_queue.pop": _watcher_in("watcher_queue"),
    "closing.push": _watcher_in("closing_handles"),
    "closing.pop": _watcher_in("closing_handles"),
    "io.start": _interest,
    "io.stop": _interest,
    "io.events": _changes(N_("epoll"), "registered"),
    "request.begin": _request_begin,
    "request.send": _request_send,
    "request.progress": _request_progress,
    "request.error": _shown(N_("request {req} failed: {status}")),
    "request.end": _request_end,
    "callback.begin": _callback_begin,
    "callback.end": _shown(N_("{callback} returned")),
    "callback.error": _callback_error,
    "timer.start": _timer_start,
    "timer.stop": _fixed(N_("timer stopped")),
    "sample.taken": _shown(N_("looked at: {sure}")),
    "kernel.sample": _sample(N_("kernel")),
    "program.says": _sample(N_("the program")),
    "kernel.same": _fixed(N_("kernel: nothing new")),
    "kernel.unknown": _shown(N_("kernel: {field} is not known any more")),
    "loop.waits": _fixed(N_("waits on")),
    "feeds": _shown(N_("feeds {to}: {why}")),
    "loop.freeze": _shown(N_("frozen by {by}")),
    "loop.thaw": _shown(N_("goes on: {why}")),
    "injected": _shown("{what}"),
    "faults": _faults,
    **{
        name: _changes(N_("found changed"), name)
        for name in ("bytes_in", "bytes_out", "reads", "writes", "errors", "last_error")
    },
    **{
        f"loop.{name}": _changes(N_("found changed"), name)
        for name in ("active_handles", "active_reqs", "poll_ns", "callback_ns")
    },
}
