"""One table of actions: its keys do not fight each other, and everything that names keys is made from it."""

from __future__ import annotations

import importlib
import pkgutil
from itertools import combinations

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import streamscope.ui.screens
import streamscope.ui.widgets
from streamscope.app import StreamscopeApp
from streamscope.ui.actions import ACTIONS, CONTEXTS, bindings, keys_document, of_context

TOGETHER = [
    ("everywhere", "overview", "streams"),
    ("everywhere", "overview", "panel"),
    ("everywhere", "overview", "events"),
    ("everywhere", "overview", "log"),
    ("everywhere", "wall", "panel"),
    ("everywhere", "wall", "lines"),
    ("everywhere", "stream", "payload"),
    ("everywhere", "stream", "events"),
]
"""Contexts that hold at the same time: what has the focus, its screen, the app."""

MEANT = {("everywhere", "help"), ("stream.pin", "panel.pin")}


def classes() -> list[type[DOMNode]]:
    """Every class of the screen that binds keys."""
    found: list[type[DOMNode]] = [StreamscopeApp]
    for package in (streamscope.ui.screens, streamscope.ui.widgets):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            names = vars(importlib.import_module(module.name)).values()
            found += [
                each
                for each in names
                if isinstance(each, type) and issubclass(each, DOMNode) and "BINDINGS" in vars(each)
            ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("contexts", TOGETHER, ids="+".join)
def test_no_key_has_two_meanings_at_once(contexts: tuple[str, ...]) -> None:
    actions = [action for action in ACTIONS if action.context in contexts]

    for one, other in combinations(actions, 2):
        if one.id.endswith(".pin") and other.id.endswith(".pin"):
            continue  # the same stream's panel, whichever of the two hears it
        if {one.id, other.id} & {"unfilter", "stream.unfilter", "explained.close"}:
            continue  # esc undoes one thing at a time, and these only while there is a filter, or an explanation
        if (one.id, other.id) == ("turn", "again"):
            continue  # where all has ended, nothing is on its way
        assert not set(one.keys.split(",")) & set(other.keys.split(",")), (one.id, other.id)


def test_every_action_belongs_to_a_known_context_and_explains_itself() -> None:
    for action in ACTIONS:
        assert action.context in CONTEXTS
        assert action.help.endswith(".")
        assert action.label


def test_every_binding_of_every_widget_and_screen_comes_from_the_table() -> None:
    ids = {action.id for action in ACTIONS}

    for each in classes():
        for binding in each.BINDINGS:
            if each.__module__.startswith("streamscope"):
                assert isinstance(binding, Binding), each
                assert binding.id in ids, each


def test_every_action_can_be_carried_out_where_it_is_bound() -> None:
    for each in classes():
        if not each.__module__.startswith("streamscope"):
            continue
        for binding in each.BINDINGS:
            assert isinstance(binding, Binding)
            name = binding.action.partition("(")[0]
            target, _, method = name.rpartition(".")
            owner = {"app": StreamscopeApp, "": each}.get(target)
            if owner is not None:
                assert hasattr(owner, f"action_{method}"), (each, binding.action)


def test_every_context_of_the_table_is_bound_somewhere() -> None:
    bound = {binding.id for each in classes() for binding in each.BINDINGS if isinstance(binding, Binding)}

    assert {action.id for action in ACTIONS} <= bound


def test_a_footer_label_has_its_key_and_its_help_as_a_tooltip() -> None:
    made = {binding.id: binding for binding in bindings("streams") if isinstance(binding, Binding)}

    for action in of_context("streams"):
        assert made[action.id].key == action.keys
        assert made[action.id].tooltip == action.help


def test_the_document_of_keys_has_a_line_for_each_action_under_the_place_where_it_works() -> None:
    title, found = "", []
    for line in keys_document().splitlines():
        if line.startswith("## "):
            title = line.removeprefix("## ")
        elif line.startswith("| `"):
            found.append((title, line.rpartition(" | ")[2]))

    assert sorted(found) == sorted((CONTEXTS[action.context], f"`{action.id}` |") for action in ACTIONS)
