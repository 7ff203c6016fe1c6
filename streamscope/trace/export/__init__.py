"""A trace in the shapes that other programs read: lines of JSON, a table, Perfetto's viewer, a picture.

    selection.py    what is exported: a stretch of the past, some streams, what a filter wants
    jsonl.py        an event a line, as `run --events` writes them
    table.py        CSV, safe to open in a spreadsheet
    perfetto.py     tracks, slices and counters for ui.perfetto.dev; wire.py packs them
    svg.py          the time line as a picture; section.py draws a stream, pen.py and scales.py help

Every one of them goes over the past once and keeps none of it, however long it is.
"""

from __future__ import annotations
