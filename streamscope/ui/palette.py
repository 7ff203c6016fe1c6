"""The command palette's entries: the actions that work here, and the streams to go to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.binding import ActiveBinding
from textual.command import DiscoveryHit, Hit, Hits, Provider

from streamscope.diagnosis import LINTS
from streamscope.language import N_, tr
from streamscope.ui.actions import BY_ID, Action, shown_key
from streamscope.ui.live import Overlooked, in_ascii_only
from streamscope.ui.safe import as_sentence, visible

MOST_STREAMS = 20


def more_of(action: Action) -> str:
    """What the help says of an action beyond what the palette calls it."""
    return tr(action.help).removeprefix(as_sentence(tr(action.palette))).strip()


class ActionProvider(Provider):
    """What can be done where the palette was opened, with the key that does it the next time."""

    def _entries(self) -> list[tuple[str, str, Callable[[], object]]]:
        found: dict[str, ActiveBinding] = {}
        keys: dict[str, list[str]] = {}
        for key, active in self.screen.active_bindings.items():
            name = active.binding.id or ""
            if name in BY_ID and BY_ID[name].palette and active.enabled:
                found.setdefault(name, active)
                keys.setdefault(name, []).append(key)
        ascii_only = in_ascii_only(self.app)
        entries: list[tuple[str, str, Callable[[], object]]] = []
        for name, active in found.items():
            action = BY_ID[name]
            _, key = shown_key(action, keys[name], ascii_only=ascii_only)
            run = partial(self.app.run_action, active.binding.action, active.node)
            entries.append((tr(action.palette), f"{key}   {more_of(action)}", run))
        return entries

    async def discover(self) -> Hits:
        """All of them."""
        for title, words, run in self._entries():
            yield DiscoveryHit(title, run, help=words)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, words, run in self._entries():
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=words)


class LintProvider(Provider):
    """What a diagnosis looks for: to allow it, so that it says nothing any more, or to heed it again."""

    def _entries(self, *, every: bool) -> list[tuple[str, str, Callable[[], object]]]:
        app = self.app
        if not isinstance(app, Overlooked):
            return []
        view = app.view
        found = {finding.lint for finding in view.told.findings}
        again, allow = N_("Heed again {lint}"), N_("Allow {lint}")
        return [
            (tr(again if lint.name in view.allowed else allow, lint=lint.name),
             tr("It looks for this: {what}.", what=tr(lint.checks)), partial(app.allow_lint, lint.name))
            for lint in LINTS if every or lint.name in found or lint.name in view.allowed
        ]  # fmt: skip

    async def discover(self) -> Hits:
        """Those that have found something, or are allowed."""
        for title, words, run in self._entries(every=False):
            yield DiscoveryHit(title, run, help=words)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, words, run in self._entries(every=True):
            score = matcher.match(title)
            if score > 0:
                yield Hit(score, matcher.highlight(title), run, help=words)


class StreamProvider(Provider):
    """Streams by number, address or name."""

    async def search(self, query: str) -> Hits:
        """The streams that match; each opens on the whole screen."""
        app = self.app
        if not isinstance(app, Overlooked):
            return
        matcher = self.matcher(query)
        hits = []
        for state in list(app.view.model.streams.values()):
            title = " ".join(
                word for word in (f"#{state.number}", visible(state.peer or state.local), visible(state.name)) if word
            )
            score = matcher.match(title)
            if score > 0:
                hits.append((score, title, state.number))
        for score, title, number in sorted(hits, reverse=True)[:MOST_STREAMS]:
            run = partial(app.open_stream, number)
            yield Hit(score, matcher.highlight(title), run, text=title, help=tr("Open this stream"))
