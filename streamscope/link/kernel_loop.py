"""What the kernel says of the loop itself: how long its thread waited for a CPU, how long its control group was held
back, how many connections were turned away; and what its epoll really watches, from fdinfo.

Every file is opened for each look and closed again: a descriptor of ours that stayed open would be one that the program
might close, and have another behind the number. What cannot be read is unknown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

TASK, PROCESS = "/proc/thread-self", "/proc/self"
MOUNTED = "/sys/fs/cgroup"
IMPLIED = 0x8 | 0x10  # ERR and HUP, which epoll reports unasked
POLLS = 0xFFFF  # above are EPOLLET and its like

MOST_BYTES = 1 << 20
SELDOM_NS = 1_000_000_000


class OwnThread:
    """The loop's thread, as it is asked from within it. `root` is in front of every path, for tests; `process` is where
    the kernel tells of the process.
    """

    def __init__(self, root: str = "", process: str = PROCESS) -> None:
        self._root = root
        self._process = process
        self._seldom_at = 0
        self._stat_path: str | None = None
        self._seldom: dict[str, int] = {}

    def ask(self, now: int, *, listens: bool) -> dict[str, int]:
        """By name of the field, everything that is known; what changes seldom and takes long is read once a second.
        `listens` is whether connections can be turned away.
        """
        words = self._read(f"{self._task()}/schedstat").split()
        found: dict[str, int] = {}
        if len(words) >= 2 and words[0].isdigit() and words[1].isdigit():
            found["cpu_time"], found["run_delay"] = int(words[0]), int(words[1])
        if now >= self._seldom_at:
            self._seldom_at = now + SELDOM_NS
            self._seldom = {**self._throttled(), **(self._overflows() if listens else {})}
        return {**found, **self._seldom}

    def runs(self) -> int:
        """How often the thread has been given a CPU, -1 where that is not known. (What getrusage(2) counts comes
        apart from it in a busy machine.)
        """
        words = self._read(f"{self._task()}/schedstat").split()
        return int(words[2]) if len(words) > 2 and words[2].isdigit() else -1

    def _task(self) -> str:
        """Where the kernel tells of the thread."""
        return TASK

    def _throttled(self) -> dict[str, int]:
        if self._stat_path is None:
            self._stat_path = next((path for path in self._stat_paths() if "throttled" in self._read(path)), "")
        stat = dict(line.split(maxsplit=1) for line in self._read(self._stat_path).splitlines() if " " in line)
        numbers = {name: int(value) for name, value in stat.items() if value.isdigit()}
        found: dict[str, int] = {}
        if "throttled_usec" in numbers:
            found["throttled"] = numbers["throttled_usec"] * 1_000
        elif "throttled_time" in numbers:
            found["throttled"] = numbers["throttled_time"]
        if "nr_throttled" in numbers:
            found["throttled_times"] = numbers["nr_throttled"]
        return found

    def _stat_paths(self) -> Iterator[str]:
        """Where the CPU controller may tell of our group: version 2 first, then version 1."""
        for line in self._read(f"{self._process}/cgroup").splitlines():
            number, _, rest = line.partition(":")
            controllers, _, group = rest.partition(":")
            if number == "0" and not controllers:
                yield f"{MOUNTED}{group.rstrip('/')}/cpu.stat"
                yield f"{MOUNTED}/cpu.stat"
            elif "cpu" in controllers.split(","):
                for folder in (controllers, "cpu"):
                    yield f"{MOUNTED}/{folder}{group.rstrip('/')}/cpu.stat"

    def _overflows(self) -> dict[str, int]:
        lines = [
            line.split()
            for line in self._read(f"{self._process}/net/netstat").splitlines()
            if line.startswith("TcpExt:")
        ]
        if len(lines) == 2 and "ListenOverflows" in lines[0]:
            place = lines[0].index("ListenOverflows")
            if place < len(lines[1]) and lines[1][place].isdigit():
                return {"listen_overflows": int(lines[1][place])}
        return {}

    def masks(self, epoll: int) -> dict[int, int] | None:
        """By descriptor, what the kernel's epoll watches it for; None where that cannot be read. Takes 2 µs for each
        descriptor, all at once.
        """
        text = self._read(f"{self._task()}/fdinfo/{epoll}")
        if not text:
            return None
        masks: dict[int, int] = {}
        try:
            for line in text.splitlines():
                if line.startswith("tfd:"):
                    words = line.split(maxsplit=4)
                    fd, mask = int(words[1]), int(words[3], 16) & POLLS & ~IMPLIED
                    masks[fd] = masks.get(fd, 0) | mask
        except (ValueError, IndexError):
            return None
        return masks

    def _read(self, path: str) -> str:
        """ "" for what cannot be read."""
        if not path:
            return ""
        try:
            fd = os.open(self._root + path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            parts: list[bytes] = []
            while (part := os.read(fd, 65536)) and len(parts) < MOST_BYTES // 4096:
                parts.append(part)
            return b"".join(parts).decode("ascii", "replace")
        except OSError:
            return ""
        finally:
            os.close(fd)


class LoopThread(OwnThread):
    """The thread of another process's loop, as the kernel has it; `thread` is its number, 0 for the process's first."""

    def __init__(self, pid: int, thread: Callable[[], int]) -> None:
        super().__init__(process=f"/proc/{pid}")
        self._pid = pid
        self._thread = thread

    def _task(self) -> str:
        return f"/proc/{self._pid}/task/{self._thread() or self._pid}"
