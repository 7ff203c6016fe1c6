"""An engine's words come out in the language that is spoken, and are recorded, filtered and passed on in English."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from feeds import greeted
from moon import WORDS as MOON

from streamscope.language import saying, speak
from streamscope.trace.contents import Note
from streamscope.trace.filter import Filter
from streamscope.trace.state import StreamState
from streamscope.trace.store.writer import TraceWriter
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import as_spoken


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


def test_words_are_said_in_the_language_that_is_spoken_when_they_are_asked_for(chinese: None) -> None:
    words = Vocabulary.here()
    speak("en")
    english = words.said
    assert words.kind("epoll.wait").plain == "waited for the kernel"

    speak("zh")
    assert words.kind("epoll.wait").plain == "等了内核"
    assert words.field("write_queue_size").meaning == "程序已写而内核还没拿走的字节。"
    assert words.meaning_of("uv__write").startswith("写 write_queue 头上的请求")
    [reading] = [flag for flag in words.flags if flag.name == "READING"]
    assert (reading.plain, reading.went_on) == ("正在读", "开始读")
    assert "内核拿走" in words.meaning_of_request(words.request("write"))
    assert words.said.kernel[0].name == "tcp_state"
    assert words.said.kernel[0].meaning.startswith("TCP 状态")

    speak("en")
    assert words.said == english == words.words


def test_names_and_numbers_are_the_same_in_both_languages(chinese: None) -> None:
    words = Vocabulary.here()
    state = StreamState(1, flags=words.flag("READING"))
    assert words.flag_text(state.flags) == "READING"
    assert Filter.parse("reading and not closing", words).of_stream(state, 0)
    assert [flag.name for flag in words.flags] == [flag.name for flag in words.words.flags]


def test_what_no_catalogue_knows_stays_as_its_engine_says_it(chinese: None) -> None:
    said = as_spoken(MOON)
    assert (said.flags, said.kinds, said.functions) == (MOON.flags, MOON.kinds, MOON.functions)


def test_a_recording_has_the_same_bytes_in_both_languages(chinese: None) -> None:
    hello = greeted()

    def recorded() -> bytes:
        assert Vocabulary.of(hello).kind("closed") is not None
        file = io.BytesIO()
        writer = TraceWriter(file, hello, monotonic=lambda: 0.0, wall=lambda: 0.0)
        writer.note(Note(1.0, "stalled", saying("{who} is not read", who="#1"), 1))
        writer.close(None)
        return file.getvalue()

    said = recorded()
    speak("en")
    assert said == recorded()
