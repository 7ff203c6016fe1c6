"""In the past the screen says what was wrong then, found by looking again at what led there."""

from __future__ import annotations

from feeds import SECOND, record, turn
from ui_past import Replayed
from ui_pilot import a_while, looking_at, text_of
from ui_scenes import stalled_proxy, view_of

from streamscope.trace.contents import Note
from streamscope.trace.filter import Filter
from streamscope.trace.instant import Target
from streamscope.trace.outline import Outline
from streamscope.trace.past import Past
from streamscope.trace.pieces import BatchLeaf, NoteLeaf, SliceLeaf
from streamscope.ui.sentences import said
from streamscope.ui.sight import Sight
from streamscope.ui.view import View


def gone_to(view: View, t: int) -> View:
    """Somebody goes there, and what led there has been looked at."""
    view.go_to(Target("t", t))
    for _ in range(100):
        view.advance(0.01)
        if not view.diagnosing:
            return view
    raise AssertionError("it is still looked for")


def lints(view: View) -> list[str]:
    return [finding.lint for finding in view.told.findings]


def test_before_a_stall_nothing_was_wrong_and_after_it_had_begun_it_was() -> None:
    _, view = stalled_proxy()
    [now] = view.told.findings

    assert lints(gone_to(view, now.since - SECOND)) == []
    assert said(view).text.startswith("All flows")
    assert lints(gone_to(view, now.since + 3 * SECOND)) == ["stalled"]
    assert "3.3 MiB have waited in the kernel for 3" in view.told.findings[0].sentence
    assert view.told.held.keys() == {2}


def test_a_replay_finds_what_the_live_screen_found() -> None:
    scene, live = stalled_proxy()
    replay = view_of(Replayed.of(scene))
    end = scene.past.span_t()[1]

    gone_to(replay, end)

    [then], [now] = replay.told.findings, live.told.findings
    assert (then.key, then.verdict and then.verdict.word) == (now.key, now.verdict and now.verdict.word)
    assert replay.told.follows == live.told.follows


def test_what_is_found_in_the_present_is_noted_in_the_past_once_and_so_is_its_end() -> None:
    scene, view = stalled_proxy()
    [now] = view.told.findings

    def notes() -> list[tuple[str, int, str]]:
        first, _ = scene.past.pieces
        leaves = (leaf for _, leaf in scene.past.leaves(first))
        return [(each.note.about, each.note.stream, each.note.text) for each in leaves if isinstance(each, NoteLeaf)]

    [(about, stream, text)] = [note for note in notes() if note[0] == now.lint]
    assert (about, stream) == now.key
    assert text.startswith(f"{now.what}   Upstream #3")

    scene.feed(record("handle.closed", now.stream))
    for _ in range(20):
        scene.clock.seconds += 0.3
        view.advance(0.0)
    assert not view.told.findings
    assert notes()[-1] == ("over", now.stream, "stalled no longer")


def without_notes(past: Past) -> Past:
    """What a recorder keeps of it, which notes nothing."""
    kept = Past(past.max_bytes, past.decoder)
    for _, leaf in past.leaves(past.pieces[0]):
        if isinstance(leaf, BatchLeaf):
            kept.append(leaf.place, leaf.turn, leaf.t, leaf.words())
        elif isinstance(leaf, SliceLeaf):
            part = leaf.read()
            kept.slice(part.place, part.loop, part.streams, part.first, part.last)
    return kept


def noted(view: View) -> list[tuple[str, int]]:
    """What the list of what matters tells of notes, of all streams."""
    sight = Sight(Outline(view.past, lambda stream: None, noted=view.noted))
    lines = sight.after(((0, 0), 0), 1_000, view.past.end)
    return [(line.item.about, line.item.stream) for line in lines if isinstance(line.item, Note)]


def test_a_replay_has_the_same_notes_among_its_events_as_the_live_screen_had() -> None:
    scene, live = stalled_proxy()
    scene.feed(record("handle.closed", 3))
    for _ in range(20):
        scene.clock.seconds += 0.3
        live.advance(0.0)
    scene.feed(turn(9, scene.clock.t))
    live.advance(0.0)
    lived = noted(live)
    replayed = Replayed.of(scene)
    replayed.past = without_notes(scene.past)

    replay = view_of(replayed)
    assert noted(replay) == []
    for _ in range(500):
        replay.advance(0.01)

    assert ("stalled", 3) in lived
    assert noted(replay) == lived
    [mine, *_] = [leaf for leaf in replay.noted() if leaf.note.about == "stalled"]
    [theirs, *_] = [leaf for leaf in scene_notes(live) if leaf.note.about == "stalled"]
    assert abs(mine.note.at - theirs.note.at) <= 0.5


def scene_notes(view: View) -> list[NoteLeaf]:
    return [leaf for _, leaf in view.past.leaves(view.past.pieces[0]) if isinstance(leaf, NoteLeaf)]


def test_what_a_screen_has_noted_in_a_recording_is_not_noted_twice() -> None:
    scene, live = stalled_proxy()
    lived = noted(live)
    replay = view_of(Replayed.of(scene))
    for _ in range(500):
        replay.advance(0.01)

    assert noted(replay) == lived


def test_while_it_is_looked_for_nothing_is_said_to_be_well() -> None:
    _, view = stalled_proxy()

    view.go_to(Target("t", view.now_t - 5 * SECOND))
    view.advance(0.0)

    assert view.diagnosing
    assert view.told.findings == ()
    assert said(view).text == "Looking at what led here …"


def test_where_the_person_paused_what_was_known_then_stays_known() -> None:
    _, view = stalled_proxy()
    before = view.told

    view.pause()
    view.advance(0.01)
    assert view.told is before

    gone_to(view, view.now_t - 20 * SECOND)
    assert view.told is not before


def test_what_is_allowed_is_allowed_in_the_past_too() -> None:
    _, view = stalled_proxy()
    gone_to(view, view.now_t - 5 * SECOND)
    assert lints(view) == ["stalled"]

    view.allow("stalled")
    view.advance(0.01)
    view.advance(0.01)

    assert lints(view) == []


async def test_playing_on_the_sentence_comes_with_the_stall() -> None:
    scene, view = stalled_proxy()
    since = view.told.findings[0].since
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        view.go_to(Target("t", since - 2 * SECOND))
        await a_while(pilot, scene, 0.1)
        await a_while(pilot, scene, 0.1)
        assert "All flows" in text_of(pilot)[1]
        await pilot.press("space")
        for _ in range(12):
            await a_while(pilot, scene, 0.5)
        assert "takes nothing" in text_of(pilot)[1]


def test_what_was_found_is_a_word_of_the_tables_filter() -> None:
    _, view = stalled_proxy()
    stalled = Filter.parse("stalled", view.vocabulary, for_streams=True, states=view.lint_words)

    wanted = [state.number for state in view.model.streams.values() if stalled.of_stream(state, view.now_t)]

    assert wanted == [view.told.findings[0].stream]
