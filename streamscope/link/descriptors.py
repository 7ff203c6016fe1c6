"""The descriptors that a process begins with, and how many it may have."""

from __future__ import annotations

import contextlib
import os
import resource
import sys

FEW_DESCRIPTORS = 4096


def open_standard_descriptors() -> None:
    """A process that was started with some of 0, 1 and 2 closed gets nothing there, instead of its next socket."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    while nowhere <= 2:
        nowhere = os.dup(nowhere)
    os.close(nowhere)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 (it stays open)
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def raise_descriptor_limit() -> None:
    """As many descriptors as may be, since every connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a hard limit beyond what the kernel allows
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_DESCRIPTORS:
        sys.stderr.write(
            f"streamscope: this process may have {soft} descriptors at most, so it can serve fewer connections; "
            "the hard limit (ulimit -Hn) says so\n"
        )
