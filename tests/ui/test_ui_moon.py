"""The screen over an engine that nobody knows: its own words, and none of libuv's."""

from __future__ import annotations

import re

import msgspec
from moon import FULL, MOON, SEA, moonrise
from ui_pilot import looking_at, screen_text

from streamscope.core import flags as uv
from streamscope.core.probe import CALLBACK_NAMES, FUNCTIONS
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import columns as cols
from streamscope.ui.lamps import lamps
from streamscope.ui.screens.help import help_of
from streamscope.ui.widgets.panel_rows import Facts, PanelRows
from streamscope.ui.widgets.timeline_lines import lanes_for

LIBUVS = (
    {*uv.FLAG_NAMES.values(), *CALLBACK_NAMES, *FUNCTIONS, "write_queue", "write_queue_size", "accepted_fd", "epoll"}
    - {flag.name for flag in MOON.flags}
    - {"none", "name", "high_water", "feeds"}
)


def words_of(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


async def test_table_panel_and_events_speak_in_the_words_of_the_feed() -> None:
    async with looking_at(moonrise()) as (pilot, overview):
        shown = screen_text(pilot)

        assert not words_of(shown) & LIBUVS
        assert overview.table.cursor == 7  # above its own mark
        for told in ("#7 upstream", "●FULL", "○NEW", "●TIDAL", "ballast", "what waits", "Lisbon", "the ground shook",
                     "EDRY", "Fx"):  # fmt: skip
            assert told in shown, told


async def test_what_it_cannot_know_is_a_dash_in_the_panel_and_no_column() -> None:
    async with looking_at(moonrise()) as (pilot, _):
        lines = screen_text(pilot).splitlines()

        assert any(re.search(r"bytes in +–", line) for line in lines)
        assert not any("in/s" in line for line in lines)
    shown = [placed.column.id for placed in cols.place([column.id for column in cols.COLUMNS], 400, MOON)]
    assert {"rate_in", "bytes_in", "errors", "fd", "wants"}.isdisjoint(shown)
    assert {"queue", "flags", "rate_out"} <= set(shown)


def test_an_engine_without_a_mark_has_its_queue_drawn_by_the_queue_alone() -> None:
    fields = {name: field for name, field in MOON.words.fields.items() if name != "high_water"}
    markless = Vocabulary(MOON.kinds, MOON.functions, (), msgspec.structs.replace(MOON.words, fields=fields))
    state = StreamState(7, SEA, write_queue_size=900)  # in every engine's model a mark stands beside it

    def drawn(words: Vocabulary) -> str:
        rows = PanelRows(Facts(state, 0, words, queue_trend=[900.0] * 40), 90).trend(4)
        return "\n".join("".join(text for text, _ in row.line) for row in rows)

    assert "⣿" in drawn(markless)
    assert "⣿" not in drawn(MOON)  # a mark of 64 KiB is far above it


async def test_times_of_the_loop_that_it_has_not_are_not_shown_and_those_it_cannot_know_are_a_dash() -> None:
    async with looking_at(moonrise(), size=(200, 50)) as (pilot, _):
        header = screen_text(pilot).splitlines()[0]

        assert "poll" not in header
        assert re.search(r"cb +–", header)


async def test_a_stream_on_the_whole_screen_claims_nothing_that_it_cannot_know() -> None:
    async with looking_at(moonrise(), size=(200, 50)) as (pilot, _):
        await pilot.press("enter")
        await pilot.pause()
        shown = screen_text(pilot)

        assert "Which requests wait cannot be known of the moon, lunation 1254." in shown
        assert "No payload can be seen of the moon, lunation 1254." in shown
        assert "under way" not in shown
        assert re.search(r"shore +1000 B", shown)
        assert "errors" not in words_of(shown)
        assert not words_of(shown) & LIBUVS


async def test_the_help_explains_fields_and_flags_in_its_words() -> None:
    async with looking_at(moonrise()) as (_, overview):
        panel = overview.panels.panels[0]

        assert "the moon, lunation 1254" in help_of(panel)
        assert "ballast: What has not flowed yet." in help_of(panel)
        assert "FULL all of it is lit" in help_of(panel)
        assert "F FULL, N NEW, x WAXING, n WANING" in help_of(overview.table)
        assert not words_of(help_of(panel) + help_of(overview.table)) & LIBUVS


def test_its_lamps_light_as_its_words_say() -> None:
    shown = {lamp.text for lamp in lamps(MOON, FULL, 1, {}, 0)}

    assert shown == {"●FULL", "○NEW", "○WAXING", "○WANING", "○NEAR"}


def test_its_time_line_has_lanes_for_what_it_knows_only() -> None:
    ids = [lane.id for lane in lanes_for(FULL, 0, 1, 40, MOON)]

    assert ids == ["FULL", "NEW", "WAXING", "WANING", "queue", "turns"]
