"""The line at the bottom: the keys that work here, made from what has the focus. A click presses the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from streamscope.language import N_, tr
from streamscope.ui.actions import BY_ID, Action, label_of, shown_key
from streamscope.ui.live import Overlooked, in_ascii_only
from streamscope.ui.view import View
from streamscope.ui.widgets.explains import Explains
from streamscope.ui.widgets.pens import Pens

FOR_THE_MOMENT = 2
"""The rank at most of what has other words for the moment than always."""

GAP = 2
"""Cells between two keys."""

_NO_LABELS: Mapping[str, str] = {}


class Hint(NamedTuple):
    """A key in the footer: how it is shown, what it does, the key to press and the sentence that explains it."""

    shown: str
    label: str
    key: str
    help: str
    action: Action

    @property
    def width(self) -> int:
        """Cells that it takes, with the gap after it."""
        return cell_len(self.shown) + 1 + cell_len(self.label) + GAP


def hints(
    active: dict[str, ActiveBinding], labels: Mapping[str, str] = _NO_LABELS, *, ascii_only: bool = False
) -> list[Hint]:
    """The keys that the footer tells of, from left to right; the first key of each action, as the person has set it.
    `labels` are words that some actions have for the moment, by id.
    """
    keys: dict[str, list[str]] = {}
    for key, binding in active.items():
        if binding.binding.id in BY_ID and binding.enabled:
            keys.setdefault(binding.binding.id, []).append(key)
    if "travel.back" not in keys:  # the present: what also leaves it is no news there
        keys = {name: bound for name, bound in keys.items() if BY_ID[name].context != "travel"}
    found = []
    for name, bound in keys.items():
        action = BY_ID[name]
        if action.footer:
            if name in labels:
                action = msgspec.structs.replace(action, rank=min(action.rank, FOR_THE_MOMENT))
            key, shown = shown_key(action, bound, ascii_only=ascii_only)
            found.append(Hint(shown, labels.get(action.id) or label_of(action), key, tr(action.help), action))
    return sorted(found, key=lambda hint: hint.action.footer)


def labels_of(view: View) -> Mapping[str, str]:
    """What some keys do where the person stands: going on, going to the end, and copying."""
    travel = view.travel
    if travel is None:
        return _NO_LABELS if view.standstill is None else {"copy": tr("copy the stack")}
    return {
        "pause": tr("pause") if travel.playing else tr("play") if view.moved else tr("resume"),
        "travel.end": tr("last") if view.replaying or view.over else tr("live"),
    }


def fitting(found: list[Hint], width: int) -> list[Hint]:
    """The hints that fit into `width` cells; those of the highest rank go first."""
    kept = list(found)
    while kept and sum(hint.width for hint in kept) > width + GAP - 1:
        least = max(hint.action.rank for hint in kept)
        kept.pop(max(place for place, hint in enumerate(kept) if hint.action.rank == least))
    return kept


NAMED_FROM = 120
"""From so many columns on, what has the focus is named before its keys."""

_CALLED = {
    "timeline": N_("time line"), "large": N_("time line"), "goto": N_("go to"), "slowest": N_("slowest callbacks"),
    "overview": N_("overview"), "streams": N_("streams"), "panel": N_("panel"), "events": N_("events"),
    "log": N_("log"), "payload": N_("payload"), "source": N_("source"), "inside": N_("inside"),
    "stream": N_("stream"), "wall": N_("wall"), "lines": N_("lines"), "totals": N_("totals"),
    "talkers": N_("talkers"), "times": N_("times"), "filter": N_("filter"),
    "poke": N_("poke"), "difference": N_("difference"), "processes": N_("processes"), "why": N_("why"),
    "lesson": N_("lesson"), "help": N_("help"), "fleet": N_("fleet"), "engines": N_("engines"),
    "travel": N_("travel"),
}  # fmt: skip
"""What each place of `actions.CONTEXTS` is called in a word."""


_THE_WAY_TO = {"large": "timeline"}
"""The action that leads to a screen, where it is not called as the screen's own are."""


def called(screen: Screen[Any]) -> str:
    """What has the focus on a screen, or else the screen itself, by the name that its actions have."""
    context = context_of(screen.focused) or context_of(screen)
    return tr(_CALLED.get(context, context))


def context_of(node: Screen[Any] | Widget | None) -> str:
    """Where the actions of a screen or a widget work, "" for one that has none."""
    found = (BY_ID.get(binding.id or "") for binding in (node.BINDINGS if node is not None else ())
             if isinstance(binding, Binding))  # fmt: skip
    contexts = (action.context for action in found if action is not None)
    return next((context for context in contexts if context != "explained"), "")


class KeyFooter(Pens):
    """The footer of every screen."""

    def __init__(self) -> None:
        super().__init__()
        self._dialog: Screen[Any] | None = None
        self._spans: list[tuple[int, int, Hint]] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        self.refresh()

    def show_keys_of(self, dialog: Screen[Any] | None) -> None:
        """Tell of the keys of a dialog over the footer's own screen, or of that screen's own again."""
        self._dialog = dialog
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line; the last hint stands at the right end."""
        width = self.size.width
        if y:
            return self.strip([])
        labels = labels_of(self.app.view) if isinstance(self.app, Overlooked) else _NO_LABELS
        screen = self._dialog or self.screen
        if isinstance(screen.focused, Explains) and screen.focused.explained is not None:
            labels = {**labels, "explain": tr("next")}
        name = called(screen) if width >= NAMED_FROM else ""
        start = f" {name}  " if name else " "
        here = context_of(screen)
        found = hints(screen.active_bindings, labels, ascii_only=in_ascii_only(self.app))
        found = [hint for hint in found if hint.action.id != _THE_WAY_TO.get(here, here)]
        kept = fitting(found, width - 1 - cell_len(start))
        segments: list[Segment] = [Segment(start, self.pen("value"))]
        self._spans = []
        x = cell_len(start)
        for place, hint in enumerate(kept):
            if place == len(kept) - 1 and place:
                gap = max(width - x - hint.width + GAP - 1, 0)
                segments.append(Segment(" " * gap, self.pen()))
                x += gap
            segments += [Segment(hint.shown, self.pen("key")), Segment(f" {hint.label}{' ' * GAP}", self.pen("label"))]
            self._spans.append((x, x + hint.width - GAP, hint))
            x += hint.width
        return self.strip(segments)

    def hint_at(self, x: int) -> Hint | None:
        """The hint under a cell of the line."""
        return next((hint for start, end, hint in self._spans if start <= x < end), None)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        hint = self.hint_at(event.x)
        if hint is not None:
            self.app.simulate_key(hint.key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say what the key under the mouse does."""
        hint = self.hint_at(event.x)
        self.tooltip = Content(hint.help) if hint is not None else None
