"""Why: what is wrong with a stream, whose fault it is, and the evidence, over the screen; Enter goes to an instant."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Region
from textual.strip import Strip

from streamscope.diagnosis.shapes import Finding
from streamscope.language import tr
from streamscope.trace.instant import Target
from streamscope.trace.roles import who
from streamscope.ui.actions import bindings, of_context
from streamscope.ui.chain_text import chain_text
from streamscope.ui.findings import sign_of
from streamscope.ui.glossary import Thing, of_panel
from streamscope.ui.lines import cut
from streamscope.ui.safe import fit
from streamscope.ui.screens.base import Dialog, LiveScreen
from streamscope.ui.view import View
from streamscope.ui.why_lines import Why, evidence_of, why_lines
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.pens import set_titles

NOTHING = Why([], [])


class WhyPane(Explains, can_focus=True):
    """The lines. It follows the finding as long as that is there."""

    HELP = """\
What is wrong with the stream. First who is at fault (PEER, NETWORK, LOOP, APP, LISTENER or HOST, the machine; INJECTED
is what somebody who watches has it do), how sure that is, and since when; then the evidence, each with the field it was
read from and its instant: Enter goes there, and esc comes back. Below it what else was weighed and why it is not it,
what would change the verdict, who suffers, and what to do.

a allows what was found here, from then on nothing is said of it; the palette heeds it again.
"""
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("explained"), *bindings("why")]

    def __init__(self, view: View, finding: Finding, cursor: int = 0) -> None:
        super().__init__(id="why")
        self._view = view
        self.finding = finding
        self.over = False
        self.cursor = cursor
        self._why = NOTHING

    def on_mount(self) -> None:
        """Say what is known."""
        self.show(frozenset())

    def on_resize(self, event: events.Resize) -> None:
        """Another size has room for other lines."""
        self.show(frozenset())

    def show(self, changed: Set[int]) -> None:
        """Take up what is found now, and paint the lines that differ."""
        view = self._view
        now = next((each for each in view.told.findings if each.key == self.finding.key), None)
        self.over = now is None and not view.diagnosing
        self.finding = now or self.finding
        width, height = self.content_size
        if not width:
            return
        self.cursor = max(min(self.cursor, len(evidence_of(self.finding)) - 1), 0)
        verdict = self.finding.verdict
        root = verdict.root if verdict is not None and verdict.side == "out" else 0
        view.ask_other_end(root)
        other = view.other_end(root)
        before = self._why.lines
        self._why = why_lines(
            self.finding, view.told, started=view.started, now_t=view.now_t, cursor=self.cursor, width=width,
            height=height, chain=chain_text(view.told, self.finding.stream, view.model.streams, view.vocabulary),
            notes=() if other is None else other.sentences,
        )  # fmt: skip
        self._retitle()
        self.explain_anew()
        self.refresh_lines_that_differ(before, self._why.lines)

    def _retitle(self) -> None:
        view, number = self._view, self.finding.stream
        state = view.stream(number)
        of = tr("the loop") if not number else f"#{number}" if state is None else tr(who(state, view.vocabulary))
        over = f" · {tr('it is over')}" if self.over else ""
        room = max(self.outer_size.width - 20, 10)
        set_titles(self, fit(f"{sign_of(self.finding)} {tr('why')} · {of}{over}", room).rstrip(), tr("w esc closes"))

    def render_line(self, y: int) -> Strip:
        """One line."""
        at = y + self.shift
        line = self._why.lines[at] if at < len(self._why.lines) else []
        ground = "cursor" if line and self._why.places[at] == self.cursor else ""
        pen = self.pen
        parts = (Segment(text, pen(name, ground)) for text, name in cut(line, self.content_size.width))
        return self.explained_over(y, self.strip(parts, ground))

    def things(self) -> Sequence[Thing]:
        """See `Explains`: the fields that the evidence was read from."""
        words, found = of_panel(self._view.vocabulary), []
        for place, evidence in enumerate(evidence_of(self.finding)):
            y = next((y for y, there in enumerate(self._why.places) if there == place), None)
            if y is not None and evidence.field in words:
                x = cell_len("".join(text for text, _ in self._why.lines[y]).partition(f" {evidence.field} ")[0]) + 1
                found.append(Thing(y, x, cell_len(evidence.field), evidence.field, words[evidence.field]))
        return found

    def under_cursor(self) -> str:
        """See `Explains`: the field of the line that is chosen."""
        evidence = evidence_of(self.finding)
        return evidence[self.cursor].field if evidence else ""

    def copy_text(self) -> str:
        """What it says, for the clipboard."""
        lines = ("".join(text for text, _ in line).rstrip() for line in self._why.lines)
        return "\n".join([self.finding.sentence, *lines])

    def _move(self, by: int) -> None:
        self.cursor += by
        self.show(frozenset())
        self.explain_anew(self.under_cursor())

    def action_up(self) -> None:
        """The line of evidence above."""
        self._move(-1)

    def action_down(self) -> None:
        """The line of evidence below."""
        self._move(1)

    def action_go(self) -> None:
        """Go to the instant of the line."""
        evidence = evidence_of(self.finding)
        t = evidence[self.cursor].since if evidence else self.finding.since
        self.screen.dismiss(Target("t", t))

    def on_click(self, event: events.Click) -> None:
        """A click chooses a line of evidence, a second one goes there."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y < len(self._why.places) and self._why.places[offset.y] >= 0:
            self.cursor = self._why.places[offset.y]
            self.show(frozenset())
            if event.chain == 2:
                self.action_go()


class WhyScreen(Dialog[Target | None]):
    """The pane, in the place of the panel where there is room, else of the body: header and sentence stay."""

    BINDINGS = bindings(
        "", *(action.id for action in of_context("travel")), "pause", "goto", "explain", "help", "copy", "began", "quit"
    )

    def __init__(self, view: View, finding: Finding, below: LiveScreen, cursor: int = 0) -> None:
        super().__init__()
        self.pane = WhyPane(view, finding, cursor)
        self._below = below

    def compose(self) -> ComposeResult:
        """The pane alone."""
        yield self.pane

    def on_mount(self) -> None:
        """Its keys work at once."""
        super().on_mount()
        self._place()
        self.pane.focus()

    def on_resize(self, event: events.Resize) -> None:
        """The screen below is laid out anew."""
        self.call_after_refresh(self._place)

    def _place(self) -> None:
        region = self._region()
        styles = self.pane.styles
        styles.margin = (region.y, 0, 0, region.x)
        styles.width, styles.height = region.width, region.height

    def _region(self) -> Region:
        body = self._below.query_one("#body").region
        beside = self._below.query("#panels") if self._below.has_class("-wide") else ()
        for panels in beside:
            if panels.region.height >= 20:
                return panels.region
        return body

    def show(self, changed: Set[int]) -> None:
        """Follow."""
        self.pane.show(changed)

    def show_at_once(self) -> None:
        """The same."""
        self.pane.show(frozenset())

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)
