"""A feed's vocabulary: the words it brings are the words that are used, and none of them is trusted."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.trace.untrusted import FeedError
from streamscope.trace.vocabulary import MOST_TEXT, Vocabulary, frozen_words
from streamscope.trace.words import FlagWords, KindWords, NameWords, Words

INVENTED = Words(
    engine="an engine of the moon",
    kinds={"tide": KindWords(domains=["int", "flag", "tidal"], functions=["pull"], meaning="The sea moved.")},
    functions={"pull": "draws the sea."},
    flags=[FlagWords(bit=1 << 40, name="FULL", meaning="All of it is lit.", letter="F", cell=0)],
    types=[NameWords(1, "sea", stream=True), NameWords(2, "land")],
    requests=[NameWords(9, "ebb")],
    callbacks=[NameWords(0, "none"), NameWords(3, "on_shore")],
    polls=[NameWords(2, "WAVE")],
    errors=[NameWords(-5000, "EDRY")],
    unseen=["write_queue_size"],
)


def moon() -> Vocabulary:
    return Vocabulary([("tide", ["height", "phase", "spring", "flag"])], ["pull"], (), INVENTED)


def test_numbers_read_by_the_words_that_came_with_the_feed() -> None:
    words = moon()
    assert words.engine == "an engine of the moon"
    assert words.flag_text(1 << 40 | 2) == "FULL|0x2"
    assert words.type_text(1) == "sea"
    assert words.request_text(9) == "ebb"
    assert words.callback_text(3) == "on_shore"
    assert words.callbacks_text(1 << 3) == "on_shore"
    assert words.mask_text(2) == "WAVE"
    assert words.error_text(-5000) == "EDRY"
    assert words.stream_types == {1}
    assert words.meaning_of("pull") == "draws the sea."


def test_a_number_without_a_name_reads_as_a_number() -> None:
    words = moon()
    assert words.flag_text(0x1000) == "0x1000"
    assert words.type_text(12) == "type 12"
    assert words.callback_text(2) == "callback 2"
    assert words.error_text(-104) == "ECONNRESET"  # the kernel's are everybody's
    assert words.error_text(-9999) == "-9999"


def test_a_word_that_the_engine_lacks_has_no_number() -> None:
    words = moon()
    assert words.flag("READING") == 0
    assert words.poll("OUT") == 0
    assert words.request("write") == -1


def test_what_an_engine_cannot_know_is_said_by_its_vocabulary() -> None:
    assert not moon().knows("write_queue_size")
    assert moon().knows("bytes_in")


def test_arguments_have_their_domains_and_what_nobody_says_is_any() -> None:
    words = moon()
    assert words.domain_of("tide", "height") == "int"
    assert words.domain_of("tide", "phase") == "flag"
    assert words.domain_of("tide", "spring") == "any"  # a domain of a later version
    assert words.domain_of("tide", "flag") == "any"
    assert words.domain_of("ebb", "height") == "any"


def test_a_feed_without_words_has_those_of_format_1() -> None:
    words = Vocabulary([("write_queue_size", ["old", "new"])], [])
    assert words.words is frozen_words()
    assert words.flag("READING") == 0x1000
    assert words.domain_of("write_queue_size", "new") == "bytes"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flags": [FlagWords(3, "TWO")]}, "not one bit"),
        ({"flags": [FlagWords(0, "NONE")]}, "not one bit"),
        ({"flags": [FlagWords(-1, "NONE")]}, "not one bit"),
        ({"polls": [NameWords(3, "TWO")]}, "not one bit"),
        ({"flags": [FlagWords(1, "A"), FlagWords(1, "B")]}, "a flag twice"),
        ({"flags": [FlagWords(1, "A"), FlagWords(2, "A")]}, "a flag twice"),
        ({"flags": [FlagWords(1, "\x1b[2J")]}, "a name that is none"),
        ({"types": [NameWords(1, "a b")]}, "a name that is none"),
        ({"unseen": ["[bold]"]}, "a name that is none"),
        ({"callbacks": [NameWords(64, "late")]}, "a number that none can have"),
        ({"requests": [NameWords(n, f"r{n}") for n in range(5000)]}, "more than 4,096 words"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_words_that_no_engine_can_have_are_refused(changes: dict[str, object], said: str) -> None:
    words = msgspec.structs.replace(INVENTED, **changes)
    with pytest.raises(FeedError, match=said):
        Vocabulary([], [], (), words)


def test_long_sentences_are_cut() -> None:
    words = msgspec.structs.replace(INVENTED, functions={"pull": "x" * 10_000}, engine="y" * 10_000)
    vocabulary = Vocabulary([], ["pull"], (), words)
    assert len(vocabulary.meaning_of("pull")) == MOST_TEXT
    assert len(vocabulary.engine) == MOST_TEXT


def test_what_a_later_version_adds_is_passed_over() -> None:
    later = msgspec.to_builtins(INVENTED)
    later["smells"] = {"salt": 1}
    later["flags"][0]["colour"] = "white"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(later), type=Words) == INVENTED


_NAMES = st.sampled_from(["READING", "", "a b", "x" * 70, "é", "IN", "tide"])
_WORDS = st.builds(
    Words,
    engine=st.text(max_size=20),
    kinds=st.dictionaries(_NAMES, st.builds(KindWords, domains=st.lists(_NAMES, max_size=3)), max_size=3),
    flags=st.lists(st.builds(FlagWords, bit=st.integers(-2, 1 << 63), name=_NAMES, cell=st.integers()), max_size=4),
    types=st.lists(st.builds(NameWords, number=st.integers(), name=_NAMES), max_size=3),
    callbacks=st.lists(st.builds(NameWords, number=st.integers(-1, 70), name=_NAMES), max_size=3),
    polls=st.lists(st.builds(NameWords, number=st.integers(0, 8), name=_NAMES), max_size=3),
    unseen=st.lists(_NAMES, max_size=2),
)


@settings(deadline=None)
@given(words=_WORDS, number=st.integers(-(1 << 63), (1 << 63) - 1))
def test_any_words_are_taken_or_refused(words: Words, number: int) -> None:
    try:
        vocabulary = Vocabulary([("tide", ["height"])], ["pull"], (), words)
    except FeedError:
        return
    for name in vocabulary.namers.values():
        assert name(number).isprintable()
