"""Modules of CPython's own tests of asyncio, played with every loop watched, or, to compare, without.

    python asyncios_own.py watched|plain MODULE…

It writes a JSON object: how many tests ran, and which failed. Watched means that everything of asyncio's that is
exchanged while somebody watches is exchanged all the time, and that each loop that runs tells everything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import tempfile
import time
import unittest
from asyncio import base_events
from typing import Any

from streamscope.observe import watching
from streamscope.observe.exchange import Exchange

WORDS = 0


class Watched:
    """One loop that tells everything, as long as it runs."""

    def __init__(self, loop: Any, path: str) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.listener.setblocking(False)
        self.words: list[Any] = []
        self.failed: list[str] = []
        begun = time.monotonic_ns() - 1
        self.watching = watching.Watching(loop, 1, begun, self.listener, path, lambda open_again: None)
        self.watching._publisher.chores.clear()  # there is no inspector
        self.watching.begin()
        self.watching._producer.watch(self.words, self.words.clear)

    def end(self) -> None:
        global WORDS
        WORDS += len(self.words)
        self.watching._producer.unwatch()
        self.watching.end("enough")
        self.listener.close()


def watch_all(folder: str) -> None:
    """From now on."""
    kept = Watched(asyncio.new_event_loop(), f"{folder}/kept")  # so that the classes stay exchanged
    run_forever = base_events.BaseEventLoop.run_forever
    count = 0

    def watched(self: Any) -> None:
        nonlocal count
        if type(getattr(self, "_selector", None)).__module__ != "selectors" or not self._selector.get_map():
            run_forever(self)
            return
        count += 1
        each = Watched(self, f"{folder}/{os.getpid()}-{count}")
        try:
            run_forever(self)
        finally:
            if not self.is_closed():
                each.end()

    Exchange().put(base_events.BaseEventLoop, {"run_forever": watched})
    watch_all.kept = kept  # type: ignore[attr-defined]


def main() -> None:
    how, *modules = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        if how == "watched":
            watch_all(folder)
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        suite = unittest.defaultTestLoader.loadTestsFromNames(modules)
        with open(os.devnull, "w") as nowhere:
            result = unittest.TextTestRunner(stream=nowhere, verbosity=0).run(suite)
    bad = {str(test): text for test, text in [*result.failures, *result.errors]}
    sys.stdout.write(json.dumps({"ran": result.testsRun, "skipped": len(result.skipped), "bad": bad, "words": WORDS}))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
