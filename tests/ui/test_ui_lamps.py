"""Lamps stand in fixed places, are told apart without colour, glow after a change and then rest."""

from __future__ import annotations

from feeds import record
from ui_scenes import after_a_minute, connection, view_of

from streamscope.core import flags as uv
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import lamps
from streamscope.ui.restless import Restless

MS = 1_000_000
HERE = Vocabulary.here()
LETTERS = lamps.Letters.of(HERE)


def test_a_lamp_that_is_on_differs_from_one_that_is_off_by_its_glyph() -> None:
    shown = {lamp.name: lamp.text for lamp in lamps.lamps(HERE, uv.READABLE | uv.REF, uv.UV_TCP, {}, 0)}

    assert shown["READABLE"] == "●READABLE"
    assert shown["WRITABLE"] == "○WRITABLE"


def test_the_lamps_of_a_stream_stand_in_the_same_places_whatever_is_on() -> None:
    dark = [lamp.name for lamp in lamps.lamps(HERE, uv.REF, uv.UV_TCP, {}, 0)]
    lit = [lamp.name for lamp in lamps.lamps(HERE, uv.REF | uv.READABLE | uv.CLOSING | uv.SHUT, uv.UV_TCP, {}, 0)]

    assert dark == lit


def test_rare_flags_have_a_lamp_only_while_they_are_on_or_have_just_gone_out() -> None:
    def names(flags: int, changed: dict[int, int]) -> list[str]:
        return [lamp.name for lamp in lamps.lamps(HERE, flags | uv.REF, uv.UV_TCP, changed, 1000 * MS)]

    assert "TCP_NODELAY" not in names(0, {})
    assert "TCP_NODELAY" in names(uv.TCP_NODELAY, {})
    assert "TCP_NODELAY" in names(0, {uv.TCP_NODELAY: 900 * MS})


def test_a_flag_that_only_tcp_has_a_name_for_is_not_shown_on_a_pipe() -> None:
    shown = lamps.lamps(HERE, uv.TCP_NODELAY | uv.REF, uv.UV_NAMED_PIPE, {}, 0)

    assert "TCP_NODELAY" not in [lamp.name for lamp in shown]


def test_a_handle_that_does_not_keep_the_loop_alive_says_so() -> None:
    assert "○REF" in [lamp.text for lamp in lamps.lamps(HERE, 0, uv.UV_TCP, {}, 0)]
    assert "REF" not in [lamp.name for lamp in lamps.lamps(HERE, uv.REF, uv.UV_TCP, {}, 0)]


def test_a_change_glows_then_fades_then_rests() -> None:
    ages = [0, lamps.GLOW_NS - 1, lamps.GLOW_NS, lamps.FADE_NS - 1, lamps.FADE_NS]

    assert [lamps.glow_of(0, age) for age in ages] == [2, 2, 1, 1, 0]
    assert lamps.glow_of(None, 0) == 0


def test_lines_of_lamps_are_never_wider_than_their_room() -> None:
    shown = lamps.lamps(HERE, -1, uv.UV_TCP, {}, 0)

    for width in range(18, 120):
        lines = lamps.rows(shown, width)
        assert all(sum(len(lamp.text) + 1 for lamp in line) - 1 <= width for line in lines)
        assert [lamp for line in lines for lamp in line] == shown


def test_the_narrowest_panel_has_two_lines_of_lamps() -> None:
    assert len(lamps.rows(lamps.lamps(HERE, uv.REF, uv.UV_TCP, {}, 0), 55)) == 2


def test_letters_stand_in_nine_fixed_cells() -> None:
    assert LETTERS.text(0) == "·········"
    assert LETTERS.text(uv.READABLE | uv.WRITABLE | uv.READING | uv.ACTIVE) == "RWr·a····"
    assert LETTERS.text(uv.SHUTTING) == "·······s·"
    assert LETTERS.text(uv.SHUTTING | uv.SHUT | uv.CLOSING | uv.CLOSED) == "·······SC"


def test_a_letter_glows_when_any_of_its_flags_has_changed() -> None:
    assert LETTERS.glows({uv.CLOSING: 0}, 1) == (0, 0, 0, 0, 0, 0, 0, 0, 2)
    assert LETTERS.glows({}, 1) == (0,) * 9


def test_what_has_gone_out_says_less_than_what_has_come_on() -> None:
    assert lamps.GLOWS[True] == ("", "fade", "glow")
    assert lamps.GLOWS[False] == ("", "", "went")


# flags that change all the time


def test_a_flag_that_is_a_step_of_something_else_never_glows() -> None:
    scene = after_a_minute()
    scene.snapshot([connection(7)])
    view = view_of(scene)
    scene.records(record("flag.set", 7, uv.READ_PARTIAL), record("flag.clear", 7, uv.READING))
    view.advance(0.01)

    assert view.changed_t(7).keys() == {uv.READING}

    view.pause()
    assert view.changed_t(7).keys() == {uv.READING}


def test_a_flag_that_changes_now_and_then_glows_every_time() -> None:
    restless = Restless()

    for place in range(20):
        t = place * 300 * MS
        assert restless.calm(7, (place % 2) * uv.READING, {uv.READING: t}) == {uv.READING: t}


def test_a_flag_that_changes_more_than_four_times_a_second_does_not_glow_and_the_others_do() -> None:
    restless = Restless()
    for place in range(6):
        changed = {uv.READ_PARTIAL: place * 150 * MS, uv.SHUTTING: 0}
        found = restless.calm(7, (place % 2) * uv.READ_PARTIAL, changed)

    assert found == {uv.SHUTTING: 0}
    assert restless.calm(8, uv.READ_PARTIAL, {uv.READ_PARTIAL: 750 * MS}), "of another stream nothing is known"


def test_a_flag_that_is_as_it_was_at_the_last_look_has_changed_twice() -> None:
    restless = Restless()
    for place in range(3):
        found = restless.calm(7, uv.READ_PARTIAL, {uv.READ_PARTIAL: place * 300 * MS})

    assert not found


def test_once_it_rests_a_flag_glows_again() -> None:
    restless = Restless()
    for place in range(6):
        restless.calm(7, (place % 2) * uv.READING, {uv.READING: place * 100 * MS})
    later = 9_000 * MS

    assert restless.calm(7, 0, {uv.READING: later}) == {uv.READING: later}


def test_to_look_twice_at_the_same_change_is_no_change() -> None:
    restless = Restless()

    for _ in range(20):
        assert restless.calm(7, uv.READING, {uv.READING: 5 * MS})


def test_what_is_remembered_is_bounded() -> None:
    restless = Restless()
    for number in range(20_000):
        restless.calm(number, uv.READING, {uv.READING: number})

    assert len(restless._changes) <= 8192
