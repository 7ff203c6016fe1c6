"""Where we are, and the engine's text beside it, as lines. Pure: the same place at the same size gives the same lines.

All words of these two panes stand here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from streamscope.language import N_, tr
from streamscope.source.inside import PHASES, Whereabouts, text_of
from streamscope.source.mirrors import MIRRORS, SECTIONS
from streamscope.source.stacks import Call
from streamscope.trace.decode import Event
from streamscope.trace.sentence import sentence
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.event_lines import practice
from streamscope.ui.lines import Line, length
from streamscope.ui.safe import broken, fit, visible

NOTHING_YET = N_("Nothing has been told yet.")
UNSURE = N_("it may have been told on another way, too")
LIT = "▌"
MOST_LINES = 6
STEP = " ▸ "


def functions_of(where: Whereabouts) -> list[Call]:
    """The functions under way, from the phase's own on; outside of the loop, from the program on."""
    functions = where.stack.functions
    if not where.phase:
        return functions
    runs = PHASES[where.phase]
    first = next((place for place, call in enumerate(functions) if call.libuv == runs), 0)
    return functions[first:]


def name_of(call: Call, *, outermost: bool = False) -> str:
    """What a function is called: the program's by its callback. What is neither that nor around everything else is what
    an inspector has the engine do while it waits.
    """
    if call.file:
        return call.libuv or call.function
    return call.libuv or (tr("the program") if outermost else tr("the inspector"))


# where we are


def what_happened(where: Whereabouts, vocabulary: Vocabulary) -> Line:
    """The event: whose it is, what was done, and from what to what."""
    event = where.event
    what, change = (visible(text) for text in sentence(event, vocabulary))
    plain = visible(vocabulary.kind(event.kind).plain)
    whose = f"#{event.stream}  " if event.stream else ""
    words = [text for text in (plain, what if what != plain else "") if text]
    return [(whose, "value"), ("   ".join(words) + ("   " if change else ""), ""), (change, "accent")]


def brief(where: Whereabouts | None, vocabulary: Vocabulary, width: int) -> list[Line]:
    """In three lines: the phases of the turn with this one lit, inside which functions, and what happened there."""
    if where is None:
        return [[(tr(NOTHING_YET), "label")]]
    if where.lost and not where.phase:
        return _lost(where, vocabulary, width)
    phases: Line = []
    for phase in PHASES:
        lit = phase == where.phase
        phases += [(STEP if phases else " ", "dim")] if phases else []
        phases.append((f"[{phase}]", "accent") if lit else (phase, "label" if where.phase else "dim"))
    if not where.phase and width >= length(phases) + 10:
        phases.append((f"   {tr('not in a turn')}", "label"))
    path = [(visible(tr(where.lost)), "label")] if where.lost else _path(functions_of(where), width)
    return [phases, path, what_happened(where, vocabulary)]


def _path(functions: Sequence[Call], width: int) -> Line:
    """The functions in a line, the innermost at its end; of those that have no room, the outermost are left out."""
    names = [name_of(call, outermost=call is functions[0]) for call in functions]
    pens = [
        "value" if place == len(names) - 1 else "" if call.file else "label" for place, call in enumerate(functions)
    ]
    left = 0
    while left < len(names) - 1 and cell_len(STEP.join(names[left:])) + (4 if left else 0) > width:
        left += 1
    line: Line = [("…" + STEP, "dim")] if left else []
    for place in range(left, len(names)):
        line += [(STEP, "dim")] if place > left else []
        line.append((names[place], pens[place]))
    return line


def whole(where: Whereabouts | None, vocabulary: Vocabulary, width: int, height: int) -> list[Line]:
    """A phase a line with what it has had to do in this turn, and the functions as a tree."""
    if where is None:
        return [[(tr(NOTHING_YET), "label")]]
    if where.lost and not where.phase:
        return _lost(where, vocabulary, width)
    room = height - len(PHASES) - 3
    if room < 2:
        return brief(where, vocabulary, width)
    tree = [[(visible(tr(where.lost)), "label")]] if where.lost else _tree(where, width, room)
    lines = [*_phases(where, vocabulary), [], *tree, [], what_happened(where, vocabulary)]
    said = broken(practice(where.event, vocabulary), width, max(height - len(lines), 1))
    return [*lines, *([(line, "label")] for line in said if len(lines) < height)]


def _lost(where: Whereabouts, vocabulary: Vocabulary, width: int) -> list[Line]:
    """Where nothing is known of it: why not."""
    why: list[Line] = [[(line, "label")] for line in broken(visible(tr(where.lost)), width, MOST_LINES)]
    return [what_happened(where, vocabulary), *why]


def _phases(where: Whereabouts, vocabulary: Vocabulary) -> list[Line]:
    lines: list[Line] = []
    names = list(PHASES)
    here = names.index(where.phase) if where.phase else -1
    for place, phase in enumerate(names):
        lit = place == here
        event = None if where.told is None else where.told.get(phase)
        if event is not None and place <= here:
            did = _did(event, vocabulary)
        else:
            did = "–" if where.told is not None and place < here else ""
        head = (f"[ {phase:<10}", "accent") if lit else (f"  {phase:<10}", "label" if here >= 0 else "dim")
        lines.append([head, (f"  {did}", "value" if lit else "dim" if did == "–" else "")])
        if lit:
            lines[-1].append((" ]", "accent"))
    return lines


def _did(event: Event, vocabulary: Vocabulary) -> str:
    """What the loop turned to last in a phase."""
    if event.kind == "epoll.event":
        mask = event.fields.get("mask")
        return f"#{event.stream} {vocabulary.mask_text(mask) if isinstance(mask, int) else ''}".replace("|", " ")
    if event.kind == "epoll.wait":
        return tr("{n} ready", n=event.fields.get("ready"))
    return f"#{event.stream}" if event.stream else tr("waits") if event.fn == PHASES["poll"] else tr("runs")


def _tree(where: Whereabouts, width: int, height: int) -> list[Line]:
    functions = functions_of(where)
    left_out = max(len(functions) - height, 0)
    if left_out:
        left_out += 1  # for the line that says so
    lines: list[Line] = [[(tr("… {n} more around it", n=left_out), "dim")]] if left_out else []
    for depth, call in enumerate(functions[left_out:]):
        branch = "" if not depth else "  " * (depth - 1) + "└ "
        last = depth == len(functions) - left_out - 1
        pen = "value" if last else "" if call.file else "label"
        name = name_of(call, outermost=call is functions[0])
        line: Line = [(branch, "dim"), (name, pen)]
        if not call.file and call.libuv:
            line.append((f"   {tr('the program')}", "label"))
        lines.append(line if length(line) <= width else [(fit(f"{branch}{name}", width), pen)])
    return lines


# the source


class Excerpt(NamedTuple):
    """What is shown of a function: its head, where it is in libuv and in the chapter, and its lines."""

    title: str
    libuv: str
    chapter: str
    lines: list[Line]


def frames_of(where: Whereabouts) -> list[Call]:
    """The engine's own functions whose text can be looked at, the one that told first."""
    return [call for call in reversed(where.stack.functions) if call.file]


def source(where: Whereabouts | None, depth: int, width: int, height: int) -> Excerpt:
    """The text of the function that told, or of one `depth` calls further out, with the line lit that it is at."""
    if where is None:
        return Excerpt(tr("source"), "", "", [[(tr(NOTHING_YET), "label")]])
    frames = frames_of(where)
    if not frames:
        lost = visible(tr(where.lost)) or tr("No function of the engine has told this.")
        return Excerpt(tr("source"), "", "", [[(line, "label")] for line in broken(lost, width, MOST_LINES)])
    call = frames[min(depth, len(frames) - 1)]
    mirror = MIRRORS.get(call.libuv)
    text = text_of(call)
    return Excerpt(
        title=f"{text.file} · {call.function}",
        libuv=f"libuv 1.44.2: {mirror.file}, {mirror.function}" if mirror else tr("libuv has nothing like it"),
        chapter=_chapter(mirror.section if mirror else ""),
        lines=[_numbered(number, line, call.line, width) for number, line in _window(text.lines, call.line, height)],
    )


def _chapter(section: str) -> str:
    if not section:
        return tr("not in the chapter")
    return tr("chapter {section}: {title}", section=section, title=tr(SECTIONS[section]))


def _window(lines: Sequence[tuple[int, str]], lit: int, height: int) -> list[tuple[int, str]]:
    """As many lines as have room: the first, and those around the lit one."""
    if len(lines) <= height or height < 3:
        at = lit - lines[0][0]
        return list(lines) if len(lines) <= height else list(lines[max(at - 1, 0) : max(at - 1, 0) + max(height, 1)])
    at = lit - lines[0][0]
    around = height - 2  # beside the first line, and a line that says that some are left out
    begin = max(min(at - around * 2 // 3, len(lines) - around), 0)
    if begin <= 2:
        return list(lines[:height])
    return [lines[0], (0, ""), *lines[begin : begin + around]]


_TELLS = ("emit(", "emit is not None", "emit = ", ".emit")


def _numbered(number: int, text: str, lit: int, width: int) -> Line:
    if not number:
        return [(f"{'…':>8}", "dim")]
    text = visible(text, 400) if text else ""
    if number == lit:
        return [(LIT, "accent"), (f"{number:>5}  ", "accent"), (fit(text, max(width - 8, 1)), "accent")]
    bare = text.lstrip()
    pen = "dim" if any(word in bare for word in _TELLS) else "label" if bare.startswith(("#", '"""')) else ""
    return [(f" {number:>5}  ", "dim"), (text, pen)]
