"""The language explained, from the tables that make it: `python -m streamscope.trace.filter > docs/filter.md`."""

from __future__ import annotations

from collections.abc import Iterable

from streamscope.core.flags import FLAG_NAMES
from streamscope.trace.filter.names import EVENT_NAMES, NAMES, PREDICATES, STREAM_NAMES, Name
from streamscope.trace.filter.values import BYTES, SUGGESTED, TIMES, WHAT

_OPENING = """\
# The filter language

One language says which streams and which events are wanted: in the filter bar (`/`) of the table and of the event list,
live and in a replay, in `streamscope export --filter`, and inside the assertions of `streamscope check`
([check.md](check.md)). This document is made from `streamscope/trace/filter` by `make docs`.

## At a glance

| filter | what it wants |
|---|---|
"""

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("7", "stream 7; in a table also streams with the port 7"),
    ("tcp reading :51514", "all of these words: a type, a flag, a part of an address"),
    ("!shut", "streams without the flag; before a word, `!` is `not`"),
    ("wq > 64KiB", "streams with more than that in their write queue; of events, those that find their stream so"),
    ("wq > high_water and queue_age > 1s", "a queue above its mark whose first write has waited for a second"),
    ('peer ~ ":51\\d+"', "a pattern that is found in the peer's address"),
    ("flag(READING) and not armed(OUT)", "streams that read and do not wait to write"),
    ("stream==7 and flag==READING", "events that set or clear the flag on stream 7; or stream 7, if it has the flag"),
    ('fn=="uv__write_req_finish" and status<0', "events of a function, with a failed status"),
    ("kind==epoll.mod", "events of one kind"),
    ("kind ~ \"^sys\" and result==EAGAIN", "system calls that would have blocked"),
    ("pevents has OUT or mask==IN|OUT", "poll events: some of them, and exactly these"),
    ("error and t > 2.5s", "failures after the first two and a half seconds"),
)  # fmt: skip

_RULES = """
## Words

Words that follow each other must all match; `and` between them says the same. Small and capital letters are the same in
a word. A word is, whichever of these it is first:

- the name of a flag: streams that have it, events that set or clear it;
- a type (`tcp`, `pipe`, `tty`): streams of it, events of such streams;
- a number (`7`, `#7`): the stream, and without the `#` in a table also a port of either side;
- `error`: an event that tells of a failure, or a stream with `errors`;
- the name of something that is yes or no (`pending`, `ipc`);
- a kind of event or a libuv function: its events;
- any other text: streams that have it in their name, their place in the program or their addresses; events of such
  streams, and events that have it in their kind, their function or a text of their own.

A word in quotes is always a text. A name that has to be compared with something is an error when it stands alone.

## Comparisons

`name == value`, `!=`, `<`, `<=`, `>`, `>=`; `~` and `!~` look for a pattern in a text; `has` asks whether a set has at
least these. On the right stands a value or another name of the same sort. Expressions are joined by `and`, `or`, `not`
and parentheses; `or` binds least.

A comparison about something that is not there does not hold, whichever way it compares: an event without a status has
none below 0 and none above. `not status < 0` wants such events.

Of an event, a name is what the event itself says, and if it does not, what was true of its stream right after it.

`flag` is the odd one: a stream has many, so `flag == READING` means that it is one of them. Of events it is the flag
that was set or cleared; `flag(READING)` asks what the stream had at that moment.

## Values

- Numbers: `18432`, `0x1000`, `-1`, `1_000_000`. Sizes may have a unit: {bytes}. Times must: {times}.
- Names: flags, types, kinds, functions, callbacks, requests, poll events (`IN` or `POLLIN`) as they are everywhere
  here, errors as the system names them (`ECONNRESET`, `EPIPE`, and `EOF`). In quotes, any kind or function, also one
  that this version does not know.
- Sets: `IN|OUT`, `READABLE|WRITABLE`. `==` wants exactly these, `has` at least these.
- `old` and `new` take any value; of a flag they are `on` and `off`.
- Texts stand in quotes, `"` or `'`; within them `\\"` and `\\\\` mean the character, any other backslash itself.

## Patterns

`.`, `[a-z]`, `[^a-z]`, `\\d \\w \\s \\D \\W \\S`, `\\t \\n \\r \\xNN`, `( )`, `|`, `* + ? {{2}} {{2,}} {{2,5}}`,
`^` and `$`. Capitals matter. A pattern has at most 200 characters and is searched without ever going back, so none can
take long. There is therefore no back-reference and no looking around.
"""


def markdown() -> str:
    """The whole document."""
    rows = "".join(f"| `{_cell(text)}` | {_cell(words)} |\n" for text, words in EXAMPLES)
    rules = _RULES.format(bytes=_list(BYTES), times=_list(TIMES))
    return "\n".join(
        [
            _OPENING + rows + rules,
            "## What streams have\n\n" + _table(STREAM_NAMES),
            "In a word with parentheses, streams are asked what holds now:\n\n"
            + "| predicate | value | meaning |\n|---|---|---|\n"
            + "".join(f"| `{name}(…)` | {WHAT[domain]} | {words} |\n" for name, (domain, words) in PREDICATES.items()),
            "Flags: " + _list(FLAG_NAMES.values()) + ". Poll events: " + _list(SUGGESTED["mask"]) + ".\n",
            "## What events have\n\nBeside what their streams have. Kinds and their arguments are in "
            "[events.md](events.md).\n\n" + _table(EVENT_NAMES),
        ]
    )


def help_text() -> str:
    """The language on a screenful or two, for the filter bar: plain text, an example a line, then every name."""
    width = max(len(text) for text, _ in EXAMPLES)
    lines = [f"{text:<{width}}  {words}" for text, words in EXAMPLES]
    lines += ["", "Names, of streams: " + ", ".join(name.name for name in STREAM_NAMES) + "."]
    lines += ["", "Of events, beside those: " + ", ".join(name.name for name in EVENT_NAMES) + "."]
    lines += ["", f"Sizes: {_plain(BYTES)}. Times: {_plain(TIMES)}. Joined by and, or, not and parentheses."]
    return "\n".join(lines) + "\n"


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _plain(words: Iterable[str]) -> str:
    return ", ".join(words)


def _table(names: Iterable[Name]) -> str:
    rows = [f"| `{name.name}` | {WHAT[name.domain]} | {_cell(_meaning(name))} |" for name in names]
    return "\n".join(["| name | value | meaning |", "|---|---|---|", *rows]) + "\n"


def _meaning(name: Name) -> str:
    kinds = sorted(name.kinds)
    if not kinds or name.name in ("old", "new"):
        return name.meaning
    told = ", ".join(f"`{kind}`" for kind in kinds) if len(kinds) < 5 else f"{len(kinds)} kinds"
    return f"{name.meaning}; told by {told}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


assert all(name.domain in WHAT for name in NAMES.values())
