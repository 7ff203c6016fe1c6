"""What a past keeps, written into a trace: a leaf as the frame that it came by."""

from __future__ import annotations

from streamscope.trace.contents import Batch
from streamscope.trace.pieces import BatchLeaf, GapLeaf, Leaf, NoteLeaf, SliceLeaf
from streamscope.trace.store.writer import TraceWriter


def copy_leaf(writer: TraceWriter, leaf: Leaf) -> None:
    """Write a leaf. Raises OSError where it cannot be written, and FeedError where it is no feed."""
    if isinstance(leaf, BatchLeaf):
        writer.records(Batch(leaf.place, leaf.turn, leaf.t, leaf.words()))
    elif isinstance(leaf, SliceLeaf):
        writer.slice(leaf.read())
    elif isinstance(leaf, GapLeaf):
        writer.lost(leaf.events)
    elif isinstance(leaf, NoteLeaf):
        writer.note(leaf.note)
