"""Every lint there is, each in a file of its own. Their order is that in which equals are listed."""

from __future__ import annotations

from streamscope.diagnosis.lint import Lint
from streamscope.diagnosis.lints.stalled import Stalled

LINTS: tuple[Lint, ...] = (Stalled(),)

BY_NAME = {lint.name: lint for lint in LINTS}
