"""A lesson of a recording: what one stream of a trace did, as steps that walk its past. No program runs.

`lesson from` cuts the stretch out in which the stream is told of, and writes a lesson beside it, whose claims are what
was so there. What it teaches is for whoever writes it.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from streamscope.language import N_, tr
from streamscope.lessons.performing import LOOP, LessonError, Moment, Performance
from streamscope.lessons.step import STREAM, RecordedLesson
from streamscope.link.replaying import Replay
from streamscope.trace.contents import Slice
from streamscope.trace.decode import Event
from streamscope.trace.keyframe import keyframe_of, snapshot
from streamscope.trace.model import Model
from streamscope.trace.outline import Episode, Outline
from streamscope.trace.past import Past
from streamscope.trace.plain_text import visible
from streamscope.trace.state import StreamState
from streamscope.trace.store.copying import copy_leaf
from streamscope.trace.store.format import TraceError
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.traveller import Traveller
from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.walk import state_before

MOST_STEPS = 12
MOST_LOOKED_AT = 2_000
"""So many lines of the outline are looked at for what is worth a step."""
MOST_NAMED = 12
"""So many streams are named where the one that was meant is not there."""
TITLE = 40


class _Worth(NamedTuple):
    """A place that is worth a step: after the row `row`, what is told of it, and whether it is more than traffic."""

    row: int
    plain: str
    names: str
    special: bool


def walk(lesson: RecordedLesson) -> Performance:
    """The lesson on its recording; whoever gets it closes it. Raises LessonError."""
    try:
        replay = Replay.open(lesson.trace)
    except TraceError as error:
        raise LessonError(tr("the lesson {name} has no recording: {why}", name=lesson.name, why=error)) from error
    handles = {STREAM: lesson.stream, LOOP: 0}
    if wrong := [step.title for _, step in lesson.steps if step.of not in handles]:
        replay.close()
        raise LessonError(tr("the step {title!r} speaks of another than {stream}", title=wrong[0], stream=STREAM))
    past = replay.past
    moments = [Moment(step, past.row_at(seq=seq) + 1, handles) for seq, step in lesson.steps]
    moments = [moment._replace(row=min(moment.row, past.end)) for moment in moments]
    if not moments or sorted(moments, key=lambda moment: moment.row) != moments:
        replay.close()
        raise LessonError(tr("the lesson {name} needs steps, each later than the one before it", name=lesson.name))
    return Performance(lesson.name, lesson.title, lesson.section, replay, moments)


def make(trace: Path, stream: int, name: str, folder: Path) -> tuple[str, str]:
    """The lesson's text, and its recording's file name, which is written into the folder. Raises LessonError, and
    OSError where that cannot be written.
    """
    try:
        replay = Replay.open(trace)
    except TraceError as error:
        raise LessonError(str(error)) from error
    try:
        past = replay.past
        found = sorted(_worth_a_step(past, stream), key=lambda each: (not each.special, each.row))[:MOST_STEPS]
        if not found:
            raise LessonError(
                tr(
                    "{trace} tells nothing of a stream {stream}: {there}",
                    trace=trace, stream=stream, there=_there_are(replay.model),
                )
            )  # fmt: skip
        found.sort()
        copy = folder / f"{name}.scope"
        _cut(replay, found[0].row, found[-1].row + 1, copy)
        return _text(trace, stream, name, copy.name, past, found), copy.name
    except FeedError as error:
        raise LessonError(tr("{trace} is damaged: {why}", trace=trace, why=error)) from error
    finally:
        replay.close()


def default_name(trace: Path) -> str:
    """What a lesson of this trace is called, if nobody says."""
    return "-".join(filter(None, (re.sub("[^a-z]+", "-", trace.stem.lower()).strip("-"), "lesson")))


def _there_are(model: Model) -> str:
    numbers = sorted(model.streams)
    if not numbers:
        return tr("it has no streams")
    named = ", ".join(map(str, numbers[:MOST_NAMED]))
    if more := len(numbers[MOST_NAMED:]):
        return tr("at its end there are {streams} and {more} more", streams=named, more=more)
    return tr("at its end there are {streams}", streams=named)


def _worth_a_step(past: Past, stream: int) -> Iterator[_Worth]:
    """What matters of the stream, a line each."""
    outline = Outline(past, lambda number: None, stream)
    key, lines = (past.reach, 0), 0
    seen = set()  # bytes that move are worth a step once
    while lines < MOST_LOOKED_AT:
        extract = outline.after(key, 50)
        for episode in extract.episodes:
            lines += episode.lines
            worth = _worth(past, episode, stream)
            like = "" if worth is None else re.sub(r"[\d.,]+", "", worth.plain)
            if worth is not None and (worth.special or like not in seen):
                yield worth
            seen.add(like)
        last = extract.episodes[-1].end if extract.episodes else extract.row
        if last <= key[0] and extract.whole:
            return
        key = (max(last, extract.row, key[0] + 1), 0)
        if key[0] >= past.end:
            return


def _worth(past: Past, episode: Episode, stream: int) -> _Worth | None:
    told = [passage for passage in episode.passages if passage.stream == stream]
    if not told:
        return None
    passage = next((each for each in told if not (each.read or each.wrote)), told[0])
    rows = past.rows(episode.row, episode.end - episode.row)
    mine = [row for row, event in enumerate(rows, episode.row) if isinstance(event, Event) and event.stream == stream]
    if not mine:
        return None
    return _Worth(mine[-1], passage.plain, passage.names, not (passage.read or passage.wrote))


def _cut(replay: Replay, first: int, end: int, path: Path) -> None:
    """What of the past is needed for these rows: the state before them, and what happened from there on."""
    assert replay.hello is not None
    past = replay.past
    _, piece, model = state_before(past, first, Model(past.decoder.vocabulary))
    known = snapshot(keyframe_of(model)) if model.whole else None
    with open(path, "wb", opener=_only_for_us) as file:
        writer = TraceWriter(file, replay.hello)
        for _, leaf in past.leaves(piece):
            if leaf.first >= end:
                break
            if known is not None:
                writer.slice(Slice(leaf.place, *known, first=True, last=True))
                known = None
            copy_leaf(writer, leaf)
        writer.close()


def _only_for_us(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _text(trace: Path, stream: int, name: str, copy: str, past: Past, found: list[_Worth]) -> str:
    """The file."""
    traveller = Traveller(past, row=found[0].row)
    words = past.decoder.vocabulary
    steps, before = [], None
    titles: dict[str, int] = {}
    for worth in found:
        traveller.go(worth.row + 1)
        state = traveller.model.known.get(stream)
        event = past.event(worth.row)
        if state is None or not isinstance(event, Event):
            continue
        title = textwrap.shorten(worth.plain, TITLE - 4, placeholder=" …") or event.kind
        titles[title] = titles.get(title, 0) + 1
        if titles[title] > 1:
            title = f"{title} ({titles[title]})"
        look, claims = _claims(state, before, words)
        named = worth.names not in ("", worth.plain)
        said = tr("{plain}: {names}", plain=worth.plain, names=worth.names) if named else worth.plain
        steps.append(_step(event.seq, title, _sentence(said), look, claims))
        before = (state.flags, state.write_queue_size, state.pevents)
    return tr(
        HEAD, trace=_quoted(trace.name), stream=stream, name=_quoted(name), copy=_quoted(copy), steps="".join(steps)
    )


def _claims(state: StreamState, before: tuple[int, int, int] | None, words: Vocabulary) -> tuple[list[str], list[str]]:
    """What to look at, and what is so: the flags that have changed, what waits, and what is wanted of epoll."""
    look, claims = [], []
    changed = state.flags ^ (before[0] if before is not None else 0)
    for bit, flag in words.flag_names.items():
        if changed & bit:
            look.append(flag)
            claims.append(f"flag({flag})" if state.flags & bit else f"not flag({flag})")
    if words.tells("write_queue_size") and (before is None or before[1] != state.write_queue_size):
        look.append("write_queue_size")
        claims.append(f"write_queue_size == {state.write_queue_size}")
    if words.tells("pevents") and before is not None and before[2] != state.pevents:
        look.append("epoll")
        claims.append(f"pevents == {words.mask_text(state.pevents)}" if state.pevents else "pevents == 0")
    if not claims:
        claims.append(f"flags == {words.flag_text(state.flags)}" if state.flags else "flags == 0")
        look.append("flags")
    return look[:4], claims[:4]


def _step(seq: int, title: str, text: str, look: list[str], claims: list[str]) -> str:
    said = "".join(f"                {_quoted(claim)},\n" for claim in claims)
    text = visible(text).replace("{", "{{").replace("}", "}}")
    return (
        f"        at(\n            {seq},\n            {_quoted(title)},\n            {_quoted(text)},\n"
        f"            look={_quoted(' '.join(look))},\n            claims=(\n{said}            ),\n        ),\n"
    )


def _sentence(text: str) -> str:
    return tr("{sentence}.", sentence=f"{text[:1].upper()}{text[1:]}")


def _quoted(text: str) -> str:
    """As Python reads it: a trace may hold anything."""
    return json.dumps(visible(text), ensure_ascii=False)


HEAD = N_(
    '''"""What stream {stream} of a recording did, as a lesson: made by `streamscope lesson from`, to be told by you.

A step stands right after the event with its number. `streamscope lesson check` says of every claim whether it is so.
"""

from streamscope.lessons.step import RecordedLesson, at

LESSON = RecordedLesson(
    name={name},
    title="Stream {stream} of " + {trace},
    section="",
    trace={copy},  # a part of it, beside this file
    stream={stream},
    steps=(
{steps}    ),
)
'''
)
