"""`streamscope check`: a status for CI, and for each failure where it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from running_command import run

from streamscope.core import Loop, Tcp
from streamscope.testing import Tracer
from streamscope.trace.check.assertion import FORMS


def serves_itself(loop: Loop) -> None:
    """A server and a client on one loop: the client writes, the server reads to the end and closes."""

    def on_connection(server: Tcp, status: int) -> None:
        peer = Tcp(loop)
        server.accept(peer)
        peer.read_start(None, lambda stream, nread, data: stream.close() if nread < 0 else None)
        server.close()

    server = Tcp(loop)
    server.bind(("127.0.0.1", 0))
    server.listen(8, on_connection)
    client = Tcp(loop)

    def on_connect(request: object, status: int) -> None:
        client.write(b"x" * 10_000)
        client.shutdown(lambda request, status: client.close())

    client.connect(server.getsockname(), on_connect)


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tracer = Tracer(tmp_path_factory.mktemp("traces"))
    try:
        return tracer(serves_itself).path
    finally:
        tracer.close()


def test_what_holds_gives_status_0(runtime: Path, trace: Path) -> None:
    done = run(
        runtime, "check", str(trace), "--assert", "max(wq) <= 10000B", "--assert", "count(error) == 0",
        "--assert", "always(flag(CLOSING) -> eventually flag(CLOSED))",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "ok"]
    assert lines[0].startswith("ok        max(wq) <= 10000B  (the highest was 10,000 B at ")


def test_what_does_not_hold_gives_status_1_and_the_way_there(runtime: Path, trace: Path) -> None:
    done = run(runtime, "check", str(trace), "--assert", "max(wq) < 5KiB", "--assert", "count(error) == 0")
    assert (done.returncode, done.stderr) == (1, "")
    found = re.search(r"stream #\d+ \(127\.0\.0\.1:\d+\), t .*, turn \d+, seq (\d+)", done.stdout)
    assert found is not None
    assert "write_queue_size 0 → 10,000" in done.stdout
    assert f"streamscope replay {trace} --at {found[1]}\n" in done.stdout
    assert done.stdout.endswith("1 failed, of 2 assertions\n")


def test_quiet_tells_of_failures_only(runtime: Path, trace: Path) -> None:
    both = ("--assert", "count(error) == 0", "--assert", "max(wq) < 5KiB")
    done = run(runtime, "check", str(trace), "-q", *both)
    assert (done.returncode, done.stdout.splitlines()[0].split()[0]) == (1, "FAILED")
    assert run(runtime, "check", str(trace), "-q", "--assert", "count(error) == 0").stdout == ""


def test_assertions_may_stand_in_a_file(runtime: Path, trace: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text("# what has to hold\nmax(wq) < 1MiB\n\n  count(error) == 0\n")
    done = run(runtime, "check", str(trace), "--assert-file", str(file), "--assert", "never(pipe)")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)

    file.write_text("max(wq) < 1MiB   # none so long\nnever(place ~ ' # ' and #7)  #\n")
    done = run(runtime, "check", str(trace), "--assert-file", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split("  (")[0] for line in done.stdout.splitlines()] == [
        "ok        max(wq) < 1MiB",
        "ok        never(place ~ ' # ' and #7)",
    ]

    file.write_text("max(wq) < 1MiB\nnever(flag(CLOSD))\n")
    done = run(runtime, "check", str(trace), "--assert-file", str(file))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "  never(flag(CLOSD))",
        "             ^^^^^",
        f"streamscope: {file}:2, character 12: CLOSD is not a flag; did you mean CLOSED?",
    ]


def test_the_examples_of_the_document_are_an_assertion_file_as_they_stand(
    runtime: Path, trace: Path, tmp_path: Path
) -> None:
    blocks = re.findall(r"^```\w*\n(.*?)^```$", Path("docs/check.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    examples = [block for block in blocks if block.split("(")[0] in FORMS]
    [kernel] = [block for block in examples if "snd_wnd" in block]
    examples.remove(kernel)
    assert len(examples) >= 5
    file = tmp_path / "examples"
    file.write_text("".join(examples))
    done = run(runtime, "check", str(trace), "--assert-file", str(file), "--allow-vacuous")  # nobody has port 7000 here
    assert (done.returncode, done.stderr) == (0, "")
    assert len(re.findall(r"^(?:ok|FAILED) ", done.stdout, re.MULTILINE)) == "".join(examples).count("\n") >= 16

    file.write_text(kernel)
    done = run(runtime, "check", str(trace), "--assert-file", str(file))
    assert (done.returncode, done.stderr) == (1, ""), "it was over before anybody could ask the kernel"
    assert "the kernel said of no stream what snd_wnd is" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{trace}"], "what has to hold? add --assert 'max(wq) < 1MiB', or --assert-file PATH"),
        (["{trace}", "--assert", "max(wq)"], "--assert, character 8: what max(…) is to be is missing, such as < 5"),
        (["{trace}", "--assert", ""], "--assert, character 1: an assertion is missing, such as max(wq) < 1MiB"),
        (["{trace}", "--assert-file", "/nowhere/rules"], "/nowhere/rules cannot be read: No such file or directory"),
        (["{trace}", "--assert-file", "{trace}"], "it is not UTF-8 text"),
        (["{trace}", "--assert-file", "/dev/null"], "there is no assertion in /dev/null"),
        (["/nowhere.scope", "--assert", "never(tcp)"], "/nowhere.scope cannot be opened: No such file or directory"),
        (["/etc/passwd", "--assert", "never(tcp)"], "/etc/passwd is not a trace"),
        (["/etc", "--assert", "never(tcp)"], "/etc is not a file"),
    ],
)
def test_what_cannot_be_checked_gives_status_2_and_one_line(
    runtime: Path, trace: Path, arguments: list[str], words: str
) -> None:
    done = run(runtime, "check", *(argument.format(trace=trace) for argument in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.fixture
def cut_off(trace: Path, tmp_path: Path) -> Path:
    """The trace without its goodbye: as a recorder leaves it that was killed."""
    data, cut = trace.read_bytes(), tmp_path / "cut.scope"
    cut.write_bytes(data[: data.rindex(b"BYE ")])
    return cut


def test_where_the_end_is_missing_what_has_to_hold_until_then_is_not_shown(runtime: Path, cut_off: Path) -> None:
    done = run(runtime, "check", str(cut_off), "--assert", "max(wq) < 1MiB", "--assert", "count(error) == 0")
    assert done.returncode == 1
    first, second, why, in_all = done.stdout.splitlines()
    assert first.startswith("NOT SHOWN max(wq) < 1MiB  (the highest was 10,000 B at ")
    assert second == "NOT SHOWN count(error) == 0  (the count was 0)"
    assert why == "the end of the trace is missing: what has to hold until then cannot be shown"
    assert in_all == "2 could not be shown, of 2 assertions"
    [said] = done.stderr.splitlines()
    assert said.startswith(f"streamscope: {cut_off} is cut off: ")
    assert said.endswith("what came then is missing")


def test_where_the_end_is_missing_what_is_certain_all_the_same_counts(runtime: Path, cut_off: Path) -> None:
    assert run(runtime, "check", str(cut_off), "--assert", "count(kind == sys.write) > 0").returncode == 0
    failed = run(runtime, "check", str(cut_off), "--assert", "max(wq) < 5KiB")
    assert (failed.returncode, failed.stdout.split()[0]) == (1, "FAILED")


def test_a_missing_index_costs_nothing_but_a_line(runtime: Path, trace: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.scope"
    cut.write_bytes(trace.read_bytes()[:-20])
    done = run(runtime, "check", str(cut), "--assert", "max(wq) < 1MiB")
    assert (done.returncode, done.stdout[:2]) == (0, "ok")
    assert done.stderr == f"streamscope: {cut} has no index that can be read, but every event is there\n"
