"""What a person can get wrong: one clear line each, the right status, and never a traceback of ours."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_command import AS_NOBODY, COMMAND, NOBODY, environment, refused, run
from waiting import PATIENCE_S


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock.getsockname()[1]


def test_a_port_in_use_suggests_port_0(runtime: Path, busy_port: int) -> None:
    status, line = refused(runtime, "run", "echo", "--headless", "--port", str(busy_port))
    assert status == 1
    assert str(busy_port) in line
    assert "address already in use" in line
    assert "--port 0" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "echo", "--headless", "--host", "not an address"], "no address for host 'not an address'"),
        (["run", "echo", "--headless", "--host", "300.1.2.3"], "no address for host '300.1.2.3'"),
        (["run", "echo", "--headless", "--port", "70000"], "'70000' is not a whole number from 0 to 65535"),
        (["run", "echo", "--headless", "--port", "http"], "'http' is not a whole number from 0 to 65535"),
        (["run", "echo", "--headless", "--duration", "0"], "--duration"),
        (["run", "echo", "--headless", "--frobnicate"], "--frobnicate"),
        (["run", "ecco", "--headless"], "did you mean echo?"),
        (["run", "nonsense", "--headless"], "there are echo, chat, sink, source, http, proxy"),
        (["run", "no_such_module:main", "--headless"], "no module is called no_such_module"),
        (["run", "json:no_such_function", "--headless"], "json defines no no_such_function(loop, *args)"),
        (["run", "/nonexistent/mine.py", "--headless"], "cannot read /nonexistent/mine.py: No such file or directory"),
        (["run", "echo", "--headless", "extra"], "echo takes no arguments of its own"),
        (["run", "proxy", "--headless"], "proxy needs --to HOST:PORT"),
        (["run", "proxy", "--headless", "--to", "nowhere"], "an address is HOST:PORT"),
        (["run", "echo", "--headless", "--to", "127.0.0.1:1"], "echo takes no --to"),
        (["run", "echo", "--headless", "--path", "/tmp/x"], "echo takes no --path"),
        (["run", "echo", "--headless", "--as", "bulk"], "echo takes no --as"),
        (
            ["run", "stall", "--headless"],
            "stall needs --as NAME: what is played; it is one of peer-never-reads, slow-peer",
        ),
        (
            ["run", "stall", "--headless", "--as", "x"],
            "--as x: stall knows none of that name; it is one of peer-never-",
        ),
        (["run", "pipe-echo", "--headless", "--port", "0"], "pipe-echo takes no --port"),
        (["run", "pipe-echo", "--headless", "--host", "::1"], "pipe-echo takes no --host"),
        (["run", "pipe-echo", "--headless", "--path", ""], "a Unix socket needs a path"),
        (["run", "pipe-echo", "--headless", "--path", "@"], "a Unix socket needs a path"),
        (["run", "pipe-echo", "--headless", "--path", "/tmp/" + "x" * 200], "has 107 bytes at most, and /tmp/xxx"),
        (["run", "echo", "--events", "-"], "add --headless"),
        (["run", "echo", "--headless", "--duration", "nan"], "nan is no time"),
        (["run", "echo", "--headless", "--duration", "inf"], "is not in the range"),
        (["run", "echo", "--headless", "--duration", "1e30"], "is not in the range"),
        (["run"], "Missing argument 'TARGET'"),
        (["attach", ""], "an engine is named by its pid, or by the path of its socket"),
        (["record", " ", "x.scope"], "an engine is named by its pid, or by the path of its socket"),
        (["record", "1"], "Missing argument 'FILE'"),
        (["run", "echo", "--headless", "--keep", "3"], "--keep counts parts: add --rotate"),
        (["run", "echo", "--headless", "--rotate", "1MiB"], "--rotate is about a recording: add --record FILE"),
        (["run", "echo", "--headless", "--rotate", "10m"], "'10m' is neither a size such as 64MiB"),
        (["run", "echo", "--headless", "--rotate", "64"], "'64' is neither a size such as 64MiB"),
        (["run", "echo", "--headless", "--rotate", "1KiB"], "'1KiB' is too small: 64KiB is the least"),
        (["run", "echo", "--headless", "--rotate", "0.5s"], "'0.5s' is too short: 1s is the least"),
        (["run", "echo", "--headless", "--keep", "0"], "'0' is not a whole number from 1 to"),
        (["run", "echo", "--headless", "--spool", "1e3"], "'1e3' is not a whole number from 1 to 65536"),
        (["poke", "1", "5", "jump"], "there is no action 'jump': there are read-stop, read-start, "),
        (["poke", "1", "five", "close"], "'five' is no number of a stream, such as 5 or #5"),
        (["poke", "1", "5", "cap-writes"], "cap-writes takes a size, such as 4KiB"),
        (["poke", "1", "5", "cap-writes", "much"], "cap-writes takes a size, such as 4KiB"),
        (["poke", "1", "5", "delay", "120s"], "delay takes 1 to 60,000 ms, and not 120s"),
        (["poke", "1", "5", "close", "now"], "close takes no value"),
        (["poke", "1", "5", "close", "--for", "3s"], "--for is about what stays, and close is done at once"),
        (["poke", "1", "5", "close"], "there is no engine with the pid 1 "),
        (["nonsense"], "there is no command 'nonsense': there are run, attach,"),
        (["reply", "x.scope"], "there is no command 'reply': did you mean replay?"),
        (["run", "ehco"], "no server is called 'ehco' (did you mean echo?); there are"),
        (["run", "nowhere.py"], "cannot read nowhere.py: No such file or directory"),
        (["run", "a b:c"], "does not read as module:function"),
        (["run", "echo"], "there is no terminal to draw on; serve without a screen with: streamscope run --headless"),
    ],
)
def test_a_command_that_cannot_be_carried_out_ends_with_status_2(
    runtime: Path, arguments: list[str], said: str
) -> None:
    status, line = refused(runtime, *arguments)
    assert said in line
    assert status == 2


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["config"], ["run", "--help"]])
def test_what_cannot_be_written_is_said(runtime: Path, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*COMMAND, *arguments],
            env=environment(runtime),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert ended.stderr == "streamscope: what there is to say cannot be written: No space left on device\n"
    assert ended.returncode == 1


def test_help_is_there_where_the_locale_is_plain_ascii(runtime: Path) -> None:
    plain = {**environment(runtime), "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = subprocess.run([*COMMAND, "run", "--help"], env=plain, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"--headless" in ended.stdout


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-"])
def test_without_standard_descriptors_a_screen_is_refused_in_one_line(runtime: Path, closed: str) -> None:
    shell = f'exec "$0" "$@" {closed}'
    ended = subprocess.run(
        ["sh", "-c", shell, *COMMAND, "run", "echo", "--port", "0"],
        env=environment(runtime),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("streamscope: there is no terminal to draw on")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def start(loop): ...\n", "defines no main(loop, *args)"),
        ("main = 3\n", "main in"),
        ("def main(loop): ...\n", "cannot be called with one two: it is main(loop)"),
    ],
)
def test_a_file_without_a_fitting_main(runtime: Path, tmp_path: Path, text: str, said: str) -> None:
    program = tmp_path / "mine.py"
    program.write_text(text)
    status, line = refused(runtime, "run", "--headless", str(program), "one", "two")
    assert said in line
    assert status == 2


def test_a_main_that_takes_no_port_is_not_given_one(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("def main(loop, *args): ...\n")
    status, line = refused(runtime, "run", "--headless", str(program), "--port", "7000")
    assert "cannot be called with --port: it is main(loop, *args)" in line
    assert status == 2


def test_a_main_gets_its_arguments_and_what_it_takes_of_host_and_port(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("import sys\ndef main(loop, *args, port=1):\n    print(args, port, sys.argv[1:])\n")
    ended = run(runtime, "run", "--headless", str(program), "--port", "7001", "a", "--", "--own", "-x")
    assert ended.stdout.splitlines()[1] == "('a', '--own', '-x') 7001 ['a', '--own', '-x']"


@pytest.mark.parametrize("where", ["import", "main"])
def test_a_program_that_raises_at_start_ends_with_its_traceback_and_status_1(
    runtime: Path, tmp_path: Path, where: str
) -> None:
    program = tmp_path / "mine.py"
    raising = "raise ValueError('that is all')"
    program.write_text(f"{raising}\n" if where == "import" else f"def main(loop):\n    {raising}\n")
    ended = run(runtime, "run", "--headless", str(program))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "ValueError: that is all"
    assert 'mine.py", line' in ended.stderr
    assert "streamscope/" not in ended.stderr, "the traceback begins in the program"


def test_a_program_that_leaves_by_sys_exit_has_its_status(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text("import sys\ndef main(loop):\n    sys.exit(7)\n")
    assert run(runtime, "run", "--headless", str(program)).returncode == 7
    program.write_text(
        "import sys\nfrom streamscope.core import Timer\n"
        "def main(loop):\n    Timer(loop).start(lambda timer: sys.exit('enough'), 1)\n"
    )
    ended = run(runtime, "run", "--headless", str(program))
    assert (ended.returncode, ended.stderr) == (1, "enough\n")


def test_an_exception_in_a_callback_closes_that_stream_and_the_rest_goes_on(runtime: Path, tmp_path: Path) -> None:
    program = tmp_path / "mine.py"
    program.write_text(
        "from streamscope.core import Timer\n"
        "def main(loop):\n"
        "    def fail(timer):\n"
        "        raise ValueError('in a callback')\n"
        "    Timer(loop).start(fail, 1)\n"
        "    later = Timer(loop)\n"
        "    later.start(lambda timer: (print('the rest goes on'), timer.close()), 50)\n"
    )
    ended = run(runtime, "run", "--headless", str(program))
    assert ended.stdout.splitlines()[-1] == "the rest goes on"
    assert "ValueError: in a callback" in ended.stderr
    assert ended.returncode == 0


@pytest.mark.parametrize("events", ["/nonexistent/folder/events", "/dev/null/events"])
def test_an_events_file_that_cannot_be_made(runtime: Path, events: str) -> None:
    status, line = refused(runtime, "run", "echo", "--headless", "--port", "0", "--events", events)
    assert line.startswith(f"cannot write events to {events}: ")
    assert status == 1


@pytest.mark.parametrize("probe", ["/nonexistent/folder/s", "/" + "x" * 200])
def test_a_probe_path_that_cannot_be_listened_at(runtime: Path, probe: str) -> None:
    status, line = refused(runtime, "run", "echo", "--headless", "--port", "0", "--probe", probe)
    assert probe in line
    assert status == 1


def test_a_file_at_the_probe_path_is_kept(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("precious")
    status, line = refused(runtime, "run", "echo", "--headless", "--port", "0", "--probe", str(path))
    assert "there is a file of that name" in line
    assert status == 1
    assert path.read_text() == "precious"


def test_attach_to_what_is_not_there(runtime: Path, tmp_path: Path) -> None:
    """Without a terminal, too, what cannot be attached to is said first."""
    where = f"there is no engine in {runtime}/streamscope; start one with: streamscope run echo"
    assert refused(runtime, "attach") == (1, where)
    assert refused(runtime, "attach", "99999999")[0] == 1


def test_ps_without_engines_says_so(runtime: Path) -> None:
    ended = run(runtime, "ps")
    assert (ended.returncode, ended.stdout) == (0, "")
    where = f"there is no engine in {runtime}/streamscope; start one with: streamscope run echo"
    assert ended.stderr == f"streamscope: {where}\n"


def test_a_runtime_folder_that_is_open_to_others_is_named_and_the_server_serves(runtime: Path) -> None:
    (runtime / "streamscope").mkdir()
    (runtime / "streamscope").chmod(0o777)
    ended = run(runtime, "run", "echo", "--headless", "--port", "0", "--duration", "0.1")
    assert ended.returncode == 0
    [line] = ended.stderr.splitlines()
    assert "chmod 700" in line
    assert "attach and ps will not find this engine" in line
    status, line = refused(runtime, "ps")
    assert status == 1
    assert "there is no engine in no folder; passed over: the runtime folder" in line


@pytest.mark.parametrize("kind", ["program", "probe", "events", "attach"])
def test_what_may_not_be_opened_is_said(runtime: Path, tmp_path: Path, kind: str) -> None:
    os.chown(runtime, *((NOBODY, NOBODY) if os.getuid() == 0 else (-1, -1)))
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "mine.py").write_text("def main(loop): ...\n")
    closed.chmod(0)
    arguments = {
        "program": ["run", "--headless", str(closed / "mine.py")],
        "probe": ["run", "--headless", "echo", "--port", "0", "--probe", str(closed / "s")],
        "events": ["run", "--headless", "echo", "--port", "0", "--events", str(closed / "events")],
        "attach": ["attach", str(closed / "s")],
    }[kind]
    ended = run(runtime, *arguments, command=AS_NOBODY)
    closed.chmod(0o700)
    [line] = ended.stderr.splitlines()
    assert "Permission denied" in line
    assert str(closed) in line
    assert ended.returncode == (2 if kind == "program" else 1)


@pytest.mark.parametrize("arguments", [["run", "echo", "--headless"], ["ps"], ["replay", "x.scope"]])
def test_too_few_descriptors_for_anything_is_said(runtime: Path, arguments: list[str]) -> None:
    ended = run(runtime, *arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)))

    said = "this process may have 10 descriptors at most, and needs 32; the hard limit (ulimit -Hn) says so"
    assert (ended.returncode, ended.stderr) == (1, f"streamscope: {said}\n")


def test_a_soft_limit_that_is_too_low_is_raised(runtime: Path) -> None:
    ended = run(
        runtime, "run", "echo", "--headless", "--port", "0", "--duration", "0.1",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 4096)),
    )  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_before_anything_has_begun_just_ends(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "rich_click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    begun = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from streamscope.__main__ import main; main()"

    ended = run(runtime, command=[sys.executable, "-c", begun])

    assert (ended.returncode, ended.stdout, ended.stderr) == (-signal.SIGINT, "", "")
