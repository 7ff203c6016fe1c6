"""A lesson as pages for a classroom: one page of HTML that needs nothing else, and a picture for each step.

The page is written once, with every step in it; keys go from one to the next. It asks nobody for anything, and its
policy says so to the browser. All that it shows is escaped: a lesson may walk a trace from anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from streamscope.language import spoken, tr
from streamscope.source.inside import PHASES, Inside, Whereabouts
from streamscope.trace.export import svg
from streamscope.trace.export.titles import title
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui import inside_lines
from streamscope.ui.course import Course
from streamscope.ui.safe import visible

PAGE = "lesson.html"
SOURCE_LINES = 22
LEAST_NS = 1_000_000
"""So long a time line is at least."""
ASIDE = 50
"""So many rows are gone back over at most to one that a function has told."""
FIELDS = ("write_queue_size", "write_queue", "write_completed_queue", "pevents", "events", "accepted_fd", "queued_fds",
          "connect_req", "shutdown_req", "delayed_error")  # fmt: skip


def write_pages(course: Course, folder: Path) -> list[Path]:
    """Write the page and the pictures into a folder, which is made if it is not there; what was written, the page
    first. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [folder / f"step-{number:02}.svg" for number in range(1, len(course.moments) + 1)]
    steps = []
    for at, picture in enumerate(pictures):
        body, drawn = _step(course, at)
        picture.write_text(drawn, "utf-8")
        steps.append(body)
    page = folder / PAGE
    page.write_text(_page(course, steps), "utf-8")
    return [page, *pictures]


def _step(course: Course, at: int) -> tuple[str, str]:
    """A step's part of the page, and its picture."""
    past = course.performance.replay.past
    vocabulary = past.decoder.vocabulary
    traveller = Traveller(past, row=course.go(at))
    model = traveller.model
    state = model.known.get(course.number)
    drawn = "" if state is None else _picture(course, traveller, state)
    inside = Inside(past, lambda number: _type_of(model.known.get(number), vocabulary))
    where = next((each for each in _back(inside, course.row - 1) if each.stack.calls), None)
    step = course.moment.step
    claims = "".join(
        f'<li class="{"holds" if claim.holds else "fails"}">{_text(claim.text)}</li>' for claim in course.claims(model)
    )
    chapter = f'<p class="chapter">{_text(course.chapter)}</p>' if course.chapter else ""
    where_it_is = tr("{step} of {count}", step=at + 1, count=len(course.moments))
    return (
        f"""<section id="step-{at + 1}">
<h2>{where_it_is} · {_text(course.title)}</h2>
<div class="two"><div><p>{_text(course.text)}</p>{chapter}<ul class="claims">{claims}</ul>
<figure>{_of_step(drawn, at)}</figure></div>
<div>{_state(state, vocabulary, set(step.look))}{_where(where)}{_source(where)}</div></div>
</section>""",
        drawn,
    )


def _of_step(drawn: str, at: int) -> str:
    """A picture among others on one page: what it calls its parts is its own."""
    return drawn.replace(' id="', f' id="of-{at}-').replace("url(#", f"url(#of-{at}-")


def _back(inside: Inside, row: int) -> Iterator[Whereabouts]:
    for each in range(row, max(row - ASIDE, -1), -1):
        if (where := inside.at(each)) is not None:
            yield where


def _type_of(state: StreamState | None, vocabulary: Vocabulary) -> str:
    return "" if state is None else vocabulary.type_text(state.type)


def _picture(course: Course, traveller: Traveller, state: StreamState) -> str:
    past = traveller.past
    begin = past.span_t()[0]
    subject = svg.Subject(state.number, title(state, past.decoder.vocabulary))
    words = f"{course.performance.name} {course.at + 1}: {course.title}"
    return svg.draw(past, svg.Picture(visible(words), begin, max(traveller.t, begin + LEAST_NS), [subject]))


def _state(state: StreamState | None, vocabulary: Vocabulary, look: set[str]) -> str:
    if state is None:
        return f"<p>{_text(tr('It is not there any more.'))}</p>"
    kind = vocabulary.type_text(state.type)
    flags = "".join(
        f'<span class="{"on" if state.flags & flag.bit else "off"}{" look" if flag.name in look else ""}">'
        f"{'●' if state.flags & flag.bit else '○'}{_text(flag.name)}</span> "
        for flag in vocabulary.flags
        if flag.cell >= 0 and (not flag.types or kind in flag.types)
    )
    rows = "".join(
        f'<tr class="{"look" if name in look else ""}"><th>{_text(vocabulary.label(name))}</th>'
        f"<td>{_text(_value(state, name, vocabulary))}</td></tr>"
        for name in FIELDS
        if vocabulary.tells(name)
    )
    return f'<div class="flags">{flags}</div><table>{rows}</table>'


def _value(state: StreamState, name: str, vocabulary: Vocabulary) -> str:
    value = getattr(state, name)
    if name in ("pevents", "events"):
        return vocabulary.mask_text(value).replace("|", " ") or "–"
    if value is None:
        return "–"
    if not isinstance(value, int):
        number = getattr(value, "number", 0)
        return f"#{number}" if number else str(len(value) if hasattr(value, "__len__") else value)
    if value == vocabulary.field(name).initial and name in ("accepted_fd", "delayed_error"):
        return "–"
    return vocabulary.error_text(value) if name == "delayed_error" else f"{value:,}"


def _where(where: Whereabouts | None) -> str:
    phase = "" if where is None else where.phase
    phases = " ▸ ".join(f"<b>{name}</b>" if name == phase else name for name in PHASES)
    if where is None:
        return f'<p class="where">{phases}</p>'
    calls = inside_lines.functions_of(where)
    path = " ▸ ".join(_text(inside_lines.name_of(call, outermost=call is calls[0])) for call in calls)
    return f'<p class="where">{phases}<br>{path}</p>'


def _source(where: Whereabouts | None) -> str:
    if where is None:
        return ""
    shown = inside_lines.source(where, 0, 400, SOURCE_LINES)
    lines = "\n".join(
        f'<span class="{"lit" if line[0][0] == inside_lines.LIT else line[-1][1] or "plain"}">'
        f"{_text(''.join(text for text, _ in line))}</span>"
        for line in shown.lines
    )
    said = f"{_text(shown.title)} · {_text(shown.libuv)} · {_text(shown.chapter)}"
    return f'<pre class="source">{lines}</pre><p class="said">{said}</p>'


def _text(text: str) -> str:
    return escape(visible(text, 2_000))


def _page(course: Course, steps: list[str]) -> str:
    name = f"{course.performance.name} · {tr(course.performance.title)}"
    return f"""<!DOCTYPE html>
<html lang="{spoken()}"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{_text(name)}</title><style>{_STYLE}</style></head><body>
<header><h1>{_text(name)}</h1><p>{_text(course.section)} · <kbd>→</kbd> <kbd>n</kbd> {_text(tr("next"))} ·
<kbd>←</kbd> <kbd>N</kbd> {_text(tr("before"))}</p></header>
{"".join(steps)}
<script>{_SCRIPT}</script></body></html>
"""


_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#17202b, #d5dde8); --quiet: light-dark(#5c6670, #8e97a3);
  --lit: light-dark(#7b3fbf, #d2a8ff); --line: light-dark(#d5dde8, #2a3441); }
body { font: 17px/1.5 system-ui, sans-serif; margin: 1rem 2rem; color: var(--ink); background: Canvas; }
h1 { font-size: 1.1rem; margin: 0; } h2 { margin: .6em 0; }
header p, .chapter, .said { color: var(--quiet); margin: 0; }
section { display: none; } section.here { display: block; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(34rem, 100%), 1fr)); gap: 2rem; }
.claims { list-style: none; padding: 0; } .holds::before { content: "✓ "; } .fails::before { content: "✗ "; }
.flags, table, pre, .where, .claims { font: 14px/1.5 ui-monospace, monospace; }
.off { color: var(--quiet); } .on { font-weight: bold; } .look, .look th, .where b, .lit { color: var(--lit); }
th { text-align: left; font-weight: normal; padding-right: 2em; } pre { overflow-x: auto; border: 1px solid var(--line);
  padding: .6em; } .lit { font-weight: bold; } .dim, .label { color: var(--quiet); }
figure { margin: 1rem 0; } figure svg { width: 100%; height: auto; }
"""
_SCRIPT = """
const steps = [...document.querySelectorAll("section")];
let at = Math.max(0, steps.findIndex((step) => "#" + step.id === location.hash));
const go = (to) => {
  at = Math.min(Math.max(to, 0), steps.length - 1);
  steps.forEach((step, place) => step.classList.toggle("here", place === at));
  history.replaceState(null, "", "#" + steps[at].id);
};
addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, n: 1, " ": 1, PageDown: 1, ArrowLeft: -1, N: -1, PageUp: -1 }[event.key];
  if (by && !event.ctrlKey && !event.metaKey) { event.preventDefault(); go(at + by); }
});
go(at);
"""
