"""The language explained, from the tables that make it: `python -m streamscope.trace.filter > docs/filter.md`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from streamscope.language import tr
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.filter.lexer import FilterError
from streamscope.trace.filter.names import PREDICATES, Name
from streamscope.trace.filter.parser import parse
from streamscope.trace.filter.values import BYTES, TIMES, WHAT
from streamscope.trace.vocabulary import Vocabulary

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
    ("snd_wnd == 0 and outq > 1MiB", "streams whose peer has no room, with a megabyte in the kernel"),
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
- a kind of event or a function of the engine: its events;
- any other text: streams that have it in their name, their place in the program or their addresses; events of such
  streams, and events that have it in their kind, their function or a text of their own. What the engine cannot know of
  these is not looked into.

A word in quotes is always a text. A name that has to be compared with something is an error when it stands alone.

Where a diagnosis looks on, on the screen, in `check` and in the pytest fixture, its lints are words as well: `stalled`,
`peer_gone` (the peer has ended, TCP is in CLOSE_WAIT, and nobody reads), `slow_callback`; all are in
[lints.md](lints.md). Each is yes or no of a stream, and `lint.stalled` is the event that it begins.

## Comparisons

`name == value`, `!=`, `<`, `<=`, `>`, `>=`; `~` and `!~` look for a pattern in a text; `has` asks whether a set has at
least these. On the right stands a value or another name of the same sort. Expressions are joined by `and`, `or`, `not`
and parentheses; `or` binds least.

A comparison about something that is not there does not hold, whichever way it compares: an event without a status has
none below 0 and none above. `not status < 0` wants such events.

Of an event, a name is what the event itself says, and if it does not, what was true of its stream right after it.

What is *unknown* is not the same as what is not there. An engine may be unable to know something, as a sampler knows of
no moment between two samples, or a feed may not tell what was under way when it began. A comparison with an unknown is
neither true nor false, and neither is its opposite: `not wq > 0` does not want a stream whose queue nobody knows. `and`
and `or` come out where the unknown makes no difference: `tcp or wq > 0` wants a tcp stream. What is not true is not
shown. A name that the engine of a feed can never know is refused: `write_queue_size cannot be known of …`.

What the kernel says (`outq`, `snd_wnd`, `tcp_state`, …) is true as of when it was asked last (`kernel_t`). What it has
not said of a stream is not there: neither `rtt > 1ms` nor `rtt <= 1ms` wants it.

`flag` is the odd one: a stream has many, so `flag == READING` means that it is one of them. Of events it is the flag
that was set or cleared; `flag(READING)` asks what the stream had at that moment.

## Values

- Numbers: `18432`, `0x1000`, `-1`, `1_000_000`. Sizes may have a unit: {bytes}.
  Times must: {times}.
- Names: flags, types, kinds, functions, callbacks, requests, poll events (`IN` or `POLLIN`) as the feed's own
  vocabulary has them, errors as the system names them (`ECONNRESET`, `EPIPE`, and `EOF`). A name that the feed has not
  is an error, in quotes too; where several feeds are asked at once, if none of them has it. A number may stand for any
  of them but a kind or a function.
- Sets: `IN|OUT`, `READABLE|WRITABLE`. `==` wants exactly these, `has` at least these.
- `old` and `new` take any value; of a flag they are `on` and `off`.
- Texts stand in quotes, `"` or `'`; within them `\\"` and `\\\\` mean the character, any other backslash itself.

## Patterns

`.`, `[a-z]`, `[^a-z]`, `\\d \\w \\s \\D \\W \\S`, `\\t \\n \\r \\xNN`, `( )`, `|`, `* + ? {{2}} {{2,}} {{2,5}}`,
`^` and `$`. Capitals matter. A pattern has at most 200 characters and is searched without ever going back, so none can
take long. There is therefore no back-reference and no looking around.
"""


def examples(language: Language) -> list[tuple[str, str]]:
    """Filters and what they want; those that this engine's words can say."""
    return [(text, words) for text, words in EXAMPLES if _can_say(text, language)]


def _can_say(text: str, language: Language) -> bool:
    try:
        parse(text, language)
    except FilterError:
        return False
    return True


_DURATIONS = """\
The last four are durations, which no record carries: each is measured between two events and belongs to the one that
ends it, so `callback_time > 100ms` finds the `callback.end` of every callback that ran so long, and
`turn_time > 50ms` the `epoll.wait` that came after a turn so long. A turn is what lies between two polls: all callbacks
of a round of the loop. A callback's time is without the callbacks inside it. The lag of a timer counts from the time
at which it was due, that of any other callback from the instant that poll returned its event, so the last of twenty
callbacks has the time of the other nineteen. A duration whose beginning the feed does not tell, because it was before
the feed or was lost, is unknown.

"""


def markdown() -> str:
    """The whole document, in the words of this version's engine."""
    language = Language.of(Vocabulary.here())
    rows = "".join(f"| `{_cell(text)}` | {_cell(words)} |\n" for text, words in EXAMPLES)
    rules = _RULES.format(bytes=_list(BYTES), times=_list(TIMES))
    return "\n".join(
        [
            _OPENING + rows + rules,
            "## What streams have\n\n" + _table(language.stream_names),
            "In a word with parentheses, streams are asked what holds now:\n\n"
            + "| predicate | value | meaning |\n|---|---|---|\n"
            + "".join(
                f"| `{name}(…)` | {WHAT[domain]} | {words} |\n" for name, (domain, _, words) in PREDICATES.items()
            ),
            textwrap.fill(f"Flags: {_list(language.values.suggested['flag'])}.", 120)
            + f"\nPoll events: {_list(language.values.suggested['mask'])}.\n",
            "## What events have\n\nBeside what their streams have. Kinds and their arguments are in "
            "[events.md](events.md).\n\n" + _DURATIONS + _table(language.event_names),
        ]
    )


def help_text(vocabulary: Vocabulary) -> str:
    """The language of feeds with this vocabulary on a screenful or two: plain text, an example a line, then every
    name.
    """
    language = Language.of(vocabulary)
    shown = examples(language)
    width = max((len(text) for text, _ in shown), default=0)
    lines = [f"{text:<{width}}  {tr(words)}" for text, words in shown]
    lines += ["", tr("Names, of streams: {names}.", names=", ".join(name.name for name in language.stream_names))]
    lines += ["", tr("Of events, beside those: {names}.", names=", ".join(name.name for name in language.event_names))]
    lines += [
        "",
        tr(
            "Sizes: {sizes}. Times: {times}. Joined by and, or, not and parentheses.",
            sizes=_plain(BYTES),
            times=_plain(TIMES),
        ),
    ]
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
