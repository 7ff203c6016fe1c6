"""`streamscope ps`: the engines that run, and the programs on libuv."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streamscope.commands.clicks import click
from streamscope.commands.parameters import CONTEXT
from streamscope.language import tr
from streamscope.telling import CommandFailed, say, show

if TYPE_CHECKING:
    from streamscope.link.asking import Standstill
    from streamscope.link.discovery import Search


@click.command(context_settings=CONTEXT)
def ps() -> None:
    """List the running engines: pid, program, address, streams and age; and below, your other processes that run on
    libuv (Node, uvloop, …), which can be attached to as well.
    """
    from streamscope.link.discovery import ONLY_FOLDER, nobody, search

    found = search()
    if not found.folders:
        raise CommandFailed(tr(nobody(found)), 1)
    _list_engines(found)
    if not os.environ.get(ONLY_FOLDER):  # who names one folder keeps apart from everybody else
        _list_candidates([engine.pid for engine in found.engines], below=bool(found.engines))


def _list_engines(found: Search) -> None:
    from streamscope.link.discovery import nobody
    from streamscope.link.engines_table import engines_table

    if not found.engines:
        say(tr(nobody(found)))
        return
    silent = {engine.pid: str(engine.path) for engine in found.engines if engine.hello is None}
    standstills = _at_a_standstill(silent)
    for line in engines_table(found.engines, standstills):
        show(line)
    for how in _ways_to_end(standstills):
        say(how)
    for why in found.passed_over:
        say(tr("passed over: {why}", why=tr(why)))


def _list_candidates(engines: list[int], *, below: bool) -> None:
    import time

    from streamscope.link.engines_table import age
    from streamscope.sampling.running_on_libuv import candidates, candidates_table

    others = candidates(engines)
    if not others:
        return
    if below:
        show("")
    for line in candidates_table(others, [age(time.time() - each.started) for each in others]):
        show(line)


def _at_a_standstill(silent: dict[int, str]) -> dict[int, Standstill]:
    """What is known of engines that do not answer."""
    if not silent:
        return {}
    from streamscope.link.asking import find_out

    return find_out(silent)


def _ways_to_end(standstills: dict[int, Standstill]) -> list[str]:
    """For each engine that is stuck, how it is ended."""
    if not standstills:
        return []
    from streamscope.link.asking import STUCK, kill_it

    return [
        tr(
            "kill {pid} ends its callback when its --grace is over, a second one at once; {how}",
            pid=pid,
            how=kill_it(pid),
        )
        for pid, standstill in standstills.items()
        if standstill.state == STUCK
    ]
