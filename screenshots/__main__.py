"""Draw the README's pictures, check that they are still what the app draws, or record what they are drawn from.

python -m screenshots             draws screenshots/*.svg anew
python -m screenshots --check     fails, and names them, if any would look different
python -m screenshots --record    records screenshots/feeds/ anew: a real engine serves for some seconds each
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from screenshots.pictures import FEEDS, HERE, PICTURES, PLAYED, draw
from screenshots.recording import in_utc, record, record_node, record_uvicorn, save
from screenshots.still import StillLoop, time_stands_still

RECORDED = {"echo": (40.0, []), "http": (13.0, [2]), "stall": (9.0, []), "node": (10.0, []), "uvicorn": (12.0, [])}
"""Per feed: for how many seconds, and of which streams with their payload."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 if a picture is not what the app draws."""
    parser = argparse.ArgumentParser(prog="python -m screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these pictures")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    what.add_argument("--record", action="store_true", help="record the feeds anew first")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - {picture.name for picture in PICTURES}
    if unknown:
        parser.error(f"there is no picture {min(unknown)}; there are {', '.join(p.name for p in PICTURES)}")
    in_utc()
    if options.record:
        FEEDS.mkdir(exist_ok=True)
        pictured = {picture.feed for picture in PICTURES if picture.name in options.names or not options.names}
        for feed, (seconds, payload_of) in RECORDED.items():
            if feed in pictured:
                played = PLAYED.get(feed, [feed, "--demo"])
                own = {"node": record_node, "uvicorn": record_uvicorn}.get(feed)
                told = record(played, seconds, payload_of) if own is None else own(seconds)
                save(FEEDS / f"{feed}.msgpack.gz", told)
    with time_stands_still(), asyncio.Runner(loop_factory=StillLoop) as runner:
        return runner.run(_draw(options.names, check=options.check))


async def _draw(names: list[str], *, check: bool) -> int:
    different = []
    for picture in PICTURES:
        if names and picture.name not in names:
            continue
        path = HERE / f"{picture.name}.svg"
        drawn = await draw(picture)
        if not check:
            path.write_text(drawn, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != drawn:
            different.append(picture.name)
    if different:
        words = f"the app draws {', '.join(different)} differently now"
        sys.stderr.write(f"{words}: if that is meant, draw the pictures anew with: make screenshots\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
