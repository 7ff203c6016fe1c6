"""What `run` can be told to start, and what a person reads when it cannot be."""

from __future__ import annotations

import json  # noqa: F401 (one test loads a program of this name)
import sys
from importlib import import_module

import pytest

from streamscope.core import Loop
from streamscope.servers import SERVERS
from streamscope.servers.address import AddressError
from streamscope.servers.load import LoadError, load, program_name


@pytest.fixture(autouse=True)
def unchanged_imports(monkeypatch):
    """What a program adds to the path and to the modules goes again with the test."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def why_not(target):
    """The error's line, and its details."""
    with pytest.raises(LoadError) as caught:
        load(target)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.details


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_loaded_by_its_name(name):
    assert load(name) is import_module(SERVERS[name].module).main
    assert program_name(name) == name


def test_every_server_takes_the_options_that_it_is_listed_with():
    for server in SERVERS.values():
        taken = load(server.name).__kwdefaults__ or {}
        assert {"host", "port"} <= set(taken) or "path" in taken
        names = load(server.name).__code__.co_varnames
        assert {option.keyword for option in server.options} <= set(names)
        assert server.try_with.format(host="h", port=1, address="h:1").startswith(("nc h 1", "curl http://h:1/"))


def test_a_file_is_loaded_with_its_neighbours(tmp_path):
    # given: a name that another module has already
    (tmp_path / "neighbour.py").write_text("ANSWER = 42\n")
    (tmp_path / "json.py").write_text("import neighbour\ndef main(loop, *args): return neighbour.ANSWER\n")
    # when
    main = load(str(tmp_path / "json.py"))
    # then
    assert main(None) == 42
    assert program_name(str(tmp_path / "json.py")) == "json"
    assert not hasattr(import_module("json"), "main")


def test_a_function_of_a_module_is_loaded_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("def serve(loop): return 'served'\n")
    assert load("mine:serve")(None) == "served"
    assert program_name("mine:serve") == "mine:serve"


def test_an_unknown_name_is_answered_with_the_known_ones():
    text, details = why_not("ecko")
    assert "'ecko'" in text
    assert "did you mean echo?" in text
    assert all(name in text for name in SERVERS)
    assert details == ""


def test_a_file_that_was_named_without_its_ending_is_pointed_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("")
    assert "mine.py" in why_not("mine")[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x = 1", "defines no main"),
        ("main = 1", "no function but int"),
    ],
)
def test_a_file_without_a_main_is_told_so(tmp_path, content, expected):
    path = tmp_path / "mine.py"
    path.write_text(content)
    text, details = why_not(str(path))
    assert expected in text
    assert str(path) in text
    assert details == ""


def test_a_file_that_cannot_be_read_is_told_so(tmp_path):
    assert "No such file" in why_not(str(tmp_path / "none.py"))[0]
    (tmp_path / "folder.py").mkdir()
    assert "Is a directory" in why_not(str(tmp_path / "folder.py"))[0]
    (tmp_path / "mine.txt").write_text("")
    assert "does not end in .py" in why_not(str(tmp_path / "mine.txt"))[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("def f():\n    raise ValueError('bad\\nidea')\nf()\n", "ValueError: bad"),
        ("import no_such_module_anywhere\n", "no_such_module_anywhere"),
        ("def main(loop:\n", "SyntaxError"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("\0", "null byte"),
    ],
)
def test_what_a_file_raises_is_told_with_its_own_traceback(tmp_path, content, expected):
    # given
    path = tmp_path / "mine.py"
    path.write_text(content)
    # when
    text, details = why_not(str(path))
    # then
    assert "could not be imported" in text
    assert expected in text
    assert "importlib" not in details
    assert "load.py" not in details
    assert expected in details


def test_the_traceback_of_a_file_begins_at_its_first_line(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def f():\n    raise ValueError\nf()\n")
    details = why_not(str(path))[1]
    assert f'File "{path}", line 3' in details
    assert f'File "{path}", line 2, in f' in details


def test_a_module_that_is_not_there_is_told_from_one_that_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("import no_such_module_anywhere\n")
    assert why_not("nowhere_at_all:main") == ("no module is called nowhere_at_all, here or among what is installed", "")
    text, details = why_not("broken:main")
    assert "broken could not be imported" in text
    assert "import no_such_module_anywhere" in details
    assert "defines no serve" in why_not("json:serve")[0]
    assert "module:function" in why_not("a b:c")[0]


@pytest.mark.parametrize("name", [name for name in SERVERS if name not in ("proxy", "pipe-echo", "stall")])
def test_a_port_in_use_is_one_clear_line_and_leaves_nothing_open(serve, name):
    # given
    taken = serve("sink").address[1]
    loop = Loop()
    # when
    with pytest.raises(AddressError) as caught:
        load(name)(loop, port=taken)
    loop.run()
    # then
    assert str(caught.value) == (
        f"{name} cannot listen on 127.0.0.1:{taken}: address already in use; --port 0 takes any that is free"
    )
    assert not loop.handles
    loop.close()


@pytest.mark.parametrize(("host", "port"), [("no such host", 0), ("x" * 300, 0), ("::1", 70000), ("::1", -1)])
def test_a_bad_address_is_one_clear_line(host, port):
    loop = Loop()
    with pytest.raises(AddressError) as caught:
        load("echo")(loop, host=host, port=port)
    assert "\n" not in str(caught.value)
    assert not loop.handles
    loop.close()


def test_ipv6_is_listened_on(serve):
    with serve("echo", host="::1").connect() as client:
        client.sendall(b"six")
        assert client.recv(3) == b"six"
