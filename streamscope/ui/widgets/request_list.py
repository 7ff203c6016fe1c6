"""Every request of one stream: those that wait, first of all the one that holds the others up, and those done."""

from __future__ import annotations

from collections.abc import Sequence, Set

from streamscope.language import tr, trn
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.glossary import Glossary, of_panel
from streamscope.ui.lines import Line, cut
from streamscope.ui.meters import age_text, bar, bytes_text
from streamscope.ui.safe import visible
from streamscope.ui.view import View
from streamscope.ui.widgets.drawn import DrawnLines
from streamscope.ui.widgets.panel_rows import callback_of
from streamscope.ui.widgets.pens import set_titles

DONE_SHOWN = 8


class RequestList(DrawnLines):
    """The requests of stream `number`, as many as there is room for, in the order in which they will be done."""

    def __init__(self, view: View, number: int, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._view = view
        self._number = number

    def glossary(self) -> Glossary:
        """See `DrawnLines`."""
        return of_panel(self._view.vocabulary)

    def show(self, changed: Set[int]) -> None:
        """Paint anew if anything reads differently."""
        state = self._view.stream(self._number)
        done = self._view.model.finished(self._number)
        width, height = self.content_size
        lines = (
            [] if state is None else request_lines(state, done, self._view.now_t, width, height, self._view.vocabulary)
        )
        self.put(lines)
        known = state is not None and self._view.vocabulary.tells("write_queue")
        title = f"{tr('requests')} · {_count(state)}" if state is not None and known else tr("requests")
        set_titles(self, title)


def _count(state: StreamState) -> str:
    under_way = len(state.write_queue) + (state.connect_req is not None) + (state.shutdown_req is not None)
    done = len(state.write_completed_queue)
    words = [tr("{n} under way", n=f"{under_way:,}")] if under_way else [tr("none under way")]
    if done:
        words.append(trn("{n} before its callback", "{n} before their callbacks", done))
    return " · ".join(words)


def request_lines(
    state: StreamState, done: Sequence[RequestState], now_t: int, width: int, height: int, words: Vocabulary
) -> list[Line]:
    """At most `height` lines of at most `width` cells. What is done gives way to what waits."""
    waiting = [
        _held(request, now_t, words) for request in (state.connect_req, state.shutdown_req) if request is not None
    ]
    finished = [_finished(request, f"→ {callback_of(words)}", words) for request in state.write_completed_queue]
    past = [_finished(request, "", words) for request in reversed(done)][:DONE_SHOWN]
    room = max(height - len(waiting) - min(len(finished), 2) - min(len(past), 1), 1)
    queue = state.write_queue
    shown = queue if len(queue) <= room else queue[: room - 1]
    lines = waiting + [_write(request, now_t, width, words) for request in shown]
    if len(shown) < len(queue):
        rest = queue[len(shown) :]
        left = bytes_text(sum(request.left for request in rest))
        lines.append([(tr("+{n} more, {size}", n=f"{len(rest):,}", size=left), "label")])
    lines += finished
    if not lines and not words.tells("write_queue"):
        engine = visible(words.engine) or tr("this engine")
        lines.append([(tr("Which requests wait cannot be known of {engine}.", engine=engine), "label")])
    elif not lines:
        lines.append([(tr("Nothing waits: every write was taken at once, or none was made."), "label")])
    lines += past
    return [cut(line, width) for line in lines[: max(height, 0)]]


def _write(request: RequestState, now_t: int, width: int, words: Vocabulary) -> Line:
    """A write: how much of it is written, of how much, since when, and which buffer is next."""
    taken = request.bytes - request.left
    cells = max(min(width - 44, 24), 8)
    filled, empty = bar(taken, max(request.bytes, 1), cells)
    line: Line = [(f"w{request.number:<6} ", "value"), (filled, "bar"), (empty.replace(" ", "░"), "track")]
    line += [
        (f" {tr('{part} of {all}', part=f'{bytes_text(taken):>7}', all=f'{bytes_text(request.bytes):<7}')} ", ""),
        (_age(request, now_t), ""),
    ]
    if request.nbufs > 1:
        at = f"{min(request.write_index + 1, request.nbufs):,}"
        line.append((f"  {tr('buffer {n} of {all}', n=at, all=f'{request.nbufs:,}')}", "label"))
    if request.send_handle:
        line.append((f"  {tr('carries')} #{request.send_handle}", "value"))
    if request.error:
        line.append((f"  {visible(words.error_text(request.error))}", "error"))
    return line


def _held(request: RequestState, now_t: int, words: Vocabulary) -> Line:
    """A connect or a shutdown, and what it waits for."""
    name = words.requests.get(request.request, "request")
    why = visible(tr(words.meaning_of_request(request.request))) or tr("waits")
    return [
        (f"r{request.number:<6} ", "value"),
        (f"{name}  ", "label"),
        (f"{why}  ", ""),
        (_age(request, now_t), ""),
    ]


def _finished(request: RequestState, then: str, words: Vocabulary) -> Line:
    """A request that is done, well or badly."""
    is_write = request.request == words.request("write")
    letter = "w" if is_write else "r"
    name = words.requests.get(request.request, "request")
    size = f" {bytes_text(request.bytes)}" if is_write or request.bytes else ""
    mark = ("✗ ", "error") if request.error else ("✓ ", "good" if then else "dim")
    status = (
        (f"  {visible(words.error_text(request.error))}", "error") if request.error else ("  0", "" if then else "dim")
    )
    style = "" if then else "dim"
    line: Line = [(f"{letter}{request.number:<6} ", "value" if then else "dim"), mark, (f"{name}{size}", style), status]
    if request.send_handle:
        line.append((f"  {tr('carried')} #{request.send_handle}", style))
    return [*line, (f"  {then}", "label")] if then else line


def _age(request: RequestState, now_t: int) -> str:
    return f"{age_text(now_t - request.begin_t):>6}" if request.begin_t else ""
