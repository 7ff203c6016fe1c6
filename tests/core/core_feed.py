"""A feed as lines that a person can check against libuv's source: `#3 uv__write_req_finish: write_queue.pop 1`.

Kept apart from the decoder that inspectors use, so that the two cannot be wrong together. Times are left out.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence

from streamscope.core.flags import FLAG_NAMES, REQUEST_NAMES, TYPE_NAMES, poll_names
from streamscope.core.probe import CALLBACK_NAMES, FUNCTIONS, KINDS, Arg, Kind
from streamscope.core.records import Word


def records(words: Sequence[Word]) -> Iterator[tuple[int, str, Kind, tuple[Word, ...]]]:
    """Handle's number, function, kind and arguments of each record."""
    i = 0
    while i < len(words):
        header = words[i]
        assert isinstance(header, int), f"word {i} is no header: {header!r}"
        kind = KINDS[header & 255]
        arguments = tuple(words[i + 1 : i + 1 + len(kind.args)])
        assert len(arguments) == len(kind.args), "the feed ends within a record"
        for arg, word in zip(kind.args, arguments, strict=True):
            assert type(word) is (str if arg.domain == "text" else int), f"{kind.name}: {arg.name} is {word!r}"
        function = FUNCTIONS[header >> 8 & 255]
        assert function in kind.functions
        yield header >> 16, function, kind, arguments
        i += 1 + len(arguments)


def _word(arg: Arg, word: Word) -> str:
    match arg.domain, word:
        case "flag", int():
            return FLAG_NAMES[word]
        case "mask", int():
            return poll_names(word)
        case "callback", int():
            return CALLBACK_NAMES[word]
        case "callbacks", int():
            return "|".join(name for n, name in enumerate(CALLBACK_NAMES) if word >> n & 1) or "none"
        case "type", int():
            return TYPE_NAMES[word]
        case "request", int():
            return REQUEST_NAMES[word]
        case (("status" | "result"), int()) if word < 0:
            return "EOF" if word == -4095 else errno.errorcode[-word]
        case "text", str():
            return repr(word)
    return str(word)


def lines(words: Sequence[Word]) -> list[str]:
    """The feed, a line for each record."""
    return [
        f"{f'#{number} ' if number else ''}{function}: "
        + " ".join(
            [kind.name, *(_word(arg, word) for arg, word in zip(kind.args, arguments) if arg.domain != "ns")]
        ).strip()
        for number, function, kind, arguments in records(words)
    ]


def told(words: Sequence[Word]) -> set[tuple[str, str]]:
    """Which (kind, function) pairs occur."""
    return {(kind.name, function) for _, function, kind, _ in records(words)}
