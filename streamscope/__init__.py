"""streamscope: look inside live streams.

A pure-Python engine (`streamscope.core`) reproduces libuv's stream layer function for function and tells of every
change; an inspector in another process folds what it is told into state (`streamscope.trace`) and shows it
(`streamscope.app`).
"""

__version__ = "0.1.0"
