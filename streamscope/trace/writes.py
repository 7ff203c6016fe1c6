"""Which ends of requests are the ends of writes.

A `request.end` says which type of request it is that ends. Feeds of format 1 did not say so: there, and nowhere else,
the function that tells of the end shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from streamscope.trace.decode import Decoder, Event
from streamscope.trace.vocabulary import Vocabulary

_OF_FORMAT_1 = "uv__write_callbacks"


def is_end_of_write(event: Event, vocabulary: Vocabulary) -> bool:
    """Whether a write ended here, well or badly."""
    if event.kind != "request.end":
        return False
    request = event.fields.get("request")
    return event.fn == _OF_FORMAT_1 if request is None else request == vocabulary.request("write")


def ends_of_writes(decoder: Decoder) -> Callable[[Sequence[Any], int], bool]:
    """The same for the record at a place in words, which must be a `request.end`, or a joined one that this version
    knows and that stands for one: those are of writes.
    """
    arguments = next((arguments for kind, arguments in decoder.kinds if kind == "request.end"), ())
    joined = decoder.layout.expansions
    if "request" in arguments:
        at, write = 1 + arguments.index("request"), decoder.vocabulary.request("write")
        return lambda words, i: words[i] & 255 in joined or bool(words[i + at] == write)
    functions = decoder.functions
    return lambda words, i: words[i] & 255 in joined or functions[words[i] >> 8 & 255] == _OF_FORMAT_1
