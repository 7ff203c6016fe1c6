"""What lessons claim is so on the engine, and the claims have teeth. `tests/conformance` asks the real library."""

from __future__ import annotations

import pytest

from streamscope.lessons import LESSONS, load
from streamscope.lessons.claims import examine
from streamscope.lessons.performing import LessonError, perform
from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson, step
from streamscope.ui.widgets.lesson_lines import ROWS, STANDS_IN


@pytest.mark.parametrize("name", LESSONS)
def test_every_claim_of_a_lesson_is_so_on_the_engine(name: str) -> None:
    performance = perform(load(name))

    examined = examine(performance)

    wrong = [
        f"{moment.step.title}: {found.claim.text}; {found.instead}"
        for moment, claims in zip(performance.moments, examined)
        for found in claims
        if not found.holds
    ]
    assert not wrong, "\n".join(wrong)
    assert [moment.step.title for moment in performance.moments if not moment.step.claims] == []
    performance.close()


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_is_named_and_told_as_all_others_are(name: str) -> None:
    told = load(name)

    assert told.name == name
    assert len(told.title) <= 60
    performance = perform(told)
    titles = [moment.step.title for moment in performance.moments]
    assert len(set(titles)) == len(titles) >= 4
    assert max(map(len, titles)) <= 40
    said = [text for moment in performance.moments for text in (*moment.step[:2], moment.step.chapter)]
    assert [text for text in said if not text.isascii()] == []  # terminals without UTF-8 have lessons, too
    assert max(len(moment.step.text) for moment in performance.moments) <= 228  # three lines of 76
    performance.close()


@pytest.mark.parametrize("name", LESSONS)
def test_what_a_step_points_at_stands_in_the_panel(name: str) -> None:
    performance = perform(load(name))
    words = performance.replay.past.decoder.vocabulary
    there = {*words.flag_names.values(), *ROWS, *STANDS_IN}

    assert [each for moment in performance.moments for each in moment.step.look if each not in there] == []
    performance.close()


def _of(*claims: str) -> Lesson:
    def program(s: Stage) -> None:
        fd, peer = s.socketpair()
        s.pipe("ours")
        s.open("ours", fd)
        s.peer("peer", peer)
        s.read_start("ours")
        s.step("reads", "It reads.", of="ours", claims=claims)

    return Lesson("own", "A lesson of a test", "", program)


def test_a_claim_that_is_not_so_says_what_was_found_instead() -> None:
    performance = perform(_of("wq > 5", "not flag(READING)", "kind == flag.set and flag == SHUT"))

    first, second, third = examine(performance)[0]

    assert (first.holds, first.instead) == (False, "wq is 0")
    assert not second.holds
    assert "READING" in second.instead
    assert (third.holds, third.of_events, third.row) == (False, True, -1)
    performance.close()


def test_an_event_claim_is_of_its_own_step_and_its_own_handle() -> None:
    def program(s: Stage) -> None:
        fd, peer = s.socketpair()
        s.pipe("ours")
        s.pipe("theirs")
        s.open("ours", fd)
        s.open("theirs", peer)
        s.read_start("ours")
        s.step(
            "one",
            "It reads.",
            of="ours",
            claims=("flag == READING and kind == flag.set", "theirs: fn == uv__read_start"),
        )
        s.step("two", "It reads.", of="ours", claims=("flag == READING and kind == flag.set", "READING"))

    performance = perform(Lesson("own", "", "", program))

    assert [[found.holds for found in step] for step in examine(performance)] == [[True, False], [False, True]]
    performance.close()


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (("flag(REEDING)",), "the claim 'flag(REEDING)' is no filter: "),
        (("nobody: wq == 0",), "the claim 'nobody: wq == 0' is about nobody, which is not there at its step"),
    ],
)
def test_what_is_no_claim_says_why(claims: tuple[str, ...], said: str) -> None:
    performance = perform(_of(*claims))

    with pytest.raises(LessonError) as error:
        examine(performance)

    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)
    performance.close()


def test_a_program_that_fails_says_where() -> None:
    def program(s: Stage) -> None:
        s.tcp("ours")
        s.step("first", "There is a handle.", of="ours")
        s.read_stop("nobody")

    with pytest.raises(
        LessonError, match=r"^the lesson own failed in line \d+ of test_lessons_claims\.py: KeyError: 'nobody'$"
    ):
        perform(Lesson("own", "", "", program))


def test_a_step_that_speaks_of_nobody_says_who_there_is() -> None:
    def program(s: Stage) -> None:
        s.tcp("ours")
        s.step("first", "There is another handle.", of="yours")

    with pytest.raises(LessonError, match=r"the step 'first' speaks of yours, and there is ours$"):
        perform(Lesson("own", "", "", program))


def test_one_claim_without_its_comma_is_one_claim_all_the_same() -> None:
    performance = perform(_of("wq == 0"))
    alone = step("first", "", "ours", claims="wq == 0")

    assert alone.claims == performance.moments[0].step.claims
    performance.close()


def test_what_fails_inside_a_callback_fails_the_lesson() -> None:
    def program(s: Stage) -> None:
        fd, peer = s.socketpair()
        s.pipe("ours")
        s.open("ours", fd)
        s.peer("peer", peer)
        s.on("w1", "write_cb", lambda status: 1 // 0)
        s.write("ours", "w1", [b"x"])
        s.step("first", "It has written.", of="ours")
        s.turn()

    with pytest.raises(LessonError, match="ZeroDivisionError"):
        perform(Lesson("own", "", "", program))


def test_a_lesson_without_steps_is_none() -> None:
    with pytest.raises(LessonError, match=r"the lesson own has no steps: its program calls step\(…\) nowhere"):
        perform(Lesson("own", "", "", lambda s: None))
