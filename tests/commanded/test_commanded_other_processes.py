"""The other processes of a run: which are watched, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_command import Serving
from waiting import until

from streamscope.ui.other_processes import Doing, OtherProcesses
from streamscope.ui.processes import Listed, Moves


def test_those_of_a_run_are_watched_and_others_only_while_they_are_listed(runtime: Path) -> None:
    # given an engine beside the one on the screen
    with Serving(runtime, "echo") as other:
        path = runtime / "streamscope" / f"{other.pid}.sock"
        here = path.with_name("1.sock")
        asked: list[frozenset[Path]] = []

        def beside(*, is_run: bool) -> OtherProcesses:
            return OtherProcesses(Moves(lambda known: [], here, may_leave=is_run), asked.append)

        # when it is of the same run
        run = beside(is_run=True)
        run.look(0.0)
        assert asked == [frozenset()]
        run.found([Listed("1", "echo", path=here), Listed.of(path, None), Listed("7", "x", why="it has not started")])

        # then it is known what it does, without that anybody lists it
        now = iter(range(1, 1_000_000))
        until(lambda: run.look(next(now)) or run.doing(path) is not None, "it is known what it does")
        assert run.doing(path) == Doing(1, None, "", 0, "listens")
        assert [(row.name, row.program) for row in run.rows] == [("1", "echo"), (path.stem, "echo"), ("7", "x")]
        assert run.several
        assert run.alarms == 0
        run.close()

        # when it is any engine of the person's
        any_other = beside(is_run=False)
        asked.clear()
        any_other.look(0.0)
        assert asked == []
        any_other.lists = True
        any_other.look(0.0)
        assert asked == [frozenset()]
        any_other.found([Listed.of(path, None)])
        until(lambda: any_other.look(next(now)) or any_other.doing(path) is not None, "it is known, too")
        any_other.lists = False
        any_other.look(next(now))
        assert any_other.doing(path) is None


def test_who_has_gone_is_listed_no_more(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    with Serving(runtime, "echo") as other:
        path = runtime / "streamscope" / f"{other.pid}.sock"
        run = OtherProcesses(Moves(lambda known: [], path.with_name("1.sock"), may_leave=True), lambda known: None)
        run.found([Listed.of(path, None)])
        now = iter(range(1, 1_000_000))
        until(lambda: run.look(next(now)) or run.doing(path) is not None, "it is watched")

        other.end()

        until(lambda: run.look(next(now)) or not run.rows, "it has gone")
