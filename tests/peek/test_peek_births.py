"""Who is who from glimpse to glimpse, though every address is used again."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from forged import Forged, forged

from streamscope.peek.births import Births, RequestBirths
from streamscope.peek.walking import Torn, Walker, Write


class Life:
    """A loop, and the inode that stands behind each descriptor; everything has the number that it was born with."""

    def __init__(self, loop: Forged) -> None:
        self.loop = loop
        self.inodes: dict[int, int] = {}
        self.births = Births(lambda fd: self.inodes.get(fd, 0))
        self.walker: Walker = loop.walker()
        self.last_inode = 100
        self.t = 0

    def open(self, fd: int, at: int = 0) -> int:
        """A stream with a new socket, at this address or a new one."""
        self.last_inode += 1
        self.inodes[fd] = self.last_inode
        return self.loop.stream(fd=fd, at=at)

    def numbers(self) -> dict[int, int]:
        """By address, the number of every stream at a new glimpse."""
        try:
            glimpse = self.walker.walk()
        except Torn:  # where anything is has to be found out first
            glimpse = self.walker.walk()
        self.t += 1
        change = self.births.judge(glimpse, glimpse.changed)
        self.births.settle(glimpse, change, glimpse.changed, self.t)
        return {address: born.number for address, born in self.births.known.items()}


@pytest.fixture
def life() -> Iterator[Life]:
    with forged() as loop:
        yield Life(loop)


def test_streams_are_numbered_in_the_order_of_their_birth_and_keep_their_numbers(life: Life) -> None:
    first, second = life.open(7), life.open(8)
    assert life.numbers() == {first: 1, second: 2}

    third = life.open(9)
    life.loop.close(first)

    assert life.numbers() == {second: 2, third: 3}


def test_an_address_behind_a_younger_one_was_born_anew(life: Life) -> None:
    first, second = life.open(7), life.open(8)
    life.numbers()

    life.loop.close(first)
    life.open(7, at=first)

    assert life.numbers() == {second: 2, first: 3}


def test_where_the_order_is_as_it_was_the_socket_decides(life: Life) -> None:
    first, second, third = life.open(7), life.open(8), life.open(9)
    assert life.numbers() == {first: 1, second: 2, third: 3}

    for address, fd in ((second, 8), (third, 9)):
        life.loop.close(address)
        life.open(fd, at=address)

    assert life.numbers() == {first: 1, second: 4, third: 5}


def test_one_that_was_closing_and_is_not_was_born_anew(life: Life) -> None:
    only = life.open(7)
    life.loop.put(only + 88, "I", 0x1)
    life.numbers()

    life.inodes.clear()  # nothing is known of its socket
    life.loop.put(only + 88, "I", 0xC008)

    assert life.numbers() == {only: 2}


def test_whatever_comes_and_goes_numbers_stay_with_sockets(life: Life) -> None:
    chance = random.Random(18)
    there: dict[int, int] = {}
    free = [life.loop.take(320) for _ in range(12)]
    born: dict[int, int] = {}  # the number by inode
    for _ in range(400):
        for _ in range(chance.randrange(5)):
            if there and chance.random() < 0.5:
                address = chance.choice(list(there))
                life.loop.close(address)
                del life.inodes[there.pop(address)]
                free.append(address)
            elif free:
                address = free.pop(chance.choice((0, -1)))
                there[address] = next(fd for fd in range(5, 60) if fd not in life.inodes)
                life.open(there[address], at=address)
        numbers = life.numbers()
        assert numbers.keys() == there.keys()
        for address, number in numbers.items():
            assert born.setdefault(life.inodes[there[address]], number) == number
    assert len(set(born.values())) == len(born) > 100


def write(address: int, left: int, nbufs: int = 1, write_index: int = 0) -> Write:
    return Write(address, left, nbufs, write_index, 0, 0)


@pytest.mark.parametrize(
    ("before", "after", "numbers"),
    [
        ([write(8, 100)], [write(8, 60)], [1]),
        ([write(8, 100)], [write(8, 101)], [2]),
        ([write(8, 100)], [write(8, 100, nbufs=2)], [2]),
        ([write(8, 100, 3, 2)], [write(8, 100, 3, 1)], [2]),
        ([write(8, 1), write(16, 1)], [write(16, 1)], [2]),
        ([write(8, 1), write(16, 1)], [write(16, 1), write(8, 1)], [2, 3]),
        ([write(8, 1), write(16, 1)], [write(24, 1), write(16, 1)], [3, 4]),
    ],
    ids=["taken in part", "more left", "another shape", "goes back", "first is done", "overtaken", "behind a new one"],
)
def test_requests_are_known_by_address_shape_and_order(
    before: list[Write], after: list[Write], numbers: list[int]
) -> None:
    last = iter(range(1, 100))
    births = RequestBirths(lambda: next(last))
    births.see(before, 10)

    found = births.see(after, 20)

    assert [request.number for request in found] == numbers
    assert [request.t for request in found] == [10 if number <= len(before) else 20 for number in numbers]
