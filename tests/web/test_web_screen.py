"""Who gets in, and what a visitor gets: a real server, a real terminal, and a client that is not as it should be."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError

from streamscope.language import speak
from streamscope.web.web_screen import WebScreen

SAYS = "import os; print(os.isatty(0), os.get_terminal_size(), flush=True); print(input() * 2, flush=True); input()"


@asynccontextmanager
async def serving(visitors: int = 1) -> AsyncIterator[tuple[WebScreen, ClientSession]]:
    """A server of a program that says what terminal it has, and what it was told, twice."""
    screen = WebScreen([sys.executable, "-c", SAYS], "what is shown", 0, visitors)
    served = asyncio.create_task(screen.run())
    try:
        async with ClientSession() as client:
            yield screen, client
    finally:
        served.cancel()
        with suppress(asyncio.CancelledError):
            await served


def socket_of(screen: WebScreen) -> str:
    return f"{screen.address}ws?width=91&height=31"


def own(screen: WebScreen) -> dict[str, str]:
    return {"Origin": screen.address.rsplit("/", 2)[0]}


WRONG_HEADERS = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "https://127.0.0.1"},
]


async def test_the_page_is_for_whoever_has_the_address() -> None:
    async with serving() as (screen, client):
        async with client.get(screen.address) as answer:
            text = await answer.text()
            policy = answer.headers["Content-Security-Policy"]

    assert "what is shown" in text
    assert "http://" not in text.replace(screen.address.rsplit("/", 2)[0], "")
    assert policy.startswith("default-src 'none'")


async def test_the_page_speaks_as_the_command_does() -> None:
    speak("zh")
    try:
        async with serving() as (screen, client), client.get(screen.address) as answer:
            text = await answer.text()
    finally:
        speak("en")

    assert '<html lang="zh">' in text
    assert "已结束。" in text
    assert "Again" not in text


@pytest.mark.parametrize("path", ["", "ws", "download/some-key", "static/js/textual.js", "page.js"])
async def test_nothing_is_given_to_who_has_another_secret(path: str) -> None:
    async with serving() as (screen, client):
        base, secret = screen.address.rstrip("/").rsplit("/", 1)
        for wrong in ("", "x", secret[:-1], secret + "x", secret.swapcase(), "%2e%2e"):
            async with client.get(f"{base}/{wrong}/{path}") as answer:
                assert answer.status == 403, wrong
                assert secret not in await answer.text()


@pytest.mark.parametrize("path", ["", "ws", "download/some-key"])
@pytest.mark.parametrize("headers", WRONG_HEADERS)
async def test_nothing_is_given_to_another_host_or_origin(path: str, headers: dict[str, str]) -> None:
    async with serving() as (screen, client):
        async with client.get(screen.address + path, headers=headers) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("headers", [{}, *WRONG_HEADERS])
async def test_a_web_socket_is_for_our_own_page_alone(headers: dict[str, str]) -> None:
    async with serving() as (screen, client):
        with pytest.raises(WSServerHandshakeError) as failed:
            await client.ws_connect(socket_of(screen), headers=headers)

        assert failed.value.status == 403


async def test_a_web_socket_needs_the_secret() -> None:
    async with serving() as (screen, client):
        base, secret = screen.address.rstrip("/").rsplit("/", 1)
        with pytest.raises(WSServerHandshakeError) as failed:
            await client.ws_connect(f"{base}/{secret[::-1]}/ws", headers=own(screen))

        assert failed.value.status == 403


async def test_who_asks_the_web_socket_for_a_page_is_told_so() -> None:
    async with serving() as (screen, client), client.get(socket_of(screen)) as answer:
        assert answer.status == 400


async def test_a_visitor_has_a_terminal_of_the_size_of_the_window_and_types_on_it() -> None:
    async with serving() as (screen, client):
        async with client.ws_connect(socket_of(screen), headers=own(screen)) as visit:
            drawn = b""
            while b"\n" not in drawn:
                drawn += (await visit.receive()).data
            assert drawn.startswith(b"True os.terminal_size(columns=91, lines=31)")

            for nonsense in ("{", "[]", "7", '["resize"]', '["resize", {"width": "x"}]', '["stdin", 3]', '["other"]'):
                await visit.send_str(nonsense)
            await visit.send_json(["stdin", "ab\r"])
            while b"abab" not in drawn:
                drawn += (await visit.receive()).data


async def test_one_looks_at_a_time_and_the_next_when_that_one_has_gone() -> None:
    async with serving() as (screen, client):
        async with client.ws_connect(socket_of(screen), headers=own(screen)) as first:
            await first.receive()
            with pytest.raises(WSServerHandshakeError) as failed:
                await client.ws_connect(socket_of(screen), headers=own(screen))
            assert failed.value.status == 503
            async with client.get(screen.address) as page:
                assert "Somebody looks already" in await page.text()
                assert 'id="terminal"' not in await page.text()
        while screen.visits:
            await asyncio.sleep(0)
        async with client.ws_connect(socket_of(screen), headers=own(screen)) as second:
            assert b"True" in (await second.receive()).data


async def test_as_many_look_at_once_as_may() -> None:
    async with serving(visitors=2) as (screen, client):
        async with client.ws_connect(socket_of(screen), headers=own(screen)) as one:
            async with client.ws_connect(socket_of(screen), headers=own(screen)) as other:
                assert b"True" in (await one.receive()).data
                assert b"True" in (await other.receive()).data


async def test_the_page_is_told_when_the_command_has_ended() -> None:
    async with serving() as (screen, client):
        async with client.ws_connect(socket_of(screen), headers=own(screen)) as visit:
            await visit.receive()
            await visit.send_json(["stdin", "a\rb\r"])
            kinds = {message.type async for message in visit}

    assert kinds <= {WSMsgType.BINARY}
    assert visit.closed
