"""What the screen says of an engine that does not come round: the sentence, a word in the rows, and where the program
is. Pure: the same standstill gives the same words.

What is known of it came from the engine, and was made visible where it was taken (`link.asking`).
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache

import msgspec

from streamscope.link.asking import ENDED, IN_KERNEL, NO_CPU, STOPPED, STUCK, Standstill
from streamscope.trace.fold import SlowCallback
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.lines import Line
from streamscope.ui.safe import fit, visible
from streamscope.ui.scale import span_text

MARK = "■"
SLOW_NS, LONG_NS = 50_000_000, 250_000_000
"""A callback that took so long is worth a word where one asks for it; and one that took so long, always."""

SEEN_WITHIN_S = 1.0
"""By how much a standstill may have seemed longer or shorter than the callback was."""

MOST_SOURCE = 1 << 20
"""Bytes of a source file that is looked into for the line that runs, at most."""


def sentence(stands: Standstill, pid: int) -> str:
    """Why nothing happens, in a sentence or two."""
    for_ = f"for {stands.seconds:.1f} s"
    if stands.state == STOPPED:
        what = (
            f"A signal has stopped the program, {for_}: nothing of it runs until kill -CONT {pid or ''}".rstrip() + "."
        )
    elif stands.state == ENDED:
        what = "The program's process has ended."
    elif stands.state == NO_CPU:
        what = f"The program waits for a CPU {for_}: others have them all."
    elif stands.state == IN_KERNEL:
        where = f", in {stands.wchan}" if stands.wchan else ""
        what = f"The program is in the kernel {for_}{where}: a system call of it does not return."
    else:
        what = f"The program has not come back to its loop {for_}{_runs(stands)}."
    return f"{what}{_waiting(stands)}"


def _runs(stands: Standstill) -> str:
    if not stands.frames:
        return f"; {stands.untold}" if stands.untold else ""
    of = f" of #{stands.stream}" if stands.stream else ""
    function = stands.frames[0][2]
    if len(stands.frames) == 1:
        return f": it runs {stands.place} in {function}, the {stands.callback or 'callback'}{of}"
    return f": it runs {stands.place} in {function}, called by {stands.callee}{of}"


def _waiting(stands: Standstill) -> str:
    return f" {clients(stands.waiting)} in the kernel." if stands.waiting > 0 else ""


def clients(number: int) -> str:
    """`3 clients wait`."""
    return f"{number:,} {'client waits' if number == 1 else 'clients wait'}"


def what_it_was(stands: Standstill, slowest: list[SlowCallback], began_t: int) -> str:
    """For a moment after it: what it was, and for how long; the feed knows that better than our last look."""
    if stands.state == STUCK:
        took = [slow.ns / 1e9 for slow in slowest if slow.stream == stands.stream and slow.t > began_t]
        told = [seconds for seconds in took if abs(seconds - stands.seconds) < SEEN_WITHIN_S]
        return f"was {msgspec.structs.replace(stands, seconds=max(told, default=stands.seconds)).text}"
    words = {STOPPED: "was stopped by a signal", NO_CPU: "waited for a CPU", IN_KERNEL: "was in the kernel"}
    return f"{words.get(stands.state, 'stood still')} for {stands.seconds:.1f} s"


def word_of_row(stands: Standstill, room: int) -> str:
    """What stands in the row of the stream whose callback runs."""
    name = stands.callee or stands.callback
    return fit(f"in {name}" if len(name) + 3 <= room else name, room)


def title(stands: Standstill) -> str:
    """The head of the pane."""
    words = ["where the program is"]
    if stands.asked:
        words.append(f"asked {stands.asked} {'time' if stands.asked == 1 else 'times'}")
    if stands.answered_ago >= 0:
        words[-1] += f", last {stands.answered_ago:.1f}s ago"
        if stands.asked > 1:
            words.append("the same each time" if stands.same else "not the same each time")
    return " · ".join(words)


def lines(
    stands: Standstill, slowest: list[SlowCallback], vocabulary: Vocabulary, *, started: float, height: int
) -> list[Line]:
    """The pane in at most `height` lines: the program's frames, innermost first, the engine's in one line, what the
    kernel says of the process, and what was slow before. `started`: when the engine began, Unix time.
    """
    below: list[Line] = []
    if stands.engine:
        below.append([(f"┈┈┈ the engine ┈┈┈ {' ◂ '.join(stands.engine)}", "dim")])
    below.append([(_kernel(stands), "label")])
    slowest = [slow for slow in slowest if slow.ns >= SLOW_NS]
    if slowest and height > len(below) + 1:
        below.append([("Slowest before:  ", "label"), (slow_text(slowest, vocabulary), "")])
    return [*_frames(stands, started, max(height - len(below), 1)), *below]


def _frames(stands: Standstill, started: float, room: int) -> list[Line]:
    frames = stands.frames
    if not frames:
        return [[(stands.untold or "It has not said yet in what.", "label")]]
    left_out = len(frames) - room
    shown: list[tuple[str, int, str] | None] = list(frames)
    if left_out > 0 and room > 2:
        shown = [*frames[: room - 2], None, frames[-1]]
        left_out += 1
    places = [f"{os.path.basename(file)}:{line}" for file, line, _ in frames]
    functions = [function for _, _, function in frames]
    wide, named = min(max(map(len, places)), 30), min(max(map(len, functions)), 24)
    found: list[Line] = []
    for frame in shown[:room]:
        if frame is None:
            found.append([(f"… {left_out} calls between", "label")])
            continue
        file, number, function = frame
        place = f"{os.path.basename(file)}:{number}"
        source = source_line(file, number, started)
        found.append([(fit(place, wide), "value"), (f"  {fit(function, named)}", ""), (f"  {source}", "label")])
    return found


def _kernel(stands: Standstill) -> str:
    if stands.state == STOPPED:
        return "stopped by a signal · kill -CONT lets it go on"
    if stands.state == ENDED:
        return "ended"
    words = []
    if stands.cpu >= 0:
        words.append(f"CPU {stands.cpu * 100:.0f} % of a core")
    if stands.wchan:
        words.append(f"in the kernel, in {stands.wchan}")
    elif stands.cpu > 0.5:
        words.append("not waiting, not in the kernel")
    if stands.delay >= 0:
        words.append(f"run delay {stands.delay * 100:.1f} %")
    return " · ".join(words) or "The kernel has not said yet what the process does."


def slow_text(slowest: list[SlowCallback], vocabulary: Vocabulary) -> str:
    """`read_cb 1.2s #2   read_cb 80ms #3`."""
    return "   ".join(f"{slow_name(slow, vocabulary)} {span_text(slow.ns)} #{slow.stream}" for slow in slowest)


def slow_name(slow: SlowCallback, vocabulary: Vocabulary) -> str:
    """The name of the callback that was slow."""
    return visible(vocabulary.callback_text(slow.callback), 40)


def stack_text(stands: Standstill) -> str:
    """For the clipboard: the sentence in one line, and a frame a line."""
    frames = [f"{file}:{line} {function}" for file, line, function in stands.frames]
    return "\n".join([stands.text, *frames, *stands.engine])


@lru_cache(256)
def source_line(file: str, number: int, started: float) -> str:
    """A line of the program's source, "" where it cannot be had or was changed since the engine began. The path is what
    the engine says: nothing but a plain file of some size is looked into.
    """
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            return ""
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):
        return ""
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_SOURCE or status.st_mtime > started > 0:
            return ""
        found = os.pread(fd, MOST_SOURCE, 0).splitlines()
    except OSError:
        return ""
    finally:
        os.close(fd)
    text = found[number - 1].decode("utf-8", "replace").strip() if 0 < number <= len(found) else ""
    return visible(text, 200)
