"""How many examples a test by hypothesis tries: a part of them in every run, all of them in `make long`.

Each run takes examples of its own, so many short runs find what one long one does; only the patience differs.
"""

from __future__ import annotations

import os

ALL = "EVERY_EXAMPLE"
"""The variable of the environment that asks for all of them."""


def examples(number: int) -> int:
    """So many of them where every one is asked for, else a third."""
    return number if os.environ.get(ALL) else max(1, number // 3)
