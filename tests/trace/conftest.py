"""Programs on scripted kernels are the core's tests' own, and real engines with inspectors the link's; pasts are made
of them here too.
"""

from __future__ import annotations

import sys
from pathlib import Path

for room in ("core", "link"):
    sys.path.append(str(Path(__file__).parent.parent / room))
