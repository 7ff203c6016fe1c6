"""The help of a panel: how to read its rows, and what each field and flag is in the words of the engine."""

from __future__ import annotations

from streamscope.language import N_, clauses, sentences, tr
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.lamps import WHILE_OFF
from streamscope.ui.safe import as_sentence, visible

_FIELDS = (
    ("write_queue_size", N_("The bar fills up at the high-water mark; above it the scale doubles and │ shows where "
     "the mark is. Below it the last thirty seconds.")),
    ("write_queue", N_("The first one with the part that is written, its size and how long it has waited, then the "
     "ones behind it. One that carries a descriptor says which stream it is.")),
    ("write_completed_queue", N_("Then the last ones that had their callback.")),
    ("accepted_fd", ""),
    ("queued_fds", ""),
    ("pevents", N_("Beside it what is registered with the kernel; they differ until the next turn.")),
)  # fmt: skip
"""The fields that need more than a name, in the panel's order, and how their rows are to be read."""


def panel_help(vocabulary: Vocabulary) -> str:
    """Paragraphs, with an empty line between two."""
    engine = f" ({visible(vocabulary.engine)})" if vocabulary.engine else ""
    paragraphs = [
        tr("One stream, field by field, under the names that its engine gives them{engine}.", engine=engine),
        tr("flags: a lamp is lit ● or out ○. One that has changed a moment ago glows, then rests."),
    ]
    for name, reading in _FIELDS:
        if vocabulary.tells(name):
            said = sentences([tr(vocabulary.field(name).meaning), tr(reading)])
            said = tr("{name}: {meaning}", name=vocabulary.label(name), meaning=said)
            paragraphs.append(visible(said, 600))
    paragraphs.append(
        tr(
            "⇄: whom the stream goes with, what comes in at one of which goes out at the other; and which of the two "
            "holds the other back. c goes there, B shows both as one conversation."
        )
    )
    flags = [f"{flag.name} {tr(flag.plain or flag.meaning)}" for flag in vocabulary.flags if flag.weight >= WHILE_OFF]
    if flags:
        paragraphs.append(visible(as_sentence(clauses(flags)), 2_000))
    return "\n\n".join(paragraphs)
