"""What the screen says of an engine that does not come round: the sentence, a word in the rows, and where the program
is. Pure: the same standstill gives the same words.

What is known of it came from the engine, and was made visible where it was taken (`link.asking`).
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache

import msgspec
from rich.cells import cell_len

from streamscope.language import N_, clauses, items, sentences, tr, trn
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
    return tr(sentences((_what(stands, pid), _waiting(stands))))


def _what(stands: Standstill, pid: int) -> str:
    age = f"{stands.seconds:.1f} s"
    if stands.state == STOPPED:
        command = f"kill -CONT {pid or ''}".rstrip()
        message = N_("A signal has stopped the program, for {age}: nothing of it runs until {command}.")
        return tr(message, age=age, command=command)
    if stands.state == ENDED:
        return tr("The program's process has ended.")
    if stands.state == NO_CPU:
        return tr("The program waits for a CPU for {age}: others have them all.", age=age)
    if stands.state == IN_KERNEL:
        if not stands.wchan:
            return tr("The program is in the kernel for {age}: a system call of it does not return.", age=age)
        message = N_("The program is in the kernel for {age}, in {place}: a system call of it does not return.")
        return tr(message, age=age, place=stands.wchan)
    what = tr("The program has not come back to its loop for {age}", age=age)
    if not stands.frames:
        return tr("{what}.", what=clauses((what, stands.untold)))
    return tr("{what}: {why}.", what=what, why=_runs(stands))


def _runs(stands: Standstill) -> str:
    """Where the program is, and who has called that."""
    function, callback = stands.frames[0][2], stands.callback or tr("callback")
    where = tr("it runs {place} in {function}", place=stands.place, function=function)
    if len(stands.frames) == 1 and stands.stream:
        by = tr("the {callback} of #{stream}", callback=callback, stream=stands.stream)
    elif len(stands.frames) == 1:
        by = tr("the {callback}", callback=callback)
    elif stands.stream:
        by = tr("called by {function} of #{stream}", function=stands.callee, stream=stands.stream)
    else:
        by = tr("called by {function}", function=stands.callee)
    return tr(items((where, by)))


def _waiting(stands: Standstill) -> str:
    return tr("{clients} in the kernel.", clients=clients(stands.waiting)) if stands.waiting > 0 else ""


def clients(number: int) -> str:
    """`3 clients wait`."""
    return trn("{n} client waits", "{n} clients wait", number)


def what_it_was(stands: Standstill, slowest: list[SlowCallback], began_t: int) -> str:
    """For a moment after it: what it was, and for how long; the feed knows that better than our last look."""
    if stands.state == STUCK:
        took = [slow.ns / 1e9 for slow in slowest if slow.stream == stands.stream and slow.t > began_t]
        told = [seconds for seconds in took if abs(seconds - stands.seconds) < SEEN_WITHIN_S]
        longest = msgspec.structs.replace(stands, seconds=max(told, default=stands.seconds))
        return tr("was {what}", what=longest.text)
    return tr(_WAS.get(stands.state, N_("stood still for {age}")), age=f"{stands.seconds:.1f} s")


_WAS = {
    STOPPED: N_("was stopped by a signal for {age}"),
    NO_CPU: N_("waited for a CPU for {age}"),
    IN_KERNEL: N_("was in the kernel for {age}"),
}


def word_of_row(stands: Standstill, room: int) -> str:
    """What stands in the row of the stream whose callback runs."""
    name = stands.callee or stands.callback
    inside = tr("in {name}", name=name)
    return fit(inside if cell_len(inside) <= room else name, room)


def title(stands: Standstill) -> str:
    """The head of the pane."""
    words = [tr("where the program is")]
    if stands.asked:
        words.append(trn("asked {n} time", "asked {n} times", stands.asked))
    if stands.answered_ago >= 0:
        words[-1] = tr("{asked}, last {age} ago", asked=words[-1], age=f"{stands.answered_ago:.1f}s")
        if stands.asked > 1:
            words.append(tr("the same each time") if stands.same else tr("not the same each time"))
    return " · ".join(words)


def lines(
    stands: Standstill, slowest: list[SlowCallback], vocabulary: Vocabulary, *, started: float, height: int
) -> list[Line]:
    """The pane in at most `height` lines: the program's frames, innermost first, the engine's in one line, what the
    kernel says of the process, and what was slow before. `started`: when the engine began, Unix time.
    """
    below: list[Line] = []
    if stands.engine:
        below.append([(f"┈┈┈ {tr('the engine')} ┈┈┈ {' ◂ '.join(stands.engine)}", "dim")])
    below.append([(_kernel(stands), "label")])
    slowest = [slow for slow in slowest if slow.ns >= SLOW_NS]
    if slowest and height > len(below) + 1:
        below.append([(f"{tr('Slowest before:')}  ", "label"), (slow_text(slowest, vocabulary), "")])
    return [*_frames(stands, started, max(height - len(below), 1)), *below]


def _frames(stands: Standstill, started: float, room: int) -> list[Line]:
    frames = stands.frames
    if not frames:
        return [[(tr(stands.untold) or tr("It has not said yet in what."), "label")]]
    left_out = len(frames) - room
    shown: list[tuple[str, int, str] | None] = list(frames)
    if left_out > 0 and room > 2:
        shown = [*frames[: room - 2], None, frames[-1]]
        left_out += 1
    places = [f"{os.path.basename(file)}:{line}" for file, line, _ in frames]
    functions = [function for _, _, function in frames]
    wide, named = min(max(map(cell_len, places)), 30), min(max(map(cell_len, functions)), 24)
    found: list[Line] = []
    for frame in shown[:room]:
        if frame is None:
            found.append([(tr("… {n} calls between", n=left_out), "label")])
            continue
        file, number, function = frame
        place = f"{os.path.basename(file)}:{number}"
        source = source_line(file, number, started)
        found.append([(fit(place, wide), "value"), (f"  {fit(function, named)}", ""), (f"  {source}", "label")])
    return found


def _kernel(stands: Standstill) -> str:
    if stands.state == STOPPED:
        return tr("stopped by a signal · kill -CONT lets it go on")
    if stands.state == ENDED:
        return tr("ended")
    words = []
    if stands.cpu >= 0:
        words.append(tr("CPU {share} % of a core", share=f"{stands.cpu * 100:.0f}"))
    if stands.wchan:
        words.append(tr("in the kernel, in {place}", place=stands.wchan))
    elif stands.cpu > 0.5:
        words.append(tr("not waiting, not in the kernel"))
    if stands.delay >= 0:
        words.append(tr("run delay {share} %", share=f"{stands.delay * 100:.1f}"))
    return " · ".join(words) or tr("The kernel has not said yet what the process does.")


def slow_text(slowest: list[SlowCallback], vocabulary: Vocabulary) -> str:
    """`read_cb 1.2s #2   read_cb 80ms #3`."""
    return "   ".join(f"{slow_name(slow, vocabulary)} {span_text(slow.ns)} #{slow.stream}" for slow in slowest)


def slow_name(slow: SlowCallback, vocabulary: Vocabulary) -> str:
    """The name of the callback that was slow."""
    return visible(vocabulary.callback_text(slow.callback), 40)


def stack_text(stands: Standstill) -> str:
    """For the clipboard: the sentence in one line, and a frame a line."""
    frames = [f"{file}:{line} {function}" for file, line, function in stands.frames]
    return "\n".join([tr(stands.text), *frames, *stands.engine])


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
