"""The scenarios of `run stall`, recorded and judged: stalls are named rightly and soon, what is well is left alone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from diagnosis_table import Row, named
from judged import SECOND, Judged, Told, described, judge, recorded
from played import SILENCE_S, WITHIN
from running_command import Serving, run

from streamscope.servers.stall import SCENARIOS


class Expected(NamedTuple):
    """What a scenario is to be called: its level, the verdict's word or who sets the pace, the lint that says so."""

    level: str
    word: str
    lint: str = "stalled"


EXPECTED = {
    "peer-never-reads": Expected("stalled", "PEER"),
    "slow-peer": Expected("limited", "peer"),
    "tiny-window": Expected("limited", "peer"),
    "shutdown-stuck": Expected("stalled", "PEER"),
    "dead-reader": Expected("stalled", "PEER"),
    "slow-subscriber": Expected("stalled", "PEER"),
    "lossy-network": Expected("limited", "network"),
    "half-open": Expected("stalled", "NETWORK"),
    "blocked-loop": Expected("error", "LOOP", "slow_callback"),
    "many-short-callbacks": Expected("error", "LOOP", "slow_turn"),
    "stopped-reading": Expected("stalled", "APP"),
    "ignored-mark": Expected("stalled", "APP"),
    "half-close-forgotten": Expected("warning", "APP", "leaked_handle"),
    "peer-gone-while-paused": Expected("error", "APP", "peer_gone"),
    "held-accept": Expected("error", "LISTENER", "held_accept"),
    "emfile": Expected("error", "LISTENER", "emfile_spin"),
}

PLAYS = 3
"""What is named too late is played again: it may be the machine that took the time, on which peers have to come and
turns to end. What is named wrongly is not.
"""

STALLS = [name for name, expected in EXPECTED.items() if expected.level != "limited"]
LIMITED = [name for name, expected in EXPECTED.items() if expected.level == "limited"]
HEALTHY = [name for name, scenario in SCENARIOS.items() if not scenario.trouble]

pytestmark = pytest.mark.real()


BUSY = {
    "dead-reader", "slow-peer", "half-open", "blocked-loop", "stopped-reading", "ignored-mark", "held-accept",
    "bursts", "keep-alive", "short-pauses",
}  # fmt: skip
"""What `make real` plays beside a busy core, too; `make silence` has every healthy load there."""


def beside(names: Iterable[str]) -> list[Any]:
    """Each, alone and beside a busy core."""
    alone = [pytest.param(name, "", id=f"{name}, alone") for name in names]
    busy = [name for name in names if name in BUSY or SILENCE_S > 10]
    return [*alone, *(pytest.param(name, "busy", id=f"{name}, beside a busy core") for name in busy)]


@pytest.fixture
def row(neighbour: str, row: Callable[[Row], None]) -> Iterator[Callable[[Row], None]]:
    """Where the row of the table goes to. Beside a process that takes a core for itself, none is kept."""
    if not neighbour:
        yield row
        return
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            yield lambda row: None
        finally:
            busy.kill()


def played(runtime: Path, folder: Path, name: str, seconds: float) -> Judged:
    path = recorded(runtime, folder / "trace", "stall", "--as", name, "--port", "0", seconds=seconds)
    return judge(path, SCENARIOS[name].trouble)


def in_time(runtime: Path, folder: Path, name: str, seconds: float, told_t: Callable[[Judged], int]) -> Judged:
    """Played until it is told of within 3 s of the mark; `told_t` is when it was, 0 for never."""
    for _ in range(PLAYS):
        judged = played(runtime, folder, name, seconds)
        if 0 < told_t(judged) <= judged.mark_t + WITHIN:
            return judged
    raise AssertionError(f"too late, or never: {judged}")


def test_every_scenario_has_its_place_in_the_table() -> None:
    assert {*EXPECTED, *HEALTHY} == set(SCENARIOS)
    assert named() == list(SCENARIOS)


@pytest.mark.parametrize(("name", "neighbour"), beside(STALLS))
def test_a_stall_is_named_within_3_s(runtime: Path, tmp_path: Path, name: str, row: Callable[[Row], None]) -> None:
    level, word, lint = EXPECTED[name]

    def found(judged: Judged) -> list[Told]:
        return [*judged.told.values()] if level == "warning" else judged.alarms

    judged = in_time(runtime, tmp_path, name, 6, lambda judged: min((one.from_t for one in found(judged)), default=0))

    first = found(judged)[0]
    assert first.from_t > judged.mark_t, judged
    verdicts = [one.finding.verdict for one in found(judged) if one.finding.verdict is not None]
    assert {verdict.word for verdict in verdicts} == {word}, judged
    assert lint in [one.finding.lint for one in found(judged)], judged
    evidence = "; ".join(f"{one.words}, `{one.field}` {one.value}" for one in first.at_first.evidence[:3])
    row(Row(name, level, f"{word}, {verdicts[0].sure}", after(first.from_t - judged.mark_t), evidence))


@pytest.mark.parametrize(("name", "neighbour"), beside(LIMITED))
def test_what_is_slow_and_goes_on_is_limited_and_no_alarm(
    runtime: Path, tmp_path: Path, name: str, row: Callable[[Row], None]
) -> None:
    word = EXPECTED[name].word

    judged = in_time(runtime, tmp_path, name, SILENCE_S, lambda judged: judged.limits.get(word, (0, ""))[0])

    assert described(judged.alarms) == [], judged
    since, words = judged.limits[word]
    row(Row(name, "limited", f"by the {word}", after(since - judged.mark_t), words))


@pytest.mark.parametrize(("name", "neighbour"), beside(HEALTHY))
def test_what_is_well_is_left_in_peace(runtime: Path, tmp_path: Path, name: str, row: Callable[[Row], None]) -> None:
    judged = played(runtime, tmp_path, name, SILENCE_S)

    assert described(judged.alarms) == [], judged
    row(Row(name, "–", "none", "–", f"no alarm in {judged.end_t / SECOND:.0f} s"))


@pytest.mark.parametrize("name", ["dead-reader", "half-open", "stopped-reading", "held-accept"])
def test_who_asks_a_running_engine_is_told_the_same(runtime: Path, name: str) -> None:
    with Serving(runtime, "stall", "--as", name, "--diagnose") as serving:
        told = run(runtime, "diagnose", str(serving.pid), "--json", "--for", "5s")
        status, _, err = serving.end()

    rows = json.loads(told.stdout)
    assert told.returncode == 1
    assert {row["verdict"] for row in rows} == {EXPECTED[name].word}
    assert EXPECTED[name].lint in [row["lint"] for row in rows]
    assert status == 0
    assert f"▲ {EXPECTED[name].word} (" in err


def test_who_asks_a_healthy_one_is_told_nothing(runtime: Path) -> None:
    with Serving(runtime, "stall", "--as", "keep-alive", "--diagnose") as serving:
        told = run(runtime, "diagnose", str(serving.pid), "--json", "--for", "3s")
        assert (told.returncode, json.loads(told.stdout), told.stderr) == (0, [], "")
        assert serving.end() == (0, "", "")


def test_a_peer_that_was_gone_is_found_in_the_trace_by_an_assertion(runtime: Path, tmp_path: Path) -> None:
    path = recorded(runtime, tmp_path / "trace", "stall", "--as", "peer-gone-while-paused", "--port", "0", seconds=5)

    checked = run(runtime, "check", str(path), "--assert", "never(peer_gone for 1s)", "--assert", "max(wq) == 0")

    assert checked.returncode == 1
    assert re.search(r"FAILED +never\(peer_gone for 1s\)\n +stream #3 ", checked.stdout)
    assert "1 failed, of 2 assertions" in checked.stdout


def after(ns: int) -> str:
    """How long it took, in seconds."""
    return f"{ns / SECOND:.1f} s"
