"""Who is slow, and why: lints that see what goes wrong, and verdicts that say who is at fault, in numbers.

    diagnosis.py   looks at a model a few times a second   shapes.py       findings, verdicts, evidence
    lint.py        what a lint is, and what it is shown    lints/          one file each, and their list
    track.py       what moved in a stream                  loop_track.py   where the loop's time went
    weigh.py       who is at fault                         limits.py       what sets the pace: no alarm
    links.py       who feeds whom, in pairs                groups.py       one to many
    held.py        who waits for whom                      chains.py       from there to the root; roots.py names it
    need.py        which streams are looked at             spells.py       what was so when
    headless.py    without a screen                        account.py      tells it; other_end.py, who is beyond

Everything here sees the model and the feed's words alone, so it finds the same live, in a replay and without a screen.
"""

from __future__ import annotations

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.lint import Lint
from streamscope.diagnosis.lints import BY_NAME, LINTS
from streamscope.diagnosis.shapes import Ended, Evidence, Finding, Held, Level, Limit, Sure, Verdict, Word

__all__ = [
    "BY_NAME", "LINTS", "Diagnosis", "Ended", "Evidence", "Finding", "Held", "Level", "Limit", "Lint",
    "Sure", "Verdict", "Word",
]  # fmt: skip
