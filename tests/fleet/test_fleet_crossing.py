"""Frames through NATS: whole again at the other end, in parts where they are large, every hole counted in events."""

from __future__ import annotations

from chance import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from streamscope.fleet.crossing import MOST_MESSAGE, NUMBER, PART, Arrived, Headers, Receiver, Sender

Message = tuple[bytes, Headers]


def sent(*frames: tuple[bytes, int]) -> list[Message]:
    sender = Sender()
    return [message for body, events in frames for message in sender.messages(body, events)]


def received(messages: list[Message]) -> list[Arrived]:
    receiver = Receiver()
    return [arrived for data, headers in messages if (arrived := receiver.take(data, headers)) is not None]


def test_frames_arrive_as_they_were_sent() -> None:
    messages = sent((b"one", 1), (b"", 0), (b"three", 5))

    assert received(messages) == [Arrived(b"one", 0), Arrived(b"", 0), Arrived(b"three", 0)]


def test_a_large_frame_travels_in_parts_and_arrives_whole() -> None:
    body = bytes(range(256)) * (5 * MOST_MESSAGE // 512)
    messages = sent((body, 3), (b"next", 1))

    assert len(messages) == 4
    assert all(len(data) <= MOST_MESSAGE for data, _ in messages)
    assert received(messages) == [Arrived(body, 0), Arrived(b"next", 0)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=12), st.data())
@settings(max_examples=examples(100))
def test_whatever_is_lost_on_the_way_is_counted_in_events(frames: list[tuple[int, int]], data: st.DataObject) -> None:
    bodies = [bytes([place]) + b"x" * (size * MOST_MESSAGE) for place, (size, _) in enumerate(frames)]
    messages = sent(*((body, events) for body, (_, events) in zip(bodies, frames)))
    arrived = received([message for message in messages if data.draw(st.booleans())])

    places = [bodies.index(each.body) for each in arrived]
    assert places == sorted(set(places))  # each once, in order, and whole
    for each, before, place in zip(arrived[1:], places, places[1:]):
        assert max(each.missing, 0) == sum(events for _, events in frames[before + 1 : place])
        assert bool(each.missing) == (place > before + 1)


def test_a_hole_says_how_many_events_were_in_it_and_minus_one_where_none_were() -> None:
    messages = sent((b"a", 2), (b"b", 7), (b"c", 1), (b"d", 0), (b"e", 0))

    assert received([messages[0], messages[2]]) == [Arrived(b"a", 0), Arrived(b"c", 7)]
    assert received([messages[2], messages[4]]) == [Arrived(b"c", 0), Arrived(b"e", -1)]


def test_a_part_that_is_missing_costs_its_frame_and_no_other() -> None:
    messages = sent((b"x" * (2 * MOST_MESSAGE), 4), (b"next", 1))

    assert received([messages[0], messages[2]]) == [Arrived(b"next", 4)]
    assert received([messages[1], messages[2]])[-1].body == b"next"


def test_another_sender_begins_anew() -> None:
    messages = sent((b"a", 2), (b"b", 2)) + sent((b"c", 1))

    assert received(messages) == [Arrived(b"a", 0), Arrived(b"b", 0), Arrived(b"c", -1)]


@given(st.binary(max_size=40), st.dictionaries(st.sampled_from([NUMBER, "Scope-Events", PART]), st.text(max_size=6)))
@settings(max_examples=examples(200))
def test_what_is_none_of_a_passage_is_counted_and_left(data: bytes, headers: dict[str, str]) -> None:
    receiver = Receiver()
    receiver.take(data, headers)
    receiver.take(data, None)

    assert receiver.refused >= 1
