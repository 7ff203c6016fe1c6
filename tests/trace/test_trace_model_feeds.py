"""The fold over feeds as they come: with a lost beginning, of other versions, without end, or no feed at all."""

from __future__ import annotations

import pytest
from feeds import HERE, at, joined, record
from trace_records import begun, folded, opened, stream_after, written

from streamscope.core import flags as uv
from streamscope.core.probe import FUNCTIONS, KINDS
from streamscope.core.records import Word
from streamscope.trace.effects import effect_of
from streamscope.trace.model import CLOSED_KEPT, FAILED_STAYS_NS, LIT_KEPT, Model
from streamscope.trace.state import LoopState, RequestState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

# what is not known, and what readers are told


def test_records_of_an_unknown_handle_change_the_loop_alone() -> None:
    model = folded(
        record("flag.set", 9, uv.READING),
        record("handle.start", 9, 0, 1),
        begun(9, 1, 5, active=2),
        record("write_queue.push", 9, 1),
        record("callback.end", 9, 2, 1400),
        record("loop.nfds", 9, 2, 3),
        record("request.end", 9, 1, -32, 1, uv.UV_WRITE),
    )

    assert folded(begun(9, 1, 5, active=2)).loop.active_reqs == 2
    assert (model.streams, model.handles, model.requests, model.changed) == ({}, {}, {}, set())
    assert model.loop == LoopState(1, 1400, active_handles=1, active_reqs=1, nfds=3, callback_ns=400)


def test_a_request_whose_beginning_was_lost_is_known_by_its_number() -> None:
    stream = stream_after(record("write_queue.push", 7, 41), record("connect_req", 7, 0, 40))

    assert stream.write_queue == [RequestState(41, uv.UV_WRITE)]
    assert stream.connect_req == RequestState(40, uv.UV_CONNECT)


def test_events_are_counted() -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))

    assert model.apply(0, 0, 0, opened(7) + record("fd", 7, -1, 3)) == 2
    assert model.apply(7, 0, 0, record("flag.set", 7, uv.REF)) == 1
    assert (model.events_seen, model.events_lost) == (3, 0)


def test_readers_learn_which_handles_changed_since_they_looked() -> None:
    model = folded(opened(1), opened(2))
    assert model.changed == {1, 2}
    model.changed.clear()
    before = model.membership

    model.apply(0, 1, 1000, record("flag.set", 2, uv.REF))

    assert model.changed == {2}
    assert model.membership == before


def test_readers_learn_when_handles_join_and_leave() -> None:
    model = folded(opened(1))
    here = model.membership

    model.apply(0, 1, 1000, opened(2) + record("handle.closed", 2))
    both = model.membership
    model.forget_closed(2000)

    assert len({here, both, model.membership}) == 3
    assert list(model.streams) == [1]


def test_what_failed_is_forgotten_later_than_what_closed_well() -> None:
    model = folded(opened(1), opened(2))
    model.apply(0, 1, 1000, record("sys.read", 1, 12, 64, -104) + record("handle.closed", 1))
    model.apply(0, 1, 1000, record("handle.closed", 2))

    model.forget_closed(2000)
    assert list(model.streams) == [1]
    model.forget_closed(2000 + FAILED_STAYS_NS)
    assert list(model.streams) == []
    assert not model.closed


def test_a_flag_that_changed_is_lit_with_its_time() -> None:
    model = folded(opened(7), record("flag.set", 7, uv.REF), at(1100), record("flag.clear", 7, uv.REF))

    assert model.lit == {uv.REF: {7: 1100}}


def test_closed_handles_are_forgotten_from_the_oldest_on() -> None:
    closing = [words for n in (1, 2, 3) for words in (opened(n), at(1000 * n), record("handle.closed", n))]
    model = folded(*closing, opened(4), written(2, 1, 5))

    model.forget_closed(2000)
    assert list(model.streams) == [2, 3, 4]
    model.forget_closed(10**15)
    assert list(model.streams) == [4]
    assert model.completed == {}


def test_a_handle_that_began_anew_after_closing_is_not_forgotten() -> None:
    model = folded(opened(1), record("handle.closed", 1), opened(1))

    model.forget_closed(10**15)

    assert list(model.streams) == [1]


def test_what_nobody_clears_stays_bounded() -> None:
    model = Model(Vocabulary(HERE, FUNCTIONS))
    for start in range(1, 40_001, 1000):
        words: list[Word] = []
        for number in range(start, start + 1000):
            words += opened(number) + record("flag.set", number, uv.CLOSED) + record("handle.closed", number)
        model.apply(0, 0, start, words)

    assert len(model.streams) == CLOSED_KEPT
    assert min(model.streams) == 40_001 - CLOSED_KEPT
    assert sum(map(len, model.lit.values())) <= LIT_KEPT
    assert 40_000 in model.lit[uv.CLOSED]
    assert len(model.changed) <= 3 * CLOSED_KEPT


@pytest.mark.parametrize(
    ("limited", "words", "reason"),
    [
        ("fold.MOST_HANDLES", [w for n in range(1, 9) for w in opened(n)], "more than 4 handles"),
        ("model.MOST_REQUESTS", [w for n in range(1, 9) for w in begun(1, n, 5)], "more than 4 requests"),
        ("fold.MOST_REQUESTS", record("write_queue.push", 1, 1) * 5, "a queue longer than"),
        ("fold.MOST_REQUESTS", record("write_completed_queue.push", 1, 1) * 5, "a queue longer than"),
        ("fold.MOST_REQUESTS", record("queued_fds.push", 1, 1) * 5, "a queue longer than"),
        ("fold.MOST_REQUESTS", joined("write.more", 1, 1, 64, 12, 1) * 5, "a queue longer than"),
        ("joined_rules.MOST_REQUESTS", joined("answer", 1, 1000, 12, 64, 1, 64, 1, 1005) * 5, "a queue longer than"),
    ],
)
def test_a_feed_cannot_grow_state_without_end(
    limited: str, words: list[Word], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"streamscope.trace.{limited}", 4)
    model = folded(opened(1))

    with pytest.raises(FeedError, match=reason):
        model.apply(0, 0, 0, words)

    queues = model.streams[1]
    assert max(len(queues.write_queue), len(queues.write_completed_queue), len(queues.queued_fds)) <= 4
    assert len(model.known) <= 4


# other versions, and what is no feed


def test_a_feed_of_another_order_of_kinds_folds_by_its_own_list() -> None:
    turned = HERE[::-1]
    model = Model(Vocabulary(turned, FUNCTIONS))
    codes = {name: code for code, (name, _) in enumerate(turned)}

    model.apply(0, 0, 5, [7 << 16 | codes["handle.init"], uv.UV_TCP, "x", 7 << 16 | codes["fd"], -1, 12])

    assert model.streams[7].fd == 12


def test_kinds_and_arguments_that_were_appended_since_are_passed_over() -> None:
    longer = [(name, [*args, "more"] if name == "fd" else args) for name, args in HERE]
    model = Model(Vocabulary([*longer, ("tls.begin", ["version"])], FUNCTIONS))
    codes = {name: code for code, (name, _) in enumerate(longer)}

    model.apply(0, 0, 5, [*opened(7), 7 << 16 | len(HERE), "TLSv1.3", 7 << 16 | codes["fd"], -1, 12, 99])

    assert model.streams[7].fd == 12
    assert model.events_seen == 3


def test_a_kind_whose_arguments_are_not_ours_is_refused_at_the_greeting() -> None:
    other = [(name, args[::-1] if name == "fd" else args) for name, args in HERE]

    with pytest.raises(FeedError, match="the engine speaks of fd in another way"):
        Model(Vocabulary(other, FUNCTIONS))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([*record("flag.set", 7, uv.REF), 7 << 16 | 255], "kind 255"),
        (record("flag.set", 7, uv.REF) + record("sys.read", 7, 12, 5, 5)[:-1], "cut off"),
        (record("flag.set", 7, uv.REF) + record("epoll.mod", 7, 12, 5, 5)[:-1], "cut off"),
        (record("handle.init", 0, uv.UV_TCP, "x"), "cannot have the number 0"),
        (record("handle.init", 8, uv.UV_TCP, 5), "a number where its text"),
        (record("handle.name", 8, 5), "a number where its text"),
        (record("callback.error", 7, 1, 5), "a number where its text"),
        ([-1], "kind 255"),
    ],
)
def test_what_is_no_feed_is_refused(words: list[Word], reason: str) -> None:
    with pytest.raises(FeedError, match=reason):
        folded(opened(7), words)


def test_words_of_a_wrong_type_change_nothing() -> None:
    model = folded(opened(7))

    for wrong in ("twelve", None, 1.5):
        with pytest.raises(FeedError, match="wrong type"):
            model.apply(0, 2, 2000, [*record("flag.set", 7, uv.REF), 7 << 16 | record("fd", 7, 0, 0)[0], -1, wrong])  # type: ignore[list-item]

    assert model.streams[7] == stream_after()
    assert (model.loop.turn, model.loop.t) == (1, 1000)


def test_the_fold_is_the_same_however_the_feed_is_cut_into_batches() -> None:
    records = [opened(7), at(1100), written(7, 1, 5), at(1200), record("io.start", 7, 1, 5), written(7, 2, 9)]
    whole = folded(*records)
    pieces = Model(Vocabulary(HERE, FUNCTIONS))

    for words in records:
        pieces.apply(0, 1, pieces.loop.t or 1000, words)

    assert (pieces.streams, pieces.loop, pieces.completed) == (whole.streams, whole.loop, whole.completed)


def test_text_where_a_known_kind_has_a_number_is_refused_whatever_the_feed_says_of_it() -> None:
    for kind in KINDS:
        model = Model(Vocabulary(HERE, FUNCTIONS, (), Words()))  # words that say of no argument what it is
        model.apply(0, 0, 0, record("handle.init", 1, uv.UV_TCP, "x"))
        if effect_of(kind.name).arguments:
            with pytest.raises(FeedError):
                model.apply(3, 0, 0, record(kind.name, 1, *(1 if arg.domain == "text" else "x" for arg in kind.args)))
