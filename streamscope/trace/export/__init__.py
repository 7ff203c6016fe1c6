"""A trace in the shapes that other programs read: lines of JSON, a table, Perfetto's viewer, a picture.

    options.py      what a person asked for; selection.py what that is: a stretch of the past, some streams, a filter
    jsonl.py        an event a line, as `run --events` writes them
    table.py        CSV, safe to open in a spreadsheet
    perfetto.py     tracks, slices and counters for ui.perfetto.dev; perfetto_tracks.py keeps account of what is under
                    way, titles.py names the tracks, packets.py packs them
    svg.py          the time line as a picture; candidates.py chooses the streams, section.py draws one, stretches.py
                    says what is drawn in one piece, pen.py and scales.py help

Every one of them goes over the past once and keeps none of it, however long it is.
"""

from __future__ import annotations
