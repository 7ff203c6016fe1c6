"""What is looked at from outside says how sure it is, between when and when, and what nobody can see."""

from __future__ import annotations

import msgspec

from streamscope.core.probe import KINDS
from streamscope.core.records import SAMPLED
from streamscope.sampling.libuv_words import BYTES_WRITTEN, WRITABLE_LENGTH, libuv_words
from streamscope.trace.decode import Event
from streamscope.trace.differ import Differ
from streamscope.trace.fold import AGREED, EXACT, MISSED, MOVING
from streamscope.trace.matters import Matters
from streamscope.trace.model import Model
from streamscope.trace.passages import passages
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words
from streamscope.ui.passage_lines import line_parts
from streamscope.ui.row_words import waiting
from streamscope.ui.sight import Place, SightLine
from streamscope.ui.widgets.panel_lines import panel_lines
from streamscope.ui.widgets.panel_rows import Facts

MS = 1_000_000
TCP, WRITE = 12, 3
STUCK = StreamState(
    7, TCP, 0xF00C, 24, local="127.0.0.1:8080", peer="127.0.0.1:51514", server=1, begin_t=1 * MS,
    write_queue_size=286_363, write_queue=[RequestState(1, WRITE, 286_363, 286_363, 1, begin_t=50 * MS)],
    pevents=5, events=5, kernel={1: 3_700_000, 2: 3_700_000},
)  # fmt: skip


def vocabulary(*, preloaded: bool = False) -> Vocabulary:
    """Node's, as a peeked feed has it."""
    words = libuv_words("libuv 1.51.0 in node", (1, 51), node=True, preloaded=preloaded)
    kinds = [(kind.name, tuple(arg.name for arg in kind.args)) for kind in KINDS if kind.name in words["kinds"]]
    return Vocabulary(kinds, [SAMPLED], (), msgspec.convert(words, Words))


def panel(state: StreamState, words: Vocabulary, sure: str = EXACT) -> str:
    facts = Facts(state=state, now_t=33_050 * MS, vocabulary=words, sure=sure)
    return "\n".join("".join(text for text, _ in line) for line in panel_lines(facts, 72, 40))


def test_what_waits_in_javascript_is_a_rung_of_its_own_that_nobody_sees() -> None:
    said = panel(STUCK, vocabulary())

    assert "JavaScript ▸ queue" in said
    assert "Node hands libuv one write at a time" in said
    assert "280 KiB  not all that waits" in said
    assert "≥ 33s" in said
    assert "= exact: the loop waited meanwhile" in said
    assert "not seen          bytes in, bytes out, made at" in said


def test_with_the_preload_it_has_its_number() -> None:
    spoken = {**(STUCK.kernel or {}), WRITABLE_LENGTH: 5_100_000, BYTES_WRITTEN: 9_000_000}
    spoken_of = msgspec.structs.replace(STUCK, kernel=spoken, place="server.js:7")
    said = panel(spoken_of, vocabulary(preloaded=True))

    assert "4.6 MiB" in said  # of which libuv has the rest
    assert waiting(spoken_of, vocabulary(preloaded=True)) == (5_100_000 + 3_700_000, "↑")
    assert "Node hands libuv" not in said
    assert "writableLength 5,100,000   bytesWritten 9,000,000" in said
    assert "server.js:7" in said


def test_a_stream_is_as_sure_as_the_looks_of_the_last_second() -> None:
    words = vocabulary()
    model, differ, place = Model(words), Differ(words), 0

    def look(t: int, sure: str, *moving: int) -> None:
        nonlocal place
        loops = LoopState(t=(t - 50) * MS), LoopState(t=t * MS)
        batch = differ.words({}, {}, loops, sure, dict.fromkeys(moving, MOVING))
        if sure == MISSED:
            batch = differ.missed((t - 50) * MS, t * MS)
        model.apply(place, 0, loops[0].t, batch)
        place += len(batch)

    assert model.looks.of(7) == ""
    look(100, EXACT)
    look(150, AGREED, 7)
    assert (model.looks.of(7), model.looks.of(8), model.looks.is_moving(7)) == (MOVING, EXACT, True)
    look(200, MISSED)
    assert (model.looks.missed, model.looks.t) == (1, 150 * MS)
    look(1_250, AGREED)
    assert (model.looks.of(7), model.looks.is_moving(7)) == (AGREED, False)
    assert model.looks.share == 0.25


def test_an_engine_that_tells_by_itself_is_not_said_to_be_sampled() -> None:
    here = Vocabulary.here()
    model = Model(here)

    model.apply(0, 0, 0, Differ(here).words({}, {}, (LoopState(), LoopState(t=MS)), EXACT))

    assert model.looks.of(7) == ""


def test_what_happened_between_two_looks_is_written_as_an_interval_with_how_sure_it_is() -> None:
    words = vocabulary()

    def event(stream: int, kind: str, **fields: int | str) -> Event:
        old, new = fields.pop("old", None), fields.pop("new", None)
        return Event(1, 928 * MS, 0, stream, kind, SAMPLED, old, new, fields)

    events = [
        event(0, "sample.taken", since=878 * MS, t=928 * MS, sure=EXACT),
        event(7, "flag.clear", flag=words.flag("READING"), old=1, new=0),
        event(8, "sample.taken", since=878 * MS, t=928 * MS, sure=MOVING),
        event(8, "flag.clear", flag=words.flag("READING"), old=1, new=0),
    ]

    found = passages(events, 0, words, Matters(words), lambda number: None)

    assert [(each.stream, each.sure, each.since) for each in found] == [(7, EXACT, 878 * MS), (8, MOVING, 878 * MS)]
    lines = [SightLine(Place((0, 0)), 0, each) for each in found]
    told = ["".join(text for text, _ in line_parts(line, 120, 0.0, words, of=None, found=False)) for line in lines]
    assert all(" … .928" in text for text in told)
    assert told[0].startswith("= ")
    assert told[1].startswith("? ")
