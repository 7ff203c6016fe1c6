"""The lesson that a real Node plays: what it claims is so, and nothing of it is left."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from waiting import until

from streamscope.lessons.claims import examine
from streamscope.lessons.files import play
from streamscope.ui.course import Course
from streamscope.ui.widgets.lesson_lines import ROWS, STANDS_IN


@pytest.mark.real("node")
def test_every_claim_of_the_lesson_in_node_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("NODE_OPTIONS", "--no-such-option")  # it is ours to say how our server runs

    performance = play("node")

    wrong = [
        f"{found.claim.text}; {found.instead}" for step in examine(performance) for found in step if not found.holds
    ]
    assert not wrong, "\n".join(wrong)
    words = performance.replay.past.decoder.vocabulary
    assert words.engine.endswith(" in node")

    # it is told as all others are
    course = Course(performance)
    texts = []
    for at, moment in enumerate(course.moments):
        course.go(at)
        texts.append(course.text)
        assert set(moment.step.look) <= {*words.flag_names.values(), *ROWS, *STANDS_IN}
    assert all(len(text) <= 228 for text in texts), max(texts, key=len)
    assert "PEER, certain: Client #" in texts[4]
    assert "{" not in "".join(texts)
    performance.close()

    assert list(tmp_path.iterdir()) == []
    until(lambda: not _mention(str(tmp_path)), "all that was started has ended")


def _mention(text: str) -> list[str]:
    """The processes that have this in their command line."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and text in Path("/proc", name, "cmdline").read_text():
                found.append(name)
        except OSError:
            pass  # it has ended meanwhile
    return found
