"""What a step of a lesson has to show, one idea after the other: in a classroom each has the screen to itself.

An idea is a field or a flag that the step points at. The most telling comes first: what the step changes before what
it leaves as it was, and of these in the order in which the lesson points. The first has all that the step says; each
other one has the sentences that name it, or what its engine says that it is. Where the chapter says otherwise is the
last idea.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streamscope.language import N_, apart, sentences, tr
from streamscope.trace.figures import bytes_text
from streamscope.trace.state import StreamState
from streamscope.trace.traveller import Traveller
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.course import SIZES, Course
from streamscope.ui.glossary import of_panel
from streamscope.ui.ladder import kernel_says
from streamscope.ui.meters import NONE

CHAPTER = N_("the chapter")
"""The idea that is no field: where the chapter says otherwise."""

EPOLL = "epoll"
"""What is wanted of epoll and what it has: two fields, shown as one thing."""

ALSO: Mapping[str, tuple[str, ...]] = {
    EPOLL: ("IN", "OUT", "POLLIN", "POLLOUT", "armed", "registered", "wants", "watcher"),
    "write_queue_size": ("wq",),
    "callbacks": ("callback",),
}
"""What else a sentence or a claim may call a field by."""

DEFINED = slice(1, 3)
"""The sentences of what a thing is that are told where the step itself says nothing of it: not what a person calls it.
"""


class Idea(NamedTuple):
    """One idea: the name of a field or a flag, CHAPTER, or "" where a step points at nothing; what is said of it; and
    the places of the claims that are about it.
    """

    name: str
    said: str
    claims: tuple[int, ...]


class Ideas:
    """The ideas of a course, at the step that is shown."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self._past = course.performance.replay.past
        self._traveller = Traveller(self._past, row=0)
        self._found: tuple[int, str, list[Idea], dict[str, str]] | None = None

    def now(self) -> list[Idea]:
        """Those of the step, at least one."""
        return self._of_step()[2]

    def was(self, name: str) -> str:
        """What a field or a flag was as the step began, "" where there was no stream yet."""
        return self._of_step()[3].get(name, "")

    def _of_step(self) -> tuple[int, str, list[Idea], dict[str, str]]:
        course = self.course
        if self._found is None or self._found[:2] != (course.at, course.text):
            before, after = self._values(course.begins), self._values(course.moment.row)
            changed = {name for name in after if before.get(name, "") != after[name]}
            self._found = course.at, course.text, _ideas(course, changed, self._past.decoder.vocabulary), before
        return self._found

    def _values(self, row: int) -> dict[str, str]:
        """Of all that the step points at, what it is before this row."""
        self._traveller.go(row)
        state = self._traveller.model.known.get(self.course.number)
        if state is None:
            return {}
        words = self._past.decoder.vocabulary
        return {name: value_text(state, name, words) for name in self.course.moment.step.look}


def _ideas(course: Course, changed: set[str], vocabulary: Vocabulary) -> list[Idea]:
    step = course.moment.step
    names = sorted(step.look, key=lambda name: name not in changed)
    found = [Idea(name, _said_of(name, course.text, vocabulary), ()) for name in names] or [Idea("", "", ())]
    found[0] = found[0]._replace(said=course.text)
    about = [_about(claim.text, names) for claim in step.claims]
    found = [
        idea._replace(claims=tuple(at for at, name in enumerate(about) if (name or found[0].name) == idea.name))
        for idea in found
    ]
    return [*found, Idea(CHAPTER, course.chapter, ())] if step.chapter else found


def _said_of(name: str, text: str, vocabulary: Vocabulary) -> str:
    """What a text says of a field or a flag; where it is silent, what that is."""
    of_it = [sentence for sentence in apart(text) if _names(sentence, name)]
    defined = apart(of_panel(vocabulary).get(vocabulary.label(name), ""))
    return tr(sentences(of_it or defined[DEFINED] or defined))


def _about(claim: str, names: Sequence[str]) -> str:
    """Which of these a claim is about, "" for none."""
    return next((name for name in names if _names(claim, name)), "")


def _names(text: str, name: str) -> bool:
    words = "|".join(map(re.escape, (name, *ALSO.get(name, ()))))
    return re.search(rf"(?<![A-Za-z_])(?:{words})(?![A-Za-z_])", text) is not None


# what a field or a flag is, in a few words


def value_text(state: StreamState, name: str, vocabulary: Vocabulary) -> str:
    """What a field or a flag of a stream is: `on`, `46 KiB`, `w1, w2`, `IN OUT · IN`."""
    bit = vocabulary.flag_bits.get(name)
    if bit is not None:
        return switched(bool(state.flags & bit))
    if name == EPOLL:
        return f"{mask_words(state.pevents, vocabulary)} · {mask_words(state.events, vocabulary)}"
    if name == "callbacks":
        return vocabulary.callbacks_text(state.callbacks).replace("|", ", ") or NONE
    if name == "delayed_error":
        return vocabulary.error_text(state.delayed_error) if state.delayed_error else NONE
    value = getattr(state, name, None)
    if name in SIZES:
        return bytes_text(int(value or 0))
    if isinstance(value, list):
        return ", ".join(_numbered(each, "w") for each in value) or NONE
    if value is None and (said := kernel_says(state, vocabulary, name)) is not None:
        return vocabulary.kernel_value(vocabulary.kernel_number(name), said)
    return NONE if value is None or value == -1 else _numbered(value, "r")


def _numbered(value: object, letter: str) -> str:
    """A number, or that of a request; or whether it is so."""
    if isinstance(value, bool):
        return switched(value)
    number = getattr(value, "number", None)
    return str(value) if number is None else f"{letter}{number}"


def switched(on: bool) -> str:
    """What a flag is."""
    return tr("on") if on else tr("off")


def mask_words(mask: int, vocabulary: Vocabulary) -> str:
    """`IN OUT`, or a dash."""
    return vocabulary.mask_text(mask).replace("|", " ") or NONE
