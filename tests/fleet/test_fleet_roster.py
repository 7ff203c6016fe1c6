"""The roster: who is there, who is silent, who has ended, in which order, and what is not believed."""

from __future__ import annotations

from fleet_told import end, name, roster, tell

from streamscope.fleet.asked import wanted
from streamscope.fleet.roster import ENDED, LIVE, SILENT, SILENT_S
from streamscope.fleet.subjects import GOODBYE, SUMMARY


def test_trouble_comes_first_then_the_silent_the_ended_and_those_that_flow() -> None:
    engines, clock = roster()
    tell(engines, "silent")
    end_of = tell(engines, "ended")
    clock.now += SILENT_S + 1
    end(engines, "ended", "bye")
    tell(engines, "flows")
    tell(engines, "notice", level="warning", word="slow_reader", lasts=99.0)
    tell(engines, "young", level="error", word="PEER", lasts=1.0)
    tell(engines, "old", level="error", word="PEER", lasts=9.0)

    assert [row.name.host for row in engines.sorted()] == ["old", "young", "notice", "silent", "ended", "flows"]
    states = {row.name.host: row.state(clock.now) for row in engines.sorted()}
    assert (states["silent"], states["ended"], states["flows"]) == (SILENT, ENDED, LIVE)
    assert engines.rows[end_of].bye == "bye"


def test_an_engine_that_is_heard_again_is_there_again() -> None:
    engines, clock = roster()
    tell(engines, "a")
    clock.now += 60
    tell(engines, "a")

    assert engines.rows[name("a")].state(clock.now) == LIVE


def test_order_goes_by_our_clock_and_what_theirs_says_is_shown() -> None:
    engines, clock = roster()
    tell(engines, "ahead", at=1400.0)

    row = engines.rows[name("ahead")]
    assert row.offset == 400.0
    assert row.heard == clock.now


def test_two_machines_that_call_themselves_the_same_are_told_apart() -> None:
    engines, _ = roster()
    tell(engines, "web", machine="one")
    tell(engines, "web", machine="two")

    assert engines.rows[name("web")].claims == {"one", "two"}


def test_what_is_no_summary_is_counted_and_changes_nothing() -> None:
    engines, _ = roster()
    for subject, data in (
        (name("a").subject(SUMMARY), b"garbage"),
        ("streamscope.x", b"{}"),
        (name("a").subject(GOODBYE), b"\x93"),
    ):
        engines.take(subject, data)

    assert engines.refused == 3
    assert not engines.rows


def test_an_older_word_does_not_undo_a_newer_one() -> None:
    engines, _ = roster()
    tell(engines, "a", streams=5)
    tell(engines, "a", streams=4, ago=30.0)

    assert engines.rows[name("a")].summary.streams == 5


def test_the_filter_language_asks_of_engines_what_it_asks_of_streams() -> None:
    engines, clock = roster()
    tell(engines, "web-07", 41, level="error", word="PEER", lasts=31.0, waits=3 << 20)
    tell(engines, "web-08", 42, waits=10)
    tell(engines, "db-03", 43)
    clock.now += 1

    def those(text: str) -> list[str]:
        test = wanted(text)
        return sorted(row.name.host for row in engines.rows.values() if test(row, clock.now))

    assert those("web") == ["web-07", "web-08"]
    assert those("PEER") == ["web-07"]
    assert those("42") == ["web-08"]
    assert those("waits > 1MiB") == ["web-07"]
    assert those('host ~ "^web-" and not error') == ["web-08"]
    assert those("flows") == ["db-03", "web-08"]
    assert those("lasts > 30s or heard > 5s") == ["web-07"]
    assert those("waits >= 0B") == ["web-07", "web-08"]  # of db-03 nobody knows
    assert those("") == ["db-03", "web-07", "web-08"]


def test_for_programs_there_is_an_object_for_each_engine() -> None:
    engines, _ = roster()
    tell(engines, "web-07", 41, level="error", word="PEER", lasts=31.0, sentence="It takes nothing.")

    (found,) = engines.objects("nats://a:4222")
    assert found["address"] == "nats://a:4222/web-07/41@5"
    assert (found["verdict"], found["for"], found["state"]) == ("PEER", 31.0, "live")
    assert found["slowest_callback"] is None
