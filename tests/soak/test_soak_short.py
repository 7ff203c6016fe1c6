"""The soak itself: a few seconds of it pass, and it finds what it is there to find."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from soak_accounts import Accounts
from soak_inspector import differences, follow
from waiting import PATIENCE_S, until

from streamscope.link.session import Session

SOAK = Path(__file__).parent
PEER = "127.0.0.1:5"


@pytest.mark.real  # it takes the time of a hundred others
def test_a_few_seconds_of_soak_find_nothing_wrong() -> None:
    command = [sys.executable, str(SOAK), "--seconds", "4", "--every", "2", "--seed", "1"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=5 * PATIENCE_S, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[-1].endswith("all is as it should be")
    assert sum(" connections, " in line for line in lines) >= 4  # both servers, twice


def event(seq: int, kind: str, **fields: object) -> str:
    return (
        json.dumps({"seq": seq, "t": 1, "turn": 1, "stream": 2, "kind": kind, **fields}, separators=(",", ":")) + "\n"
    )


def accounts(path: Path, read: int, written: int) -> Accounts:
    path.write_text(
        event(1, "handle.address", peer=PEER)
        + event(2, "sys.read", result=read)
        + event(3, "sys.write", result=written)
        + event(4, "handle.closed")
    )
    books = Accounts(path)
    while books.read():
        pass
    return books


@pytest.mark.parametrize(
    ("read", "written", "orderly", "wrong"),
    [
        (10, 10, True, False),
        (9, 10, True, True),
        (10, 11, True, True),
        (9, 11, False, False),  # broken off: some was under way
        (11, 10, False, True),
        (10, 9, False, True),
    ],
)
def test_bytes_that_one_side_knows_of_and_the_other_does_not_are_found(
    tmp_path: Path, read: int, written: int, orderly: bool, wrong: bool
) -> None:
    books = accounts(tmp_path / "events", read, written)
    books.client_says(PEER, 10, 10, orderly)
    assert books.unsettled() == []
    assert len(books.wrong) == wrong
    books.close()


def test_a_connection_that_only_one_side_knows_of_is_found(tmp_path: Path) -> None:
    books = accounts(tmp_path / "events", 10, 10)
    assert books.unsettled() == [f"{PEER}: the clients know of no such connection"]
    books.client_says(PEER, 10, 10, True)
    assert books.unsettled() == []
    books.client_says(PEER, 10, 10, True)
    assert books.unsettled() == [f"{PEER}: the server knows of no such connection"]
    books.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Path]:
    """The socket of an echo server."""
    path = tmp_path / "s"
    options = json.dumps({"target": "echo", "port": 0, "no_probe": True, "probe": str(path)})
    with subprocess.Popen(
        [sys.executable, "-m", "streamscope.serve", options], stdout=subprocess.PIPE, cwd=tmp_path, env=os.environ
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield path
        process.terminate()


def test_a_model_that_is_not_the_engine_s_is_found(engine: Path) -> None:
    session = Session.attach(engine)
    until(lambda: follow(session, 0.1) or session.model.whole, "the model is whole")
    assert differences(engine, session) == []
    session.model.streams[1].bytes_in += 1
    assert differences(engine, session) == ["stream 1 bytes_in: 1, and in the engine 0"]
    session.close()
