"""click as the commands have it. Help is drawn by rich_click, which takes as long to load as the commands do: so only
who asks for help waits for it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING or len(sys.argv) < 2 or not {"-h", "--help"}.isdisjoint(sys.argv):
    import rich_click as click
    from rich_click import RichGroup as Group
else:
    import click
    from click import Group

__all__ = ["Group", "click"]
