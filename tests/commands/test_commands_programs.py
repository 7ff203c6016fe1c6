"""A person's own program, which may do what it likes with its loop, its output and its process."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from running_command import Serving, run
from waiting import until

LISTENING = "    server = Tcp(loop)\n    server.bind(('127.0.0.1', 0))\n    server.listen(5, lambda *_: None)\n"
TICKING = "    Timer(loop).start(lambda timer: print('tick', flush=True), 1, 20)\n"


def program(folder: Path, main: str, name: str | bytes = "mine.py") -> str:
    path = os.fsencode(folder) + b"/" + os.fsencode(name)
    with open(path, "w") as file:
        file.write(f"import io, os, sys, time\nfrom streamscope.core import Tcp, Timer\ndef main(loop):\n{main}")
    return os.fsdecode(path)


def test_a_main_that_runs_the_loop_itself_is_announced_heard_and_stopped(runtime: Path, tmp_path: Path) -> None:
    with Serving(runtime, program(tmp_path, f"{LISTENING}{TICKING}    loop.run()\n")) as serving:
        assert serving.first_line.startswith("mine listening on 127.0.0.1:")
        assert serving.process.stdout is not None
        assert serving.process.stdout.readline() == "tick\n"
        status, _, err = serving.end(signal.SIGINT)
    assert (status, err) == (0, "")


@pytest.mark.parametrize(
    "main",
    [
        f"{LISTENING}    loop.run()\n",
        f"{LISTENING}    while True:\n        loop.run(1)\n",
        "    while True:\n        time.sleep(1)\n",
    ],
)
def test_duration_ends_a_main_that_does_not_return(runtime: Path, tmp_path: Path, main: str) -> None:
    ended = run(runtime, "run", "--headless", "--duration", "0.3", program(tmp_path, main))
    assert ended.returncode == 0
    assert ended.stdout.startswith("mine ")
    assert ended.stderr == ""


def test_a_program_that_closes_its_loop_gets_libuv_s_answer_and_ends_in_order(runtime: Path, tmp_path: Path) -> None:
    main = (
        "    timer = Timer(loop)\n    timer.start(lambda timer: timer.close(), 1)\n"
        "    try:\n        loop.close()\n    except OSError as error:\n        print(error.name)\n"
        "    loop.run()\n    loop.close()\n"
    )
    ended = run(runtime, "run", "--headless", program(tmp_path, main))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[1:] == ["EBUSY"]


FORK = "    if os.fork() == 0:\n        {leaving}\n    os.wait()\n    print('the child has ended', flush=True)\n"


@pytest.mark.parametrize(("leaving", "said"), [("sys.exit(3)", ""), ("return", "the loop is its parent's\n")])
def test_a_child_that_comes_home_from_main_takes_nothing_from_the_engine(
    runtime: Path, tmp_path: Path, leaving: str, said: str
) -> None:
    path = program(tmp_path, LISTENING + FORK.format(leaving=leaving))
    with Serving(runtime, path, "--events", str(tmp_path / "events")) as serving:
        assert serving.process.stdout is not None
        assert serving.process.stdout.readline() == "the child has ended\n"
        serving.connect().close()
        assert (runtime / "streamscope" / f"{serving.pid}.sock").exists()
        status, out, err = serving.end()
    assert (status, out) == (0, "")
    assert err.endswith(said)
    assert err.count("\n") == bool(said)
    assert '"handle.closed"' in (tmp_path / "events").read_text()


@pytest.mark.parametrize("leaving", ["sys.exit(3)", "raise KeyboardInterrupt"])
def test_a_child_that_comes_home_from_a_callback_takes_nothing_from_the_engine(
    runtime: Path, tmp_path: Path, leaving: str
) -> None:
    main = f"{LISTENING}    Timer(loop).start(child, 1)\ndef child(timer):\n{FORK.format(leaving=leaving)}"
    with Serving(runtime, program(tmp_path, main), "--events", str(tmp_path / "events")) as serving:
        assert serving.process.stdout is not None
        assert serving.process.stdout.readline() == "the child has ended\n"
        serving.connect().close()
        assert (runtime / "streamscope" / f"{serving.pid}.sock").exists()
        status, out, err = serving.end()
    assert (status, out) == (0, "")
    assert "goodbye" not in err
    assert '"handle.closed"' in (tmp_path / "events").read_text()


GOES_ON = "    if os.fork():\n        os.wait()\n        print('the child has ended', flush=True)\n"


@pytest.mark.parametrize(
    ("main", "said"),
    [
        (f"{LISTENING}    Timer(loop).start(child, 1)\ndef child(timer):\n{GOES_ON}", "came back to the loop"),
        (f"{LISTENING}{GOES_ON}    loop.run()\n", "tried to run the loop"),
    ],
)
def test_a_child_that_goes_on_in_its_parents_loop_is_sent_home_and_the_parent_serves(
    runtime: Path, tmp_path: Path, main: str, said: str
) -> None:
    with Serving(runtime, program(tmp_path, main), "--events", str(tmp_path / "events")) as serving:
        assert serving.process.stdout is not None
        assert serving.first_line.startswith("mine listening on ")
        assert serving.process.stdout.readline() == "the child has ended\n"
        serving.connect().close()
        assert (runtime / "streamscope" / f"{serving.pid}.sock").exists()
        status, out, err = serving.end()
    assert (status, out) == (0, "")
    assert err == f"streamscope: a child of mine {said}; the loop is its parent's\n"
    assert '"handle.closed"' in (tmp_path / "events").read_text()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_a_child_of_a_callback_ends_the_child_alone(
    runtime: Path, tmp_path: Path, signum: signal.Signals
) -> None:
    main = (
        f"{LISTENING}    Timer(loop).start(child, 1)\ndef child(timer):\n    out, into = os.pipe()\n"
        "    pid = os.fork()\n    if pid == 0:\n        os.write(into, b'x')\n        time.sleep(1000)\n"
        f"    os.read(out, 1)\n    os.kill(pid, {int(signum)})\n    print(os.waitpid(pid, 0)[1], flush=True)\n"
    )
    with Serving(runtime, program(tmp_path, main)) as serving:
        assert serving.process.stdout is not None
        assert serving.process.stdout.readline() == f"{int(signum)}\n"
        serving.connect().close()
        status, _, err = serving.end()
    assert (status, err) == (0, "")


def test_a_stream_that_epoll_refuses_is_named_and_makes_the_run_a_failure(runtime: Path, tmp_path: Path) -> None:
    main = (
        f"{LISTENING}    from streamscope.core import Pipe\n    file = Pipe(loop)\n    file.name = 'a file'\n"
        "    file.open(os.open('/etc/passwd', os.O_RDONLY))\n    file.read_start(None, print)\n"
    )
    with Serving(runtime, program(tmp_path, main)) as serving:
        serving.connect().close()
        status, out, err = serving.end()
    assert (status, out) == (1, "")
    assert re.fullmatch(
        r"exception in epoll_ctl of <Pipe #2 a file>:\n"
        r"PermissionError: \[Errno 1\] Operation not permitted\n"
        r"epoll_ctl\(2\) of descriptor \d+: <Pipe #2 a file>, made at mine.py:8 main\n",
        err,
    )


@pytest.mark.parametrize("main", ["    raise KeyboardInterrupt\n", "    Timer(loop).start(fail, 1)\n"])
def test_whatever_the_program_raises_the_engine_ends_in_order(runtime: Path, tmp_path: Path, main: str) -> None:
    main += "class Own(BaseException):\n    pass\ndef fail(timer):\n    raise Own('mine')\n"
    ended = run(runtime, "run", "--headless", program(tmp_path, main), "--events", str(tmp_path / "events"))
    assert ended.returncode == 1
    assert re.search(r"^(KeyboardInterrupt|.*Own: mine)$", ended.stderr.splitlines()[-1])
    assert "cli.py" not in ended.stderr
    assert "goodbye" not in ended.stderr, "the events are complete"
    assert not list((runtime / "streamscope").iterdir())


@pytest.mark.parametrize(
    "main",
    ["    sys.stdout.close()\n", "    sys.stdout = io.StringIO()\n", "    os.close(1)\n"],
)
def test_a_program_may_do_away_with_its_stdout(runtime: Path, tmp_path: Path, main: str) -> None:
    ended = run(runtime, "run", "--headless", program(tmp_path, main))
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "mine running, and listening on nothing\n", "")


@pytest.mark.parametrize("kind", ["async def main(loop): ...\n", "def main(loop):\n    yield\n"])
def test_a_main_that_would_have_to_be_awaited_is_refused(runtime: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(kind)
    ended = run(runtime, "run", "--headless", str(path))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert "is a coroutine or a generator" in ended.stderr


@pytest.mark.parametrize(
    ("name", "shown"), [(b"\xff.py", r"\udcff"), ("a\x1b[31m.py", r"a\x1b[31m"), ("[red] ü.py", "[red] ü")]
)
def test_the_first_line_shows_any_file_s_name_safely(
    runtime: Path, tmp_path: Path, name: str | bytes, shown: str
) -> None:
    with Serving(runtime, program(tmp_path, LISTENING, name)) as serving:
        assert serving.first_line.startswith(f"{shown} listening on ")
        until(lambda: shown in run(runtime, "ps").stdout, "it answers to ps by its name")
        assert serving.end()[0::2] == (0, "")


def test_a_signal_while_the_program_is_imported_ends_it_there(runtime: Path, tmp_path: Path) -> None:
    path = program(tmp_path, "    print('main runs')\n")
    Path(path).write_text(f"import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n{Path(path).read_text()}")

    ended = run(runtime, "run", "--headless", path)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert not left_in(runtime)


def test_a_hang_up_while_main_is_at_work_ends_it_there(runtime: Path, tmp_path: Path) -> None:
    main = f"{LISTENING}    os.kill(os.getpid(), 1)\n    time.sleep(600)\n"

    ended = run(runtime, "run", "--headless", program(tmp_path, main))

    assert (ended.returncode, ended.stderr) == (0, "")
    assert not left_in(runtime)


CLOSING = {
    "main": f"{LISTENING}    os.closerange(3, 256)\n",
    "a callback": f"{LISTENING}    Timer(loop).start(lambda timer: os.closerange(3, 256), 1)\n",
}


@pytest.mark.parametrize("where", CLOSING)
def test_a_program_that_closes_every_descriptor_is_told_so_and_leaves_no_socket(
    runtime: Path, tmp_path: Path, where: str
) -> None:
    ended = run(runtime, "run", "--headless", program(tmp_path, CLOSING[where]))

    assert ended.returncode == 1
    assert ended.stderr == "streamscope: the engine cannot go on: mine has closed descriptors of it\n"
    assert not left_in(runtime)


def left_in(runtime: Path) -> list[Path]:
    return [path for path in runtime.rglob("*") if not path.is_dir()]
