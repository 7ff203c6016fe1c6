"""Pictures of the filter: what is wrong is marked, and what may follow is offered."""

from __future__ import annotations

from test_ui_pictures import busy_app
from ui_picture import SIZES, Compare, at


def written(text: str) -> list[str]:
    """The keys that write this into the filter."""
    return ["slash", *("space" if letter == " " else letter for letter in text)]


@at(*SIZES)
def test_picture_of_a_wrong_filter(compare: Compare, size: tuple[int, int]) -> None:
    compare(busy_app(), size, "READNG is not a flag; did you mean READING?", *written("tcp flag==READNG"))


@at(*SIZES[:2])
def test_picture_of_what_may_follow(compare: Compare, size: tuple[int, int]) -> None:
    compare(busy_app(), size, "›READ_PARTIAL  a flag", *written("flag==RE"), "down", "down")
