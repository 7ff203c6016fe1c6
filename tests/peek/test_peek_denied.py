"""Why a process may not be looked at, or has nothing to look at: in one line each, with what to do about it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from running_command import NOBODY

from streamscope.peek import target
from streamscope.peek.finding import Findings
from streamscope.peek.target import TargetProcess
from streamscope.sampling.peeking import why_none

OURS = os.getuid() or 4711
SHUT_OFF = f"""
import os, sys
from streamscope.sampling.manner import EVERYDAY
from streamscope.sampling.peeking import Peeking, PeekFailed
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})  # from here on this process cannot be dumped, nor what it forks
child = os.fork()
if not child:
    os.read(os.pipe()[0], 1)
try:
    Peeking(child, EVERYDAY)
except PeekFailed as error:
    print(error)
os.kill(child, 9)
"""
WITHOUT_CAPABILITY = """
import os, sys
from streamscope.sampling.manner import EVERYDAY
from streamscope.sampling.peeking import Peeking, PeekFailed
try:
    Peeking(int(sys.argv[1]), EVERYDAY)
except PeekFailed as error:
    print(error)
"""


def process(proc: Path, monkeypatch: pytest.MonkeyPatch, *, uid: int = OURS, owner: int = OURS) -> TargetProcess:
    """The process 77 of this user and owner, as somebody has it who is the user OURS."""
    folder = proc / "77"
    folder.mkdir()
    (folder / "status").write_text(f"Name:\tx\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n")
    (folder / "environ").touch()
    (folder / "cmdline").write_text("x\0")
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **_: os.stat_result((*stat(path)[:4], owner, *stat(path)[5:])))
    monkeypatch.setattr(os, "geteuid", lambda: OURS)
    return TargetProcess(77, str(proc))


@pytest.mark.parametrize(
    ("scope", "remedy"),
    [("1", "start it with `streamscope run -- …`, or look at it with sudo"), ("2", "CAP_SYS_PTRACE"),
     ("3", "nobody until the next boot"), ("0", "the kernel does not say why; try it with sudo"), (None, "with sudo")],
)  # fmt: skip
def test_yama_is_named_with_what_it_lets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scope: str | None, remedy: str
) -> None:
    yama = tmp_path / "ptrace_scope"
    monkeypatch.setattr(target, "YAMA", str(yama))
    if scope is not None:
        yama.write_text(f"{scope}\n")

    why = process(tmp_path, monkeypatch).why_denied()

    assert why.startswith("process 77 may not be looked at: ")
    assert why.endswith(remedy) or remedy in why


def test_another_users_process_is_named_with_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = process(tmp_path, monkeypatch, uid=99_999, owner=99_999).why_denied()

    assert why == "process 77 is user 99999's: look at it as that user, or with sudo"


def test_one_that_has_shut_itself_off_is_the_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    why = process(tmp_path, monkeypatch, owner=0).why_denied()

    assert why.endswith("(it has capabilities of its own, or prctl says so): look at it with sudo")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_process_that_cannot_be_dumped_is_denied() -> None:
    ended = subprocess.run([sys.executable, "-P", "-c", SHUT_OFF], capture_output=True, text=True, check=False)

    assert "has shut itself off" in ended.stdout, ended.stderr


@pytest.mark.real("setpriv")
@pytest.mark.skipif(os.getuid() != 0, reason="only root has capabilities to give away")
def test_root_without_the_capability_is_told_how_a_container_gets_it() -> None:
    script = ["setpriv", "--bounding-set", "-sys_ptrace", sys.executable, "-P", "-c", WITHOUT_CAPABILITY]
    with select.epoll():
        ended = subprocess.run([*script, str(os.getpid())], capture_output=True, text=True, check=False)

    assert "this process lacks CAP_SYS_PTRACE; in a container add it with --cap-add SYS_PTRACE" in ended.stdout


def test_a_program_of_32_bits_is_named_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = process(tmp_path, monkeypatch)
    (tmp_path / "77" / "exe").write_bytes(b"\x7fELF\1\1\1")

    assert "of 32 bits: only those of 64 bits can be looked at" in why_none(small, Findings([], [5], 0))


def test_epolls_of_others_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = process(tmp_path, monkeypatch)

    assert why_none(other, Findings([], [5, 7], 0)).endswith(
        "its epoll descriptors 5, 7 belong to something else (asyncio, Go, nginx and others have loops of their own)"
    )
    assert why_none(other, Findings([], [], 0)) == "x (77) has no epoll descriptor, and so no libuv loop"
