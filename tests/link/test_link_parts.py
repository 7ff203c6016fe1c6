"""The files of a recording: nothing but a trace is written over, parts follow each other, and too old ones go."""

from __future__ import annotations

import errno
import os
import pty
import resource
from pathlib import Path

import pytest

from streamscope.link.parts import PartFile, Parts, PartsError, Rotation, open_first
from streamscope.trace.store.format import MAGIC

ROTATING = Rotation(bytes=1 << 20)


def begun(path: Path, rotation: Rotation = ROTATING) -> Parts:
    fd, fresh = open_first(path, rotation, force=True)
    parts = Parts(path, fd, fresh, rotation)
    parts.begin()
    return parts


def written(path: Path, rotation: Rotation, *texts: str) -> None:
    """A whole recording of so many parts."""
    parts = begun(path, rotation)
    for text in texts[:-1]:
        parts.file.write(MAGIC + text.encode())
        parts.next()
    parts.file.write(MAGIC + texts[-1].encode())
    parts.end()


def found(folder: Path) -> dict[str, str]:
    return {path.name: path.read_bytes().removeprefix(MAGIC).decode() for path in sorted(folder.iterdir())}


def test_a_new_file_is_closed_to_others(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        written(tmp_path / "a.scope", Rotation(), "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.scope").stat().st_mode & 0o777 == 0o600


def test_an_old_trace_is_written_over_where_that_was_asked_for_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a.scope"
    path.write_bytes(MAGIC + b"much longer than what comes")
    path.chmod(0o644)
    written(path, Rotation(), "x")
    assert found(tmp_path) == {"a.scope": "x"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_old_trace_is_not_written_over_unasked(tmp_path: Path) -> None:
    path = tmp_path / "a.scope"
    path.write_bytes(MAGIC + b"old")

    with pytest.raises(PartsError, match=r"a\.scope: it is a trace already; --force writes over it"):
        open_first(path, Rotation(), force=False)

    os.close(open_first(path, ROTATING, force=False)[0])  # it becomes a part
    assert found(tmp_path) == {"a.scope": "old"}


def test_until_something_is_recorded_an_old_trace_is_left_alone_and_a_new_file_does_not_stay(tmp_path: Path) -> None:
    (tmp_path / "old.scope").write_bytes(MAGIC + b"old")
    for name in ("old.scope", "new.scope"):
        fd, fresh = open_first(tmp_path / name, Rotation(), force=True)
        Parts(tmp_path / name, fd, fresh, Rotation()).end()
    assert found(tmp_path) == {"old.scope": "old"}


def test_what_is_no_trace_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_text("print('precious')\n")
    with pytest.raises(PartsError, match=r"main\.py: it is there and is no trace; name another file, or remove it"):
        open_first(path, Rotation(), force=True)
    assert path.read_text() == "print('precious')\n"


def test_an_empty_file_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.scope").touch()
    written(tmp_path / "a.scope", Rotation(), "x")
    assert found(tmp_path) == {"a.scope": "x"}


def test_two_recordings_never_share_a_file(tmp_path: Path) -> None:
    parts = begun(tmp_path / "a.scope")
    with pytest.raises(PartsError, match="another recording writes it"):
        open_first(tmp_path / "a.scope", Rotation(), force=False)
    parts.file.write(MAGIC)
    parts.next()  # the new part is taken as well
    with pytest.raises(PartsError, match="another recording writes it"):
        open_first(tmp_path / "a.scope", Rotation(), force=False)
    parts.end()


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    master, slave = pty.openpty()
    for path in (str(tmp_path / "fifo"), os.ttyname(slave)):
        with pytest.raises(PartsError, match="a trace can only be written to a file"):
            open_first(Path(path), Rotation(), force=True)
    os.close(master)
    os.close(slave)
    with pytest.raises(PartsError, match="Is a directory"):
        open_first(tmp_path, Rotation(), force=True)
    with pytest.raises(PartsError, match="No such file or directory"):
        open_first(tmp_path / "nowhere" / "a.scope", Rotation(), force=True)


def test_parts_are_numbered_in_the_order_of_their_making_and_the_newest_has_the_name(tmp_path: Path) -> None:
    written(tmp_path / "a.scope", ROTATING, "one", "two", "three")
    assert found(tmp_path) == {"a.1.scope": "one", "a.2.scope": "two", "a.scope": "three"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_name_without_a_suffix_is_numbered_too(tmp_path: Path) -> None:
    written(tmp_path / "trace", ROTATING, "one", "two")
    assert found(tmp_path) == {"trace": "two", "trace.1": "one"}


def test_so_many_parts_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    keep = Rotation(bytes=1 << 20, keep=2)
    written(tmp_path / "a.scope", keep, "one", "two", "three", "four")
    assert found(tmp_path) == {"a.3.scope": "three", "a.scope": "four"}


def test_one_part_kept_is_the_one_being_written(tmp_path: Path) -> None:
    written(tmp_path / "a.scope", Rotation(seconds=1, keep=1), "one", "two")
    assert found(tmp_path) == {"a.scope": "two"}


def test_a_later_recording_goes_on_counting_and_other_files_are_nobodys_part(tmp_path: Path) -> None:
    for name in ("a.x.scope", "a.01.scope", "b.1.scope", "a.2.scope.bak"):
        (tmp_path / name).write_text("other")
    written(tmp_path / "a.scope", ROTATING, "one", "two")
    written(tmp_path / "a.scope", Rotation(bytes=1 << 20, keep=3), "three", "four")
    others = {name: text for name, text in found(tmp_path).items() if text == "other"}
    assert len(others) == 4
    assert {name: text for name, text in found(tmp_path).items() if text != "other"} == {
        "a.2.scope": "two",
        "a.3.scope": "three",
        "a.scope": "four",
    }


def test_a_file_that_was_moved_away_stays_where_it_was_put(tmp_path: Path) -> None:
    parts = begun(tmp_path / "a.scope")
    parts.file.write(MAGIC + b"one")
    (tmp_path / "a.scope").rename(tmp_path / "kept")
    parts.next()
    parts.file.write(MAGIC + b"two")
    parts.end()
    assert found(tmp_path) == {"a.scope": "two", "kept": "one"}


def test_a_file_that_somebody_put_in_its_place_is_not_touched(tmp_path: Path) -> None:
    parts = begun(tmp_path / "a.scope")
    parts.file.write(MAGIC + b"one")
    (tmp_path / "a.scope").unlink()
    (tmp_path / "a.scope").write_text("somebody's")
    with pytest.raises(FileExistsError):
        parts.next()
    assert found(tmp_path) == {"a.scope": "somebody's"}


def test_a_device_cannot_be_rotated(tmp_path: Path) -> None:
    parts = begun(Path("/dev/null"))
    with pytest.raises(OSError, match="only files can be rotated"):
        parts.next()
    parts.end()


def test_a_write_is_whole_or_fails(tmp_path: Path) -> None:
    with PartFile(tmp_path / "a", "wb") as file:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            assert file.write(memoryview(bytes(999))) == 999
            with pytest.raises(OSError, match="File too large") as failure:
                file.write(b"four")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert failure.value.errno == errno.EFBIG
        file.truncate(10)
    assert (tmp_path / "a").stat().st_size == 10
