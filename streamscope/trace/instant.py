"""Where to go in the past: what a person writes after `:`, or as an option of a command, and what it means.

    14:02:11.5          a time of day, of the day that is nearest
    12.5s  1m 30s       so long after the engine began
    -3.2s  +500ms       so long before, or after, where one is; in an option, the end and the beginning
    turn 18402  turn +1 a turn of the loop
    seq 73504  #73504   an event by its number
    mark  start  end    the marked instant, and the ends of the past

Pure: nothing is looked up, so a target may lie outside of what is kept; whoever goes there goes as near as there is.
Numbers may have the separators that the screen shows them with.
"""

from __future__ import annotations

import re
import time

import msgspec

from streamscope.language import N_, tr

SECOND = 1_000_000_000
MOST = 2**62

UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": SECOND, "m": 60 * SECOND, "min": 60 * SECOND,
         "h": 3600 * SECOND}  # fmt: skip

WORDS = {"start": "start", "first": "start", "home": "start", "end": "end", "last": "end", "mark": "mark", "m": "mark"}

EXAMPLES = "14:02:11.5   12.5s   -3.2s   turn 18402   seq 73504   mark   start   end"
"""For a person who has written nothing yet."""

_NUMBER = r"\d[\d,_]*"
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?")
_COUNTED = re.compile(rf"(turn|seq|#)\s*([+-]?)\s*({_NUMBER})", re.IGNORECASE)
_PIECE = re.compile(rf"\s*({_NUMBER}(?:\.\d*)?|\.\d+)\s*([a-zµ]*)", re.IGNORECASE)
_BARE = re.compile(_NUMBER)


class InstantError(Exception):
    """What was written is no place in the past; `start` and `end` are where in the text it goes wrong."""

    def __init__(self, text: str, start: int, end: int) -> None:
        super().__init__(text)
        self.start, self.end = start, max(end, start + 1)


class Target(msgspec.Struct, frozen=True):
    """Where to go. `kind` is `t` (nanoseconds on the feed's clock), `turn`, `seq`, `mark`, `start` or `end`."""

    kind: str
    value: int = 0


class Standpoint(msgspec.Struct, frozen=True):
    """From where one goes: the present instant, and the Unix time at which the feed's clock was 0."""

    t: int = 0
    turn: int = 0
    seq: int = 0
    started: float = 0.0


def parse(text: str, here: Standpoint, *, bare: str = "") -> Target:
    """What the text means. A number alone is what `bare` says (`seq`), or an error that asks what it counts.

    Raises InstantError.
    """
    begin = len(text) - len(text.lstrip())
    written = text.strip().replace("−", "-")  # the screen shows a minus, a keyboard has a hyphen
    if not written:
        raise InstantError(tr("write where to go: {examples}", examples=EXAMPLES), 0, 1)
    if written.lower() in WORDS:
        return Target(WORDS[written.lower()])
    try:
        return _counted(written, here) or _clock(written, here) or _bare(written, bare) or _duration(written, here)
    except InstantError as error:
        raise InstantError(str(error), error.start + begin, error.end + begin) from None


def parse_option(text: str, span: tuple[int, int], started: float, *, bare: str = "") -> Target:
    """What an option of a command means, for a trace that begins and ends at these instants: nobody stands anywhere in
    it, so a minus counts back from its end, a plus on from its beginning, and there are no marks. Raises InstantError.
    """
    backwards = text.lstrip().startswith(("-", "−"))
    try:
        target = parse(text, Standpoint(t=span[backwards], started=started), bare=bare)
    except InstantError as error:
        said = str(error).replace(EXAMPLES, EXAMPLES.replace("mark   ", ""))
        raise InstantError(said, error.start, error.end) from None
    if target.kind == "mark":
        raise InstantError(tr("there are no marks here; write a time, a turn or a seq"), 0, len(text))
    return target


def _int(digits: str) -> int:
    return min(int(digits.replace(",", "").replace("_", "")[:20]), MOST)


def _counted(text: str, here: Standpoint) -> Target | None:
    """`turn 18402`, `seq 73504`, `#73504`; with a sign so many on or back."""
    named = re.match(r"turn|seq|#", text, re.IGNORECASE)
    if named is None:
        return None
    found = _COUNTED.fullmatch(text)
    if found is None:
        what = tr("turn") if named[0].lower() == "turn" else tr("sequence number")
        raise InstantError(
            tr("the {what} is missing", what=what) if named.end() == len(text) else tr("this is no {what}", what=what),
            named.end(),
            len(text),
        )
    kind = "turn" if found[1].lower() == "turn" else "seq"
    number = _int(found[3])
    if found[2]:
        number = (here.turn if kind == "turn" else here.seq) + (-number if found[2] == "-" else number)
    return Target(kind, max(number, 0))


def _clock(text: str, here: Standpoint) -> Target | None:
    """A time of day, on whichever day brings it nearest to where one is."""
    if ":" not in text:
        return None
    found = _CLOCK.fullmatch(text)
    if found is None:
        good = _CLOCK.match(text)
        raise InstantError(tr("a time of day reads 14:02:11.5"), good.end() if good else 0, len(text))
    for group, limit, what in ((1, 24, N_("hours")), (2, 60, N_("minutes")), (3, 60, N_("seconds"))):
        if found[group] and int(found[group]) >= limit:
            raise InstantError(tr("there are no {n} {units}", n=found[group], units=tr(what)), *found.span(group))
    fraction = int((found[4] or ".0")[1:].ljust(9, "0"))
    try:
        day = time.localtime(here.started + here.t / SECOND)
        hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
        times = [
            int(time.mktime((day.tm_year, day.tm_mon, day.tm_mday + days, hour, minute, second, 0, 0, -1)))
            for days in (-1, 0, 1)
        ]
        whole, rest = divmod(here.started, 1)
        all_t = [(seconds - int(whole)) * SECOND - int(rest * SECOND) + fraction for seconds in times]
    except (ValueError, OverflowError, OSError) as error:
        raise InstantError(tr("when this engine began is not known, so it has no time of day"), 0, len(text)) from error
    return Target("t", min(all_t, key=lambda t: abs(t - here.t)))


def _bare(text: str, bare: str) -> Target | None:
    if _BARE.fullmatch(text) is None:
        return None
    if bare:
        return Target(bare, _int(text))
    raise InstantError(tr("of what? turn {text}, seq {text} or {text}s", text=text), 0, len(text))


def _duration(text: str, here: Standpoint) -> Target:
    """`12.5s`, `1m 30s`; with a sign from where one is."""
    sign = text[0] if text[0] in "+-" else ""
    place = len(sign)
    total = 0.0
    while place < len(text):
        piece = _PIECE.match(text, place)
        if piece is None:
            what = (
                tr("a number belongs here")
                if total or sign
                else tr("this is no place in the past; there are {examples}", examples=EXAMPLES)
            )
            raise InstantError(what, place, len(text))
        if not piece[2]:
            raise InstantError(tr("a unit belongs behind it: ns, us, ms, s, m or h"), *piece.span(1))
        unit = UNITS.get(piece[2].lower())
        if unit is None:
            raise InstantError(tr("there is no such unit: ns, us, ms, s, m or h"), *piece.span(2))
        total += float(piece[1].replace(",", "").replace("_", "")[:20]) * unit
        place = piece.end()
    if place == len(sign):
        raise InstantError(tr("how long is missing"), 0, len(text))
    span = min(int(total), MOST)
    return Target("t", max(here.t + (-span if sign == "-" else span), 0) if sign else span)
