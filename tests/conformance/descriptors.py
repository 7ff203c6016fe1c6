"""Open descriptors: none may be lost, and both sides of a comparison begin with the same pattern of free numbers."""

from __future__ import annotations

import os

from streamscope.lessons.stage.plain_peers import open_descriptors


class LevelGround:
    """Fills the holes below the highest open descriptor, so that the next free number is the next number on both
    sides; `leave` opens them again and says what is not as it was.
    """

    def __init__(self) -> None:
        before = open_descriptors()
        top = max(before)
        self._plugs: list[int] = []
        plug = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        while plug < top:
            self._plugs.append(plug)
            plug = os.dup(plug)
        os.close(plug)
        self._before = open_descriptors()

    def leave(self) -> dict[str, list[str]]:
        """Descriptors that are open and were not (`too many`), and the reverse (`lost`). Both are empty if all is
        well; what is too many is closed, so that one failure does not become the next test's.
        """
        after = open_descriptors()
        for plug in self._plugs:
            if after.get(plug) == "/dev/null":
                os.close(plug)
        self._plugs.clear()
        too_many = after.items() - self._before.items()
        for fd, _ in too_many:
            os.close(fd)
        return {
            "too many": sorted(f"{fd} {what}" for fd, what in too_many),
            "lost": sorted(f"{fd} {what}" for fd, what in self._before.items() - after.items()),
        }
