"""Programs on scripted kernels are the core's tests' own; pasts are made of them here too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "core"))
