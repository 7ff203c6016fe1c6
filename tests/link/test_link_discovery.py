"""Finding engines: the folder is one's own, stale sockets go, and what cannot be used is said in one line."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from link_room import Room, hello

from streamscope.link import discovery
from streamscope.link.discovery import (
    ProbeError,
    connect,
    find,
    listen,
    probe_path,
    remove_stale,
    runtime_folder,
    search,
    will_return,
)
from streamscope.link.engines_table import age, engines_table
from streamscope.link.frames import pack

NOBODY = 65534


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of this test's own. (Paths of Unix sockets are short, and those of pytest are not.)"""
    with tempfile.TemporaryDirectory(prefix="ss-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", f"{folder}/streamscope")
        yield Path(folder) / "streamscope"


def dead_pid() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def leave_a_socket(path: Path) -> None:
    """As a killed engine does."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_folder_and_those_it_lies_in_are_closed_to_others_whatever_the_umask(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    base = runtime.parent / "runtime-4242"
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(base / "streamscope"))
    before = os.umask(umask)
    try:
        folder = runtime_folder()
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(base.stat().st_mode) == 0o700


def test_the_folder_is_made_and_closed_to_others(runtime: Path) -> None:
    assert runtime_folder() == runtime
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


def test_a_folder_open_to_others_is_not_used(runtime: Path) -> None:
    runtime.mkdir(mode=0o700)
    runtime.chmod(0o755)
    with pytest.raises(ProbeError, match="chmod 700"):
        runtime_folder()


def test_a_folder_of_somebody_else_is_not_used(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime_folder()
    monkeypatch.setattr(os, "getuid", lambda: NOBODY + 1)
    with pytest.raises(ProbeError):
        runtime_folder()


def test_a_link_in_place_of_the_folder_is_not_used(runtime: Path, tmp_path: Path) -> None:
    runtime.symlink_to(tmp_path)
    with pytest.raises(ProbeError, match="is no folder"):
        runtime_folder()


def test_a_socket_is_the_users_alone(runtime: Path) -> None:
    path = probe_path(os.getpid())
    with listen(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_a_dead_engine_left_is_replaced(runtime: Path) -> None:
    path = probe_path(os.getpid())
    leave_a_socket(path)
    with listen(path), connect(path):
        pass


def test_two_cannot_listen_at_one_path(runtime: Path) -> None:
    path = probe_path(1)
    with listen(path), pytest.raises(ProbeError, match="somebody listens there already"):
        listen(path)


def test_a_file_is_never_replaced(runtime: Path) -> None:
    path = runtime_folder() / "notes"
    path.write_text("precious")
    with pytest.raises(ProbeError, match="there is a file of that name"):
        listen(path)
    with pytest.raises(ProbeError, match="is no socket"):
        connect(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("use", [listen, connect])
def test_a_path_too_long_for_a_socket_is_said(use: object) -> None:
    with pytest.raises(ProbeError, match="107 bytes"):
        use(Path("/tmp/" + "x" * 200))  # type: ignore[operator]


@pytest.mark.parametrize("path", ["/nonexistent/folder/s", "/dev/null/s"])
def test_a_path_in_no_folder_is_said(path: str) -> None:
    with pytest.raises(ProbeError, match="cannot listen for inspectors at"):
        listen(Path(path))
    with pytest.raises(ProbeError):
        connect(Path(path))


def test_nobody_listening_is_said(runtime: Path) -> None:
    path = runtime_folder() / "7.sock"
    with pytest.raises(ProbeError, match="there is no such file"):
        connect(path)
    leave_a_socket(path)
    with pytest.raises(ProbeError, match="any more"):
        connect(path)


def test_sockets_and_logs_of_dead_processes_are_removed_and_others_are_not(runtime: Path) -> None:
    folder = runtime_folder()
    dead = dead_pid()
    leave_a_socket(folder / f"{dead}.sock")
    (folder / f"{dead}.log").write_text("")
    mine = [folder / f"{os.getpid()}.log", folder / "notes.log", folder / "x.sock"]
    for path in mine:
        path.write_text("")
    newborn = folder / f"{os.getpid()}.sock"  # bound and about to listen
    leave_a_socket(newborn)
    remove_stale(folder)
    assert sorted(folder.iterdir()) == sorted([*mine, newborn])


def test_a_socket_whose_pid_is_another_process_by_now_is_removed(runtime: Path) -> None:
    path = runtime_folder() / f"{os.getpid()}.sock"
    leave_a_socket(path)
    os.utime(path, (1, 1))
    remove_stale(path.parent)
    assert not path.exists()


def test_running_engines_say_who_they_are_and_a_stuck_one_is_listed(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "ANSWER_WITHIN_S", 0.3)
    folder = runtime_folder()
    with listen(folder / "1.sock") as stuck, listen(folder / f"{os.getpid()}.sock") as answering:
        stuck.setblocking(False)
        # what it will say to whoever connects: the kernel takes it before anybody has accepted
        monkeypatch.setattr(discovery, "connect", lambda path: _said_already(path, answering))
        engines = search().engines
    assert [(engine.pid, engine.hello is None) for engine in engines] == [(1, True), (os.getpid(), False)]
    assert engines[1].hello is not None
    assert engines[1].hello.program == "echo"


def _said_already(path: Path, answering: socket.socket) -> socket.socket:
    sock = connect(path)
    if path.stem == str(os.getpid()):
        accepted, _ = answering.accept()
        with accepted:
            accepted.sendall(pack(hello()))
    return sock


def test_find_takes_a_pid_a_path_or_the_only_one(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "ANSWER_WITHIN_S", 0.1)
    with pytest.raises(ProbeError, match=rf"there is no engine in {runtime}; start one with"):
        find(None)
    with pytest.raises(ProbeError, match=rf"there is no engine with the pid 12345 in {runtime}; `streamscope ps`"):
        find("12345")
    assert find("/some/path") == Path("/some/path")
    assert find("./7000") == Path("./7000")
    folder = runtime_folder()
    with listen(folder / "1.sock"):
        assert find(None) == folder / "1.sock"
        assert find("1") == folder / "1.sock"
        with listen(folder / f"{os.getpid()}.sock"), pytest.raises(ProbeError, match=f"2 engines .* 1, {os.getpid()}"):
            find(None)


@pytest.fixture
def elsewhere(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that an engine without XDG_RUNTIME_DIR may have chosen: a service, for one."""
    monkeypatch.delenv("STREAMSCOPE_RUNTIME_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(runtime.parent))
    folder = runtime.parent / f"runtime-{os.getuid()}" / "streamscope"
    folder.mkdir(mode=0o700, parents=True)
    return folder


def test_an_engine_is_found_wherever_one_of_this_user_may_listen(
    runtime: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "ANSWER_WITHIN_S", 0.1)
    path = elsewhere / "1.sock"
    with listen(path):
        assert path in [engine.path for engine in search().engines]
        assert find("1") == path
        assert will_return(path)
    assert {runtime, elsewhere} <= set(search().folders)
    assert not will_return(path)
    with pytest.raises(ProbeError, match=f"pid 12345 in {runtime}, .*{elsewhere}"):
        find("12345")


def test_why_a_folder_or_a_socket_was_passed_over_is_said(runtime: Path, elsewhere: Path) -> None:
    elsewhere.chmod(0o755)
    (runtime_folder() / "1.sock").write_text("")
    found = search()
    assert elsewhere not in found.folders
    assert f"passed over: the runtime folder {elsewhere} is open to others" in found.where
    assert f"passed over: {runtime}/1.sock is no socket of an engine" in found.where


def test_a_folder_whose_sockets_would_have_too_long_paths_is_passed_over(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", f"{runtime}{'x' * 100}")
    with pytest.raises(ProbeError, match=r"in no folder; passed over: the runtime folder .* is too long: .*107"):
        find(None)


def test_an_engine_whose_backlog_is_full_does_not_answer(runtime: Path) -> None:
    """EAGAIN of connect(2): nobody is let in while as many wait as may."""
    path = runtime_folder() / "1.sock"
    with socket.socket(socket.AF_UNIX) as full:
        full.bind(str(path))
        full.listen(0)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(path))
            with pytest.raises(ProbeError, match="does not answer"):
                connect(path)
            assert [(engine.pid, engine.hello) for engine in search().engines] == [(1, None)]
            assert not search().passed_over


def test_a_socket_that_may_not_be_opened_is_said(runtime: Path) -> None:
    path = probe_path(os.getpid())
    with listen(path):
        # The folder keeps others out already. It is opened here, and the socket itself is closed to us.
        path.parent.chmod(0o755)
        path.parent.parent.chmod(0o755)
        path.chmod(0o600 if os.getuid() == 0 else 0)
        child = os.fork()
        if child == 0:
            if os.getuid() == 0:
                os.setuid(NOBODY)  # nothing is closed to root
            try:
                connect(path)
            except ProbeError as error:
                os._exit(0 if "may not be opened: Permission denied" in str(error) else 2)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_engine_tells_how_many_streams_it_has(runtime: Path) -> None:
    with Room() as room:
        room.connect()
        room.turn(3)
        session = room.watch()
        room.turn_until(lambda: session.hello)
        assert session.hello is not None
        assert session.hello.streams == 2


def test_the_table_is_aligned_and_shows_nothing_raw() -> None:
    greeting = hello("ev\x1b[31mil")
    greeting.addresses, greeting.started, greeting.streams = ["127.0.0.1:7000"], 1000.0, 1234
    engines = [discovery.FoundEngine(7, Path("7.sock"), greeting), discovery.FoundEngine(123456, Path("x"), None)]
    assert engines_table(engines, now=1187.0) == [
        "   PID  PROGRAM          ADDRESS         STREAMS    AGE",
        "     7  ev\\x1b[31mil     127.0.0.1:7000    1,234  3m07s",
        "123456  does not answer  –                     –      –",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-3, "0s"), (59.9, "59s"), (60, "1m00s"), (7800, "2h10m"), (442_800, "5d03h")]
)
def test_ages_read_at_a_glance(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_one_that_is_about_to_listen_is_waited_for_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1.sock"
    with socket.socket(socket.AF_UNIX) as newborn:
        newborn.bind(str(path))
        monkeypatch.setattr(discovery.time, "sleep", lambda seconds: newborn.listen())
        discovery.connect(path).close()


def test_one_that_has_left_its_socket_behind_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "1.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    os.utime(path, (1, 1))
    monkeypatch.setattr(discovery.time, "sleep", lambda seconds: pytest.fail("it waits"))
    with pytest.raises(discovery.ProbeError, match="any more"):
        discovery.connect(path)
