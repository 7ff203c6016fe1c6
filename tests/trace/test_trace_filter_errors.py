"""A wrong filter says what is wrong, and where: the marks below stand under the place."""

from __future__ import annotations

import pytest

from streamscope.trace.filter import LONGEST, Filter, FilterError, marked
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

WRONG = [
    ("wq > 3s",
     "     ^^", "this is a number of bytes; its units are B, KiB, MiB, GiB"),
    ("queue_age > 3",
     "            ^", "a time needs a unit: 3ms, 3s"),
    ("flag==READNG",
     "      ^^^^^^", "READNG is not a flag; did you mean READING?"),
    ("flag(READNG)",
     "     ^^^^^^", "READNG is not a flag; did you mean READING?"),
    ("kind==epoll.mud",
     "      ^^^^^^^^^", "epoll.mud is not a kind of event; did you mean epoll.mod?"),
    ("fn == uv_raed",
     "      ^^^^^^^", "uv_raed is not a function; did you mean uv__read?"),
    ("status == ECONRESET",
     "          ^^^^^^^^^", "ECONRESET is not a number or an error's name; did you mean ECONNRESET?"),
    ("type == tpc",
     "        ^^^", "tpc is not a handle's type; did you mean tcp?"),
    ("pevents has UOT",
     "            ^^^", "UOT is not a poll event; did you mean OUT?"),
    ("prot == 7000",
     "^^^^", "there is no name prot; did you mean port?"),
    ("rmed(OUT)",
     "^^^^", "there is no rmed(…); did you mean armed?"),
    ("new == REDING",
     "       ^^^^^^", "REDING is not a value; did you mean READING?"),
    ("wq",
     "^^", 'wq is a number of bytes: compare it, or write "wq" to look for the text'),
    ("tcp wq >",
     "        ^", "a number of bytes is missing after >"),
    ("wq > and tcp",
     "     ^^^", "a number of bytes is missing after >"),
    ("tcp and",
     "       ^", "something is missing after and"),
    ("or tcp",
     "^^", "something to look for is missing here"),
    ("!",
     " ^", "something is missing after !"),
    ("(tcp or pipe",
     "^", "this parenthesis is never closed"),
    ("tcp)",
     "   ^", "this parenthesis closes nothing"),
    ("tcp ()",
     "    ^^", "there is nothing in these parentheses"),
    ("(tcp, pipe)",
     "    ^", ", cannot stand here: ) is missing"),
    ("peer ~ \"(ab\"",
     "        ^", "this parenthesis is never closed"),
    ("peer ~ \"a**\"",
     "          ^", "there is nothing that this could repeat"),
    ("peer ~ \"[a\"",
     "        ^", "this [ is never closed"),
    ("peer ~ \"(?=a)\"",
     "        ^", "patterns have no such group here: they are searched without going back"),
    ("peer ~ \"(a)\\1\"",
     "           ^^", "\\1 means nothing in a pattern here"),
    ("name == \"open",
     "        ^^^^^", "this quote is never closed"),
    ("wq = 5",
     "   ^", "write == to compare"),
    ("tcp && reading",
     "    ^^", "write and"),
    ("tcp | pipe",
     "    ^", "write or"),
    ("0 < wq",
     "^", "the name comes first, as in wq > 64KiB"),
    ("0 < wq < 5",
     "^", "the name comes first, as in wq > 64KiB"),
    ("wq > 0 < 5",
     "       ^", "only one comparison at a time: join several by and"),
    ("> 5",
     "^", "a name has to stand before >, such as wq > …"),
    ("wq > queue_age",
     "     ^^^^^^^^^", "queue_age is a time, wq is a number of bytes"),
    ("flag < READING",
     "     ^", "flag is a flag: only == and != compare it"),
    ("wq ~ \"5\"",
     "   ^", "wq is a number of bytes; ~ is for texts"),
    ("peer has OUT",
     "     ^^^", "peer is a text; has is for flags, poll events and callbacks"),
    ("pending == 1",
     "        ^^", "pending is yes or no: write pending, or not pending"),
    ("wq > 0.3B",
     "     ^^^^", "this is not a whole number of bytes"),
    ("seq > 5KiB",
     "      ^^^^", "this is a number, which has no unit"),
    ("wq > high",
     "     ^^^^", "high is not a number of bytes: 64KiB"),
    ("mask == IN|",
     "           ^", "something is missing after |"),
    ("stream == 99999999999999999999999999999999",
     "          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^", "this number is too long"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "marks", "message"), WRONG)
def test_a_wrong_filter_is_marked_where_it_is_wrong(text: str, marks: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        Filter.parse(text, Vocabulary.here())
    assert caught.value.message == message
    assert marked(caught.value, text).splitlines()[1] == marks


def test_an_error_may_be_compared_with_another_one() -> None:
    assert Filter.parse("status < EPIPE", Vocabulary.here()) == Filter.parse("status < -32", Vocabulary.here())


def test_a_list_of_streams_has_nothing_that_only_events_have() -> None:
    with pytest.raises(FilterError, match="kind is for events; this is a list of streams") as caught:
        Filter.parse("tcp and kind == epoll.mod", Vocabulary.here(), for_streams=True)
    assert (caught.value.start, caught.value.end) == (8, 25)
    assert Filter.parse("tcp and kind == epoll.mod", Vocabulary.here()).event_only == ("kind",)


def test_a_name_alone_can_be_looked_for_in_quotes() -> None:
    assert str(Filter.parse('"wq"', Vocabulary.here())) == '"wq"'


def test_a_filter_is_bounded_in_length_and_depth() -> None:
    with pytest.raises(FilterError, match="at most 2,000 characters"):
        Filter.parse("x" * (LONGEST + 1), Vocabulary.here())
    with pytest.raises(FilterError, match="nested too deeply"):
        Filter.parse("(" * 100 + "tcp" + ")" * 100, Vocabulary.here())
    assert str(Filter.parse("!" * 1001 + "tcp", Vocabulary.here())) == "not tcp"
    assert not Filter.parse("a " * 999, Vocabulary.here()).of_stream(StreamState(7, name="b"), 0)


def test_a_long_filter_is_shown_around_the_place() -> None:
    text = "tcp " * 100 + "and wq >"
    with pytest.raises(FilterError) as caught:
        Filter.parse(text, Vocabulary.here())
    shown, marks = marked(caught.value, text).splitlines()
    assert shown.endswith("wq >")
    assert len(shown) == 76
    assert marks.endswith(" ^")
    assert len(marks) == 77


def test_what_was_written_cannot_move_the_terminals_cursor() -> None:
    text = "\x1b[2J wq"
    with pytest.raises(FilterError) as caught:
        Filter.parse(text, Vocabulary.here())
    assert "\x1b" not in marked(caught.value, text)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("tcp flag==REA", "tcp"), ("tcp and flag==", "tcp"), ("wq > 1KiB and (tcp or", "wq > 1KiB"), ("wq >", ""),
        ("tcp and wq > 3s and pipe", "tcp"), ("(tcp", ""), ('tcp "open', "tcp"), ("tcp reading =", "tcp and READING"),
        ("tcp)", "tcp"), ("((", ""), ("tcp not", "tcp"),
    ],
)  # fmt: skip
def test_of_a_wrong_filter_what_is_right_before_it_can_be_used(text: str, right: str) -> None:
    with pytest.raises(FilterError):
        Filter.parse(text, Vocabulary.here())
    assert str(Filter.sound_part(text, Vocabulary.here())) == right


def test_for_streams_what_is_for_events_is_not_right() -> None:
    assert str(Filter.sound_part("tcp and kind==epoll.mod and x", Vocabulary.here(), for_streams=True)) == "tcp"
