"""An engine, its program and its peers all say what no terminal should obey; the screen stays plain characters."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from feeds import MS, SECOND, record, turn
from textual.app import App
from ui_scenes import after_a_minute, view_of

from streamscope.app import StreamscopeApp
from streamscope.core import flags as uv
from streamscope.trace.contents import Payload
from streamscope.ui.config_file import Config
from streamscope.ui.widgets import log_pane

COMMANDS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
EVERY_BYTE = bytes(range(256))
EVIL = (
    "[bold red]\x1b[2J\x1b]52;c;SGFsbG8=\x07\x1bP+q\x1b\\ \x9b31m\x9d0;title\x9c \r\b\x00\x7f "
    "[bold red]markup[/] [@click=app.quit]x[/] \u202egnp.exe\u2066 \u2028\u200b\ufeff \ud800 \U000e0001 e\u0301"
)


def drawn(app: App[int]) -> str:
    """Every character that the screen would write, line by line."""
    lines = []
    for strip in app.screen._compositor.render_strips():
        assert not any(segment.control for segment in strip)
        lines.append(strip.text)
    return "\n".join(lines)


def is_plain(text: str) -> bool:
    return not {unicodedata.category(character) for character in text.replace("\n", "")} & COMMANDS


@pytest.mark.parametrize("size", [(80, 24), (140, 50)])
async def test_nothing_from_outside_commands_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(log_pane, "INTERVAL", 0.0)
    log = tmp_path / "evil.log"
    log.write_bytes(EVERY_BYTE + EVIL.encode("utf-8", "surrogatepass") + b"\n")
    feed = after_a_minute(log=str(log))
    assert feed.hello is not None
    feed.hello.program = feed.hello.addresses[0] = EVIL
    feed.feed(
        turn(1, 58 * SECOND),
        record("handle.init", 7, uv.UV_TCP, EVIL),
        record("handle.name", 7, EVIL),
        record("handle.address", 7, EVIL, EVIL, fn="uv_accept"),
        record("callback.error", 7, 2, EVIL),
    )
    for out in (False, True):
        data = EVERY_BYTE + EVIL.encode("utf-8", "surrogatepass")
        feed.payload.append(Payload(7, 58 * SECOND + MS, out, len(data), data))
    feed.reason = EVIL
    feed.notices.append(EVIL)
    app = StreamscopeApp(feed, Config(), view=view_of(feed))
    async with app.run_test(size=size) as pilot:
        await pilot.press("L")
        assert is_plain(overview := drawn(app))
        assert "[bold" in overview

        await pilot.press("2")
        assert is_plain(drawn(app))

        app.open_stream(7)
        await pilot.pause()
        assert is_plain(stream := drawn(app))
        assert "]52;c;SGFsbG8=" in stream

        await pilot.press("h", "tab", "up", "question_mark")
        assert is_plain(drawn(app))

        feed.status = "gone"
        await pilot.press("escape", "escape")
        await pilot.pause(0.1)
        assert is_plain(drawn(app))
