"""Traces of before the words travelled: they replay and export byte for byte as they did then.

`format_1/life.scope` was recorded by the last version that wrote format 1, of a small program that does a little of
everything (echo, a peer that does not read for a while, a refused connect, a reset, a descriptor over a pipe, timers, a
callback that raises). What that version exported of it is kept as the hashes in `as_it_was.json`, and so is what it
knew of every handle at some rows, field by field. Neither is ever to be made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from streamscope.cli import cli
from streamscope.trace.state import StreamState
from streamscope.trace.store.reader import TraceFile
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import frozen_words

FOLDER = Path(__file__).parent / "format_1"
TRACE = FOLDER / "life.scope"
AS_IT_WAS: dict[str, Any] = json.loads((FOLDER / "as_it_was.json").read_bytes())


@pytest.fixture
def trace() -> Iterator[TraceFile]:
    with TraceFile.open(TRACE) as opened:
        yield opened


@pytest.mark.parametrize("options", AS_IT_WAS["exports"])
def test_an_old_trace_is_exported_as_it_was(options: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(cli, ["export", str(TRACE), *options.split(), "--output", str(out)])
    assert result.exit_code == 0, result.output
    assert hashlib.sha256(out.read_bytes()).hexdigest() == AS_IT_WAS["exports"][options]


@pytest.mark.parametrize("row", AS_IT_WAS["states"])
def test_an_old_trace_is_folded_to_what_it_was(row: str, trace: TraceFile) -> None:
    model = Traveller(trace.past, row=int(row)).model
    was = AS_IT_WAS["states"][row]
    assert {str(number) for number in model.known} == was["handles"].keys()
    for number, fields in was["handles"].items():
        now = msgspec.to_builtins(as_fields(model.known[int(number)]))
        assert {name: now[name] for name in fields} == fields
    assert {name: getattr(model.loop, name) for name in was["loop"]} == was["loop"]


def test_an_old_trace_speaks_in_the_words_of_its_time(trace: TraceFile) -> None:
    vocabulary = trace.past.decoder.vocabulary
    assert vocabulary.words is frozen_words()
    assert vocabulary.flag_text(0x1000) == "READING"


def test_the_joined_records_of_an_old_trace_are_still_folded_at_once(trace: TraceFile) -> None:
    expansions = trace.past.decoder.layout.expansions.values()

    assert len(expansions) == 8
    assert all(expansion.known for expansion in expansions)


def as_fields(state: StreamState) -> dict[str, object]:
    return {name: getattr(state, name) for name in state.__struct_fields__}
