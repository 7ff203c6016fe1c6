"""What is left when the engine has ended: why it did, what was wrong while it ran, and what can still be done."""

from __future__ import annotations

from collections.abc import Set

from streamscope.language import items, tr, trn
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
    program = visible(view.hello.program, 40) if view.hello is not None else tr("The engine")
    status, at = view.source.exit_status, instant_text(view.started, view.present_t, 0)
    if status is None:
        how = tr("{program} ended at {at}.") if view.status == "ended" else tr("{program} was gone at {at}.")
    else:
        how = (
            tr("{program} ended at {at}, status {status}.")
            if view.status == "ended"
            else tr("{program} was gone at {at}, status {status}.")
        )
    mark, pen = ("✗", "error") if has_failed(view) else ("■", "label")
    lines: list[Line] = [[(f"{mark} ", pen), (how.format(program=program, at=at, status=status), "value")]]
    reason = as_sentence(visible(tr(view.reason), 300))
    return lines + [[(f"  {line}", "")] for line in fewer(reason, max(width - 2, 1), 2) if line]


def _passed(view: View) -> str:
    """`12 connections, 4.0 KiB in, 1.2 MiB out.`, as far as the engine tells; "" where nobody has connected."""
    passed, words = view.gone.passed(view.source.model), view.vocabulary
    if not passed.connections:
        return ""
    parts = [trn("{n} connection", "{n} connections", passed.connections)]
    parts += [tr("{size} in", size=bytes_text(passed.bytes_in))] if words.tells("bytes_in") else []
    parts += [tr("{size} out", size=bytes_text(passed.bytes_out))] if words.tells("bytes_out") else []
    return as_sentence(items(parts))


def _past(view: View) -> str:
    past = view.source.past
    first, last = past.span_t()
    kept = tr("{span}, {n} events", span=span_text(last - first), n=count_text(past.end - past.first))
    if view.events_lost:
        return tr("The past is kept, {kept}; {lost} events were lost.", kept=kept, lost=f"{view.events_lost:,}")
    if past.dropped:
        return tr("The end of the past is kept: {kept}.", kept=kept)
    return tr("The past is whole: {kept}.", kept=kept)


def _keys(view: View) -> list[Key]:
    keys = [("← →", tr("go through it")), (":", tr("goes to a time in it")), ("R", tr("keeps it in a file"))]
    if view.hello is not None and view.hello.log:
        keys.append(("L", tr("has the program's log")))
    if view.own:
        keys.append(("r", tr("runs it again")))
    return [*keys, ("q", tr("leaves"))]


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
        set_titles(self, tr("ended") if view.status == "ended" else tr("gone"))
        self.put(ended_lines(view, self._summed_up[1], *self.content_size))
