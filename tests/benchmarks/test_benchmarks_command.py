"""The command `python -m benchmarks`, and the engine without probes that it measures."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.attacker import frames_of
from benchmarks.bare import CutProbes
from benchmarks.load import EchoLoad, Shape
from benchmarks.measure import ROOT, Contestant
from benchmarks.terminal import Terminal
from streamscope.link.batches import MOST_WORDS
from streamscope.link.frames import MAX_FRAME, BatchFrame, FrameError, read_frame

pytestmark = pytest.mark.real()  # needs nothing from outside, but starts all that is compared

MEMBERS = {"name", "figure", "unit", "floor", "goal", "limit", "meets_floor", "meets_goal"}


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_json_is_one_array_of_figures_and_nothing_else_is_on_stdout():
    # when
    done = command("emit", "fold", "--quick", "--json")
    # then
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert {figure["name"].partition(":")[0].split()[0] for figure in figures} == {"emit", "fold"}
    assert all(set(figure) == MEMBERS for figure in figures)
    lost = [figure for figure in figures if "without being told" in figure["name"]]
    assert lost
    assert all(figure["figure"] == 0 and figure["meets_goal"] for figure in lost)


def test_an_unknown_benchmark_is_answered_with_the_known_ones():
    done = command("ecko")
    assert done.returncode == 2
    assert "'ecko'" in done.stderr
    assert "echo" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [(), ("bare",)])
@pytest.mark.parametrize("where", ["tcp", "unix"])
def test_a_contestant_answers_every_message_of_a_slice(tmp_path, where, arguments):
    address = where if where == "tcp" else str(tmp_path / "server")
    with Contestant("engine", address, *arguments) as contestant:
        load = EchoLoad(contestant, Shape(5, 2000), slice_s=0.02)
        cost = load.slice()
        load.close()
        assert contestant.messages >= 5
        assert 0 < cost < 1e9


@pytest.mark.parametrize(
    ("attack", "reason"), [("ones", "15,000,000 words"), ("handles", "250,000 handles"), ("kinds", "too long")]
)
def test_a_frame_that_attacks_is_one_that_a_peer_takes_and_no_engine_sends(attack, reason):
    [frame] = frames_of(attack)
    assert len(frame) <= 4 + MAX_FRAME
    with pytest.raises(FrameError, match=reason):
        read_frame(frame[4:])


def test_batches_that_attack_are_as_long_as_an_engine_may_send_them():
    batches = [read_frame(frame[4:]) for frame in islice(frames_of("batches"), 2)]
    assert all(isinstance(batch, BatchFrame) and MOST_WORDS - 3 < len(batch.words) <= MOST_WORDS for batch in batches)
    assert batches[1].place == len(batches[0].words)


def test_the_screen_is_painted_in_every_way_that_is_measured(tmp_path):
    # given
    file = tmp_path / "frames.json"
    # when
    with Terminal("-m", "benchmarks.painter", "200", "1", str(file)) as terminal:
        terminal.until_end()
        # then
        assert file.exists(), terminal.seen[-2000:]
    found = json.loads(file.read_text())
    assert set(found) == {"still", "dirty", "full"}
    assert all(len(times) == 1 and 0 < times[0] < 1000 for times in found.values())


def test_no_test_of_the_slot_is_left_in_the_engine_without_probes():
    # given
    emits = 0
    for path in Path(ROOT, "streamscope", "core").rglob("*.py"):
        # when
        tree = CutProbes().visit(ast.parse(path.read_text()))
        # then
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and "emit" in ast.unparse(n.func).split(".")]
        assert not calls, f"{path.name}:{calls[0].lineno} emits where no test of the slot guards it"
        emits += "emit(" in path.read_text()
    assert emits > 5
