"""The catalogue as a document: `python -m streamscope.trace.catalogue > docs/events.md`.

`streamscope.core.probe.KINDS` is the only list of what can happen; this writes it out for people, with how each
argument reads.
"""

from __future__ import annotations

import sys
import textwrap

from streamscope.core.probe import KINDS, Kind
from streamscope.core.records import SEQ_PER_WORD
from streamscope.core.vocabulary.kernel_words import KERNEL_FIELDS
from streamscope.core.vocabulary.practice_words import KINDS_IN_PRACTICE

_OPENING = f"""\
# Events

Every change inside a stream is told as an event. This is the list of all kinds there are, made from the catalogue in
`streamscope/core/probe.py` by `python -m streamscope.trace.catalogue > docs/events.md`.

## What every event has

`streamscope run echo --headless --events FILE` writes each event as one JSON object on a line of its own, with these
keys and then the kind's own. Where events were lost, a line of kind `lost` says how many (`events`), and what is so
after them follows: a line of kind `state` for each handle that lives, with all its fields (`state`), and one of kind
`state.whole` that says how many those were (`handles`). Whoever is not among them, and was not made since, is gone.
Their `seq` is that of their place, the same for all that are of one.

| key | meaning |
|---|---|
| `seq` | the event's number: it starts at 1, only grows, may skip, and is the same for every reader |
| `t` | the last reading of the engine's clock, in nanoseconds since the engine began |
| `turn` | the turn of the loop |
| `stream` | the number of the stream or other handle, 0 for the loop; never used twice |
| `kind` | what happened, one of the kinds below |
| `fn` | the innermost libuv function that did it |
| `old`, `new` | what changed from what to what; null for a kind that changes no value |

In the feed between processes an event is a record: a header word (`stream << 16 | function << 8 | kind`, where the
engine's greeting lists functions and kinds) and one word for each argument. `seq` follows from the header's place in
the feed: `place * {SEQ_PER_WORD} + 1`. The clock is not read for each record: an argument `t` is a reading, and what
follows it happened then.

## How arguments read

| domain | in the record | in JSON |
|---|---|---|
"""

DOMAINS: dict[str, tuple[str, str]] = {
    "int": ("a number", "the number"),
    "bytes": ("a number of bytes", "the number"),
    "fd": ("a file descriptor, -1 for none", "the number"),
    "req": ("the number of a request, 0 for none; never used twice", "the number"),
    "handle": ("the number of a handle, 0 for none", "the number"),
    "flag": ("one of the handle's flags, as a bit", "its name; `old` and `new` are `off` and `on`"),
    "mask": ("poll bits", "their names, `IN|OUT`; empty for none"),
    "status": ("0, or a negative errno", "the number; if it is negative, `…_name` has its name: `ECONNRESET`"),
    "result": ("a count or descriptor, or a negative errno", "as a status"),
    "ns": ("nanoseconds on the engine's clock", "the event's own `t`"),
    "ms": ("milliseconds, -1 for no limit", "the number"),
    "type": ("a handle's type, as in `uv.h`", "its name: `tcp`"),
    "request": ("a request's type, as in `uv.h`", "its name: `write`"),
    "callback": ("which callback of the program", "its name: `read_cb`"),
    "callbacks": ("a set of callbacks, one bit for each", "their names, `alloc_cb|read_cb`; empty for none"),
    "kernel": ("which field of what the kernel says", "its name: `outq`"),
    "text": ("text", "the text"),
}

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("The loop and epoll", ("loop.", "epoll.")),
    ("Handles", ("handle.",)),
    (
        "Flags and fields of a stream",
        (
            "flag.",
            "fd",
            "write_queue_size",
            "high_water",
            "accepted_fd",
            "delayed_error",
            "callbacks",
            "connect_req",
            "shutdown_req",
            "bytes_in",
            "bytes_out",
            "reads",
            "writes",
            "errors",
            "last_error",
            "feeds",
        ),
    ),
    ("What is injected", ("injected", "faults", "loop.freeze", "loop.thaw")),
    ("Queues", ("write_queue.", "write_completed_queue.", "queued_fds.", "pending.", "watcher_queue.", "closing.")),
    ("The io watcher", ("io.",)),
    ("Requests", ("request.",)),
    ("System calls", ("sys.", "fds.")),
    ("Callbacks of the program", ("callback.",)),
    ("Timers", ("timer.",)),
    ("What is told by who looks from outside", ("sample.", "kernel.", "program.")),
)


_KERNEL = """\
## What the kernel says

The fields of `kernel.sample`, by their number in the record; in JSON `field` is the name. They are asked for where the
loop waits, while somebody watches: of a stream that has something queued, is paused, armed for OUT or half closed, or
for which something waits in the kernel, five times a second; of another every two seconds; and together for no more
than 3 % of a core and 200 KB/s, so of very many streams less often. Only what is new is told. What the kernel or a
sandbox does not say is not told and is unknown: it is not 0. `ns` is nanoseconds, where the name ends in `_t` on the
engine's clock; `us` is microseconds.

| number | name | domain | what |
|---|---|---|---|
"""


def _group(kind: Kind) -> str:
    for title, names in _GROUPS:
        if any(kind.name == name or (name.endswith(".") and kind.name.startswith(name)) for name in names):
            return title
    return "More"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _entry(kind: Kind) -> str:
    lines = [f"### `{kind.name}`", "", _wrapped(kind.meaning), "", _wrapped(KINDS_IN_PRACTICE.get(kind.name, "")), ""]
    if kind.args:
        lines.append("- Arguments: " + ", ".join(f"`{arg.name}` ({arg.domain})" for arg in kind.args) + ".")
    lines.append(_wrapped("- Told by " + ", ".join(f"`{function}`" for function in kind.functions) + ".", "  "))
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """The whole document."""
    grouped: dict[str, list[Kind]] = {}
    for kind in KINDS:
        grouped.setdefault(_group(kind), []).append(kind)
    domains = "".join(f"| {name} | {_cell(record)} | {_cell(json)} |\n" for name, (record, json) in DOMAINS.items())
    titles = [title for title, _ in _GROUPS] + ["More"]
    sections = [
        f"## {title}\n\n" + "\n".join(_entry(kind) for kind in grouped[title]) for title in titles if title in grouped
    ]
    fields = "".join(
        f"| {number} | `{field.name}` | {field.domain} | {_cell(field.meaning)} |\n"
        for number, field in enumerate(KERNEL_FIELDS)
    )
    return "\n".join([_OPENING + domains, *sections, _KERNEL + fields])


if __name__ == "__main__":
    sys.stdout.write(markdown())
