"""What the tests of the Chinese screen find around them: the scenes of the English one, and time that stands still."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "ui"))  # scenes and pilots are the screen's tests' own
