"""One idea of a lesson's step over the whole screen, as lines: its name, what it is now, a sentence, what is claimed.

Pure. There is air between all of it, twice as much where there is room, none where there is too little.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len

from streamscope.language import tr
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.course import Course
from streamscope.ui.ideas import CHAPTER, EPOLL, Idea, Ideas, value_text
from streamscope.ui.large import lamp, large_number, spaced
from streamscope.ui.lines import Line
from streamscope.ui.meters import NONE, bar, bytes_text
from streamscope.ui.quiz import Quiz
from streamscope.ui.safe import broken, fit, visible
from streamscope.ui.widgets import lesson_lines
from streamscope.ui.widgets.panel_rows import callback_of

ROOMY = (90, 28)
"""From this size on there is room for large digits, and for twice the air."""
WIDEST = 100
"""A line of text is no longer than this: nobody reads across a whole hall."""
MOST_LINES = 40
MOST_REQUESTS = 6
"""So many requests of a queue are drawn, at most."""
LABEL = 14
"""Cells of the words before lamps."""
AIR = ((2, 1), (1, 0), (0, 0))
"""Blank lines between two parts, and between the lines of one; the first that fits is taken."""


class Sheet:
    """What the pane has room for: `width` and `height` are its own, `left` and `room` where its lines stand."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.left = max(width // 10, 2)
        self.room = max(min(width - 2 * self.left, WIDEST), 1)
        self.top = height // 8
        self.roomy = width >= ROOMY[0] and height >= ROOMY[1]

    def laid_out(self, parts: Sequence[Sequence[Line]]) -> list[Line]:
        """Parts below each other, with as much air as there is room for; the text's own lines are the last two."""
        parts = [part for part in parts if part]
        for between, within in AIR if self.roomy else AIR[1:]:
            aired = [_aired(part, within if place > 1 else 0) for place, part in enumerate(parts)]
            lines = _aired_parts(aired, between)
            for top in range(self.top, -1, -1):
                if top + len(lines) <= self.height:
                    return self.shifted([*_blank(top), *lines])
        return self.shifted(_aired_parts(parts, 0))

    def shifted(self, lines: Sequence[Line]) -> list[Line]:
        """Lines where they stand in the pane."""
        return [[(" " * self.left, ""), *line] if line else [] for line in lines]


def _aired(part: Sequence[Line], within: int) -> list[Line]:
    return [each for place, line in enumerate(part) for each in [*_blank(within if place else 0), line]]


def _aired_parts(parts: Sequence[Sequence[Line]], between: int) -> list[Line]:
    return [each for place, part in enumerate(parts) for each in [*_blank(between if place else 0), *part]]


def _blank(lines: int) -> list[Line]:
    return [[] for _ in range(lines)]


def heading(idea: Idea, course: Course, sheet: Sheet) -> Line:
    """The name of what the idea is about, or the step's title, with air between its letters where there is room."""
    name = tr(CHAPTER) if idea.name == CHAPTER else visible(idea.name or course.title)
    wide = spaced(name)
    text = wide if cell_len(wide) <= sheet.room else fit(name, sheet.room).rstrip()
    return [(text, "value" if idea.name in ("", CHAPTER) else "accent")]


def idea(
    shown: Idea,
    ideas: Ideas,
    state: StreamState | None,
    vocabulary: Vocabulary,
    claims: Sequence[Line],
    sheet: Sheet,
) -> list[Line]:
    """The idea that is shown."""
    drawn: list[Line] = []
    if shown.name not in ("", CHAPTER):
        drawn = _Drawing(state, ideas, shown.name, vocabulary, sheet).lines() if state else _gone()
    said: list[Line] = [[(line, "")] for line in broken(visible(shown.said), sheet.room, MOST_LINES)]
    return sheet.laid_out([[heading(shown, ideas.course, sheet)], drawn, said, claims])


def question(quiz: Quiz, sheet: Sheet) -> tuple[list[Line], dict[int, int]]:
    """The question, or what became of it; and by line the place of the answer that stands there."""
    lines, places = lesson_lines.asks(quiz, sheet.room)
    air = 1 if 2 * len(lines) + sheet.top <= sheet.height else 0
    top = min(sheet.top, max(sheet.height - len(lines), 0))
    drawn = sheet.shifted([*_blank(top), *_aired(lines, air)])
    return drawn, {top + line * (1 + air): place for line, place in places.items()}


def which(at: int, count: int, sheet: Sheet) -> Line:
    """Which of the step's ideas is shown; nothing where it has one alone."""
    if count < 2:
        return []
    dots = " ".join("●" if place == at else "○" for place in range(count))
    return [(" " * sheet.left, ""), ("tab ", "key"), (dots, "label")]


def _gone() -> list[Line]:
    return [[(tr("The stream is not there any more."), "label")]]


class _Drawing:
    """What a field or a flag is where the person stands, as large as there is room for."""

    def __init__(self, state: StreamState, ideas: Ideas, name: str, vocabulary: Vocabulary, sheet: Sheet) -> None:
        self.state, self.name, self.words, self.sheet = state, name, vocabulary, sheet
        self.was, self.events = ideas.was(name), ideas.course.events()

    def lines(self) -> list[Line]:
        """By what it is: a flag, a queue, a number."""
        state, name = self.state, self.name
        value = getattr(state, name, None)
        if name in self.words.flag_bits:
            return self._lamp(bool(state.flags & self.words.flag_bits[name]))
        if isinstance(value, bool):
            return self._lamp(value)
        if name == EPOLL:
            return self._epoll()
        if name == "write_queue":
            return self._writes(state.write_queue) or self._nothing()
        if name == "write_completed_queue":
            return self._done(state.write_completed_queue) or self._nothing()
        text = value_text(state, name, self.words)
        if name == "write_queue_size":
            return [*self._number(text), [], *self._size()]
        return [*self._number(text), *self._change(text)]

    def _nothing(self) -> list[Line]:
        return [[(f"{NONE}  {tr('nothing in it')}", "dim")]]

    def _change(self, text: str) -> list[Line]:
        """What it was as the step began; the line stays where nothing has changed, so that nothing moves."""
        changed = self.was not in ("", text)
        return [[], [(f"{self.was} → {text}", "accent")] if changed else [("", "")]]

    def _number(self, text: str) -> list[Line]:
        """A number, in large digits where there is room, its unit beside the last line of them."""
        number, _, unit = text.partition(" ")
        lines = large_number(number) if self.sheet.roomy and self.was + text != NONE * 2 else []
        if not lines or cell_len(lines[0]) + len(unit) + 3 > self.sheet.room:
            return [[(visible(text), "dim" if text == NONE else "value")]]
        drawn: list[Line] = [[(line, "value")] for line in lines]
        drawn[-1].append((f"   {visible(unit)}", "value"))
        return drawn

    def _size(self) -> list[Line]:
        """The bar of `write_queue_size`, of the most that it was in this step, and what it was one after the other."""
        sizes = [event for event in self.events if event.kind == "write_queue_size"]
        size = self.state.write_queue_size
        was = [int(sizes[0].old or 0), *(int(event.new or 0) for event in sizes)] if sizes else [size]
        filled, empty = bar(size, max(was), self.sheet.room)
        line: Line = [(filled, "bar"), (empty.replace(" ", "·"), "track")]
        texts = [text for text, _ in groupby(map(bytes_text, was))]
        while len(texts) > 2 and cell_len(" → ".join(texts)) > self.sheet.room:
            texts[:2] = ["…"] if texts[0] == "…" else ["…", texts[1]]
        history = " → ".join(texts) if len(texts) > 1 else ""
        return [*([line] * (2 if self.sheet.roomy else 1)), [(history, "accent")]]

    def _lamp(self, on: bool) -> list[Line]:
        text = tr("on") if on else tr("off")
        said = f"{self.was} → {text}" if self.was not in ("", text) else text
        pen = "accent" if self.was not in ("", text) else "value" if on else "off"
        drawn: list[Line] = [[(line, "on" if on else "off")] for line in lamp(on)]
        drawn[1].append((f"   {said}", pen))
        return drawn

    def _epoll(self) -> list[Line]:
        """What is wanted and what is registered, each as lamps."""
        both = self.state.pevents | self.state.events
        bits = {bit: name for bit, name in self.words.polls.items() if name in ("IN", "OUT") or both & bit}
        drawn: list[Line] = []
        for label, mask, other in (
            (tr("wants"), self.state.pevents, self.state.events),
            (tr("registered"), self.state.events, self.state.pevents),
        ):
            line: Line = [(fit(label, max(LABEL, cell_len(label) + 2)), "label")]
            for bit, name in bits.items():
                pen = "accent" if (mask ^ other) & bit else "on" if mask & bit else "off"
                line.append((fit(f"{'●' if mask & bit else '○'} {spaced(visible(name))}", 12), pen))
            drawn += [line, []]
        return drawn[:-1]

    def _writes(self, queue: Sequence[RequestState]) -> list[Line]:
        """The requests that wait, each with how much of it the kernel has taken."""
        drawn: list[Line] = []
        for request in self._first(queue):
            said = tr("{left} of {all} left", left=bytes_text(request.left), all=bytes_text(request.bytes))
            name = fit(f"w{request.number}", 6)
            cells = max(self.sheet.room - cell_len(name) - cell_len(said) - 2, 1)
            filled, empty = bar(request.bytes - request.left, max(request.bytes, 1), min(cells, 32))
            drawn.append([(name, "value"), (filled, "bar"), (empty.replace(" ", "░"), "track"), (f"  {said}", "value")])
        return drawn + self._more(queue)

    def _done(self, queue: Sequence[RequestState]) -> list[Line]:
        """The requests that wait for their callback, and how they ended."""
        drawn: list[Line] = []
        for request in self._first(queue):
            ended = f"✗ {visible(self.words.error_text(request.error))}" if request.error else "✓"
            pen = "error" if request.error else "good"
            line: Line = [(fit(f"w{request.number}", 6), "value"), (ended, pen)]
            drawn.append([*line, (f"   → {callback_of(self.words)}", "value")])
        return drawn + self._more(queue)

    def _first(self, queue: Sequence[RequestState]) -> Sequence[RequestState]:
        return queue[: MOST_REQUESTS if self.sheet.roomy else MOST_REQUESTS // 2]

    def _more(self, queue: Sequence[RequestState]) -> list[Line]:
        more = len(queue) - len(self._first(queue))
        return [[(f"+{more}", "dim")]] if more else []
