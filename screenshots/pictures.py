"""The pictures: which moment of which recording each one shows, what a person would have pressed, and its size."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from screenshots.recording import SECOND, Player, load
from streamscope.app import StreamscopeApp
from streamscope.link.session import Session
from streamscope.trace.decode import Event
from streamscope.trace.export import svg
from streamscope.trace.export.titles import title
from streamscope.ui.config_file import Config
from streamscope.ui.widgets.event_pane import EventPane
from streamscope.ui.widgets.stream_table import StreamTable
from streamscope.ui.widgets.timeline_pane import Timeline

HERE = Path(__file__).parent
FEEDS = HERE / "feeds"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its file's name without `.svg`, the recording, the moment, and what a person does then.

    The moment is the first after so many seconds at which there is enough to see, whatever the recording.
    """

    name: str
    feed: str
    after: float
    enough: Callable[[Session], bool]
    act: Callable[[Stage], Awaitable[None]]
    size: tuple[int, int] = (140, 42)
    slide: int = 0  # instead of the app, the exported time line of this stream, up to that moment


@dataclass(frozen=True, slots=True)
class Stage:
    """A running app and the recording that plays into it."""

    app: StreamscopeApp
    pilot: Pilot[int]
    player: Player

    async def press(self, *keys: str) -> None:
        """What a person would press."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Paint all that is due, and what is due because of that: a scrollbar that comes makes a layout."""
        for _ in range(2):
            self.app.show_at_once()
            await self.pilot.pause()

    async def select(self, number: int) -> None:
        """Go to a stream in the table."""
        self.app.screen.query_one(StreamTable).select(number)
        await self.settle()

    async def select_event(self, kind: str) -> None:
        """Go up in the events to the newest line that begins with this kind."""
        events = self.app.screen.query_one(EventPane).outline
        events.focus()
        for _ in range(100):
            await self.pilot.press("up")
            line = events.selected
            if line is not None and line.event is not None and line.event.kind == kind:
                return await self.settle()
        raise LookupError(f"none of the last hundred lines begins with a {kind}")

    def most_queued(self) -> int:
        """The stream with the longest queue."""
        streams = self.player.session.model.streams.values()
        return max(streams, key=lambda state: (state.write_queue_size, -state.number)).number


async def _overview(stage: Stage) -> None:
    await stage.select(stage.most_queued())


async def _wall(stage: Stage) -> None:
    await stage.press("2")


async def _totals(stage: Stage) -> None:
    await stage.press("4")
    await stage.settle()


async def _backpressure(stage: Stage) -> None:
    number = stage.most_queued()
    await stage.select(number)
    stage.app.screen.query_one(EventPane).stream = number
    await stage.select_event("write_queue_size")


async def _stream(stage: Stage) -> None:
    stage.app.open_stream(2)
    await stage.settle()
    stage.player.play_to(12.0)
    await stage.settle()


async def _timeline(stage: Stage) -> None:
    await stage.press("space", "colon", *"4s", "enter")
    streams = stage.app.view.model.streams.values()
    await stage.select(max(streams, key=lambda state: (state.write_queue_size, -state.number)).number)
    await stage.press("3", "m", "0")
    timeline = stage.app.screen.query_one(Timeline)
    while timeline.lane != "queue":
        await stage.press("down")
    await stage.press("ctrl+right", "ctrl+right")
    for _ in range(100):  # until all of it has been looked at closely
        stage.app.drain()
        await stage.settle()


async def _as_it_is(stage: Stage) -> None:
    """Nobody has pressed a key."""


async def _why(stage: Stage) -> None:
    await stage.press("w")


async def _explain(stage: Stage) -> None:
    table = stage.app.screen.query_one(StreamTable)
    while table.explained is None or table.explained.name != "r READING":
        await stage.press("i")


async def _source(stage: Stage) -> None:
    view = stage.app.view
    view.pause()
    assert view.travel is not None
    wants_out = (
        row
        for row in reversed(range(view.past.end))
        if isinstance(event := view.past.event(row), Event) and event.kind == "io.start" and event.old
    )
    view.travel.go(next(wants_out) + 1)
    await stage.press("x", "up")


async def _nothing(stage: Stage) -> None:
    """It is drawn without the app."""


def _stalled(session: Session) -> bool:
    """A stream has been well above its high-water mark for more than a second."""
    model = session.model
    return any(
        state.above_t and model.loop.t - state.above_t > SECOND and state.write_queue_size > state.high_water * 1.1
        for state in model.streams.values()
    )


def _at_once(session: Session) -> bool:
    return True


def _explained(session: Session) -> bool:
    """Somebody has waited long enough for it to be told who is at fault."""
    model = session.model
    return any(state.above_t and model.loop.t - state.above_t > 4 * SECOND for state in model.streams.values())


PICTURES = (
    Picture("overview", "echo", 20.0, _stalled, _overview),
    Picture("wall", "echo", 20.0, _stalled, _wall, (180, 50)),
    Picture("totals", "echo", 20.0, _stalled, _totals, (140, 40)),
    Picture("timeline", "http", 16.0, _at_once, _timeline, (140, 44)),
    Picture("stream", "http", 6.0, _at_once, _stream),
    Picture("stall", "stall", 2.0, _explained, _as_it_is, (110, 34)),
    Picture("why", "stall", 2.0, _explained, _why, (80, 24)),
    Picture("node", "node", 9.0, _at_once, _as_it_is, (120, 36)),
    Picture("uvicorn", "uvicorn", 10.0, _at_once, _as_it_is, (120, 36)),
    Picture("explain", "stall", 2.0, _explained, _explain, (80, 24)),
    Picture("backpressure", "http", 8.0, _stalled, _backpressure),
    Picture("source", "http", 8.0, _stalled, _source, (140, 40)),
    Picture("slide", "echo", 9.0, _at_once, _nothing, slide=8),
)

PLAYED = {"stall": ["stall", "--as", "dead-reader"]}
"""What a feed is recorded from, where that is not a server of its name with its built-in clients."""
TITLES = {"node": "attach $(pgrep -n node)", "uvicorn": "run -- uvicorn app:app"}


async def draw(picture: Picture) -> str:
    """The picture as SVG. The process must live in UTC (`recording.in_utc`)."""
    player = Player(load(FEEDS / f"{picture.feed}.msgpack.gz"))
    try:
        player.play_to(picture.after)
        player.play_on(picture.enough)
        if picture.slide:
            return _slide(player.session, picture.slide)
        app = StreamscopeApp(player.session, Config(), view=player.view)
        async with app.run_test(size=picture.size) as pilot:
            stage = Stage(app, pilot, player)
            await stage.settle()
            await picture.act(stage)
            ran = TITLES.get(picture.feed) or f"run {' '.join(PLAYED.get(picture.feed, [picture.feed]))}"
            return _tidy(app.export_screenshot(title=f"streamscope {ran}"))
    finally:
        player.close()


def _slide(session: Session, number: int) -> str:
    """What `streamscope export --to svg` draws of a stream's life."""
    assert session.hello is not None
    state = session.model.streams[number]
    spare = (state.closed_t - state.begin_t) // 40
    window = state.begin_t - spare, state.closed_t + spare
    subject = svg.Subject(number, title(state, session.past.decoder.vocabulary))
    return svg.draw(session.past, svg.Picture("Nobody reads", *window, [subject], session.hello.started))


def _tidy(drawn: str) -> str:
    """Without trailing spaces, which editors and git would quarrel about."""
    return re.sub(r"[ \t]+$", "", drawn, flags=re.MULTILINE)
