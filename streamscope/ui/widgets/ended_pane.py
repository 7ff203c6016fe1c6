"""What is left when the engine has ended: why it did, what was wrong while it ran, and what can still be done."""

from __future__ import annotations

from collections.abc import Set

from streamscope.ui.lines import Line, length
from streamscope.ui.meters import bytes_text, count_text
from streamscope.ui.safe import as_sentence, broken, fewer, visible
from streamscope.ui.scale import instant_text, span_text
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.pens import set_titles

Key = tuple[str, str]


def ended_lines(view: View, summary: str, width: int, height: int) -> list[Line]:
    """All there is to say, in lines of at most `width` cells. Where there are too few lines, air goes first, then what
    was wrong, then why it ended, which the sentence above the panes says too. The `summary` is what was wrong, "" for
    nothing.
    """
    head, *why = _why(view, width)
    wrong: list[Line] = [[(line, "")] for line in broken(as_sentence(summary), width, 3)] if summary else []
    if passed := _passed(view):
        wrong.insert(0, [(fewer(passed, width)[0], "")])
    past: list[Line] = [[(line, "")] for line in fewer(_past(view), width, 2)]
    past += _in_lines(_keys(view), width)
    air: list[Line] = [[]]
    whole = [head, *why, *air, *wrong, *(air if wrong else []), *past]
    for lines in (whole, [head, *why, *wrong, *past], [head, *why, *past]):
        if len(lines) <= height:
            return lines
    return [head, *past]


def has_failed(view: View) -> bool:
    """Whether it ended otherwise than in order."""
    return view.over and (view.status == "gone" or bool(view.source.exit_status))


def _why(view: View, width: int) -> list[Line]:
    program = visible(view.hello.program, 40) if view.hello is not None else "The engine"
    how = "ended" if view.status == "ended" else "was gone"
    status = view.source.exit_status
    at_end = "" if status is None else f", status {status}"
    mark, pen = ("✗", "error") if has_failed(view) else ("■", "label")
    lines: list[Line] = [
        [(f"{mark} ", pen), (f"{program} {how} at {instant_text(view.started, view.present_t, 0)}{at_end}.", "value")]
    ]
    reason = as_sentence(visible(view.reason, 300))
    return lines + [[(f"  {line}", "")] for line in fewer(reason, max(width - 2, 1), 2) if line]


def _passed(view: View) -> str:
    """`12 connections, 4.0 KiB in, 1.2 MiB out.`, as far as the engine tells; "" where nobody has connected."""
    passed, words = view.gone.passed(view.source.model), view.vocabulary
    if not passed.connections:
        return ""
    parts = [f"{passed.connections:,} connection{'s' if passed.connections > 1 else ''}"]
    parts += [f"{bytes_text(passed.bytes_in)} in"] if words.tells("bytes_in") else []
    parts += [f"{bytes_text(passed.bytes_out)} out"] if words.tells("bytes_out") else []
    return ", ".join(parts) + "."


def _past(view: View) -> str:
    past = view.source.past
    first, last = past.span_t()
    kept = f"{span_text(last - first)}, {count_text(past.end - past.first)} events"
    if view.events_lost:
        return f"The past is kept, {kept}; {view.events_lost:,} events were lost."
    return f"The past is whole: {kept}." if not past.dropped else f"The end of the past is kept: {kept}."


def _keys(view: View) -> list[Key]:
    keys = [("← →", "go through it"), (":", "goes to a time in it"), ("R", "keeps it in a file")]
    if view.hello is not None and view.hello.log:
        keys.append(("L", "has the program's log"))
    if view.own:
        keys.append(("r", "runs it again"))
    return [*keys, ("q", "leaves")]


def _in_lines(keys: list[Key], width: int) -> list[Line]:
    lines: list[Line] = []
    for key, words in keys:
        piece: Line = [(key, "key"), (f" {words}", "label")]
        if lines and length(lines[-1]) + 3 + length(piece) <= width:
            lines[-1] += [("   ", ""), *piece]
        else:
            lines.append(piece)
    return lines


class EndedPane(DrawnLines):
    """The pane. What was wrong is summed up once, when the end has come."""

    def __init__(self, view: View, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._summed_up: tuple[object, str] | None = None

    def show(self, changed: Set[int]) -> None:
        """Say it, if there is something to say."""
        view = self._view
        if not view.over or view.paused or not self.content_size.width:
            return
        if self._summed_up is None or self._summed_up[0] is not view.source.past:
            self._summed_up = view.source.past, view.summary()
        set_titles(self, "ended" if view.status == "ended" else "gone")
        self.put(ended_lines(view, self._summed_up[1], *self.content_size))
