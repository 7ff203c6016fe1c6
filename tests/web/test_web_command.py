"""What can be got wrong with `streamscope web` is told in a line that says what to do."""

from __future__ import annotations

import re
import socket
import sys

import click
import pytest

from streamscope.commands.web import web
from streamscope.telling import CommandFailed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "echo"], "'run' cannot be shown in a browser: attach PID, replay FILE or lesson NAME can"),
        (["replay"], "replay what? Name the trace"),
        (["lesson"], "lesson what? Name the lesson"),
        (["--control", "lesson", "write"], "--control is for attach: a trace and a lesson are over already"),
        (["--port", "70000", "attach"], "70000"),
        (["--visitors", "0", "attach"], "0"),
    ],
)
def test_bad_input(words: list[str], told: str) -> None:
    with pytest.raises(click.UsageError, match=re.escape(told)):
        web.main(words, standalone_mode=False)


def test_a_port_that_somebody_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandFailed, match=f"--port {port} cannot be had: Address already in use"):
            web.main(["--port", str(port), "attach"], standalone_mode=False)


def test_without_its_extra_it_says_which_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    monkeypatch.delitem(sys.modules, "streamscope.web.web_screen", raising=False)

    with pytest.raises(CommandFailed, match=r"pip install 'streamscope\[web\]'"):
        web.main(["attach"], standalone_mode=False)
