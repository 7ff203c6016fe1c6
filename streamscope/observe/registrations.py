"""What a selector watches, seen as it is changed: `register`, `modify` and `unregister` of one loop's selector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

READ, WRITE = 1, 2
"""`selectors.EVENT_READ` and `EVENT_WRITE`."""


def mask_of(events: int) -> int:
    """In poll bits."""
    return (events & READ) | (events & WRITE) << 1


def accept_of(key: Any) -> Any:
    """The arguments of `_accept_connection`, if that is what the selector calls when this is ready; else None."""
    data = key.data
    reader: Any = data[0] if type(data) is tuple and len(data) == 2 else None
    function = getattr(getattr(reader, "_callback", None), "__func__", None)
    if function is None or function.__name__ != "_accept_connection":
        return None
    return reader._args


def keys_of(selector: Any) -> list[Any]:
    """All that it watches; where they are in a dict, without the mapping in between, which takes a microsecond each."""
    keys = getattr(selector, "_fd_to_key", None)
    return list((keys if type(keys) is dict else selector.get_map() or {}).values())


def registration_hooks(selector: Any, changed: Callable[[Any, int], None]) -> dict[str, Callable[..., Any]]:
    """Ours, by name, for this selector. `changed` is told of each: the key, and what is watched for from now on."""
    register, modify, unregister = selector.register, selector.modify, selector.unregister

    def with_new(fileobj: Any, events: int, data: Any = None) -> Any:
        key = register(fileobj, events, data)
        changed(key, mask_of(key.events))
        return key

    def with_others(fileobj: Any, events: int, data: Any = None) -> Any:
        key = modify(fileobj, events, data)
        changed(key, mask_of(key.events))
        return key

    def without(fileobj: Any) -> Any:
        key = unregister(fileobj)
        changed(key, 0)
        return key

    return {"register": with_new, "modify": with_others, "unregister": without}
