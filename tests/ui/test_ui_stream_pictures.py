"""Pictures of one stream on the whole screen, at the widths that people have, compared cell by cell."""

from __future__ import annotations

from feeds import MS, SECOND, record, turn
from ui_picture import SIZES, Compare, at
from ui_scenes import after_a_minute, opened, view_of, wrote

from streamscope.app import StreamscopeApp
from streamscope.core import flags as uv
from streamscope.trace.contents import Payload
from streamscope.ui.config_file import Config


def scene() -> StreamscopeApp:
    """#7 has been asked for more than its peer takes, and the peer has sent what no terminal should obey."""
    feed = after_a_minute()
    feed.feed(turn(1, 50 * SECOND), *opened(7))
    feed.model.slice(feed.place, feed.model.loop, list(feed.model.streams.values()), True, True)
    queued = 0
    for number in range(1, 6):
        feed.feed(turn(number + 1, (52 + number) * SECOND), *wrote(7, number, 65536, 9000 + number, queued))
        queued += 65536 - 9000 - number
    feed.lose(321)
    feed.model.slice(feed.place, feed.model.loop, list(feed.model.streams.values()), True, True)
    feed.feed(
        turn(40, 58 * SECOND),
        record("io.start", 7, uv.POLLIN, uv.POLLIN | uv.POLLOUT),
        record("flag.set", 7, uv.READ_PARTIAL, fn="uv__read"),
        record("sys.read", 7, 12, 65536, -104),
    )
    for place, (out, data) in enumerate(
        (
            (False, b"GET /gr\xc3\xbc\xc3\x9fe HTTP/1.1\r\nHost: example\r\n\r\n"),
            (True, b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + bytes(range(64))),
            (False, b"\x1b]52;c;SGFsbG8=\x07[bold]\xe2\x80\xaetxt\x9b2J \xff\n"),
        )
    ):
        feed.payload.append(Payload(7, 58 * SECOND + place * MS, out, len(data), data))
    feed.payload.append(Payload(7, 58 * SECOND + 9 * MS, True, 69_936, b""))
    return StreamscopeApp(feed, Config(), view=view_of(feed))


@at(*SIZES)
def test_a_stream_on_the_whole_screen(compare: Compare, size: tuple[int, int]) -> None:
    compare(scene(), size, "╌ 69,936 bytes lost: they were not read here in time ╌", "home", "enter")


@at((80, 24), (140, 40))
def test_its_payload_as_hex_and_an_event_explained(compare: Compare, size: tuple[int, int]) -> None:
    keys = ("home", "enter", "v", "h", "up", "tab", "up", "up")
    compare(scene(), size, "flag.set  READ_PARTIAL: The last read brought less than", *keys)
