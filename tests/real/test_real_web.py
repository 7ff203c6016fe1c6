"""The screen in Debian's Chromium: what is drawn there, the keys it hears, and that nobody else is asked anything."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pyte
import pytest
from playwright.sync_api import Page, WebSocket, sync_playwright
from running_command import COMMAND, Serving, environment
from waiting import until

from streamscope.ui.actions import BY_ID

pytestmark = pytest.mark.real("chromium")


class Browser:
    """A page, and what the terminal in it has been told to draw."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self.screen)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", self._visit)

    def _visit(self, socket: WebSocket) -> None:
        self.asked.append(socket.url)
        width, height = (int(re.search(rf"{name}=(\d+)", socket.url)[1]) for name in ("width", "height"))  # type: ignore[index]
        self.screen.resize(height, width)
        socket.on("framereceived", lambda payload: self._drawn(payload))

    def _drawn(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            self._stream.feed(payload)

    def await_text(self, text: str) -> None:
        """Wait until this is on the screen."""

        def there() -> bool:
            self.page.wait_for_timeout(20)  # this is when the browser is heard
            return any(text in line for line in self.screen.display)

        until(there, lambda: f"{text!r} on\n" + "\n".join(self.screen.display))


@contextmanager
def shown(runtime: Path, *words: str) -> Iterator[Browser]:
    """`streamscope web` and a browser that has opened its address."""
    process = subprocess.Popen(
        [*COMMAND, "web", "--port", "0", *words], stdout=subprocess.PIPE, text=True, env=environment(runtime)
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            browser = Browser(chromium.new_page(viewport={"width": 1400, "height": 860}))
            browser.page.goto(address)
            yield browser
            chromium.close()
        strangers = [url for url in browser.asked if urlsplit(url).netloc != urlsplit(address).netloc]
        assert not [url for url in strangers if urlsplit(url).scheme != "data"]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0


def test_a_lesson_is_gone_through_in_a_browser(runtime: Path, tmp_path: Path) -> None:
    with shown(runtime, "lesson", "write") as browser:
        browser.await_text("An empty queue")
        browser.await_text("[ poll")
        browser.page.keyboard.press("n")
        browser.await_text("2 of 13")
        picture = browser.page.screenshot(path=tmp_path / "lesson.png")
        assert len(picture) > 20_000  # of an empty window it is a tenth of that

        browser.page.keyboard.press("q")
        browser.page.wait_for_selector("body.-closed #ended", state="visible")
        browser.page.click("#ended .again")
        browser.await_text("1 of 13")


def test_a_lesson_is_presented_in_a_browser(runtime: Path) -> None:
    with shown(runtime, "lesson", "write", "--present") as browser:
        browser.await_text("W R I T A B L E")
        browser.page.keyboard.press("Tab")
        browser.await_text("w r i t e _ q u e u e")
        browser.page.keyboard.press("-")
        browser.await_text("An empty queue")


def test_a_running_engine_is_looked_at_and_not_controlled(runtime: Path) -> None:
    with Serving(runtime, "echo", "--control") as engine, engine.connect():
        with shown(runtime, "attach", str(engine.pid)) as browser:
            browser.await_text("● live")
            browser.await_text("client")
            browser.page.keyboard.press(BY_ID["poke"].keys)
            browser.await_text("may only look")


def test_the_page_of_a_lesson_goes_by_keys_and_asks_nobody(runtime: Path, tmp_path: Path) -> None:
    words = [*COMMAND, "lesson", "write", "--export", str(tmp_path / "pages")]
    subprocess.run(words, env=environment(runtime), check=True, capture_output=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page()
        asked, errors = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((tmp_path / "pages" / "lesson.html").as_uri())

        assert page.locator("section:visible h2").inner_text().startswith("1 of 13")
        for key in ("n", "ArrowRight", "N", "ArrowLeft", "ArrowLeft", " "):
            page.keyboard.press(key)
        assert page.locator("section:visible h2").inner_text().startswith("2 of 13")
        assert page.locator("section:visible .lit").count() == 1
        assert page.locator("section:visible svg").is_visible()
        chromium.close()
    assert len(asked) == 1
    assert not errors
