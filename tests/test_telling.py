"""Nothing reaches a terminal raw: there is one way there without a screen, and nobody goes round it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_command import Serving, run

import streamscope
from streamscope import telling
from streamscope.core import Loop, Tcp
from streamscope.core.printable import printable

PACKAGE = Path(streamscope.__file__).parent

WRITERS = {
    "print", "click.echo", "click.secho", "rich.print", "sys.stdout.write", "sys.stderr.write", "sys.__stdout__.write",
    "sys.__stderr__.write", "sys.stdout.buffer.write", "sys.stderr.buffer.write", "traceback.print_exception",
    "traceback.print_exc", "traceback.print_stack", "os.write", "write_all", "warnings.warn",
}  # fmt: skip
"""What writes to a terminal, or may."""

ELSEWHERE = {
    "telling.py": "the way itself",
    "core/loop.py print_and_close": "the engine has none of our rooms, and writes lines that are printable",
    "core/stream/fds.py uv__stream_recv_cmsg": "a number, as libuv does",
    "trace/catalogue.py": "a document of our own, for `make docs`",
    "trace/filter/__main__.py": "a document of our own, for `make docs`",
    "diagnosis/__main__.py": "a document of our own, for `make docs`",
    "ui/actions.py": "a document of our own, for `make docs`",
    "commands/config.py config": "a file of our own words, to be edited",
    "commands/export.py _opened": "the export itself; each format sees to what it may hold",
    "observe/__main__.py": "a document of our own, for `make docs`",
    "observe/injected.py _install": "nothing of ours is loaded there; what is written is ASCII",
    "observe/site/sitecustomize.py _observe": "the same: two numbers",
    "observe/site/sitecustomize.py _begin": "the same, as Python writes an exception out",
    "own_engine.py _show_printed": "each line is visible",
    "serve.py _announce": "the first line is visible; the program's own output is its own affair",
    "serve.py _serve": "the program's own output is its own affair",
    "serve.py _say": "the line is visible; it is written past Python's buffers while a callback is stuck",
}
"""Who else writes, by file and function, and why nothing raw comes of it."""


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a module, with the name of the function that it is in."""

    def look(node: ast.AST, inside: str) -> Iterator[tuple[str, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield inside, child
            yield from look(child, child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else inside)

    return look(tree, "")


def is_harmless(call: ast.Call) -> bool:
    """Whether all that it is given is text of this file, or it writes to a descriptor of its own."""
    if ast.unparse(call.func) in ("os.write", "write_all") and ast.unparse(call.args[0]) not in ("1", "2"):
        return True
    return all(isinstance(argument, ast.Constant) for argument in call.args)


def going_round(file: str, text: str) -> list[str]:
    """Where a module writes to a terminal by another way than telling's."""
    found = []
    for function, call in calls(ast.parse(text)):
        if ast.unparse(call.func) not in WRITERS or is_harmless(call):
            continue
        if file not in ELSEWHERE and f"{file} {function}".rstrip() not in ELSEWHERE:
            found.append(f"{file}:{call.lineno} {function}: {ast.unparse(call)[:80]}")
    return found


def test_nobody_writes_to_a_terminal_by_another_way() -> None:
    found = [
        line
        for path in sorted(PACKAGE.rglob("*.py"))
        for line in going_round(path.relative_to(PACKAGE).as_posix(), path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["print(name)", "def f():\n    sys.stderr.write(f'{x}')", "click.echo(line, err=True)", "os.write(1, data)"]
)
def test_a_print_that_goes_round_is_found(text: str) -> None:
    assert len(going_round("link/x.py", text)) == 1


def test_text_of_our_own_needs_no_way() -> None:
    assert going_round("link/x.py", "sys.stderr.write('usage: x\\n')") == []


EVIL = "\x1b[2J\x9b31m\r\u202e"


def test_each_way_shows_what_it_is_told_and_nothing_raw(capsys: pytest.CaptureFixture[str]) -> None:
    telling.say(f"a{EVIL}")
    telling.tell(f"b{EVIL}")
    telling.show(f"c{EVIL}")
    telling.tell_lines(f"d{EVIL}\n\te")
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        telling.tell_error(error)
    out, err = capsys.readouterr()
    assert out == "c\\x1b[2J\\x9b31m\\r\\u202e\n"
    assert err.startswith("streamscope: a\\x1b[2J\\x9b31m\\r\\u202e\nb\\x1b")
    assert all(line.isprintable() for line in err.splitlines())
    assert "ValueError: \\x1b[2J" in err


def test_an_exception_in_a_callback_is_printed_whole_and_not_raw(
    loop: Loop, capsys: pytest.CaptureFixture[str]
) -> None:
    handle = Tcp(loop)
    handle.name = EVIL
    loop.excepthook(handle, "read_cb", ValueError(f"of a peer: {EVIL}\n\tsecond line"))
    err = capsys.readouterr().err
    assert "ValueError: of a peer: \\x1b[2J" in err
    assert "\n\tsecond line\n" in err
    assert printable(err) == err


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.run()
    made.close()


def test_the_first_line_of_a_headless_run_is_not_raw(runtime: Path) -> None:
    with Serving(runtime, "pipe-echo", "--path", "@\x1b[31mx") as serving:
        assert serving.first_line == "pipe-echo listening on @\\x1b[31mx"
        assert serving.end()[0] == 0


def test_what_a_program_raises_is_not_raw(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def main(loop):\n    raise ValueError('\\x1b[31m')\n")
    ended = run(runtime, "run", "--headless", str(path))
    assert ended.returncode == 1
    assert ended.stderr.endswith("ValueError: \\x1b[31m\n")
    assert printable(ended.stderr) == ended.stderr
