"""What the project wants to reach, as numbers.

Each figure has a floor that it must not miss, a goal, and the limit that a Python engine could reach at all. Whether
more or less is better follows from where floor and goal lie.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Floor, goal and limit of one figure, in its unit."""

    unit: str
    floor: float | None = None
    goal: float | None = None
    limit: float | None = None

    def meets(self, figure: float, wanted: float | None) -> bool | None:
        """Whether the figure is at least as good as `wanted`; None where nothing is wanted."""
        if wanted is None or self.floor is None or self.goal is None:
            return None
        return figure >= wanted if self.goal > self.floor else figure <= wanted


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. `name` says what, of what and under which load; `target` is where it should be."""

    name: str
    figure: float
    target: Target

    def as_json(self) -> dict[str, str | float | bool | None]:
        """The object that `--json` prints for it."""
        target = self.target
        return {
            "name": self.name,
            "figure": round(self.figure, 4),
            "unit": target.unit,
            "floor": target.floor,
            "goal": target.goal,
            "limit": target.limit,
            "meets_floor": target.meets(self.figure, target.floor),
            "meets_goal": target.meets(self.figure, target.goal),
        }


RATIO = "of asyncio's messages per CPU second"
UNWATCHED = Target(RATIO, 0.95, 1.04, 1.15)
WATCHED = Target(RATIO, 0.90, 1.00, 1.15)
BULK = Target(RATIO, 0.80, 0.95, 1.0)
COST_OF_WATCHING = Target("% of the CPU", 10.0, 4.0, 1.0)
COST_OF_PROBES = Target("% of the CPU", 1.0, 0.0, 0.0)
COST_OF_FAULTS = Target("% of the CPU", 1.0, 0.0, 0.0)
NS_PER_EVENT = Target("ns per event", 40.0, 15.0, 2.0)
WIRE = Target("bytes per event", 5.0, 1.6, 0.9)
FOLD = Target("ns per event", 100.0, 25.0, 8.0)
FOLD_IN_APPENDS = Target("times list.append", 20.0, 5.0, 1.6)
"""The same as FOLD, for machines of another speed than the one where targets were set."""
MEMORY = Target("bytes per idle connection", 1000.0, 450.0, 200.0)
FRAME_FULL = Target("ms of CPU per frame", 12.0, 6.0, 2.0)
FRAME_DIRTY = Target("ms of CPU per frame", 5.0, 2.5, 2.0)
FIRST_FRAME = Target("ms", 450.0, 260.0, 175.0)
FIRST_FRAME_BY_IMPORT = Target("times", 1.8, 1.5, 1.2)
"""The same, for machines of another speed than the one where targets were set."""
PRODUCER_IMPORT = Target("ms", 10.0, 6.0, 3.0)
"""What a program waits for when an inspector first comes to it: what a producer needs of ours, beside what every
program with sockets has loaded already.
"""
KEY_P50 = Target("ms", 20.0, 6.0, 2.0)
KEY_P95 = Target("ms", 60.0, 27.0, 13.0)
LEAVING = Target("ms", 300.0, 100.0, 20.0)
ATTACKED = Target("times its own without the attack", 2.0, 1.2, 1.0)
KERNEL = Target("% of a core", 3.0, 2.0, 0.5)
LOOK_1000 = Target("ms of CPU", 0.6, 0.4, 0.3)
LOOK_9000 = Target("ms of CPU", 4.0, 2.7, 2.4)
KERNEL_WIRE = Target("KB/s", 200.0, 100.0, 20.0)
OBSERVED = Target("% of the CPU", 25.0, 15.0, 5.0)
OBSERVED_IDLE = Target("% of the CPU", 1.0, 0.5, 0.0)
OBSERVED_MEMORY = Target("bytes per watched connection", 1536.0, 1024.0, 500.0)
OBSERVED_START = Target("ms", 6.0, 4.0, 2.0)
FLEET_WATCHED = Target("% of their CPU", 1.0, 0.5, 0.0)
FLEET_DELAY = Target("ms", 500.0, 50.0, 5.0)
JUMP = Target("ms of CPU", 100.0, 50.0, 20.0)
LOST_UNTOLD = Target("events", 0.0, 0.0, 0.0)


YARDSTICK = Target("ns (5 where the targets were set)")


def compared(unit: str = RATIO) -> Target:
    """For figures of others, which are measured to compare with: nothing is wanted of them."""
    return Target(unit)
