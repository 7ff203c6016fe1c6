"""Help for what has the focus: its own words first, then what is wrong now, then the keys that work there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult, RenderResult
from textual.binding import ActiveBinding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from streamscope.diagnosis import BY_NAME, Finding, Lint
from streamscope.language import tr
from streamscope.ui.actions import BY_ID, CONTEXTS, bindings, key_text
from streamscope.ui.cells import is_wide, pad, wrapped
from streamscope.ui.findings import sign_of
from streamscope.ui.live import in_ascii_only
from streamscope.ui.screens.base import Dialog


def help_of(widget: Widget | None) -> str:
    """What the widget, or the nearest one around it that has help, says of itself; its paragraphs without the breaks
    of the source.
    """
    for node in widget.ancestors_with_self if widget is not None else ():
        in_words = getattr(node, "help_text", None)  # of a widget that speaks in its engine's words
        text = in_words() if in_words is not None else getattr(node, "HELP", "")
        if isinstance(text, str) and text:
            return "\n\n".join(map(tr, paragraphs(text)))
    return ""


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a help, each a message of its own."""
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]


def explained(lint: Lint) -> str:
    """What a lint looks for, why that matters, and what to do."""
    said = (
        tr("It looks for this: {checks}.", checks=tr(lint.checks)),
        tr("It matters: {matters}.", matters=tr(lint.matters)),
        tr("To do: {to_do}.", to_do=tr(lint.to_do)),
    )
    return "\n\n".join(said)


class Helped(Static):
    """A paragraph or table of the help; its text is not markup. Where it is of Chinese letters it is broken here, since
    Textual knows words only by the spaces between them.
    """

    def __init__(self, said: Content, *, classes: str) -> None:
        super().__init__(said, classes=classes)
        self._said = said
        self._chinese = is_wide(said.plain)

    def _lines(self, width: int) -> Content:
        plain = self._said.plain
        broken = "\n".join("\n".join(wrapped(line, max(width, 10)) or [""]) for line in plain.split("\n"))
        spans = [span for span in self._said.spans if not span.start]  # a key, which stands on the first line
        return Content(broken, spans=spans)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """See Textual."""
        if not self._chinese:
            return super().get_content_height(container, viewport, width)
        return self._lines(width).plain.count("\n") + 1

    def render(self) -> RenderResult:
        """See Textual."""
        return self._lines(self.content_size.width) if self._chinese else super().render()


class HelpScreen(Dialog[None]):
    """The help over the screen that it is about."""

    BINDINGS = bindings("help")

    def __init__(
        self, widget: Widget | None, active: dict[str, ActiveBinding], findings: Sequence[Finding] = ()
    ) -> None:
        """`findings` are what is wrong now: each is explained."""
        super().__init__()
        self._found = {finding.lint: finding for finding in reversed(findings)}
        self._about = widget
        self._active = active
        self._frame = VerticalScroll(id="help")

    def compose(self) -> ComposeResult:
        """Words, then keys by the place where they work."""
        words = help_of(self._about)
        with self._frame:
            if words:
                yield Helped(Content(words), classes="help-words")
            for name, finding in self._found.items():
                lint = BY_NAME.get(name)
                if lint is not None:
                    yield Helped(Content(f"{sign_of(finding)} {name}"), classes="help-head")
                    yield Helped(Content(explained(lint)), classes="help-words")
            for context, rows in self._keys():
                yield Helped(Content(tr(CONTEXTS[context])), classes="help-head")
                width = max(cell_len(keys) for keys, _ in rows)
                for keys, what in rows:
                    text = Text(f"{pad(keys, width)}   ", style="bold")
                    text.append(tr(what), style="not bold")
                    yield Helped(Content.from_rich_text(text), classes="help-key")

    def on_mount(self) -> None:
        """Its frame says how it closes."""
        frame = self._frame
        frame.border_title = Content(tr("help"))
        frame.border_subtitle = Content(tr("esc closes"))
        frame.focus()

    def _keys(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The keys that work, by context, those of the focused widget first."""
        keys: dict[str, list[str]] = {}
        for key, binding in self._active.items():
            if binding.binding.id in BY_ID:
                keys.setdefault(binding.binding.id, []).append(key)
        ascii_only = in_ascii_only(self.app)
        order = list(CONTEXTS)
        found = sorted((BY_ID[name] for name in keys), key=lambda action: -order.index(action.context))
        return [
            (
                context,
                [(key_text(",".join(keys[action.id]), ascii_only=ascii_only), action.help) for action in actions],
            )
            for context, actions in (
                (context, list(group)) for context, group in groupby(found, key=lambda action: action.context)
            )
        ]
