"""An engine that nobody has: ten flags, types, requests, callbacks and kinds of its own, and what it cannot know.

It moves in the kinds of state that every reader folds, under its own numbers, and tells of four more. No word of libuv
is among its names.
"""

from __future__ import annotations

from feeds import SECOND, Clock, Scene

from streamscope.core.records import Word
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import FieldWords, FlagWords, KindWords, NameWords, Words

FULL, NEW, WAXING, WANING, HIDDEN, TIDAL, FAR, NEAR, BLUE, BLOOD = (1 << bit for bit in range(40, 50))
SEA, LAND = 1, 2
EBB, FLOW = 7, 9

_KINDS: list[tuple[str, str, str, str]] = [
    # name, arguments with their domains, functions, plain
    ("loop.turn", "turn:int t:ns", "orbit", "an orbit begins"),
    ("handle.init", "type:type place:text", "rise", "rises"),
    ("handle.address", "local:text peer:text", "rise", "is seen from"),
    ("flag.set", "flag:flag", "orbit", "lights up"),
    ("flag.clear", "flag:flag", "orbit", "darkens"),
    ("write_queue_size", "old:bytes new:bytes depth:int", "pull", "ballast"),
    ("request.begin", "req:req request:request bytes:bytes nbufs:int active_reqs:int", "pull", "a pull begins"),
    ("request.end", "req:req status:status active_reqs:int request:request", "pull", "a pull ends"),
    ("callback.begin", "callback:callback value:result", "pull", "tells the shore"),
    ("moon.phase", "phase:flag lit:int", "orbit", "the phase changed"),
    ("moon.tide", "old:bytes new:bytes", "pull", "the tide turned"),
    ("moon.quake", "status:status", "rise", "the ground shook"),
    ("moon.seen", "by:text", "rise", "somebody looked up"),
]

WORDS = Words(
    engine="the moon, lunation 1254",
    kinds={
        name: KindWords(
            domains=[argument.split(":")[1] for argument in arguments.split()],
            functions=[function],
            meaning=f"On the moon: {plain}.",
            plain=plain,
        )
        for name, arguments, function, plain in _KINDS
    },
    functions={"orbit": "goes round.", "rise": "comes up.", "pull": "draws the sea."},
    flags=[
        FlagWords(FULL, "FULL", "all of it is lit", "All of it is lit.", ["orbit"], ["orbit"], 3, "F", 0),
        FlagWords(NEW, "NEW", "none of it is lit", "None of it is lit.", ["orbit"], ["orbit"], 3, "N", 0),
        FlagWords(WAXING, "WAXING", "more of it every day", "More of it is lit.", ["orbit"], ["orbit"], 3, "x", 1),
        FlagWords(WANING, "WANING", "less of it every day", "Less of it is lit.", ["orbit"], ["orbit"], 3, "n", 1),
        FlagWords(HIDDEN, "HIDDEN", "behind a cloud", "A cloud is before it.", weight=2),
        FlagWords(TIDAL, "TIDAL", "moves the sea", "It moves the sea.", weight=2, types=["sea"]),
        FlagWords(FAR, "FAR", "far away", "It is far away.", weight=2),
        FlagWords(NEAR, "NEAR", "close by", "It is close by.", weight=1),
        FlagWords(BLUE, "BLUE", "the second of a month", "The second of a month.", weight=2),
        FlagWords(BLOOD, "BLOOD", "in the shadow", "It is in the shadow.", weight=0),
    ],
    types=[NameWords(SEA, "sea", stream=True), NameWords(LAND, "land")],
    requests=[NameWords(EBB, "ebb"), NameWords(FLOW, "write")],
    callbacks=[NameWords(0, "none"), NameWords(3, "on_shore")],
    polls=[NameWords(2, "WAVE")],
    errors=[NameWords(-5000, "EDRY")],
    fields={
        "flags": FieldWords("phases", "What the moon looks like."),
        "peer": FieldWords("seen from", "Where it is seen from."),
        "write_queue_size": FieldWords("ballast", "What has not flowed yet.", 3, 0, "ballast"),
        "high_water": FieldWords("mark", "Where the shore is.", 2, 1000, "shore"),
        "bytes_out": FieldWords("flowed", "What has flowed.", 2),
        "turn": FieldWords("orbit", "Which orbit it is."),
    },
    unseen=["bytes_in", "errors", "payload", "callback_ns"],
)

MOON = Vocabulary(
    [(name, tuple(argument.split(":")[0] for argument in arguments.split())) for name, arguments, _, _ in _KINDS],
    ["orbit", "rise", "pull"],
    (),
    WORDS,
)

_CODES = {name: code for code, (name, _) in enumerate(MOON.kinds)}
_TOLD_BY = {name: MOON.functions.index(function) for name, _, function, _ in _KINDS}


def record(kind: str, stream: int, *words: Word) -> list[Word]:
    """One record of the moon's feed."""
    assert len(words) == len(MOON.kinds[_CODES[kind]][1])
    return [stream << 16 | _TOLD_BY[kind] << 8 | _CODES[kind], *words]


def moonrise() -> Scene:
    """A sea above its mark, one at rest, and an event of every kind that only the moon has."""
    scene = Scene(Clock(200.0), vocabulary=MOON, program="moon")
    scene.snapshot([])
    scene.records(
        record("loop.turn", 0, 12, 200 * SECOND),
        record("handle.init", 7, SEA, "sky.py:3 dawn"),
        record("handle.address", 7, "", "Lisbon"),
        record("handle.init", 8, SEA, "sky.py:3 dawn"),
        record("handle.address", 8, "", "Brest"),
        record("handle.init", 9, LAND, ""),
        record("flag.set", 7, FULL),
        record("flag.set", 7, WAXING),
        record("flag.set", 7, TIDAL),
        record("write_queue_size", 7, 0, 5000, 3),
        record("request.begin", 7, 1, EBB, 70, 1, 1),
        record("request.end", 7, 1, -5000, 0, EBB),
        record("request.begin", 7, 2, FLOW, 70, 1, 1),
        record("request.end", 7, 2, 0, 0, FLOW),
        record("callback.begin", 7, 3, -5000),
        record("moon.phase", 7, FULL, 99),
        record("moon.tide", 7, 100, 200),
        record("moon.quake", 7, -5000),
        record("moon.seen", 7, "a cat"),
    )
    return scene
