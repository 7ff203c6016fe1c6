"""`streamscope top`: a line a second of an engine that serves, and of the trace of one, held against what the clients
themselves have sent; and what is said to whoever asks for what there is not.
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from running_command import COMMAND, Serving, echoed, environment, refused, run
from waiting import PATIENCE_S

from streamscope.trace.totals_text import HEAD

SENT = b"a line of some length\n" * 5_000
CLIENTS = 3
POND = str(Path(__file__).parents[1] / "producers" / "pond.py")
"""A sampler."""


@contextmanager
def topping(runtime: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`streamscope top`, which goes on until it is stopped."""
    with subprocess.Popen(
        [*COMMAND, "top", *arguments], env=environment(runtime), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as top:  # fmt: skip
        try:
            yield top
        finally:
            top.kill()


def talk(serving: Serving) -> None:
    """Some clients, of which each sends the same, has it back, and goes."""
    for _ in range(CLIENTS):
        with serving.connect() as client:
            assert echoed(client, SENT) == SENT


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded run of echo, with those clients."""
    folder = tmp_path_factory.mktemp("runtime")
    folder.chmod(0o700)
    path = folder / "echo.scope"
    with Serving(folder, "echo", "--record", str(path)) as serving:
        talk(serving)
        assert serving.end()[0] == 0
    return path


def test_its_lines_come_to_what_the_clients_have_sent(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving, topping(runtime, str(serving.pid), "--json") as top:
        assert top.stdout is not None
        first = top.stdout.readline()  # from here on it sees everything
        talk(serving)
        assert serving.end()[0] == 0
        rest, said = top.communicate(timeout=PATIENCE_S)

    rows = rows_of(first + rest)
    assert (top.returncode, len(said.splitlines())) == (0, 1)
    assert "Traceback" not in said
    for name in ("in", "out"):
        assert sum(row[name] for row in rows) == CLIENTS * len(SENT)
    assert sum(row["accepted"] for row in rows) == CLIENTS
    assert sum(row["closed"] for row in rows) == CLIENTS + 1  # and the listener
    assert all(row["seconds"] == 1.0 for row in rows[:-1])
    assert [round(later["t"] - before["t"], 3) for before, later in itertools.pairwise(rows)] == [1.0] * (len(rows) - 1)
    assert rows[-1]["waits"] == 0


def test_a_trace_comes_to_the_same_as_fast_as_it_can(runtime: Path, trace: Path) -> None:
    done = run(runtime, "top", str(trace), "--json")

    rows = rows_of(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert sum(row["in"] for row in rows) == sum(row["out"] for row in rows) == CLIENTS * len(SENT)
    assert sum(row["accepted"] for row in rows) == CLIENTS
    read = max(rows, key=lambda row: row["in"])
    assert read["a_callback_takes"]["count"] > 0
    assert 0 <= read["a_write_waits"]["p50_ms"] <= read["a_write_waits"]["p99_ms"] <= read["a_write_waits"]["max_ms"]
    assert sum(read["a_turn_takes"]["slots"].values()) == read["a_turn_takes"]["count"]
    assert {talker["peer"].partition(":")[0] for talker in read["talkers"]} == {"127.0.0.1"}
    assert sum(talker["in"] for talker in read["talkers"]) == read["in"]
    assert read["untold"] == {}


def test_it_counts_as_check_does(runtime: Path, trace: Path) -> None:
    rows = rows_of(run(runtime, "top", str(trace), "--json").stdout)
    writes = sum(row["a_write_waits"]["count"] for row in rows)

    done = run(
        runtime, "check", str(trace), "--assert", f"count(write_completed_queue.push) == {writes}",
        "--assert", f"count(callback.end) == {sum(row['a_callback_takes']['count'] for row in rows)}",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr + done.stdout


def test_its_text_stands_under_a_head_in_columns(runtime: Path, trace: Path) -> None:
    done = run(runtime, "top", str(trace))

    head, *lines = done.stdout.splitlines()
    assert (done.returncode, head) == (0, HEAD)
    assert len(HEAD) <= 132
    assert {len(line) for line in lines} == {len(HEAD)}
    assert any("iB" in line for line in lines)


def test_for_says_how_many_seconds(runtime: Path, trace: Path) -> None:
    with Serving(runtime, "echo") as serving:
        done = run(runtime, "top", str(serving.pid), "--for", "2s", "--json")
        assert serving.end()[0] == 0

    assert (done.returncode, done.stderr) == (0, "")
    assert [row["seconds"] for row in rows_of(done.stdout)] == [1.0, 1.0]
    assert len(run(runtime, "top", str(trace), "--for", "500ms", "--json").stdout.splitlines()) == 1


def test_whoever_reads_may_go(runtime: Path, trace: Path) -> None:
    piped = f"{' '.join(COMMAND)} top {trace} | head -n 1"

    done = subprocess.run(
        ["sh", "-c", piped], env=environment(runtime), capture_output=True, text=True, timeout=PATIENCE_S
    )

    assert done.stdout == HEAD + "\n"
    assert done.stderr == ""


def test_it_is_stopped_as_everything_is(runtime: Path) -> None:
    with Serving(runtime, "echo") as serving, topping(runtime, str(serving.pid)) as top:
        assert top.stdout is not None
        assert top.stdout.readline() == HEAD + "\n"
        top.send_signal(signal.SIGINT)
        _, said = top.communicate(timeout=PATIENCE_S)
        assert serving.end()[0] == 0

    assert (top.returncode, said.strip()) == (130, "")


def test_a_trace_that_is_cut_off_is_told_as_far_as_it_goes(runtime: Path, trace: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.scope"
    cut.write_bytes(trace.read_bytes()[:-400])

    done = run(runtime, "top", str(cut), "--json")

    assert done.returncode == 1
    assert sum(row["in"] for row in rows_of(done.stdout)) <= CLIENTS * len(SENT)
    [said] = done.stderr.splitlines()
    assert "cut.scope" in said


def test_what_is_wrong_is_said_in_a_line(runtime: Path, trace: Path, tmp_path: Path) -> None:
    empty, other = tmp_path / "empty.scope", tmp_path / "other.scope"
    empty.write_bytes(b"")
    other.write_text("no trace at all, but long enough to be one")
    for arguments, words in (
        ([], "Missing argument 'PID|FILE'"),
        ([" "], "an engine is named by its pid, or by the path of its socket"),
        (["999999"], "999999"),
        (["nowhere.scope"], "nowhere.scope"),
        (["x" * 5000], "xxx"),
        ([str(tmp_path)], str(tmp_path)),
        ([str(empty)], "is empty: nothing was recorded"),
        ([str(other)], "is not a trace of streamscope"),
        ([str(trace), "--for", "0"], "'0' is no time above 0, such as 3s"),
        ([str(trace), "--for", "soon"], "'soon' is no time above 0, such as 3s"),
        ([str(trace), "--for", "-3s"], "'-3s' is no time above 0, such as 3s"),
        (["1", "--how", "guess"], "'guess' is not one of 'engine', 'observe'"),
        (["1", "--hz", "0"], "'0' is not a whole number from 1 to 100"),
        ([str(trace), "more"], "unexpected extra argument (more)"),
        ([str(trace), "--jsn"], "--jsn"),
    ):
        status, line = refused(runtime, "top", *arguments)
        assert (status, words in line) == (2, True), (arguments, line)


def test_an_engine_that_only_looks_is_told_with_dashes_and_why(runtime: Path) -> None:
    looks = [sys.executable, POND, f"{runtime}/pond.sock"]
    with subprocess.Popen(looks, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as pond:
        assert pond.stdout is not None
        assert pond.stdout.readline() == "looks\n"
        said = run(runtime, "top", f"{runtime}/pond.sock", "--for", "1s")
        pond.communicate("", timeout=PATIENCE_S)  # it ends with its input

    head, line = said.stdout.splitlines()
    assert (said.returncode, head) == (0, HEAD)
    assert line.split()[1:3] == ["–", "–"]  # which it says that it cannot see
    assert line.split()[-9:] == ["–"] * 9
    assert any(why.startswith("streamscope: in, out") and "a pond, sampled" in why for why in said.stderr.splitlines())


def test_it_loads_nothing_of_the_screen(runtime: Path, trace: Path) -> None:
    program = (
        "import sys; sys.argv = ['streamscope', 'top', sys.argv[1]]\n"
        "from streamscope import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'textual'], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(trace)],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stderr == "[]\n"
