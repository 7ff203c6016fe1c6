"""Events in words, as the event list shows them."""

from __future__ import annotations

import msgspec
import pytest
from feeds import record

from streamscope.core import flags as uv
from streamscope.core.probe import KINDS
from streamscope.core.records import Word
from streamscope.trace.decode import Decoder, event_as_json
from streamscope.trace.plain_text import visible
from streamscope.trace.sentence import sentence
from streamscope.trace.vocabulary import Vocabulary

BOTH = uv.POLLIN | uv.POLLOUT


def said(words: list[Word]) -> tuple[str, str]:
    (event,) = Decoder.here().events(0, 3, 50, words)
    return sentence(event, Vocabulary.here())


@pytest.mark.parametrize(
    ("words", "what", "changed"),
    [
        (record("sys.write", 7, 12, 65536, 18432), "write(12, 65536 B) = 18432", ""),
        (record("sys.read", 7, 12, 65536, -104), "read(12, 65536 B) = -1 ECONNRESET", ""),
        (record("sys.recvmsg", 7, 12, 65536, -11), "recvmsg(12, 65536 B) = -1 EAGAIN", ""),
        (record("sys.accept", 7, 5, 0, 12), "accept(5) = 12", ""),
        (record("sys.connect", 7, 5, 0, -115), "connect(5) = -1 EINPROGRESS", ""),
        (record("sys.shutdown", 7, 5, 1, 0), "shutdown(5, SHUT_WR) = 0", ""),
        (record("sys.listen", 7, 5, 128, 0), "listen(5, 128) = 0", ""),
        (record("sys.socket", 7, -1, 0, 5), "socket() = 5", ""),
        (record("sys.getsockopt", 7, 5, 4, -111), "getsockopt(5, SO_ERROR) = -1 ECONNREFUSED", ""),
        (record("write_queue_size", 7, 1245184, 1226752), "−18,432 B", "write_queue_size 1,245,184 → 1,226,752"),
        (record("write_queue_size", 7, 0, 65536), "+65,536 B", "write_queue_size 0 → 65,536"),
        (record("io.start", 7, uv.POLLIN, BOTH), "POLLOUT", "wants IN → IN|OUT"),
        (record("io.start", 7, BOTH, BOTH), "nothing new", "wants IN|OUT → IN|OUT"),
        (record("io.stop", 7, BOTH, 0), "POLLIN|POLLOUT", "wants IN|OUT → –"),
        (record("io.events", 7, 0, uv.POLLIN), "epoll", "registered – → IN"),
        (record("io.feed", 7), "joins pending_queue", ""),
        (record("pending.pop", 7), "leaves pending_queue", ""),
        (record("flag.set", 7, uv.READ_PARTIAL), "flags", "READ_PARTIAL off → on"),
        (record("flag.clear", 7, uv.READING), "flags", "READING on → off"),
        (record("flag.set", 7, 1 << 40), "flags", "0x10000000000 off → on"),
        (record("fd", 7, -1, 12), "descriptor", "fd – → 12"),
        (record("accepted_fd", 7, 12, -1), "descriptor", "accepted_fd 12 → –"),
        (record("high_water", 7, 65536, 1024), "mark", "high_water 65,536 → 1,024"),
        (record("delayed_error", 7, 0, -98), "kept for later", "delayed_error 0 → EADDRINUSE"),
        (record("delayed_error", 7, -98, 0), "told", "delayed_error EADDRINUSE → 0"),
        (record("callbacks", 7, 0, 6), "set alloc_cb|read_cb", "callbacks – → alloc_cb|read_cb"),
        (record("callbacks", 7, 6, 0), "cleared alloc_cb|read_cb", "callbacks alloc_cb|read_cb → –"),
        (record("connect_req", 7, 0, 41), "request", "connect_req – → 41"),
        (record("loop.turn", 0, 18402, 99), "turn 18,402", ""),
        (record("loop.phase", 0, fn="uv__run_closing_handles"), "phase closing_handles", ""),
        (record("loop.nfds", 7, 2, 3), "io watchers", "nfds 2 → 3"),
        (record("epoll.wait", 0, -1, 2, 99), "epoll_wait(-1) = 2", ""),
        (record("epoll.wait", 0, 1500, 0, 99), "epoll_wait(1,500 ms) = 0", ""),
        (record("epoll.event", 7, uv.POLLIN | uv.POLLHUP, 99), "ready: IN|HUP", ""),
        (record("epoll.add", 7, 12, 1, -17), "epoll_ctl(ADD, 12, IN) = -1 EEXIST", ""),
        (record("epoll.mod", 7, 12, BOTH, 0), "epoll_ctl(MOD, 12, IN|OUT) = 0", ""),
        (record("epoll.del", 7, 12, 0), "epoll_ctl(DEL, 12) = 0", ""),
        (record("handle.init", 7, 12, "echo.py:31 f"), "tcp made at echo.py:31 f", ""),
        (record("handle.address", 7, "127.0.0.1:7000", ""), "local 127.0.0.1:7000, peer –", ""),
        (record("handle.accepted", 7, 1), "accepted by #1", ""),
        (record("handle.start", 7, 1, 2), "counts as active", "active_handles 1 → 2"),
        (record("write_queue.push", 7, 41), "write 41", "write_queue joined"),
        (record("write_completed_queue.pop", 7, 41), "write 41", "write_completed_queue left"),
        (record("queued_fds.push", 7, 15), "fd 15", "queued_fds joined"),
        (record("request.begin", 7, 41, 3, 65536, 2, 5), "write 41 begins: 65,536 B in 2 buffers", "active_reqs 5"),
        (record("request.begin", 7, 41, 3, 5, 1, 1), "write 41 begins: 5 B in 1 buffer", "active_reqs 1"),
        (record("request.begin", 7, 41, 2, 0, 0, 1), "connect 41 begins", "active_reqs 1"),
        (record("request.progress", 7, 41, 1, 1200), "write 41: 1,200 B left", "write_index 1"),
        (record("request.send", 7, 41, 9), "write 41 carries #9", ""),
        (record("request.send", 7, 41, 0), "write 41 has sent its handle", ""),
        (record("handle.ipc", 7), "carries descriptors", ""),
        (record("request.error", 7, 41, -32), "request 41 failed: EPIPE", ""),
        (record("request.end", 7, 41, -125, 0, uv.UV_WRITE), "request 41 ends: ECANCELED", "active_reqs 0"),
        (record("callback.begin", 7, 2, 65536), "read_cb(65,536)", ""),
        (record("callback.begin", 7, 2, -4095), "read_cb(EOF)", ""),
        (record("callback.end", 7, 3, 99), "write_cb returned", ""),
        (record("callback.error", 7, 2, "ValueError: no"), "read_cb raised ValueError: no", ""),
        (record("callback.error", 7, 0, "PermissionError: no"), "refused by epoll: PermissionError: no", ""),
        (record("fds.truncated", 7, 64), "MSG_CTRUNC: 64 descriptors came, others were lost", ""),
        (record("timer.start", 7, 1500, 0), "fires in 1,500 ms", ""),
        (record("timer.start", 7, 100, 200), "fires in 100 ms, then every 200 ms", ""),
    ],
)
def test_an_event_reads_as_a_sentence(words: list[Word], what: str, changed: str) -> None:
    assert said(words) == (what, changed)


def test_every_kind_of_the_catalogue_has_a_sentence_of_its_own() -> None:
    for kind in KINDS:
        what, _ = said(record(kind.name, 7, *("text" if arg.domain == "text" else 1 for arg in kind.args)))

        assert what
        assert kind.name not in what or "." not in kind.name, f"{kind.name} is shown as an unknown kind"


def test_a_kind_of_another_version_is_shown_by_its_name_and_arguments() -> None:
    decoder = Decoder(
        Vocabulary([("tls.state", ["fd", "version", "mask", "old", "new"]), ("epoll.event", ["mask", "t"])], ["uv_tls"])
    )

    (event,) = decoder.events(0, 0, 0, [7 << 16, 12, "1.3", 5, 1, 2])

    assert sentence(event, decoder.vocabulary) == ("tls.state fd=12 version=1.3 mask=IN|OUT", "1 → 2")


def test_a_kind_of_ours_with_other_arguments_is_shown_like_an_unknown_one() -> None:
    decoder = Decoder(Vocabulary([("sys.read", ["bytes"]), ("io.start", [])], ["uv__read"]))

    first, second = decoder.events(0, 0, 0, [7 << 16, 12, 7 << 16 | 1])

    assert sentence(first, decoder.vocabulary) == ("read bytes=12", "")
    assert sentence(second, decoder.vocabulary) == ("wants more events", "")


def test_what_the_engine_cannot_know_is_a_dash_and_written_as_nothing() -> None:
    here = Vocabulary.here()
    words = msgspec.structs.replace(here.words, unseen=["status", "result", "active_reqs", "place"])
    blind = Vocabulary(here.kinds, here.functions, here.joined, words)
    read, ended, begun = (
        *Decoder.here().events(0, 3, 50, record("sys.read", 7, 12, 65536, 0)),
        *Decoder.here().events(0, 3, 50, record("request.end", 7, 1, 0, 0, 3)),
        *Decoder.here().events(0, 3, 50, record("handle.init", 7, 12, "")),
    )

    assert sentence(read, blind) == ("read(12, 65536 B) = –", "")
    assert sentence(ended, blind) == ("request 1 ends: –", "active_reqs –")
    assert event_as_json(read, blind)["result"] is None
    assert event_as_json(ended, blind)["status"] is None
    assert event_as_json(ended, here)["status"] == 0
    assert (event_as_json(begun, blind)["place"], event_as_json(begun, here)["place"]) == (None, "")


def test_text_of_a_program_cannot_steer_the_terminal() -> None:
    what, _ = said(record("handle.name", 7, "a\x1b[2J\n\x9bm\u202e[red]"))

    assert what == "named a\\x1b[2J\\n\\x9bm\\u202e[red]"


def test_long_text_is_cut() -> None:
    assert visible("x" * 300, 10) == "x" * 9 + "…"
    assert visible("x" * 10, 10) == "x" * 10
