"""The start of a program that was not written for it: waits for asyncio to be imported, and installs then.

Read by `site/sitecustomize.py` in every Python that starts under `streamscope run --` or with its PYTHONPATH. Most of
them never import asyncio, and must not feel this: nothing is imported here that Python has not loaded by itself, not
even what annotations would need.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_frozen: "Any" = sys.modules["_frozen_importlib"]
_external: "Any" = sys.modules["_frozen_importlib_external"]

BLOCK_UVLOOP = "STREAMSCOPE_BLOCK_UVLOOP"
"""Set to 1, importing uvloop fails, so that programs which can do without take asyncio's own loop."""


class Waits:
    """An entry of `sys.meta_path` that sees asyncio being imported, and is gone by then."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """Finds nothing itself."""
        if name != "asyncio":
            return None
        sys.meta_path.remove(self)
        for finder in list(sys.meta_path):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                _install_after(spec.loader)
                return spec
        return None


class BlocksUvloop:
    """An entry of `sys.meta_path` for which there is no uvloop."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """Raises ImportError for uvloop."""
        if name == "uvloop":
            raise ModuleNotFoundError(
                "uvloop is kept away by streamscope, which observes asyncio's own loop", name=name
            )
        return None


def begin() -> None:
    """Wait for asyncio, if it is not there."""
    if os.environ.get(BLOCK_UVLOOP) == "1":
        sys.meta_path.insert(0, BlocksUvloop())
    if "asyncio" in sys.modules:
        _install()
    else:
        sys.meta_path.insert(0, Waits())


def _install_after(loader: "Any") -> None:
    """Have this one loader install once it has loaded; it is as it was before by then."""
    load = loader.exec_module

    def exec_module(module: "Any") -> None:
        del loader.exec_module
        load(module)
        _install()

    loader.exec_module = exec_module


def _install() -> None:
    try:
        _have_house()
        from streamscope.observe import install

        install()
    except Exception as error:
        _say(f"{str(error)!a}")


def _say(why: str) -> None:
    try:
        os.write(sys.stderr.fileno(), f"streamscope: this process is not observed: {why}\n".encode())
    except Exception:  # it has none, or one that takes nothing: whoever imports asyncio is not to hear of that
        pass


def enter(answer: str) -> None:
    """Let inspectors into the loops that run, until the last of them leaves; where, or why not, is written to the named
    pipe `answer`: `+` and a path, or `-` and a reason.
    """
    try:
        _have_house()
        from streamscope.observe.entered import enter

        said = f"+{enter()}"
    except Exception as error:
        said = f"-{error}"
    fd = os.open(answer, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.write(fd, os.fsencode(said[:1000]) + b"\n")
    os.close(fd)


def _have_house() -> None:
    """Make our package known, unless the program has one of its own, and without a place on its path."""
    if "streamscope" in sys.modules or _external.PathFinder.find_spec("streamscope") is not None:
        return
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = _external.spec_from_file_location(
        "streamscope", f"{folder}/__init__.py", submodule_search_locations=[folder]
    )
    module = _frozen.module_from_spec(spec)
    sys.modules["streamscope"] = module
    spec.loader.exec_module(module)
