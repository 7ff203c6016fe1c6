"""What was found live is found in the recorded feed, whatever happened; and nothing that a feed can say is too much."""

from __future__ import annotations

from chance import examples
from feeds import record
from hypothesis import given, settings
from hypothesis import strategies as st
from patient import MARK, Patient

from streamscope.core import flags as uv
from streamscope.core.probe import KIND_CODES, KINDS, site
from streamscope.core.records import Word
from streamscope.diagnosis import Diagnosis, Level
from streamscope.diagnosis.account import found, lines, row
from streamscope.diagnosis.headless import Along, over
from streamscope.diagnosis.shapes import Ended
from streamscope.diagnosis.track import SECOND, TICK
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, RequestState, StreamState
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary

LONG = 2 * SECOND
"""What lasts so long is found by whoever looks four times a second, wherever between two looks it begins."""

STREAM = st.integers(1, 3)
ACTIONS = st.one_of(
    st.tuples(st.just("write"), STREAM, st.integers(1, 4 * MARK)),
    st.tuples(st.just("drain"), STREAM, st.integers(1, 4 * MARK)),
    st.tuples(st.just("stop"), STREAM, st.just(0)),
    st.tuples(st.just("read"), STREAM, st.just(0)),
    st.tuples(st.just("unread"), STREAM, st.sampled_from([0, 500, 70_000])),
    st.tuples(st.just("outq"), STREAM, st.sampled_from([0, 500, 70_000])),
    st.tuples(st.just("acked"), STREAM, st.integers(0, 1_000_000)),
    st.tuples(st.just("window"), STREAM, st.sampled_from([0, 10_000])),
    st.tuples(st.just("state"), STREAM, st.sampled_from([1, 8])),
    st.tuples(st.just("hold"), st.just(4), st.sampled_from([-1, 50, 51])),
)


def _happens(patient: Patient, what: str, stream: int, value: int) -> None:
    if what == "write":
        patient.writes(stream, value)
    elif what == "drain":
        patient.drains(stream, value)
    elif what == "stop":
        patient.stops_reading(stream)
    elif what == "read":
        patient.reads_again(stream)
    elif what == "hold":
        patient.turn(record("accepted_fd", stream, patient.state(stream).accepted_fd, value))
    else:
        names = {"unread": "inq", "outq": "outq", "acked": "bytes_acked", "window": "snd_wnd", "state": "tcp_state"}
        patient.says(stream, **{names[what]: value})


def _all(diagnosis: Diagnosis) -> dict[tuple[str, int], list[Ended]]:
    diagnosis.finish()
    found: dict[tuple[str, int], list[Ended]] = {}
    for ended in diagnosis.ended:
        found.setdefault(ended.finding.key, []).append(ended)
    return found


def _is_among(wanted: Ended, others: list[Ended]) -> bool:
    return any(other.told_t <= wanted.end_t and wanted.told_t <= other.end_t + 2 * TICK for other in others)


@settings(max_examples=examples(60))
@given(st.lists(st.tuples(ACTIONS, st.sampled_from([0, 0, 1, 3, 9])), max_size=30))
def test_a_replay_finds_what_was_found_live_and_nothing_else(actions: list[tuple[tuple[str, int, int], int]]) -> None:
    patient = Patient()
    for peer in ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"):
        patient.stream(peer=peer)
    patient.listener()
    for (what, stream, value), looks in actions:
        _happens(patient, what, stream, value)
        patient.wait(looks / 4)
    patient.wait(1)
    replayed = Diagnosis(patient.words)

    over(patient.scene.past, replayed)

    live, again = _all(patient.diagnosis), _all(replayed)
    for one, other in ((live, again), (again, live)):
        for key, spells in one.items():
            for ended in spells:
                assert ended.end_t - ended.told_t < LONG or _is_among(ended, other.get(key, [])), key


WORDS = st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 200) | st.sampled_from([uv.POLLIN, 8]))
_CODES = st.sampled_from(sorted(KIND_CODES))


@st.composite
def _records(draw: st.DrawFn) -> list[Word]:
    """Records of any kind that say anything."""
    words: list[Word] = []
    for _ in range(draw(st.integers(1, 25))):
        kind = KINDS[KIND_CODES[draw(_CODES)]]
        stream = draw(st.integers(0, 3))
        words.append(stream << 16 | site(kind.name, kind.functions[0]))
        for argument in kind.args:
            if argument.domain == "text":
                words.append(draw(st.text(max_size=9) | st.sampled_from(["\x1b[2J", "a" * 5_000, "127.0.0.1:9\u202e"])))
            else:
                words.append(draw(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-130, 300)))
    return words


_ANY = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-130, 300)
_STATES = st.builds(
    StreamState,
    number=st.integers(1, 9),
    type=st.sampled_from([uv.UV_TCP, uv.UV_NAMED_PIPE]),
    flags=st.integers(0, (1 << 30) - 1),
    fd=st.integers(-1, 9),
    local=st.sampled_from(["", "127.0.0.1:7\x1b[1m", "/tmp/\u202e"]),
    peer=st.sampled_from(["", "a" * 5_000, "\x1b]0;x\x07:9"]),
    name=st.text(max_size=9),
    server=st.integers(-1, 3),
    begin_t=_ANY,
    closed_t=st.sampled_from([0, 0, 0, 1, 1 << 62]),
    write_queue_size=st.sampled_from([0, 1, 100_000]) | _ANY,
    high_water=_ANY,
    write_queue=st.lists(st.builds(RequestState, number=_ANY, request=st.just(uv.UV_WRITE), begin_t=_ANY), max_size=2),
    accepted_fd=st.integers(-1, 9),
    callbacks=st.integers(0, 300),
    pevents=st.integers(0, 7),
    events=st.integers(0, 7),
    errors=_ANY,
    armed_t=_ANY,
    above_t=_ANY,
    kernel=st.none() | st.dictionaries(st.integers(-1, 40), st.integers(0, 100_000) | _ANY, max_size=30),
    last_error=st.integers(-130, 1),
    kernel_t=st.sampled_from([0, 5 * SECOND, 1 << 62]),
)


@settings(max_examples=examples(80))
@given(
    st.lists(_STATES, max_size=6),
    st.lists(st.tuples(st.integers(0, 30 * SECOND) | st.integers(0, 1 << 62), _records()), max_size=8),
    st.integers(0, 20 * SECOND),
)
def test_a_hostile_feed_is_looked_at_and_what_is_said_of_it_is_harmless(
    states: list[StreamState], batches: list[tuple[int, list[Word]]], passes: int
) -> None:
    vocabulary = Vocabulary.here()
    along = Along(Diagnosis(vocabulary), Model(vocabulary))
    along.model.slice(0, LoopState(t=SECOND), states, first=True, last=True)
    along.wait(SECOND)
    along.wait(passes)
    for t, words in batches:
        try:
            along.batch(0, t, words)
        except FeedError:
            along.model.lost(1)
    along.wait(along.model.t + 10 * SECOND)
    diagnosis = along.diagnosis
    diagnosis.finish()
    said = [diagnosis.sentence]
    for ended in found(diagnosis, along.model.t, Level.ERROR):
        said += lines(ended, diagnosis.sentence_of(ended.finding), along.model.t, 0.0)
        said.append(str(row(ended, along.model.t, 1e9)["sentence"]))
    assert all(text.isprintable() and len(text) < 2_000 for text in said)
