"""One face for two libraries: a scenario is a function of a `Backend`, and runs on the engine and on the real library.

A `Backend` is the `Stage` of a lesson that writes down: every call and every callback is a step, which is what
happened, and after it every field of the loop and of each handle. Two runs agree when their steps are equal. What libuv
itself leaves undefined is left out of the fields: descriptor numbers and pointers, and queue membership of a handle
that is closing (libuv leaves stale links). A lesson is a scenario too: where it comes to a step of its own, that is one
here.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import Any, TypeAlias

from descriptors import LevelGround
from patience import patience_s

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import LessonStep

Step: TypeAlias = dict[str, Any]
"""`what` happened, the `loop`'s fields, and the fields of all `handles` by name."""

LESSON_STEP = "step: "


class Backend(Stage):
    """What scenarios see. A subclass makes the calls (`_read_start`, …) and reads the fields (`_loop`, `_handle`)."""

    def __init__(self, **options: Any) -> None:
        self.ground = LevelGround()
        self.steps: list[Step] = []
        self.lost: dict[str, list[str]] = {}
        """Descriptors that were lost or are too many, once all is finished."""
        self.patience_s = patience_s()
        super().__init__(**options)

    @abstractmethod
    def _loop(self) -> dict[str, Any]:
        """Every field of the loop that is compared."""

    @abstractmethod
    def _handle(self, name: str) -> dict[str, Any]:
        """Every field of a handle that is compared."""

    def _did(self, what: str, status: Any = None) -> Any:
        """Write a step down."""
        if status is not None:
            what = f"{what} = {status}"
        self.steps.append({"what": what, "loop": self._loop(), "handles": {n: self._handle(n) for n in self.names}})
        return status

    def _stands(self, step: LessonStep) -> None:
        self._did(f"{LESSON_STEP}{step.title}")

    def is_pipe(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return "ipc" in self._handle(name)

    def is_ipc(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return bool(self._handle(name).get("ipc"))

    def holds_descriptor(self, name: str) -> bool:
        """For a scenario that wants to know; no step."""
        return bool(self._handle(name).get("accepted_fd"))

    def finish(self) -> None:
        """See `Stage.finish`; afterwards `lost` holds what is open and should not be, and the reverse."""
        super().finish()
        self.lost = self.ground.leave()

    def _ended(self, status: int) -> None:
        self.steps.append({"what": f"uv_loop_close() = {status}", "loop": {}, "handles": {}})


def kernel_masks(fdinfo: int) -> dict[int, int]:
    """What the kernel's epoll holds, by descriptor: read from the epoll descriptor's open /proc/self/fdinfo file."""
    masks = {}
    for line in os.pread(fdinfo, 1 << 16, 0).split(b"\n"):
        if line.startswith(b"tfd:"):
            words = line.split()
            masks[int(words[1])] = int(words[3], 16)
    return masks
