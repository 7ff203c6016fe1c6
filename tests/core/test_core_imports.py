"""The engine stands alone: a process that serves loads neither the screen nor anything else that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import streamscope

ROOT = Path(streamscope.__file__).parent.parent

PROGRAM = """
import json, sys
from streamscope.core import Loop, Tcp
print(json.dumps(sorted(sys.modules)))
"""

CATALOGUE = """
import json, sys
import streamscope.core.joined_records, streamscope.core.vocabulary
print(json.dumps([sorted(sys.modules), len(streamscope.core.vocabulary.words()["kinds"])]))
"""


def test_the_catalogue_and_its_words_load_nothing_of_the_engine() -> None:
    run = subprocess.run([sys.executable, "-c", CATALOGUE], capture_output=True, text=True, cwd=ROOT, check=True)
    modules, kinds = json.loads(run.stdout)
    ours = {name for name in modules if name.startswith("streamscope.") and "vocabulary" not in name}
    assert kinds > 50
    names = ["errors", "flags", "joined_records", "probe", "records"]
    assert ours == {"streamscope.core", *(f"streamscope.core.{name}" for name in names)}
    assert {"msgspec", "socket", "select", "asyncio"}.isdisjoint(modules)


def test_importing_the_engine_loads_the_standard_library_and_itself_alone() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, check=True)
    modules = json.loads(run.stdout)
    heads = {name.partition(".")[0] for name in modules}
    assert heads.isdisjoint({"asyncio", "textual", "rich", "msgspec", "click", "platformdirs"})
    ours = {name for name in modules if name.startswith("streamscope.")}
    assert "streamscope.core.loop" in ours
    assert {name for name in ours if not name.startswith("streamscope.core")} == set()
    unknown = heads - sys.stdlib_module_names - {"streamscope", "__main__"}
    # site-packages may hook into every start of an interpreter by .pth files; those are no doing of ours
    started_with = subprocess.run(
        [sys.executable, "-c", "import json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert unknown <= {name.partition(".")[0] for name in json.loads(started_with.stdout)}
