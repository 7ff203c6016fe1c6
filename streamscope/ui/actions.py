"""Every action of the screen, once: its id, keys, words and where it works.

Bindings, footer, help, palette, the config file's key names and docs/keys.md are all made from `ACTIONS`. A widget or
screen takes its part with `BINDINGS = bindings("streams")` and implements the methods that the `action` strings name. A
key in the config file (`[keys]`, `"streams.sort" = "o"`) replaces all keys of that id.

Importing this module loads nothing of textual, so that commands which only print it stay quick. Run as a program, it
prints docs/keys.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from streamscope.language import N_, tr

if TYPE_CHECKING:
    from textual.binding import BindingType


class Action(msgspec.Struct, frozen=True):
    """One thing a person can do.

    `keys` are Textual's names, separated by commas. `footer` is the place from the left in the footer, 0 for not
    shown there, and `rank` says how early it is left out when the footer is narrow (higher goes first). `palette` is
    its line in the command palette, empty for none.
    """

    id: str
    context: str
    keys: str
    action: str
    label: str
    help: str
    footer: int = 0
    rank: int = 5
    palette: str = ""
    key_label: str = ""


CONTEXTS: dict[str, str] = {
    "everywhere": "Everywhere",
    "travel": "Back in time",
    "fleet": "A fleet",
    "engines": "Engines of a fleet",
    "overview": "Overview",
    "streams": "Table of streams",
    "panel": "Panel of a stream",
    "events": "Events",
    "log": "Log",
    "payload": "Payload",
    "source": "The engine's text",
    "inside": "Where we are, and the engine's text",
    "stream": "One stream, full screen",
    "wall": "Wall",
    "lines": "Lines of the wall",
    "timeline": "Time line",
    "large": "Time line, full screen",
    "totals": "Totals",
    "talkers": "Top talkers",
    "times": "A histogram",
    "explained": "An explanation",
    "filter": "Filter",
    "goto": "Go to an instant",
    "poke": "Poke a stream",
    "difference": "Difference",
    "slowest": "Slowest callbacks",
    "processes": "Processes",
    "why": "Why",
    "lesson": "Lesson",
    "help": "Help",
}
"""The places where actions work, and what the help and the document call them."""

ACTIONS: tuple[Action, ...] = (
    # everywhere
    Action("pause", "everywhere", "space", "app.pause", "pause",
           "Hold the screen still, to look closely and to go back in time; the engine is not touched, and what happens "
           "meanwhile is kept. Again goes on: to the present, or, once one has gone back, from there. A replay plays "
           "and pauses.",
           footer=1, rank=1, palette="Pause, play or go on", key_label="space"),
    Action("goto", "everywhere", "colon", "app.goto", "go to",
           "Go to an instant of the past: a time, a turn, an event's number.", footer=13, rank=6,
           palette="Go to a time, a turn or an event", key_label=":"),
    Action("mark", "everywhere", "m", "app.mark", "mark", "Mark this instant, or take the mark away from it.",
           footer=14, rank=7, palette="Mark this instant"),
    Action("difference", "everywhere", "d", "app.difference", "difference",
           "Show what differs between the mark and now.", footer=15, rank=7,
           palette="What differs between the mark and now"),
    Action("why", "everywhere", "w", "app.why", "why",
           "Explain what is wrong with the selected stream, or what the sentence speaks of: whose fault it is, and the "
           "evidence.", footer=21, rank=2, palette="Why does it not get on?"),
    Action("began", "everywhere", "b", "app.began", "where it began",
           "Go to the instant at which it began.", footer=22, rank=6, palette="Go to where the trouble began"),
    Action("chain", "everywhere", "c", "app.chain", "chain",
           "Go a step along the chain, towards the stream that holds the others back; from there, back to where one "
           "began. Where nothing is held back, go to the other side of the pair.", footer=23, rank=3,
           palette="Along the chain, to what holds the stream back"),
    Action("conversation", "everywhere", "B", "app.conversation", "both sides",
           "Show both sides of a pair as one conversation: what passes at each, and the events of both, in order. "
           "Again shows one side.", footer=24, rank=7, palette="Both sides as one conversation"),
    Action("trouble", "everywhere", "E", "app.next_trouble", "next trouble",
           "Go to the next trouble: what the sentence speaks of, then the next, then streams that have failed.",
           footer=45, rank=6, palette="Go to the next trouble"),
    Action("every_event", "everywhere", "v", "app.every_event", "all / what matters",
           "In the events, show every one, or only what matters again: a line for each cycle of the loop, and what "
           "opened, closed, failed or changed. The choice is kept.", footer=53, rank=6,
           palette="Events: every one, or what matters"),
    Action("explain", "everywhere", "i", "app.explain", "explain",
           "Explain in place what is under the cursor: a column, a letter, a flag, a field, a lane, an event. Again "
           "explains the next thing there.",
           footer=43, rank=3, palette="Explain what is under the cursor"),
    Action("turn", "everywhere", "r", "app.turn_ladder", "other side",
           "Show the other side of the stream's ladder: where the bytes are that come in, or that go out.",
           palette="Turn the ladder to the other side"),
    Action("source", "everywhere", "x", "app.source", "source",
           "Show the line of the engine's text that told of what is selected, or of what has happened last; inside "
           "which functions, and what it is in libuv. Again goes back.", footer=52, rank=7,
           palette="The source: which line told of this, and inside which functions"),
    Action("poke", "everywhere", "I", "app.poke", "poke",
           "Have something happen to the selected stream, to see what the program makes of it: stop its reading, reset "
           "it, cap its writes, have its next call fail. All of it is told as injected, and ends when you leave.",
           footer=47, rank=7, palette="Poke the selected stream: stop, reset, delay, fail"),
    Action("freeze", "everywhere", "F", "app.freeze", "freeze",
           "Have the live loop stay in its wait, and its time stand still: nothing is read or written. Again lets it "
           "go on, and so does leaving. Pause holds the screen alone.",
           footer=48, rank=7, palette="Freeze the live loop, or let it go on"),
    Action("freeze.callback", "everywhere", "full_stop", "app.step_live('callback')", "step",
           "While the loop is frozen: go on until the callback of one more stream has run.",
           footer=8, rank=3, palette="Step the frozen loop by a callback", key_label="."),
    Action("freeze.turn", "everywhere", "semicolon", "app.step_live('turn')", "turn",
           "While the loop is frozen: go on for a whole turn.", footer=9, rank=4,
           palette="Step the frozen loop by a turn", key_label=";"),
    Action("slowest", "everywhere", "C", "app.slowest", "slowest callbacks",
           "List the ten callbacks that took longest.", palette="The slowest callbacks"),
    Action("overview", "everywhere", "1", "app.overview", "overview", "Go to the table, the panels and the events.",
           footer=50, rank=6, palette="Overview"),
    Action("wall", "everywhere", "2", "app.wall", "wall",
           "Show the troubled streams large, the worst first, and all others in one line each.",
           footer=50, rank=4, palette="Wall of streams: the troubled large"),
    Action("timeline", "everywhere", "3", "app.timeline", "time line",
           "Fill the screen with the time line of the selected stream: how its flags and queues evolved.",
           footer=51, rank=5, palette="Time line of the selected stream"),
    Action("totals", "everywhere", "4", "app.totals", "totals",
           "Fill the screen with totals: bytes, accepts and closes a second, errors, how long writes wait, callbacks "
           "and turns take, and who talks most.",
           footer=51, rank=5, palette="Totals"),
    Action("traffic", "everywhere", "g", "app.traffic", "traffic",
           "Start built-in clients that talk to the server: polite, slow, coming and going. Again stops them.",
           footer=70, rank=7, palette="Start or stop built-in clients"),
    Action("record", "everywhere", "R", "app.record", "record",
           "Record everything into a new trace in the current folder. Again ends the recording. Once the engine has "
           "ended, keep in such a file what is in memory of its past.",
           footer=72, rank=7, palette="Start or stop recording"),
    Action("processes", "everywhere", "O", "app.processes", "processes",
           "List the processes and loops of the command that was started, or, for a screen that has attached, all that "
           "can be watched, and watch another one.", footer=74, rank=5, palette="Processes: watch another one"),
    Action("leave_it", "everywhere", "D", "app.leave_it", "leave it running",
           "Leave the screen, and let the command run: a line says how to attach again and how to stop it.",
           footer=98, rank=6, palette="Leave, and let the command run"),
    Action("help", "everywhere", "question_mark,f1", "app.help", "help",
           "Explain what has the focus, and list the keys that work there.",
           footer=80, rank=2, palette="Help", key_label="?"),
    Action("palette", "everywhere", "ctrl+p", "app.command_palette", "palette", "Search everything that can be done.",
           footer=90, rank=8, key_label="^p"),
    Action("copy", "everywhere", "y", "app.copy", "copy",
           "Copy what is selected here: a stream's line, a panel, an event, the log, the payload.", footer=46, rank=6,
           palette="Copy what is selected"),
    Action("theme", "everywhere", "t", "app.change_theme", "theme", "Choose the colours.", palette="Theme"),
    Action("next", "everywhere", "tab", "app.focus_next", "next pane", "Move the focus to the next pane.",
           key_label="tab"),
    Action("previous", "everywhere", "shift+tab", "app.focus_previous", "previous pane",
           "Move the focus to the previous pane.",
           key_label="⇧tab"),
    Action("interrupt", "everywhere", "ctrl+c", "app.interrupt", "interrupt",
           "Copy the text that the mouse has marked; without any, say how to leave, and leave when pressed again."),
    Action("quit", "everywhere", "q,ctrl+q", "app.quit", "quit",
           "Leave. A server that was started here ends too, its streams in order; one attached to goes on.",
           footer=99, rank=0, palette="Quit", key_label="q"),
    # back in time: these keys come before a pane's own while the screen is paused or replays
    Action("travel.back", "travel", "left", "app.step(-1)", "step", "Step one event back.", footer=2, rank=3,
           key_label="← →"),
    Action("travel.on", "travel", "right", "app.step(1)", "step", "Step one event on."),
    Action("travel.turn_back", "travel", "shift+left", "app.step_turn(-1)", "turn", "Step one turn of the loop back.",
           footer=3, rank=5, key_label="⇧← →"),
    Action("travel.turn_on", "travel", "shift+right", "app.step_turn(1)", "turn", "Step one turn of the loop on."),
    Action("travel.before", "travel", "ctrl+left", "app.change(-1)", "change",
           "Go to the change before, of the selected stream; or of the lane that is selected in the time line, or the "
           "flag or field that is explained.",
           footer=4, rank=4, palette="Go to the selected stream's change before", key_label="^← →"),
    Action("travel.next", "travel", "ctrl+right", "app.change(1)", "change",
           "Go to the next change of the selected stream; or of the lane that is selected in the time line, or the "
           "flag or field that is explained.",
           palette="Go to the selected stream's next change"),
    Action("travel.over_back", "travel", "left_parenthesis", "app.step_function(0, -1)", "over",
           "Step back over whatever a function has called: to what the same one did before.",
           palette="Step back over what the function has called", key_label="( )"),
    Action("travel.over", "travel", "right_parenthesis", "app.step_function(0, 1)", "over",
           "Step over whatever the function calls: to what the same one does next, or to where it has returned.",
           palette="Step over what the function calls"),
    Action("travel.out_back", "travel", "left_curly_bracket", "app.step_function(1, -1)", "out",
           "Step back to before the function was called.",
           palette="Step back to before the function was called", key_label="{ }"),
    Action("travel.out", "travel", "right_curly_bracket", "app.step_function(1, 1)", "out",
           "Step out of the function: to what is told when it has returned.",
           palette="Step out of the function"),
    Action("travel.start", "travel", "home", "app.past_start", "start", "Go to where the past begins.",
           palette="Go to where the past begins"),
    Action("travel.end", "travel", "end", "app.past_end", "live",
           "Go back to the present; in a replay, to where the past ends.", footer=6, rank=2,
           palette="Go back to the present"),
    Action("travel.slower", "travel", "less_than_sign", "app.speed(-1)", "slower",
           "Play slower, down to a hundredth.", palette="Play slower", key_label="<"),
    Action("travel.faster", "travel", "greater_than_sign", "app.speed(1)", "speed",
           "Play faster, up to a hundred times.", footer=7, rank=6, palette="Play faster", key_label="< >"),
    # overview
    Action("unfilter", "overview", "escape", "unfilter", "clear filter",
           "Show every stream again; in the list of events, every event.", footer=5, rank=2, key_label="esc"),
    Action("back", "overview", "escape", "app.came_back", "back",
           "Go back to where one came from: in the past, along a chain, from an engine to its fleet.",
           footer=5, rank=2, key_label="esc"),
    Action("filter", "overview", "slash", "filter", "filter",
           "Show only streams that match; in the list of events, only events that do.",
           footer=10, rank=2, palette="Filter the streams, or the events", key_label="/"),
    Action("log", "overview", "L", "log", "log", "Show or hide what the program printed.", footer=60, rank=7,
           palette="Show or hide the log"),
    Action("events", "overview", "e", "events", "events", "Show or hide the events.",
           palette="Show or hide the events"),
    Action("again", "overview", "r", "app.again", "run again",
           "Run what has ended once more, with the same command line. Its past goes, so the key is pressed twice.",
           footer=8, rank=3, palette="Run again what has ended"),
    Action("overview.lanes", "overview", "T", "lanes", "lanes",
           "Show or hide the time line of the selected stream.", footer=52, rank=6,
           palette="Show or hide the time line"),
    # a fleet, and its engines
    Action("fleet.filter", "fleet", "slash", "filter", "filter",
           "Show only engines that match: a host, a verdict, waits > 1MiB, not flows.",
           footer=10, rank=1, key_label="/"),
    Action("fleet.unfilter", "fleet", "escape", "unfilter", "clear filter", "Show every engine again.",
           footer=5, rank=2, key_label="esc"),
    Action("engines.up", "engines", "up,k", "up", "up", "Move to the engine above.", key_label="↑ k"),
    Action("engines.down", "engines", "down,j", "down", "down", "Move to the engine below.", key_label="↓ j"),
    Action("engines.page_up", "engines", "pageup,ctrl+b", "page(-1)", "page up", "Move up by a page.",
           key_label="PgUp"),
    Action("engines.page_down", "engines", "pagedown,ctrl+f", "page(1)", "page down", "Move down by a page.",
           key_label="PgDn"),
    Action("engines.first", "engines", "home", "first", "first", "Move to the first engine.", key_label="Home"),
    Action("engines.last", "engines", "end,G", "last", "last", "Move to the last engine.", key_label="End"),
    Action("engines.open", "engines", "enter", "open", "open",
           "Look at the engine as if it ran here, with the past that is kept of it.", footer=20, rank=1, key_label="⏎"),
    Action("engines.sort", "engines", "s", "sort", "sort",
           "Sort by the next: trouble, what waits, bytes, streams, host.", footer=40, rank=3),
    # the table of streams
    Action("streams.up", "streams", "up,k", "up", "up", "Move to the stream above.", key_label="↑ k"),
    Action("streams.down", "streams", "down,j", "down", "down", "Move to the stream below.", key_label="↓ j"),
    Action("streams.page_up", "streams", "pageup,ctrl+b", "page_up", "page up", "Move up by a page.", key_label="PgUp"),
    Action("streams.page_down", "streams", "pagedown,ctrl+f", "page_down", "page down", "Move down by a page.",
           key_label="PgDn"),
    Action("streams.first", "streams", "home", "first", "first", "Move to the first stream.", key_label="Home"),
    Action("streams.last", "streams", "end,G", "last", "last", "Move to the last stream.", key_label="End"),
    Action("streams.right", "streams", "right,l", "screen.go(1, 0)", "panels", "Move to the panels.", key_label="→ l"),
    Action("streams.open", "streams", "enter", "open", "open", "Open the stream on the whole screen.",
           footer=20, rank=3, palette="Open the selected stream", key_label="⏎"),
    Action("streams.pin", "streams", "p", "pin", "pin", "Keep the stream's panel on the screen, or let it go.",
           footer=30, rank=4, palette="Pin or unpin the selected stream"),
    Action("streams.sort", "streams", "s", "sort", "sort",
           "Sort by the next column. A click on a column's head sorts by it.",
           footer=40, rank=5, palette="Sort by the next column"),
    Action("streams.reverse", "streams", "S", "reverse", "reverse", "Turn the order of the table round.",
           palette="Turn the order of the table round"),
    # a panel
    Action("panel.left", "panel", "left,h", "screen.go(-1, 0)", "left", "Move to the pane on the left.",
           key_label="← h"),
    Action("panel.down", "panel", "down,j", "screen.go(0, 1)", "down", "Move to the panel below.", key_label="↓ j"),
    Action("panel.up", "panel", "up,k", "screen.go(0, -1)", "up", "Move to the panel above.", key_label="↑ k"),
    Action("panel.right", "panel", "right,l", "screen.go(1, 0)", "right", "Move to the pane on the right.",
           key_label="→ l"),
    Action("panel.open", "panel", "enter", "open", "open", "Open the stream on the whole screen.", footer=20, rank=3,
           key_label="⏎"),
    Action("panel.pin", "panel", "p", "pin", "pin", "Keep the panel on the screen, or let it go.", footer=30, rank=4),
    # the events
    Action("events.up", "events", "up,k", "up", "up", "Move to the event before.", key_label="↑ k"),
    Action("events.down", "events", "down,j", "down", "down", "Move to the event after.", key_label="↓ j"),
    Action("events.page_up", "events", "pageup,ctrl+b", "page_up", "page up", "Move back by a page.", key_label="PgUp"),
    Action("events.page_down", "events", "pagedown,ctrl+f", "page_down", "page down", "Move on by a page.",
           key_label="PgDn"),
    Action("events.first", "events", "home", "first", "first", "Move to the oldest event that is still kept.",
           key_label="Home"),
    Action("events.follow", "events", "end,f", "follow", "follow", "Follow the newest event.", footer=30, rank=4,
           palette="Follow the newest event", key_label="f"),
    Action("events.explain", "events", "enter", "explain", "unfold",
           "Of what matters, unfold the selected line into its events, or fold it again. Of every event, select the "
           "event's stream, and explain it. In the past, go to the selected event.",
           footer=20, rank=3, palette="Unfold or explain the selected event", key_label="⏎"),
    Action("events.find", "events", "n", "find(1)", "next match",
           "Go to the next event that matches the filter, and unfold the line that it is part of.", footer=41, rank=6,
           key_label="n N"),
    Action("events.find_before", "events", "N", "find(-1)", "match before",
           "Go to the event before that matches the filter."),
    Action("events.only", "events", "o", "only", "only this stream",
           "Show the events of the selected stream only, or of all.",
           footer=40, rank=5, palette="Events of the selected stream only, or of all"),
    # the log
    Action("log.up", "log", "up,k", "scroll_up", "up", "Scroll up.", key_label="↑ k"),
    Action("log.down", "log", "down,j", "scroll_down", "down", "Scroll down.", key_label="↓ j"),
    Action("log.page_up", "log", "pageup,ctrl+b", "page_up", "page up", "Scroll up by a page.", key_label="PgUp"),
    Action("log.page_down", "log", "pagedown,ctrl+f", "page_down", "page down", "Scroll down by a page.",
           key_label="PgDn"),
    Action("log.left", "log", "left,h", "sideways(-1)", "left", "Move back along long lines.", key_label="← h"),
    Action("log.right", "log", "right,l", "sideways(1)", "right", "Move on along long lines.", key_label="→ l"),
    Action("log.first", "log", "home", "scroll_home", "first", "Go to the first line that is kept.", key_label="Home"),
    Action("log.follow", "log", "end,f", "follow", "follow", "Follow the newest line.", footer=30, rank=4,
           key_label="f"),
    # the payload
    Action("payload.up", "payload", "up,k", "scroll_up", "up", "Scroll up.", key_label="↑ k"),
    Action("payload.down", "payload", "down,j", "scroll_down", "down", "Scroll down.", key_label="↓ j"),
    Action("payload.page_up", "payload", "pageup,ctrl+b", "page_up", "page up", "Scroll up by a page.",
           key_label="PgUp"),
    Action("payload.page_down", "payload", "pagedown,ctrl+f", "page_down", "page down", "Scroll down by a page.",
           key_label="PgDn"),
    Action("payload.first", "payload", "home", "scroll_home", "first", "Go to the first bytes that are kept.",
           key_label="Home"),
    Action("payload.follow", "payload", "end,f", "follow", "follow", "Follow the newest bytes.", footer=30, rank=4,
           key_label="f"),
    Action("payload.hex", "payload", "h", "hex", "text / hex", "Show the payload as text, or as hex.", footer=25,
           rank=3,
           palette="Payload as text or hex"),
    # the engine's text
    Action("source.out", "source", "up,k", "out(1)", "out", "Show the function that called this one, at the call.",
           footer=20, rank=3, key_label="↑ ↓"),
    Action("source.in", "source", "down,j", "out(-1)", "in", "Show the function that this one called."),
    Action("inside.back", "inside", "escape,backspace", "back", "back", "Go back to where it was opened.", footer=5,
           rank=2, key_label="esc"),
    # one stream
    Action("stream.unfilter", "stream", "escape", "unfilter", "clear filter", "Show every event of the stream again.",
           footer=5, rank=2, key_label="esc"),
    Action("stream.back", "stream", "escape,backspace", "back", "back", "Go back to where the stream was opened.",
           footer=5, rank=2,
           palette="Back", key_label="esc"),
    Action("stream.filter", "stream", "slash", "filter", "filter", "Show only events that match.",
           footer=10, rank=5, palette="Filter the stream's events", key_label="/"),
    Action("stream.pin", "stream", "p", "pin", "pin", "Keep the stream's panel on the overview, or let it go.",
           footer=35, rank=5),
    Action("stream.previous", "stream", "left_square_bracket", "previous", "previous",
           "Go to the stream before it in the table.",
           footer=36, rank=6, key_label="["),
    Action("stream.next", "stream", "right_square_bracket", "next", "next", "Go to the stream after it in the table.",
           footer=37, rank=6, key_label="]"),
    Action("stream.lanes", "stream", "T", "lanes", "lanes", "Show or hide the stream's time line.", footer=52,
           rank=6),
    # the time line
    Action("timeline.up", "timeline", "up,k", "lane(-1)", "lane", "Select the lane above.", footer=30, rank=4,
           key_label="↑ ↓"),
    Action("timeline.down", "timeline", "down,j", "lane(1)", "lane",
           "Select the lane below; after the last one, none."),
    Action("timeline.closer", "timeline", "plus,equals_sign", "zoom(1)", "zoom", "Look closer.", footer=31, rank=3,
           palette="Time line: look closer", key_label="+ −"),
    Action("timeline.further", "timeline", "minus", "zoom(-1)", "zoom out", "See more of the past at once.",
           palette="Time line: see more at once"),
    Action("timeline.all", "timeline", "0", "all", "all", "See all of the past at once.", footer=32, rank=5,
           palette="Time line: see all of the past"),
    Action("timeline.earlier", "timeline", "pageup,ctrl+b", "scroll(-1)", "earlier",
           "Move the time line to earlier times.", key_label="PgUp"),
    Action("timeline.later", "timeline", "pagedown,ctrl+f", "scroll(1)", "later", "Move the time line to later times.",
           key_label="PgDn"),
    # the time line on a screen of its own
    Action("large.back", "large", "escape,backspace", "back", "back", "Go back to where the time line was opened.",
           footer=5, rank=2, key_label="esc"),
    Action("large.previous", "large", "left_square_bracket", "previous", "previous",
           "Go to the stream before it in the table.", footer=36, rank=6, key_label="["),
    Action("large.next", "large", "right_square_bracket", "next", "next", "Go to the stream after it in the table.",
           footer=37, rank=6, key_label="]"),
    # the wall
    Action("wall.back", "wall", "escape", "app.overview", "back", "Go back to the overview.", footer=5, rank=3,
           key_label="esc"),
    # totals
    Action("totals.back", "totals", "escape", "app.overview", "back", "Go back to the overview.", footer=5, rank=3,
           key_label="esc"),
    Action("totals.sort", "totals", "s", "sort", "sort",
           "Sort the top talkers by the next figure: bytes, in, out, what waits, time of callbacks.",
           footer=30, rank=4, palette="Sort the top talkers by the next figure"),
    Action("totals.longer", "totals", "plus,equals_sign", "span(1)", "span",
           "Add up over more seconds: 10, 60 or 300.", footer=31, rank=4, palette="Totals: over more seconds",
           key_label="+ −"),
    Action("totals.shorter", "totals", "minus", "span(-1)", "shorter", "Add up over fewer seconds.",
           palette="Totals: over fewer seconds"),
    Action("talkers.up", "talkers", "up,k", "up", "up", "Move to the stream above.", key_label="↑ k"),
    Action("talkers.down", "talkers", "down,j", "down", "down", "Move to the stream below.", key_label="↓ j"),
    Action("talkers.open", "talkers", "enter", "open", "open", "Open the stream on the whole screen.", footer=20,
           rank=3, key_label="⏎"),
    Action("times.slowest", "times", "enter", "slowest", "ten slowest",
           "List the ten that took longest, with stream and place, and go to one.", footer=20, rank=3, key_label="⏎"),
    Action("wall.pin", "wall", "p", "pin", "keep large",
           "Make the selected stream large and keep it so, or let it go.", footer=30, rank=4,
           palette="Keep the selected stream large, or let it go"),
    # the wall's lines
    Action("lines.up", "lines", "up,k", "up", "up", "Move to the line above; from the first, to the panels.",
           key_label="↑ k"),
    Action("lines.down", "lines", "down,j", "down", "down", "Move to the line below.", key_label="↓ j"),
    Action("lines.left", "lines", "left,h", "left", "left", "Move to the line before.", key_label="← h"),
    Action("lines.right", "lines", "right,l", "right", "right", "Move to the line after.", key_label="→ l"),
    Action("lines.page_up", "lines", "pageup,ctrl+b", "page_up", "page up", "Move up by a page.", key_label="PgUp"),
    Action("lines.page_down", "lines", "pagedown,ctrl+f", "page_down", "page down", "Move down by a page.",
           key_label="PgDn"),
    Action("lines.first", "lines", "home", "first", "first", "Move to the first line.", key_label="Home"),
    Action("lines.last", "lines", "end,G", "last", "last", "Move to the last line.", key_label="End"),
    Action("lines.open", "lines", "enter", "open", "open", "Open the stream on the whole screen.", footer=20, rank=3,
           key_label="⏎"),
    # while something is explained
    Action("explained.close", "explained", "escape", "explain_close", "close", "Take the explanation away.",
           footer=5, rank=1, key_label="esc"),
    Action("explained.before", "explained", "I", "explain_before", "before", "Explain the thing before.",
           footer=44, rank=4),
    # the filter
    Action("filter.apply", "filter", "enter", "apply", "apply", "Keep the filter and go to the list.", footer=10,
           rank=1, key_label="⏎"),
    Action("filter.clear", "filter", "escape", "clear", "clear", "Show everything again.", footer=20, rank=1,
           key_label="esc"),
    Action("filter.complete", "filter", "tab", "complete", "complete",
           "Complete the word, or show what may stand there.",
           footer=30, rank=2, key_label="tab"),
    Action("filter.next", "filter", "down", "next", "offers", "Go through what may stand there.", footer=40, rank=3,
           key_label="↓"),
    Action("filter.previous", "filter", "up", "previous", "kept before", "Bring back a filter that was kept before.",
           footer=50, rank=4, key_label="↑"),
    # going to an instant
    Action("goto.go", "goto", "enter", "go", "go there", "Go there.", footer=10, rank=1, key_label="⏎"),
    Action("goto.close", "goto", "escape", "close", "stay", "Stay here.", footer=20, rank=1, key_label="esc"),
    # making something happen
    Action("poke.do", "poke", "enter", "do", "do it", "Have it happen.", footer=10, rank=1, key_label="⏎"),
    Action("poke.next", "poke", "down", "choose(1)", "actions", "Go through the actions.", footer=30, rank=2,
           key_label="↑ ↓"),
    Action("poke.before", "poke", "up", "choose(-1)", "action before", "Go back through the actions."),
    Action("poke.complete", "poke", "tab", "complete", "complete", "Complete the action.", footer=40, rank=3,
           key_label="tab"),
    Action("poke.close", "poke", "escape", "close", "leave it", "Leave the stream alone.", footer=20, rank=1,
           key_label="esc"),
    # the difference
    Action("difference.close", "difference", "escape,q", "close", "close", "Close the difference; d does so too.",
           footer=5, rank=1, key_label="esc"),
    # the slowest callbacks
    Action("slowest.go", "slowest", "enter", "select", "go there", "Go to the instant at which it returned.", footer=10,
           rank=1, key_label="⏎"),
    Action("slowest.close", "slowest", "escape,C", "screen.close", "close", "Close the list.", footer=5, rank=1,
           key_label="esc"),
    # processes
    Action("processes.go", "processes", "enter", "select", "watch it", "Watch this process, or loop.", footer=10,
           rank=1, key_label="⏎"),
    Action("processes.close", "processes", "escape,O", "screen.close", "stay", "Close the list.", footer=5, rank=1,
           key_label="esc"),
    # why
    Action("why.close", "why", "escape,w", "screen.close", "close", "Close the explanation.", footer=5, rank=1,
           key_label="esc"),
    Action("why.up", "why", "up,k", "up", "up", "Move to the line of evidence above.", key_label="↑ k"),
    Action("why.down", "why", "down,j", "down", "down", "Move to the line of evidence below.", key_label="↓ j"),
    Action("why.go", "why", "enter", "go", "go there", "Go to the instant of the evidence; esc comes back.", footer=10,
           rank=1, key_label="⏎"),
    Action("why.allow", "why", "a", "app.allow_this", "allow", "Say no more of what was found here.", footer=30,
           rank=3),
    # a lesson
    Action("lesson.next", "lesson", "n", "next_step", "next, before",
           "Go to where the step stands, then to the next one.", footer=3, rank=1, palette="Lesson: the next step",
           key_label="n N"),
    Action("lesson.before", "lesson", "N,backspace", "step_before", "before", "Go to the step before.",
           palette="Lesson: the step before"),
    Action("lesson.text_down", "lesson", "pagedown,down,j", "text(1)", "text",
           "Show more of a text that has too little room.", key_label="PgDn"),
    Action("lesson.text_up", "lesson", "pageup,up,k", "text(-1)", "text up", "Show the text above again.",
           key_label="PgUp"),
    Action("lesson.quiz", "lesson", "z", "quiz", "quiz",
           "Be asked before each step what it will change, or no longer.", footer=5, rank=1,
           palette="Lesson: the quiz"),
    Action("lesson.source", "lesson", "x", "text_of_engine", "source",
           "Show the engine's text, the line lit that told of what has happened last, or give its room to the stream.",
           footer=6, rank=2, palette="Lesson: the engine's text"),
    Action("lesson.larger", "lesson", "plus,equals_sign", "present(True)", "larger",
           "Show one idea at a time over the whole screen, for a classroom.", footer=7, rank=3,
           palette="Lesson: one idea a screen, large"),
    Action("lesson.smaller", "lesson", "minus", "present(False)", "smaller", "Show the whole lesson again.", footer=7,
           rank=4, palette="Lesson: the whole of it, smaller"),
    Action("lesson.idea", "lesson", "tab", "idea(1)", "idea", "Show the next idea of the step.", footer=4, rank=1,
           key_label="tab"),
    Action("lesson.idea_before", "lesson", "shift+tab", "idea(-1)", "idea before", "Show the idea before.",
           key_label="⇧tab"),
    Action("lesson.first", "lesson", "1", "answer(0)", "first answer", "Give the first answer."),
    Action("lesson.second", "lesson", "2", "answer(1)", "second answer", "Give the second answer."),
    Action("lesson.third", "lesson", "3", "answer(2)", "third answer", "Give the third answer."),
    Action("lesson.fourth", "lesson", "4", "answer(3)", "fourth answer", "Give the fourth answer."),
    Action("lesson.show", "lesson", "enter", "answer(-1)", "show me", "Show the right answer; it was not known then.",
           key_label="⏎"),
    Action("lesson.leave", "lesson", "escape", "leave", "leave", "Leave the question, then the lesson.", footer=98,
           rank=1, key_label="esc"),
    # help
    Action("help.close", "help", "escape,q,question_mark", "app.pop_screen", "close", "Close the help.", footer=5,
           rank=1, key_label="esc"),
)  # fmt: skip

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
assert len(BY_ID) == len(ACTIONS)


def of_context(context: str) -> list[Action]:
    """The actions of one context, in the table's order."""
    return [action for action in ACTIONS if action.context == context]


_ELSEWHERE = {
    "mark": N_("mark (an instant)"), "in": N_("in (a function)"), "out": N_("out (of a function)"),
}  # fmt: skip
"""Labels that mean something else where they are no action's: other languages have two words for these."""


def label_of(action: Action) -> str:
    """What the action is called where there is room for a word, in the language that is spoken."""
    named = _ELSEWHERE.get(action.label)
    said = named and tr(named)
    return said if said and said != named else tr(action.label)


_FIRST = {"interrupt", "palette", "pause", "mark", "difference", "goto", "filter", "stream.filter", "poke"}
"""Actions whose keys come before a pane's own, as those of a journey do. Such a key overtakes others that were pressed
before it, which Textual hands on to the pane first: a mark would be set after the step that was pressed behind it. Nor
is what comes in one go with a key that opens a line to write on taken for the pane's keys.
"""


def bindings(context: str, *also: str) -> list[BindingType]:
    """The Textual bindings of one context ("" for none), to be put into a class's `BINDINGS`; and those of the actions
    with the ids `also`, which a dialog would otherwise keep from whoever is in it.
    """
    from textual.binding import Binding

    return [
        Binding(
            action.keys,
            action.action,
            action.label,
            show=action.footer > 0,
            tooltip=action.help,
            id=action.id,
            priority=action.id in _FIRST or action.context == "travel",
        )
        for action in (*of_context(context), *(BY_ID[name] for name in also))
    ]


_KEY_NAMES = {
    "question_mark": "?", "slash": "/", "enter": "⏎", "escape": "esc", "pageup": "PgUp", "pagedown": "PgDn",
    "up": "↑", "down": "↓",
    "left": "←", "right": "→", "home": "Home", "end": "End", "left_square_bracket": "[", "right_square_bracket": "]",
    "backspace": "⌫", "shift+tab": "⇧tab", "colon": ":", "less_than_sign": "<", "greater_than_sign": ">", "plus": "+",
    "minus": "−", "equals_sign": "=", "left_parenthesis": "(", "right_parenthesis": ")", "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "full_stop": ".", "semicolon": ";",
}  # fmt: skip


_SPELT = (("⏎", "ret"), ("⇧", "S-"), ("⌫", "bs"))


def key_text(keys: str, *, ascii_only: bool = False) -> str:
    """Keys as a person reads them: `down,j` is `↓ j`, `ctrl+p` is `^p`."""
    return spelt(" ".join(map(_key_name, keys.split(","))), ascii_only=ascii_only)


def shown_key(action: Action, bound: Sequence[str], *, ascii_only: bool) -> tuple[str, str]:
    """Of the keys that are bound to an action the one to tell of, the first unless the person has set others, and how
    it is shown.
    """
    default = action.keys.split(",")[0]
    key = default if default in bound else bound[0]
    shown = action.key_label if key == default and action.key_label else key_text(key)
    return key, spelt(shown, ascii_only=ascii_only)


def spelt(label: str, *, ascii_only: bool) -> str:
    """The label of a key as a terminal can show it; what has one cell in ASCII too is left to `glyphs`."""
    for sign, letters in _SPELT if ascii_only else ():
        label = label.replace(sign, letters)
    return label


def _key_name(key: str) -> str:
    for modifier, sign in (("ctrl+", "^"), ("shift+", "⇧")):
        if key.startswith(modifier) and key not in _KEY_NAMES:
            return sign + _key_name(key.removeprefix(modifier))
    return _KEY_NAMES.get(key, key)


_DOCUMENT = """\
# Every key, by where it works

`?` shows those that work where you are, the footer the most useful ones, and `ctrl+p` finds what a key does by its
words. Each can be changed in the config file (`streamscope config`) under the name in the last column.

This page is made from the code (`make docs`).
"""


def keys_document() -> str:
    """All keys as docs/keys.md has them."""
    parts = [_DOCUMENT]
    for context, title in CONTEXTS.items():
        lines = [f"\n## {title}\n", "| key | what it does | its name |", "|-|-|-|"]
        for action in of_context(context):
            keys = " ".join(f"`{key}`" for key in key_text(action.keys).split())
            lines.append(f"| {keys} | {action.help} | `{action.id}` |")
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(keys_document())
