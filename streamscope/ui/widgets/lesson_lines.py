"""What a lesson says on the screen, as lines. Pure: the same course at the same size gives the same lines.

All words of the lesson's screen that are not the lesson's own stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len

from streamscope.language import tr
from streamscope.lessons.performing import done
from streamscope.trace.decode import Event
from streamscope.ui import lamps
from streamscope.ui.course import ClaimNow, Course
from streamscope.ui.lines import Line, cut, length
from streamscope.ui.meters import bar, bytes_text
from streamscope.ui.quiz import Quiz
from streamscope.ui.safe import broken, fit, visible
from streamscope.ui.widgets.panel_rows import Facts, PanelRow, PanelRows

POINTER = "»"
SIGNS = {True: ("✓", "good"), False: ("✗", "error"), None: ("○", "dim")}
MOST_DOTS = 30
"""A lesson of more steps has none in its head."""
MOST_LINES = 40
"""A text has so many lines at most."""
MOST_DONE = 4
"""So many things that the program does are named before a question."""
SHORT_BAR = 16
"""Cells of a bar that has what was before beside it."""

ROWS = (
    "flags",
    "write_queue_size",
    "write_queue",
    "write_completed_queue",
    "epoll",
    "accepted_fd",
    "waits",
    "callbacks",
)
"""What the panel of a lesson shows, in its order."""
OF_A_LISTENER = ("flags", "epoll", "accepted_fd", "callbacks")
GOING = (
    "callbacks",
    "waits",
    "accepted_fd",
    "write_completed_queue",
    "write_queue",
    "write_queue_size",
    "flags",
    "epoll",
)
"""What goes first where there is little room, unless a step points at it."""
STANDS_IN = {
    "pending": "epoll", "watched": "epoll", "pevents": "epoll", "events": "epoll", "fd": "title",
    "queued_fds": "accepted_fd", "connect_req": "waits", "shutdown_req": "waits", "delayed_error": "waits",
    "outq": "ladder", "snd_wnd": "ladder",
}  # fmt: skip
"""In which row a field stands that has none of its own."""


def head(course: Course, width: int, right: str = "") -> Line:
    """The line at the top: which lesson, which step, and at the right how the quiz goes."""
    step, count = course.at + 1, len(course.moments)
    name = visible(course.performance.name)
    lesson = f" {tr('lesson {name}', name=name)}   "
    where = tr("{step} of {count}", step=step, count=count)
    title = visible(course.title)
    if width >= 120:
        dots = "●" * step + "○" * (count - step) if count <= MOST_DOTS else ""
        line: Line = [(lesson, "value"), (f"{title}   ", "value"), (f"{dots} ", "accent"), (where, "label")]
    else:
        line = [(lesson, "value"), (fit(where, max(9, cell_len(where) + 1)), "label"), (title, "value")]
    for text in (right, right.partition("   ")[0]):  # rather less of it than nothing
        gap = width - length(line) - cell_len(text) - 1
        if text and gap > 0:
            return [*line, (" " * gap, ""), (text, "label")]
    return line


def said(course: Course, width: int) -> list[Line]:
    """What the step says, and where the chapter says otherwise."""
    lines: list[Line] = [[(line, "")] for line in broken(visible(course.text), width, MOST_LINES)]
    if course.chapter:
        lines += [[(line, "label")] for line in broken(visible(course.chapter), width, MOST_LINES)]
    return lines


def look_at(course: Course) -> Line:
    """What to look at, as the panel marks it."""
    line: Line = [(tr("Look at"), "label")]
    for name in course.moment.step.look:
        line += [("  ", ""), (f"{POINTER} {visible(name)}", "accent")]
    return line if len(line) > 1 else []


def claims(now: Sequence[ClaimNow], width: int, most: int = 0) -> list[Line]:
    """The claims, each with its sign: each on lines of its own, or as many as have room in so many lines."""
    lines: list[Line] = []
    left = 0
    for place, claim in enumerate(now):
        sign, pen = SIGNS[claim.holds]
        text = visible(claim.text)
        if claim.instead:
            text = tr("{claim}: {instead}", claim=text, instead=visible(claim.instead))
        said = "" if claim.holds else "error" if claim.holds is False else "label"
        first, *others = broken(text, width - 2, MOST_LINES)
        beside = bool(lines) and not others and left >= cell_len(first) + 5
        if most and not beside and len(lines) + 1 + len(others) > most:
            if lines:
                more = f"   +{len(now) - place}"
                lines[-1] = [*cut(lines[-1], width - len(more)), (more, "dim")]
            break
        if most and beside:
            lines[-1] += [("   ", ""), (f"{sign} ", pen), (first, said)]
            left -= cell_len(first) + 5
            continue
        lines += [[(f"{sign} ", pen), (first, said)], *([("  ", ""), (line, said)] for line in others)]
        left = width - length(lines[-1]) - 5 if most and not others else 0
    return lines


def steps(course: Course, width: int, height: int) -> list[Line]:
    """The steps: those that were, the one that is, those that come; in as few columns as the height has room for, and
    where that is still too little, those around the one that is.
    """
    across = max(1, min(-(-len(course.moments) // max(height, 1)), width // 24))
    column = width // across
    cells: list[Line] = []
    for place, moment in enumerate(course.moments):
        sign, pen = ("●", "accent") if place == course.at else ("✓", "good") if place < course.at else (" ", "")
        title = fit(visible(tr(moment.step.title)), column - 6).rstrip()
        here = place == course.at
        cells.append([(f"{place + 1:>2} ", "label"), (sign, pen), (f" {title}", "value" if here else "label")])
    lines: list[Line] = []
    for start in range(0, len(cells), across):
        line: Line = []
        for place, cell in enumerate(cells[start : start + across]):
            line += [(" " * (column * place - length(line)), ""), *cell]
        lines.append(line)
    begin = max(min(course.at // across - height // 2, len(lines) - height), 0)
    return lines[begin : begin + max(height, 0)]


def next_line(course: Course, width: int, *, asked: bool = False) -> Line:
    """The line over the keys: what comes, unless one is asked for it, and the section of the chapter."""
    following = "?" if asked else course.following
    line: Line = [(f"  {tr('next: ')}", "label"), (visible(following), "")]
    if not following:
        line = [(f"  {tr('the last step')}", "label")]
    section = visible(course.section)
    for right in (tr("chapter: {section}", section=section), section) if section else ():
        gap = width - length(line) - cell_len(right) - 1
        if gap > 1:
            return [*line, (" " * gap, ""), (right, "label")]
    return line


# the quiz


def asks(quiz: Quiz, width: int) -> tuple[list[Line], dict[int, int]]:
    """The question, or what became of it; and by line the place of the answer that stands there."""
    question = quiz.question
    assert question is not None
    lines: list[Line] = [[(tr("quiz · before step {step}", step=question.at + 1), "accent")]]
    if question.does is not None:
        lines += [[(line, "")] for line in broken(_goes_on(question.does), width, 2)]
    lines += [[(line, "value")] for line in broken(visible(question.text), width, 2)]
    places: dict[int, int] = {}
    for place, answer in enumerate(question.answers):
        places[len(lines)] = place
        lines.append(_choice(quiz, place, fit(visible(answer), min(cell_len(answer), width - 8))))
    if quiz.given is None:
        keys = tr("1 to {last}", last=len(question.answers))
        lines.append(_hints(keys, tr("answer"), "⏎", tr("show me"), "esc", tr("no quiz")))
        return lines, places
    lines += [[(line, "label")] for reason in question.reasons for line in broken(visible(reason), width, 2)]
    known = tr(", ").join(
        tr("{subject} {right} of {asked}", subject=tr(subject), right=each.right, asked=each.asked)
        for subject, each in quiz.score.known()
    )
    lines.append([(tr("You know {what}.", what=known), "label")])
    see = ("→", tr("see event {number}", number=question.row + 1)) if question.row >= 0 else ()
    lines.append(_hints("n", tr("go on"), *see, "esc", tr("no quiz")))
    return lines, places


def _goes_on(does: Sequence[str]) -> str:
    """What the program does next."""
    said = [f"{done(what)}{f' ×{count}' if (count := len(list(run))) > 1 else ''}" for what, run in groupby(does)]
    then = tr(", ").join([*said[:MOST_DONE], *(["…"] if len(said) > MOST_DONE else [])])
    return tr("The program goes on: {what}.", what=visible(then)) if said else tr("The same turn goes on.")


def _choice(quiz: Quiz, place: int, answer: str) -> Line:
    """An answer: with its number, and once one was given, whether it is right."""
    question = quiz.question
    assert question is not None
    line: Line = [(f"  {place + 1}  ", "key"), (answer, "")]
    if quiz.given is None:
        return line
    if place == question.right:
        said = tr("right") if quiz.given == place else tr("it is")
        return [("✓ ", "good"), (f"{place + 1}  ", "key"), (answer, "value"), (f"   {said}", "good")]
    if place == quiz.given:
        return [("✗ ", "error"), (f"{place + 1}  ", "key"), (answer, "error"), (f"   {tr('you said')}", "error")]
    return [(text, "label") for text, _ in line]


def _hints(*words: str) -> Line:
    return [
        part for key, label in zip(words[::2], words[1::2]) for part in ((f"{key} ", "key"), (f"{label}   ", "label"))
    ]


# the panel


def panel(facts: Facts, course: Course, width: int, height: int) -> list[Line]:
    """The stream as the step speaks of it; what to look at is marked."""
    rows = PanelRows(facts, width - 3)
    look = set(course.moment.step.look)
    marked = {STANDS_IN.get(name, name) for name in look}
    is_flag = {lamp.name for lamp in _all_lamps(facts)} & look
    events = course.events()
    order = OF_A_LISTENER if "connection_cb" in facts.vocabulary.callbacks_text(facts.state.callbacks) else ROWS
    if "ladder" in marked:  # of the kernel no other row tells
        order = ("ladder", *order)
    groups: list[tuple[str, list[Line]]] = []
    for name in order:
        lines = [row.line for row in _made(name, rows, events)]
        if name == "flags":
            lines = _flags(facts, events, is_flag, width - 3, one_line=height < 12)
        groups.append((name, lines))
    used = sum(len(lines) for _, lines in groups)
    for name in GOING:
        if used > height and name not in marked and not (name == "flags" and is_flag):
            used -= sum(len(lines) for each, lines in groups if each == name)
            groups = [(each, lines) for each, lines in groups if each != name]
    air = height - used
    drawn: list[Line] = []
    for name, lines in groups:
        points = name in marked or (name == "flags" and bool(is_flag))
        for place, line in enumerate(lines):
            sign: Line = [(f" {POINTER} " if points and not place else "   ", "accent")]
            drawn.append([*sign, *(_accented(line) if points and name != "flags" and not place else line)])
        if air > len(groups) and lines:
            drawn.append([])
    return drawn[:height]


def _made(name: str, rows: PanelRows, events: Sequence[Event]) -> list[PanelRow]:
    if name == "write_queue_size":
        return [_size(row, events, rows.state.write_queue_size, rows.width) for row in rows.size()]
    if name == "epoll":
        return [row._replace(line=_fewer_queues(row.line, rows.width)) for row in rows.epoll()]
    if name == "callbacks":
        held = rows.words.callbacks_text(rows.state.callbacks).replace("|", " ")
        line: Line = [(fit("callbacks", rows.label), "label"), (held, "value") if held else ("–", "dim")]
        return [PanelRow(1, line)]
    if name == "ladder":
        return [row._replace(line=row.alone or row.line) for row in rows.ladder(rows.width) if not row.rank]
    made = {
        "write_queue": rows.queue,
        "write_completed_queue": rows.completed,
        "accepted_fd": rows.descriptors,
        "waits": rows.waits,
    }
    return made[name]() if name in made else []


def _fewer_queues(line: Line, width: int) -> Line:
    """Of the queues that the watcher is in, at the end, as many as have room."""
    text, pen = line[-1]
    while length(line) > width and ", " in text:
        text = text.rpartition(", ")[0]
        line = [*line[:-1], (text, pen)]
    return line


def _size(row: PanelRow, events: Sequence[Event], size: int, width: int) -> PanelRow:
    """With what the size was in this step, one after the other, beside a shorter bar."""
    sizes = [event for event in events if event.kind == "write_queue_size"]
    if not sizes:
        return row
    was = [int(sizes[0].old or 0), *(int(event.new or 0) for event in sizes[-2:])]
    text = " → ".join(bytes_text(size) for size, _ in groupby(was))
    room = min(width - length(row.line[:2]) - cell_len(text) - 3, SHORT_BAR)
    filled, empty = bar(size, max(was), max(room, 1))
    drawn: Line = [(filled, "bar"), (empty.replace(" ", "·"), "track"), (f"  {text}", "accent")]
    return row._replace(line=[*row.line[:2], *drawn])


def _all_lamps(facts: Facts) -> list[lamps.Lamp]:
    state = facts.state
    return [
        lamps.Lamp(flag.name, bool(state.flags & flag.bit), 0)
        for flag in facts.vocabulary.flags
        if not flag.types or facts.vocabulary.type_text(state.type) in flag.types
    ]


def _flags(facts: Facts, events: Sequence[Event], look: set[str], width: int, *, one_line: bool) -> list[Line]:
    """The lamps, those of which the step speaks always among them, and what has changed in the step coloured."""
    state, words = facts.state, facts.vocabulary
    usual = {lamp.name for lamp in lamps.lamps(words, state.flags, state.type, {}, 0)}
    changed = {
        words.flag_text(int(event.fields["flag"])) for event in events if event.kind in ("flag.set", "flag.clear")
    }
    shown = [lamp for lamp in _all_lamps(facts) if lamp.name in usual | look | changed]
    room = width - 7
    if one_line:
        kept, used = set(), -1
        for lamp in sorted(shown, key=lambda lamp: (lamp.name not in look, lamp.name not in changed, not lamp.on)):
            used += 2 + len(lamp.name)
            if used > room:
                break
            kept.add(lamp.name)
        shown = [lamp for lamp in shown if lamp.name in kept]
    lines = []
    for number, row in enumerate(lamps.rows(shown, room)):
        line: Line = [(fit("" if number else "flags", 7), "label")]
        for place, lamp in enumerate(row):
            pen = "on" if lamp.on else "off"
            if lamp.name in changed:
                pen = "fade" if lamp.on else "went"
            elif lamp.name in look:
                pen = "accent"
            line += [(" " * (place > 0), ""), (lamp.text, pen)]
        lines.append(line)
    return lines


def _accented(line: Line) -> Line:
    """With its name as what is pointed at."""
    return [(line[0][0], "accent"), *line[1:]] if line else line
