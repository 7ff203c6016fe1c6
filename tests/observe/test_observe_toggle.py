"""What is told of asyncio's transports is what they are, at every place where the program could look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import looked
import msgspec
import pytest
import toggle
from waiting import PATIENCE_S

from streamscope.link.frames import Hello, as_received
from streamscope.trace.model import Model
from streamscope.trace.state import LoopState, StreamState
from streamscope.trace.vocabulary import Vocabulary

ROOT = Path(__file__).parents[2]
SEEDS = [str(seed) for seed in range(1, 31)]
"""A fault is noticed in the first of these in which it comes to matter, mostly one of three; what real sockets do in
between is no program's choice.
"""


def played(*arguments: str, python: str = sys.executable) -> dict[str, Any]:
    """What the program saw of itself, and what was told meanwhile."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-P", "-W", "error", toggle.__file__, *arguments],
        env={**environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'observe'}"},
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def differences(found: dict[str, Any]) -> tuple[int, list[str]]:
    """How many comparisons there were, and where told and real are not the same."""
    hello = as_received(found["hello"])
    assert isinstance(hello, Hello)
    vocabulary = Vocabulary.of(hello)
    paused, closing = vocabulary.flag("PAUSED_WRITING"), vocabulary.flag("CLOSING")
    compared, wrong = 0, []
    for stretch in found["stretches"]:
        model = Model(vocabulary)
        streams = msgspec.convert(stretch["slices"], list[StreamState])
        model.slice(0, msgspec.convert(stretch["loop"], LoopState), streams, first=True, last=True)
        words, at = stretch["words"], 0
        for place, so in stretch["looks"]:
            model.apply(at, model.turn, model.t, words[at:place])
            at = place
            for number, (size, is_paused, mask, is_closing, high, kind, *counted) in so.items():
                state = model.streams.get(int(number))
                compared += 1
                if state is None:
                    wrong.append(f"#{number} is not known")
                    continue
                told = (
                    state.write_queue_size, int(bool(state.flags & paused)), state.pevents,
                    int(bool(state.flags & closing)), state.high_water, state.events,
                    sum(request.left for request in state.write_queue),
                )  # fmt: skip
                real = (size, is_paused, mask, is_closing, high, mask, size)
                if counted:  # of a socket of the program's own: bytes either way, and who accepted it
                    told, real = (*told, state.bytes_in, state.bytes_out, state.server), (*real, *counted)
                elif kind != "plain":  # more or fewer are encrypted, and a datagram counts for more than its bytes
                    told, real = told[:-1], real[:-1]
                if told != real:
                    wrong.append(f"#{number} at {place}: told {told}, is {real}")
    return compared, wrong


def stood_in_for(python: str) -> str:
    """The functions of this Python's asyncio in whose place ours stand."""
    code = (
        "from asyncio.selector_events import _SelectorSocketTransport as transport\n"
        "from streamscope.observe.everyday import everyday_hooks; print(sorted(everyday_hooks(transport)))"
    )
    command = [python, "-P", "-c", code]
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True).stdout


def test_asyncios_read_and_write_are_those_that_ours_stand_in_for() -> None:
    assert stood_in_for(sys.executable) == "['_read_ready__data_received', 'write']\n"


def test_told_is_what_is_where_asyncio_is_one_that_nobody_knows() -> None:
    compared, wrong = differences(played("4", "plain", "strange"))

    assert wrong == []
    assert compared > 5_000


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_told_is_what_is_while_telling_begins_and_ends_again_and_again(seed: str) -> None:
    _is_true(played(seed, "plain"))


@pytest.mark.parametrize("seed", ["1", "2"])
def test_told_is_what_is_of_tls_too(seed: str) -> None:
    _is_true(played(seed, "tls"))


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_told_is_what_is_of_datagrams_too(seed: str) -> None:
    _is_true(played(seed, "datagrams"))


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_told_is_what_is_of_the_programs_own_sockets_too(seed: str) -> None:
    _is_true(played(seed, "sockets"))


def _is_true(found: dict[str, Any]) -> None:
    compared, wrong = differences(found)
    assert wrong == []
    assert compared > 5_000
    assert len(found["stretches"]) > 10
    assert (found["wrong"], found["ends"] >= 2 * looked.PAIRS) == (0, True)


@pytest.mark.parametrize("fault", ["flush", "interest", "resume"])
def test_what_is_not_told_is_noticed(fault: str) -> None:
    assert any(differences(played(seed, "plain", fault))[1] for seed in SEEDS)


def test_what_is_not_told_of_datagrams_is_noticed() -> None:
    assert any(differences(played(seed, "datagrams", "counted"))[1] for seed in SEEDS)


@pytest.mark.parametrize("fault", ["went", "one went", "accepted", "waits"])
def test_what_is_not_told_of_the_programs_own_sockets_is_noticed(fault: str) -> None:
    assert any(differences(played(seed, "sockets", fault))[1] for seed in SEEDS)


@pytest.mark.parametrize("fault", ["encrypted", "handed on"])
def test_what_is_not_told_of_tls_is_noticed(fault: str) -> None:
    assert any(differences(played(seed, "tls", fault))[1] for seed in SEEDS)
