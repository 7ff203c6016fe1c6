"""What only programs on asyncio suffer from is found in their feed, and their healthy twins are left alone."""

from __future__ import annotations

import msgspec

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Finding, Sure, Verdict, Word
from streamscope.observe.aio_kinds import (
    DATAGRAM,
    FUNCTIONS,
    JOINED,
    KINDS,
    PAUSED_WRITING,
    PIPE,
    READING,
    TCP,
    UDP,
    WRITE,
    told_by,
)
from streamscope.observe.aio_words import words
from streamscope.trace.model import Model
from streamscope.trace.vocabulary import Vocabulary
from streamscope.trace.words import Words

SECOND = 1_000_000_000
MARK, LIMIT = 65536, 65536
VOCABULARY = Vocabulary(
    [(kind.name, tuple(name for name, _ in kind.args)) for kind in KINDS],
    FUNCTIONS,
    [(joined.name, list(joined.args), list(joined.steps)) for joined in JOINED],
    msgspec.convert(words(), Words),
)


class Program:
    """A feed of asyncio's, made by hand, and its diagnosis."""

    def __init__(self) -> None:
        self.model = Model(VOCABULARY)
        self.diagnosis = Diagnosis(VOCABULARY)
        self.t = SECOND
        self.place = self.numbers = 0

    def tells(self, *records: list[int | str]) -> None:
        words = [word for record in records for word in record]
        self.model.apply(self.place, 1, self.t, words)
        self.place += len(words)

    def opens(self, kind: int, name: str, peer: str, *, reading: bool = True) -> int:
        self.numbers += 1
        number = self.numbers
        self.tells(
            _record(number, "handle.init", "__init__", kind, "app.py:3 main"),
            _record(number, "fd", "__init__", -1, 9 + number),
            _record(number, "handle.address", "__init__", "", peer),
            _record(number, "handle.name", "set_protocol", name),
        )
        if reading:
            self.tells(_record(number, "flag.set", "_add_reader", READING))
        return number

    def queues(self, number: int, size: int, *, paused: bool) -> None:
        """A write of which nothing goes, and what the transport then does."""
        request = number * 100
        self.tells(
            _record(number, "request.begin", "write", request, WRITE, size, 1, 1),
            _record(number, "write_queue_size", "write", 0, size),
            _record(number, "write_queue.push", "write", request),
            _record(number, "io.start", "modify", 1, 5),
        )
        if paused:
            self.tells(_record(number, "flag.set", "_maybe_pause_protocol", PAUSED_WRITING))

    def stops_reading(self, number: int, place: str, held: int = 0) -> None:
        self.tells(
            _record(number, "flag.clear", "pause_reading", READING),
            _record(number, "reading.paused", "pause_reading", place),
        )
        if held:
            self.tells(
                _record(number, "reader.limit", "sampled", 0, LIMIT), _record(number, "reader.size", "sampled", 0, held)
            )

    def waits(self, seconds: float) -> None:
        for _ in range(int(seconds * 4)):
            self.t += SECOND // 4
            self.tells(_record(0, "loop.waits", "sampled", self.t))
            self.diagnosis.look(self.model, self.t)

    def found(self, lint: str) -> list[Finding]:
        return [each for each in self.diagnosis.findings if each.lint == lint]

    def verdict(self, stream: int) -> Verdict:
        found = self.diagnosis.verdict(stream)
        assert found is not None
        return found


def _record(number: int, kind: str, function: str, *arguments: int | str) -> list[int | str]:
    site = told_by(kind, function) if function != "sampled" else FUNCTIONS.index("sampled") << 8 | _code(kind)
    return [number << 16 | site, *arguments]


def _code(kind: str) -> int:
    return next(code for code, each in enumerate(KINDS) if each.name == kind)


def test_a_buffer_above_its_mark_of_which_the_protocol_was_not_told_is_found() -> None:
    program = Program()
    stream = program.opens(TCP, "handle", "127.0.0.1:4001")
    program.queues(stream, 2 * MARK, paused=False)
    program.waits(3)

    [found] = program.found("pause_missed")
    assert found.sentence.startswith(
        "Upstream #1 → 127.0.0.1:4001 is above its mark and its protocol was not told: 128 KiB"
    )


def test_one_that_was_told_is_not_nor_one_with_a_mark_of_0_that_waits_for_every_write() -> None:
    program = Program()
    told = program.opens(TCP, "handle", "127.0.0.1:4001")
    program.queues(told, 2 * MARK, paused=True)
    of_anyio = program.opens(TCP, "StreamProtocol", "127.0.0.1:4002")
    program.tells(_record(of_anyio, "high_water", "set_write_buffer_limits", MARK, 0))
    program.queues(of_anyio, 100, paused=True)
    program.waits(3)

    assert program.found("pause_missed") == program.found("mark_ignored") == []


def test_a_stream_reader_that_nobody_reads_is_found() -> None:
    program = Program()
    stream = program.opens(TCP, "StreamReaderProtocol", "127.0.0.1:4001")
    program.stops_reading(stream, "StreamReader.feed_data", held=3 * LIMIT)
    program.waits(4)

    [found] = program.found("reader_unread")
    assert "its StreamReader holds 192 KiB, its limit is 64 KiB" in found.sentence


def test_one_that_is_read_by_and_by_or_is_held_back_is_not() -> None:
    program = Program()
    read = program.opens(TCP, "StreamReaderProtocol", "127.0.0.1:4001")
    program.stops_reading(read, "StreamReader.feed_data", held=LIMIT // 2)
    held = program.opens(TCP, "StreamReaderProtocol", "127.0.0.1:4002")
    upstream = program.opens(TCP, "StreamReaderProtocol", "127.0.0.1:4003")
    program.tells(_record(held, "feeds", "write", upstream, "a task reads here and writes there"))
    program.stops_reading(held, "StreamReader.feed_data", held=3 * LIMIT)
    program.queues(upstream, 2 * MARK, paused=True)
    program.waits(4)

    assert program.found("reader_unread") == []
    by = program.diagnosis.held(held)
    assert by is not None
    assert by.by == upstream


def test_pipes_of_a_subprocess_that_wait_for_each_other_are_found_and_told_of_once() -> None:
    program = Program()
    stdin = program.opens(PIPE, "stdin", "pid 4711", reading=False)
    stdout = program.opens(PIPE, "stdout", "pid 4711")
    program.opens(PIPE, "stdout", "pid 4712")
    program.stops_reading(stdout, "StreamReader.feed_data", held=3 * LIMIT)
    program.queues(stdin, 2 * MARK, paused=True)
    program.waits(4)

    [found] = program.found("pipe_deadlock")
    assert found.sentence.startswith("Stdin #1 of pid 4711 and its stdout #2 wait for each other: 128 KiB")
    assert [each.lint for each in program.diagnosis.of(stdin)] == ["pipe_deadlock"]


def test_a_subprocess_that_is_only_slow_is_none() -> None:
    program = Program()
    stdin = program.opens(PIPE, "stdin", "pid 4711", reading=False)
    program.opens(PIPE, "stdout", "pid 4711")
    program.queues(stdin, 2 * MARK, paused=True)
    program.waits(4)

    assert program.found("pipe_deadlock") == []


def test_where_reading_was_paused_is_said() -> None:
    program = Program()
    stream = program.opens(TCP, "Feed", "127.0.0.1:4001")
    program.stops_reading(stream, "app.py:12 Feed.full")
    inq = next(number for number, name in VOCABULARY.kernel.items() if name == "inq")
    program.tells(_record(stream, "kernel.sample", "sampled", inq, 5000))
    for _ in range(4):
        program.waits(1)
        program.tells(_record(stream, "kernel.sample", "sampled", inq, 5000))

    [found] = program.found("stalled")
    assert found.sentence.endswith("the program has stopped reading it, at app.py:12 Feed.full.")


def test_datagrams_that_do_not_go_are_not_the_peers_which_cannot_hold_them_back() -> None:
    program = Program()
    udp = program.opens(UDP, "Post", "10.0.0.9:53")
    program.queues(udp, 2 * MARK, paused=True)
    program.waits(3)

    verdict = program.verdict(udp)
    assert (verdict.word, verdict.sure, verdict.rung) == (Word.NETWORK, Sure.LIKELY, "queue")
    assert verdict.sentence.startswith("What is sent through upstream #1 → 10.0.0.9:53 does not leave the machine:")
    assert [word for word, _ in verdict.not_it if word is Word.PEER] == [Word.PEER]
    assert [line.field for line in verdict.evidence if line.field == "armed_t"] == ["armed_t"]


def test_those_of_a_unix_socket_wait_for_the_peer_that_does_not_read() -> None:
    program = Program()
    unix = program.opens(DATAGRAM, "Post", "/run/log")
    program.queues(unix, 2 * MARK, paused=True)
    program.waits(3)

    assert program.verdict(unix).word is Word.PEER


def test_what_concerns_only_asyncio_is_not_missed_elsewhere() -> None:
    names = {"pause_missed", "reader_unread", "pipe_deadlock"}
    ours = Diagnosis(Vocabulary.here())

    assert names <= {lint.name for lint in Diagnosis(VOCABULARY).lints}
    assert names.isdisjoint({lint.name for lint in ours.lints} | {name for name, _ in ours.unavailable})
