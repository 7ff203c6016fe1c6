"""What one line of an outline looks like: when, whose, what a person would say of it, and the same by the engine's
names and numbers.

Pure. Where room is short there are fewer words, never half ones: names give way before the plain words do.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec
from rich.cells import cell_len

from streamscope.diagnosis import BY_NAME as LINT_BY_NAME
from streamscope.diagnosis.shapes import Level
from streamscope.language import tr
from streamscope.trace.contents import Gap, Note
from streamscope.trace.decode import Event
from streamscope.trace.passages import Passage
from streamscope.trace.sentence import sentence
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import DETAIL
from streamscope.ui.event_lines import explanation, gap_parts, row_text, what_style
from streamscope.ui.findings import ALARM, NOTICE
from streamscope.ui.lines import Line
from streamscope.ui.noted import about_text
from streamscope.ui.row_words import SIGNS
from streamscope.ui.safe import PARTS, few_words, fit, visible
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.sight import Passed, SightLine

FAILED = "✗"
GAP = 2
"""Cells between two fields."""
BETWEEN = len("= ") + len(" … 59.999")
"""Cells that an instant takes more that is known to lie between two others."""
FUNCTION = 20
"""Cells of a function's name; a longer one takes what it needs."""


class PassageColumns(msgspec.Struct, frozen=True):
    """How many cells each field has; 0 leaves it out."""

    clock: int
    stream: int
    plain: int
    names: int
    took: int


@lru_cache(maxsize=64)
def layout(width: int, *, with_stream: bool = True, sampled: bool = False) -> PassageColumns:
    """The layout for a list of `width` cells; the least important fields go first. What is `sampled` happened between
    two instants.
    """
    clock = 12 if width >= 72 else 9 if width >= 50 else 6
    clock += 0 if not sampled else BETWEEN if width >= 100 else len("= ")
    stream = (10 if width >= 100 else 8) if with_stream else 0
    took = 8 if width >= 100 else 0
    plain = 26 if width >= 100 else 24 if width >= 70 else 20
    rest = width - sum(cells + GAP for cells in (clock, stream, took) if cells)
    names = rest - plain - GAP
    return (
        PassageColumns(clock, stream, plain, names, took) if names >= 12 else PassageColumns(clock, stream, rest, 0, 0)
    )


def mark_of(line: SightLine) -> tuple[str, str]:
    """The glyph at a line's beginning, and its pen."""
    item = line.item
    if isinstance(item, Note):
        lint = LINT_BY_NAME.get(item.about)
        if lint is not None:
            return (ALARM, "error") if lint.level is Level.ERROR else (NOTICE, "warning")
    if isinstance(item, Passage) and item.style == "error":
        return FAILED, "error"
    return " ", ""


def line_parts(
    line: SightLine, width: int, started: float, vocabulary: Vocabulary, *, of: int | None, found: bool
) -> Line:
    """One line in `width` cells. `of` is the stream whose list it is, None for all; `found` that the filter wants this
    very event.
    """
    item = line.item
    form = layout(width, with_stream=of is None, sampled=vocabulary.is_sampled)
    if isinstance(item, Gap):
        return gap_parts(item, width)
    if isinstance(item, Passed):
        said = tr("nothing that matters from here on; what is before is looked through now")
        return [(fit(f"   …  {said}", width), "muted")]
    if isinstance(item, Note):
        return _note_parts(item, form, started, of)
    if isinstance(item, Event):
        return _event_parts(item, line.branch, width, vocabulary, line, found)
    return _passage_parts(item, form, started, of)


def _between(passage: Passage, started: float, form: PassageColumns) -> tuple[str, str]:
    """`= 14:02:09.878 … .928`: how sure it is, and between when and when it happened; where room is short, when it was
    seen.
    """
    if not passage.sure:
        return _clock(passage.event.t, started, form)
    sign, seen = SIGNS.get(passage.sure, " "), instant_text(started, passage.event.t)
    if form.clock < len(seen) + BETWEEN:
        text = f"{sign} {seen[2 - form.clock :]}"
    else:
        before = instant_text(started, passage.since)
        text = f"{sign} {before} … {seen[-4:] if before[:8] == seen[:8] else seen[-6:]}"
    return text.ljust(form.clock) + " " * GAP, "muted"


def _clock(t: int, started: float, form: PassageColumns) -> tuple[str, str]:
    return instant_text(started, t)[-form.clock :].rjust(form.clock) + " " * GAP, "muted"


def _whose(passage: Passage, of: int | None) -> str:
    """Whose line it is: `#4 → #5`; in a stream's own list only the other one."""
    to = passage.to
    others = f"#{to[0]}" if len(to) == 1 else f"{len(to)}" if to else ""
    name = f"#{passage.stream}" if passage.stream else tr("loop")
    if of is None:
        return f"{name} → {others}" if to else name
    if passage.stream != of:
        return f"← {name}"
    return f"→ {others}" if to else ""


def _passage_parts(passage: Passage, form: PassageColumns, started: float, of: int | None) -> Line:
    pen = passage.style
    took = span_text(passage.ns) if passage.ns is not None and form.took else ""
    parts: Line = [_between(passage, started, form)]
    whose, plain, names = _whose(passage, of), passage.plain, passage.names
    over = 0
    if form.stream:
        over = max(cell_len(whose) - form.stream, 0)  # half a number would be another stream's
        parts.append((fit(whose, form.stream + over) + " " * GAP, "value"))
    elif whose:
        plain = f"{whose} {plain}"
    room = max(form.plain - over, 1)
    if not form.names:
        return [*parts, (fit(few_words(f"{plain}{PARTS}{names}", room) or plain, room), pen)]
    more = max(cell_len(plain) - room, 0)
    left = max(form.names - more, 0)
    parts += [(fit(plain, room + more) + " " * GAP, pen), (fit(few_names(names, left), left), pen or "label")]
    if form.took:
        parts.append((" " * GAP + fit(took, form.took, "right"), "muted"))
    return parts


def few_names(names: str, width: int) -> str:
    """As much of the engine's names and numbers as there is room for: of what changed, rather what it has become than
    what it was, and rather a number without its name than neither.
    """
    first = names.split(PARTS)[0]
    before, arrow, after = first.rpartition(" → ")
    if arrow and cell_len(first) > width:
        name = before.partition(" ")[0]
        for shorter in (f"{name}{arrow}{after}", after if any(map(str.isdigit, after)) else f"{name} {after}"):
            if cell_len(shorter) <= width:
                return shorter
    return few_words(names, width)


def _note_parts(note: Note, form: PassageColumns, started: float, of: int | None) -> Line:
    whose = (f"#{note.stream}" if note.stream else tr("loop")) if of is None else ""
    lint = LINT_BY_NAME.get(note.about)
    pen = "label" if lint is None else "error" if lint.level is Level.ERROR else "warning"
    word, _, sentence = visible(tr(note.text)).rpartition(PARTS)
    plain = about_text(note)
    if word:
        plain = tr("{lint}, {word}", lint=plain, word=word)
    start: Line = [_clock(note.t(started), started, form)]
    if form.stream:
        start.append((fit(whose, form.stream) + " " * GAP, "value"))
    room = form.names + (form.took + GAP if form.took else 0)
    if not form.names:
        return [*start, (fit(few_words(f"{plain}{PARTS}{sentence}", form.plain) or plain, form.plain), pen)]
    more = max(cell_len(plain) - form.plain, 0)
    text = sentence if cell_len(sentence) <= room - more else few_words(_without_subject(note, sentence), room - more)
    return [*start, (fit(plain, form.plain + more) + " " * GAP, pen), (fit(text, room - more), "label")]


def _without_subject(note: Note, sentence: str) -> str:
    """A sentence that begins with the note's own stream, which the line has named, without that."""
    words = sentence.split(" ")
    if words[1:2] != [f"#{note.stream}"]:
        return sentence
    return " ".join(words[4 if words[2:3] in (["→"], ["←"]) else 2 :])


def _event_parts(event: Event, branch: str, width: int, vocabulary: Vocabulary, line: SightLine, found: bool) -> Line:
    """An event below its cycle: in the tree of calls, by the engine's names, and in plain words where there is room."""
    words = vocabulary.kind(event.kind)
    pen = "value" if found else what_style(event) or ("muted" if words.weight <= DETAIL else "")
    main = line.episode.passages[0].stream if line.episode is not None and line.episode.passages else event.stream
    whose = f"#{event.stream} " if event.stream != main and event.stream else ""
    head = f"   {branch}{whose}{visible(event.fn)}"
    at = max(cell_len(head) + GAP, FUNCTION + 8)
    what = "   ".join(filter(None, (visible(text) for text in sentence(event, vocabulary))))
    room = width - at
    plain = visible(words.plain)
    aside = cell_len(what) + 3 * GAP + cell_len(plain) <= room and width >= 100
    if not aside:
        return [(fit(head, at), "label"), (fit(few_words(what, room) or fit(what, room), room), pen)]
    return [(fit(head, at), "label"), (fit(what, room - cell_len(plain) - GAP), pen), (plain + " " * GAP, "muted")]


def line_text(line: SightLine, started: float, vocabulary: Vocabulary) -> str:
    """A line for the clipboard: every field, however wide the list is."""
    item = line.item
    if isinstance(item, (Event, Gap)):
        return line.branch + row_text(item, started, vocabulary)
    if isinstance(item, Note):
        fields = [instant_text(started, item.t(started)), f"#{item.stream}", about_text(item), visible(tr(item.text))]
    elif isinstance(item, Passage):
        took = "" if item.ns is None else span_text(item.ns)
        fields = [instant_text(started, item.event.t), _whose(item, None), item.plain, item.names, took]
    else:
        return ""
    return "  ".join(filter(None, fields))


def line_explanation(line: SightLine, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """What a line means, in the words that came with its feed: pairs of a name and a sentence about it."""
    item = line.item
    if isinstance(item, (Event, Gap)):
        return explanation(item, vocabulary)
    if isinstance(item, Note):
        lint = LINT_BY_NAME.get(item.about)
        if lint is None:
            said = tr("was found out beside the feed.")
        else:
            said = visible(tr("{checks} {matters}", checks=tr(lint.checks), matters=tr(lint.matters)), 400)
        return [
            (about_text(item), said),
            (
                tr("note"),
                tr("No event of the engine: what this screen found out. w says why, where something is wrong."),
            ),
        ]
    if isinstance(item, Passed):
        return [("…", tr("So many events are gone over in one go; the rest follows by itself."))]
    events = line.episode.end - line.episode.row if line.episode is not None else 0
    if item.read or item.wrote or item.asked:
        return [
            (
                tr("cycle"),
                tr("What the loop did for a stream in one go: it read, the program's callback ran, that wrote."),
            ),
            ("⏎", tr("shows each of its {n} events below it, by the engine's names.", n=f"{events:,}")),
        ]
    return explanation(item.event, vocabulary)
