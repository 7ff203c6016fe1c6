"""The document of the lints, made from themselves: `python -m streamscope.diagnosis > docs/lints.md`."""

from __future__ import annotations

import sys
from textwrap import fill

from streamscope.diagnosis.lint import Lint
from streamscope.diagnosis.lints import LINTS
from streamscope.diagnosis.shapes import Level

_OPENING = """\
# The lints

What a diagnosis looks for ([diagnosis.md](diagnosis.md)), made from `streamscope/diagnosis/lints` by `make docs`. An
alarm (`▲`) comes with a verdict and is a row of `streamscope diagnose`; a notice (`△`) is not. A lint has to be so for
a while and at several looks on end before it says anything, four looks a second of the feed's clock; only what is over
at once is told of at once, and stays for ten seconds.

`--allow NAME` has `diagnose` say nothing of one, the palette has the screen do so. In the filter language
([filter.md](filter.md)) each name is a word that is yes or no of a stream, and in assertions ([check.md](check.md)) an
event, `lint.NAME`, when it begins. A lint that needs what an engine cannot tell is not available there.
"""


def markdown() -> str:
    """The whole document."""
    return "\n".join([_OPENING, *(_section(lint) for lint in LINTS)])


def _section(lint: Lint) -> str:
    mark, word = ("▲", "alarm") if lint.level is Level.ERROR else ("△", "notice")
    needs = [*lint.fields, *lint.kinds, *(f"{name} (the kernel's)" for name in lint.kernel)]
    lines = [
        f"## {lint.name}",
        _wrapped(f"{mark} {word}. It fires where {lint.checks}."),
        _wrapped(f"Why it matters: {lint.matters}."),
        _wrapped(f"What to do: {lint.to_do}."),
    ]
    if needs:
        lines.append(
            _wrapped(f"It needs {', '.join(f'`{need}`' if ' ' not in need else _kernel(need) for need in needs)}.")
        )
    if lint.covered_by:
        lines.append(
            _wrapped(f"Where {' or '.join(f'`{name}`' for name in lint.covered_by)} is found, it adds nothing.")
        )
    return "\n\n".join(lines) + "\n"


def _kernel(need: str) -> str:
    name, _, rest = need.partition(" ")
    return f"`{name}` {rest}"


def _wrapped(text: str) -> str:
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)


if __name__ == "__main__":
    sys.stdout.write(markdown())
