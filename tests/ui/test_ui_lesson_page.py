"""A lesson as a page of HTML: every step in it, and nothing that would have to come from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamscope.lessons.files import play
from streamscope.lessons.performing import Performance
from streamscope.ui.course import Course
from streamscope.ui.lesson_page import PAGE, write_pages


@pytest.fixture
def performance() -> Iterator[Performance]:
    played = play("write")
    yield played
    played.close()


def test_every_step_is_on_the_page_and_has_its_picture(performance: Performance, tmp_path: Path) -> None:
    course = Course(performance)

    page, *pictures = write_pages(course, tmp_path / "deep" / "pages")
    text = page.read_text("utf-8")

    assert page.name == PAGE
    assert len(pictures) == len(course.moments) == text.count("<section")
    assert all(picture.read_text("utf-8").startswith(("<svg", "<?xml")) for picture in pictures)
    for moment in course.moments:
        assert moment.step.title.replace("'", "&#x27;") in text
    assert "✗" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "<b>poll</b>" in text
    assert "src/unix/stream.c, uv__write" in text


def test_nothing_comes_from_elsewhere_and_no_name_stands_for_two_things(
    performance: Performance, tmp_path: Path
) -> None:
    text = write_pages(Course(performance), tmp_path)[0].read_text("utf-8")

    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.findall(r"\b(?:src|href)=", text)
    assert "default-src 'none'" in text
    names = re.findall(r' id="([^"]+)"', text)
    assert len(names) == len(set(names))


def test_what_a_trace_says_is_text(performance: Performance, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[2J"
    performance.title = performance.name = evil

    text = write_pages(Course(performance), tmp_path)[0].read_text("utf-8")

    assert "<script>alert" not in text
    assert "\x1b" not in text
