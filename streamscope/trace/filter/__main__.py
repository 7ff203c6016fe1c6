"""Prints the document: `python -m streamscope.trace.filter > docs/filter.md`."""

import sys

from streamscope.trace.filter.guide import markdown

sys.stdout.write(markdown())
