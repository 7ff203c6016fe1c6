"""What a diagnosis says in Chinese, in a process that has spoken English before; and that what programs read of it is
English all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import pytest
from patient import MARK, Patient

from streamscope.diagnosis import BY_NAME, Level, account
from streamscope.language import speak, tr

CJK = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def chinese() -> Iterator[None]:
    speak("zh")
    yield
    speak("en")


def stalled() -> Patient:
    """A client that takes nothing: its window is shut."""
    patient = Patient()
    server = patient.listener()
    stream = patient.stream(server=server)
    patient.writes(stream, 2 * MARK)
    patient.says(stream, outq=10_000, notsent=10_000, snd_wnd=0, bytes_acked=1, rwnd_limited=0, busy=0)
    patient.wait(3)
    return patient


def lines_of(patient: Patient) -> list[str]:
    diagnosis, now_t = patient.diagnosis, patient.clock.t
    alarm = account.found(diagnosis, now_t, Level.ERROR)[0]
    return list(account.lines(alarm, diagnosis.sentence_of(alarm.finding), now_t, 0.0))


def test_a_verdict_is_told_in_the_language_that_is_spoken_when_it_is_shown(chinese: None) -> None:
    speak("en")
    patient = stalled()
    english = lines_of(patient)
    assert "takes nothing" in english[1]
    assert "PEER     certain" in english[0]

    speak("zh")
    said = lines_of(patient)

    assert said[0].startswith("PEER     确定    #2")
    assert said[1].strip().startswith("客户端 #2 ← 127.0.0.1:9901 什么都不收：")
    assert all(CJK.search(line) for line in said)
    assert len(said) == len(english)

    speak("en")
    assert lines_of(patient) == english


def test_columns_of_evidence_stand_below_each_other_in_both_languages(chinese: None) -> None:
    from rich.cells import cell_len

    patient = stalled()
    starts = {
        cell_len(line[: re.search(r" [a-z_]+ \S", line).start()])
        for line in lines_of(patient)
        if "snd_wnd" in line or "outq" in line
    }  # type: ignore[union-attr]
    assert len(starts) == 1


def test_what_programs_read_of_an_alarm_is_the_same_in_both_languages(chinese: None) -> None:
    def rows() -> bytes:
        patient = stalled()
        now_t = patient.clock.t
        found = account.found(patient.diagnosis, now_t, Level.ERROR)
        return msgspec.json.encode([account.row(alarm, now_t, 0.0) for alarm in found])

    chinese_rows = rows()
    speak("en")
    assert chinese_rows == rows()
    assert b"takes nothing" in chinese_rows


def test_an_alarm_that_begins_and_ends_is_told_in_chinese(chinese: None) -> None:
    patient = stalled()
    [finding] = [each for each in patient.diagnosis.findings if each.lint == "stalled"]
    begins = account.begins(finding, patient.diagnosis.sentence_of(finding))
    assert begins.startswith("▲ PEER（确定）：客户端 #2")
    assert not re.search(r"[a-z]{3,} [a-z]{3,}", begins)


def test_every_lint_explains_itself_in_chinese(chinese: None) -> None:
    for lint in BY_NAME.values():
        for text in (lint.checks, lint.matters, lint.to_do):
            assert CJK.search(tr(text)), text
