"""What the engine's numbers and names are called: the words that travel with its feed.

A reader knows no engine. Everything it needs to name and explain what a feed tells (flags, types, requests, callbacks,
poll bits, fields, kinds, functions, and what each means) comes with the greeting and stands in the trace; `words` is
where this engine's come from. Another producer has a table of its own, of the same shape: plain dictionaries, lists,
texts and numbers, so that making it needs the standard library alone.
"""

from __future__ import annotations

from typing import Any

from ..errors import EOF
from ..flags import (
    POLL_NAMES,
    REQUEST_NAMES,
    STREAM_TYPES,
    TYPE_NAMES,
    UV_CONNECT,
    UV_SHUTDOWN,
    UV_WRITE,
)
from ..probe import CALLBACK_NAMES, KINDS
from .field_words import FIELDS
from .flag_words import FLAGS
from .function_words import FUNCTION_MEANINGS
from .kernel_words import KERNEL_FIELDS
from .kind_words import KIND_WORDS
from .practice_words import FIELDS_IN_PRACTICE, FLAGS_IN_PRACTICE, KINDS_IN_PRACTICE, REQUESTS_IN_PRACTICE

ENGINE = "streamscope's engine, libuv 1.44.2"
ERRORS = {"EOF": EOF, "UNKNOWN": -4094, "ECHARSET": -4080}
"""libuv's own errors, beside those of the kernel, whose names every reader has."""
WAITS_FOR = {
    UV_CONNECT: "waits for POLLOUT: then the kernel knows how the connect went",
    UV_WRITE: "waits for the kernel to take its bytes",
    UV_SHUTDOWN: "waits for write_queue to drain",
}
"""What a request waits for while it is under way."""


def words() -> dict[str, Any]:
    """The words of this engine, as they travel (`streamscope.trace.words.Words` says what each is)."""
    return {
        "engine": ENGINE,
        "kinds": {
            kind.name: {
                "domains": [arg.domain for arg in kind.args],
                "functions": list(kind.functions),
                "meaning": kind.meaning,
                "plain": KIND_WORDS[kind.name][0],
                "weight": KIND_WORDS[kind.name][1],
                "practice": KINDS_IN_PRACTICE.get(kind.name, ""),
            }
            for kind in KINDS
        },
        "functions": dict(FUNCTION_MEANINGS),
        "flags": [flag._asdict() | {"practice": FLAGS_IN_PRACTICE.get(flag.name, "")} for flag in FLAGS],
        "types": [
            {"number": number, "name": name, "stream": number in STREAM_TYPES} for number, name in TYPE_NAMES.items()
        ],
        "requests": [
            {
                "number": number,
                "name": name,
                "meaning": WAITS_FOR[number],
                "practice": REQUESTS_IN_PRACTICE.get(name, ""),
            }
            for number, name in REQUEST_NAMES.items()
        ],
        "callbacks": [{"number": number, "name": name} for number, name in enumerate(CALLBACK_NAMES)],
        "polls": [{"number": number, "name": name} for number, name in POLL_NAMES.items()],
        "errors": [{"number": number, "name": name} for name, number in ERRORS.items()],
        "kernel": [{"number": number, **field._asdict()} for number, field in enumerate(KERNEL_FIELDS)],
        "fields": {
            name: field._asdict() | {"practice": FIELDS_IN_PRACTICE.get(name, "")} for name, field in FIELDS.items()
        },
        "unseen": [],
    }
