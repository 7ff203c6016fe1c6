"""A program that is watched does not take memory from the kernel for each read."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

READS = """
import sys
from streamscope.observe.aio_kinds import RECV_SIZE
from streamscope.observe.watching import _have_buffers_kept

def is_of_the_kernel():  # what glibc maps alone begins behind the mapping's two words, and the object's head
    return (id(bytes(RECV_SIZE)) - 16) % 4096 == 0

before = is_of_the_kernel()
_have_buffers_kept()
print(before, is_of_the_kernel())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that does so")
def test_what_asyncio_reads_into_is_kept_once_somebody_watches() -> None:
    done = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
