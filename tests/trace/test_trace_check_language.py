"""What an assertion may say, and where it is marked when it says something else."""

from __future__ import annotations

import pytest
from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.trace.check import Assertion
from streamscope.trace.check.assertion import FORMS, Leads, Never, Quantity
from streamscope.trace.filter import Filter, FilterError, marked
from streamscope.trace.filter.filter_language import Language
from streamscope.trace.vocabulary import Vocabulary


@pytest.mark.parametrize(
    "text",
    [
        "max(wq) < 1MiB", "max(queue_age) < 1s", "never(armed(POLLOUT) and wq == 0 for 100ms)",
        "always(flag(CLOSING) -> eventually flag(CLOSED))", "count(error) == 0", "min(high_water) >= 64KiB",
        "sum(result) < 1GiB where kind == sys.read", "max(wq) < 1MiB where tcp per stream",
        "count(kind == sys.accept) >= 1 per stream where tcp", "never(tcp)", "always(tcp or pipe)",
        "always(shutting -> wq > 0)", "always(wq > 0 -> eventually wq == 0 within 10s) where not pipe",
        'never(peer ~ ":80$")', "  max ( wq ) < 5 ",
    ],
)  # fmt: skip
def test_an_assertion_is_a_sentence_of_one_of_the_forms(text: str) -> None:
    if text.startswith("  max"):
        assert Assertion.parse(text, Vocabulary.here()).text == text.strip()
    Assertion.parse(text, Vocabulary.here())


def test_what_was_written_is_what_is_meant() -> None:
    never = Assertion.parse("never(armed(POLLOUT) and wq == 0 for 100ms)", Vocabulary.here()).meaning
    assert never == Never(Filter.parse("armed(OUT) and wq == 0", Vocabulary.here()), 100_000_000, False)
    leads = Assertion.parse("always(flag(CLOSING) -> eventually flag(CLOSED) within 1s)", Vocabulary.here()).meaning
    assert leads == Leads(
        Filter.parse("flag(CLOSING)", Vocabulary.here()),
        Filter.parse("flag(CLOSED)", Vocabulary.here()),
        10**9,
        False,
        False,
        came="flag(CLOSING)",
    )
    count = Assertion.parse("count(error) == 0 where tcp", Vocabulary.here()).meaning
    assert count == Quantity(
        "count", None, Filter.parse("error", Vocabulary.here()), "==", 0, Filter.parse("tcp", Vocabulary.here()), False
    )
    most = Assertion.parse("max(wq) < 1MiB per stream", Vocabulary.here()).meaning
    assert most == Quantity("max", Language.of(Vocabulary.here()).names["wq"], None, "<", 1 << 20, None, True)
    assert Assertion.parse("always(tcp)", Vocabulary.here()).meaning == Never(
        Filter.parse("not tcp", Vocabulary.here()), 0, False
    )
    assert Assertion.parse("always(not tcp)", Vocabulary.here()).meaning == Never(
        Filter.parse("tcp", Vocabulary.here()), 0, False
    )
    implied = Assertion.parse("always(shut -> tcp) where pipe or tty", Vocabulary.here()).meaning
    assert implied == Never(
        Filter.parse("(pipe or tty) and shut and not tcp", Vocabulary.here()),
        0,
        False,
        Filter.parse("pipe or tty", Vocabulary.here()),
        Filter.parse("(pipe or tty) and shut", Vocabulary.here()),
    )


def test_what_only_events_have_makes_a_condition_one_of_events() -> None:
    for text in ("kind == sys.read", "error", "uv__read", "not error", "tcp and (error or shut)", "status < 0"):
        meaning = Assertion.parse(f"never({text})", Vocabulary.here()).meaning
        assert isinstance(meaning, Never)
        assert meaning.of_events, text
    for text in ("tcp", "wq > 0", "flag == READING", "7", ":80", "errors > 0"):
        meaning = Assertion.parse(f"never({text})", Vocabulary.here()).meaning
        assert isinstance(meaning, Never)
        assert not meaning.of_events, text


WRONG = [
    ("",
     "^", "an assertion is missing, such as max(wq) < 1MiB"),
    ("mx(wq) < 5",
     "^^", "an assertion begins with max, min, sum, count, never or always; did you mean max?"),
    ("wq < 5",
     "^^", "an assertion begins with max, min, sum, count, never or always"),
    ("max wq < 5",
     "^^^", "max needs parentheses: max(…)"),
    ("max(wqq) < 5",
     "    ^^^", "max needs the name of a number or a time, such as max(wq); did you mean wq?"),
    ("max(peer) < 5",
     "    ^^^^", "peer is a text, which has no max"),
    ("sum(wq) < 5",
     "    ^^", "wq is what a stream has at a time; sums are of what events say"),
    ("max(wq)",
     "       ^", "what max(…) is to be is missing, such as < 5"),
    ("max(wq) <",
     "         ^", "a number of bytes is missing after <"),
    ("max(wq) < 1s",
     "          ^^", "this is a number of bytes; its units are B, KiB, MiB, GiB"),
    ("max(queue_age) < 5",
     "                 ^", "a time needs a unit: 5ms, 5s"),
    ("max(wq < 5",
     "       ^", "< cannot stand here: ) is missing"),
    ("count(eror == 5) == 0",
     "      ^^^^", "there is no name eror; did you mean error?"),
    ("never(flag(CLOSD))",
     "           ^^^^^", "CLOSD is not a flag; did you mean CLOSED?"),
    ("never(shuting)",
     "      ^^^^^^^",
     'shuting is no word of this feed; a text to look for stands in quotes: "shuting"; did you mean SHUTTING?'),
    ("never(sys.reed) where tcp",
     "      ^^^^^^^^",
     'sys.reed is no word of this feed; a text to look for stands in quotes: "sys.reed"; did you mean sys.read?'),
    ("never(holds(reed_cb))",
     "            ^^^^^^^", "reed_cb is not a callback; did you mean read_cb?"),
    ("never(tcp",
     "     ^", "this parenthesis is never closed"),
    ("never()",
     "      ^", "something to look for is missing here"),
    ("never(tcp for)",
     "             ^", "a time is missing after for"),
    ("never(tcp for 0s)",
     "          ^^^", "for needs a time above 0"),
    ("never(error for 1s)",
     "      ^^^^^^^^^^^^", "an event does not last; for needs a condition that streams have"),
    ("always(tcp -> )",
     "              ^", "something is missing after ->"),
    ("always(tcp -> eventually)",
     "                        ^", "something is missing after eventually"),
    ("never(tcp) per stream",
     "           ^^^^^^^^^^", "never and always are of each stream as it is"),
    ("max(wq) < 5 per turn",
     "            ^^^^^^^^", "per what? write per stream"),
    ("max(wq) < 5 and tcp",
     "            ^^^", "and cannot stand here"),
    ("count(tcp where pipe) > 1",
     "          ^^^^^", "where cannot stand here: ) is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "marks", "message"), WRONG)
def test_a_wrong_assertion_is_marked_where_it_is_wrong(text: str, marks: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        Assertion.parse(text, Vocabulary.here())
    assert (caught.value.message, marked(caught.value, text).split("\n")[1]) == (message, marks)


@pytest.mark.parametrize("text", ["never(:51514)", 'never("worker-7")', "never(127.0.0.1)", 'count("READNG") == 0'])
def test_a_text_to_look_for_stands_in_quotes_or_is_no_name(text: str) -> None:
    assert Assertion.parse(text, Vocabulary.here()).text == text


WORDS = [*FORMS, "(", ")", "wq", "queue_age", "error", "for", "100ms", "->", "eventually", "within", "where", "per",
         "stream", "<", "==", "5", "1MiB", "tcp", "and", "not", "flag", "READING", "kind", "sys.read",
         '"a', ","]  # fmt: skip


@settings(max_examples=examples(600))
@given(text=st.text(max_size=30) | st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
def test_parsing_anything_raises_nothing_but_filter_errors(text: str) -> None:
    caught = None
    try:
        Assertion.parse(text, Vocabulary.here())
    except FilterError as error:
        caught = error
    assert caught is None or 0 <= caught.start <= caught.end <= len(text)
