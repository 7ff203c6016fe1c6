"""Streams that go with each other stand together, each panel names the other, and keys go from one to the next."""

from __future__ import annotations

import msgspec
import pytest
from feeds import SECOND, Scene
from moon import moonrise
from textual.pilot import Pilot
from ui_picture import Compare, at
from ui_pilot import a_while, calm_scene, looking_at, screen_text, text_of
from ui_scenes import chat, config, held_chat, stalled_proxy

from streamscope.app import StreamscopeApp
from streamscope.trace.contents import Payload
from streamscope.trace.decode import Event
from streamscope.trace.instant import Target
from streamscope.ui.screens.stream import StreamScreen
from streamscope.ui.view import View
from streamscope.ui.widgets.event_list import EventList
from streamscope.ui.widgets.panel import Panel
from streamscope.ui.widgets.payload_view import PayloadView

SIZES = [(80, 24), (120, 40), (140, 40), (160, 50)]


def line_with(lines: list[str], *texts: str) -> str:
    return next(line for line in lines if all(text in line for text in texts))


def toasts(pilot: Pilot[int]) -> list[str]:
    return [notice.message for notice in pilot.app._notifications]


def talkative() -> tuple[Scene, View]:
    """A proxy that shows what passes to those who may control it."""
    scene, view = stalled_proxy()
    assert scene.hello is not None
    scene.hello = msgspec.structs.replace(scene.hello, control=True)
    return scene, view


def panel_text(pilot: Pilot[int]) -> str:
    return next(panel.copy_text() for panel in pilot.app.screen.query(Panel) if panel.display and panel.number)


# the table


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_two_sides_of_a_proxy_stand_together_with_their_roles_and_the_cause_is_first(
    size: tuple[int, int],
) -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=size) as (pilot, overview):
        lines = text_of(pilot)
        assert overview.table.order == [3, 2, 1]
    upstream, client, listens = (
        next(place for place, line in enumerate(lines) if text in line)
        for text in ("upstream → 127.0.0.1:9901   ", "client   ← 127.0.0.1:41026", "listener :7702")
    )
    assert (client, listens) == (upstream + 1, upstream + 2)
    assert "▲›   3 upstream" in lines[upstream]
    assert "PEER" in lines[upstream]
    assert "⇠└   2 client" in lines[client]
    assert "held by #3" in lines[client]


async def test_the_cursor_takes_the_place_of_a_bar_and_gives_it_back() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        await pilot.press("down")
        lines = text_of(pilot)
    assert "▲┌   3 upstream" in line_with(lines, "upstream", "PEER")
    assert "⇠›   2 client" in line_with(lines, "held by #3")


async def test_sorted_by_another_column_nobody_is_joined() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, overview):
        overview.table.set_sort("number", False)
        await pilot.pause()
        assert not {"┌", "└"} & set(screen_text(pilot))
        assert overview.table.order == [1, 2, 3]


async def test_a_chat_is_drawn_once_below_its_hub() -> None:
    scene, view = chat(6)
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("end")
        lines = text_of(pilot)
        head = next(place for place, line in enumerate(lines) if "#2 to 5 members" in line)
        rows = [line[1:7] for line in lines[head + 1 : head + 7]]
        # the head is no row: the cursor goes over it
        assert overview.table.order == [1, 2, 3, 4, 5, 6, 7]
        assert overview.table.cursor == 7
        await pilot.press("home", "down")
        assert overview.table.cursor == 2
    assert lines[head].startswith("│ ┌ #2 to 5 members")
    assert rows == [" ├   2", " ├   3", " ├   4", " ├   5", " ├   6", " ›   7"]


# the panel


async def test_the_panel_of_each_names_the_other_and_says_which_holds_which_back() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, _):
        upstream = panel_text(pilot)
        await pilot.press("down")
        client = panel_text(pilot)
    assert upstream.startswith("▲ #3 upstream → 127.0.0.1:9901 ·")
    assert "⇄ client #2" in upstream
    assert "⇠ held back for 3" in upstream
    assert "c go there" in line_with(upstream.splitlines(), "⇄")
    assert client.startswith("⇠ #2 client ← 127.0.0.1:41026 ·")
    assert "⇠ holds this back for 3" in line_with(client.splitlines(), "⇄ upstream #3")


async def test_a_member_names_its_group() -> None:
    scene, view = chat(6)
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(4)
        await pilot.pause()
        member = panel_text(pilot)
        overview.table.select(2)
        await pilot.pause()
        hub = panel_text(pilot)
    assert "⇄ of #2, with 4 others" in member
    assert "⇄ 5 members" in hub


async def test_a_member_that_holds_others_back_counts_them_and_so_does_the_sentence() -> None:
    scene, view = held_chat()
    async with looking_at(scene, view, size=(200, 50)) as (pilot, _):
        lines = text_of(pilot)
        line = line_with(panel_text(pilot).splitlines(), "⇄")
    assert "⇄ client #2 and 1 other" in line
    assert "⇠ held back for 6.0s" in line
    assert "Client #2, client #3 are held back by it." in lines[1]


async def test_of_an_engine_that_cannot_tell_who_feeds_whom_the_panel_says_so() -> None:
    scene = moonrise()
    async with looking_at(scene) as (pilot, overview):
        await a_while(pilot, scene)
        text = panel_text(pilot)
        await pilot.press("c")
        assert overview.table.cursor == 7
        assert toasts(pilot)[0].startswith("Who feeds whom cannot be known of the moon")
    assert "⇄ Who feeds whom cannot be known of the moon" in text


async def test_of_a_stream_that_was_seen_with_nobody_it_is_said_what_makes_no_pair() -> None:
    async with looking_at(calm_scene(7)) as (pilot, _):
        said = line_with(panel_text(pilot).splitlines(), "⇄").split()
        assert " ".join(said) == "⇄ – none seen yet once makes none"


# along the chain


async def test_c_goes_to_the_root_says_so_and_comes_back() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(2)
        await pilot.press("c")
        assert overview.table.cursor == 3
        assert toasts(pilot) == ["Upstream #3 is the root: client #2 ⇠ upstream #3 ⇠ [127.0.0.1:9901]. c goes back."]
        await pilot.press("c")
        assert overview.table.cursor == 2
        await pilot.press("c", "escape")
        assert overview.table.cursor == 2


async def test_c_says_that_a_filter_hides_where_it_would_go_and_goes_there_once_that_is_cleared() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        await pilot.press("slash", *"41026", "enter")
        await a_while(pilot, scene)
        assert overview.table.order == [2]
        overview.table.select(2)

        await pilot.press("c")
        [told] = toasts(pilot)
        assert told.startswith("Upstream #3 is next along the chain, and the filter hides it. esc shows every stream")
        assert overview.table.cursor == 2

        await pilot.press("escape")
        await a_while(pilot, scene)
        await pilot.press("c")
        assert overview.table.cursor == 3


async def test_esc_goes_nowhere_once_the_person_has_gone_on_by_hand() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(2)
        await pilot.press("c", "down", "down")
        assert overview.table.cursor == 1
        await pilot.press("escape")
        assert overview.table.cursor == 1


async def test_c_goes_to_the_other_side_where_nothing_is_held_back() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(3)
        await pilot.press("c")
        assert overview.table.cursor == 2


async def test_c_says_when_there_is_no_chain() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("c")
        assert toasts(pilot) == ["#7 is in no chain: nothing was seen to feed it, nor to be fed by it."]
        assert overview.table.cursor == 7


async def test_c_goes_along_on_the_screen_of_one_stream_too() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(2)
        await pilot.press("enter", "c")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StreamScreen)
        assert pilot.app.screen.number == 3
        await pilot.press("escape")
        assert pilot.app.screen is overview


# both sides


def passed(stream: int, data: bytes, *, out: bool, at_s: float) -> Payload:
    return Payload(stream, int(at_s * SECOND), out, len(data), data)


CONVERSATION = [
    passed(2, b"GET /\n", out=False, at_s=140.1),
    passed(3, b"GET /\n", out=True, at_s=140.2),
    passed(3, b"200 OK\n", out=False, at_s=140.3),
    passed(2, b"200 OK\n", out=True, at_s=140.4),
]


def payload(pilot: Pilot[int]) -> list[str]:
    found = pilot.app.screen.query_one(PayloadView)
    lines = [found.render_line(y).text.rstrip() for y in range(found.scrollable_content_region.height)]
    return [line for line in lines if line]


def shown_events(pilot: Pilot[int]) -> list[Event]:
    found = pilot.app.screen.query_one(EventList)
    found.keep_searching()
    first, end = found.span()
    return [row for row in found.load(first, end - first) if isinstance(row, Event)]


async def test_both_sides_are_one_conversation_in_the_order_in_which_it_passed() -> None:
    scene, view = talkative()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(2)
        await pilot.press("B")
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, StreamScreen)
        assert scene.opened == (2, 3)
        scene.payload += CONVERSATION
        await a_while(pilot, scene)
        rows = payload(pilot)
        assert [row.split()[:2] for row in rows] == [["#2", "<"], ["#3", ">"], ["#3", "<"], ["#2", ">"]]
        assert rows[2].endswith("200 OK\\n")
        text = screen_text(pilot)
        assert "both sides · #2 ⇄ #3 · payload" in text
        assert "#2 < 6 B   > 7 B   #3 < 7 B   > 6 B" in text
        # one panel for each side, and the events of both
        assert [panel.number for panel in screen.query(Panel)] == [2, 3]
        assert "events · what matters · #2 ⇄ #3" in text
        assert "#2 → #3" in text
        assert {event.stream for event in shown_events(pilot)} == {2, 3}
        await pilot.press("B")
        await pilot.pause()
        assert scene.opened == (2,)
        await pilot.press("escape")
        assert pilot.app.screen is overview
        assert scene.opened == ()


async def test_what_was_found_wrong_stands_in_the_conversation_too() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(140, 40)) as (pilot, _):
        await pilot.press("B")
        await a_while(pilot, scene)
        lines = text_of(pilot)
    assert line_with(lines, "#3", "stalled, PEER")
    assert line_with(lines, "#2", "stopped reading")


async def test_there_is_no_conversation_of_a_stream_that_goes_with_nobody() -> None:
    async with looking_at(calm_scene(7)) as (pilot, overview):
        overview.table.select(7)
        await pilot.press("B")
        assert pilot.app.screen is overview
        assert toasts(pilot) == ["No other side is known of #7: nothing was seen to feed it."]


async def test_in_the_past_a_conversation_ends_with_what_had_passed() -> None:
    scene, view = talkative()
    async with looking_at(scene, view) as (pilot, overview):
        overview.table.select(2)
        await pilot.press("B")
        await pilot.pause()
        now = scene.clock.seconds
        scene.payload += [passed(2, b"early\n", out=False, at_s=now - 5), passed(3, b"late\n", out=True, at_s=now)]
        await a_while(pilot, scene)
        assert len(payload(pilot)) == 2
        view.go_to(Target("t", int((now - 2) * SECOND)))
        await a_while(pilot, scene, 0.2)
        assert [row.split()[-1] for row in payload(pilot)] == ["early\\n"]


# what is said of it


async def test_why_draws_the_chain() -> None:
    scene, view = stalled_proxy()
    async with looking_at(scene, view, size=(80, 24)) as (pilot, _):
        await pilot.press("w")
        line = line_with(text_of(pilot), "chain ")
    assert "client #2 ⇠ upstream #3 ⇠ [127.0.0.1:9901]" in line


# pictures


@at((80, 24), (140, 40))
def test_picture_of_a_pair(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = stalled_proxy()
    compare(StreamscopeApp(scene, config(), view=view), size, "held by #3")


@at((140, 40))
def test_picture_of_a_group(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = chat(6)
    compare(StreamscopeApp(scene, config(), view=view), size, "#2 to 5 members", "end")


@at((80, 24), (140, 40))
def test_picture_of_a_conversation(compare: Compare, size: tuple[int, int]) -> None:
    scene, view = talkative()
    scene.payload += CONVERSATION
    compare(StreamscopeApp(scene, config(), view=view), size, "#2 ⇄ #3", "down", "B")
