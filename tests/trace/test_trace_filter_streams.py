"""What the filter language says of streams: a specification, example by example."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from streamscope.core import flags as uv
from streamscope.core.probe import CB_READ
from streamscope.trace.filter import Filter, FilterError, complete
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary

MS = 1_000_000
NOW = 5_000 * MS

STREAM = StreamState(
    7, uv.UV_TCP, uv.READABLE | uv.READING, fd=12, name="Upstream A", place="proxy.py:31 on_connection",
    local="127.0.0.1:7000", peer="192.168.0.9:51514", server=1, begin_t=1000 * MS, high_water=65536,
    write_queue_size=100_000, write_queue=[RequestState(3, uv.UV_WRITE, 100_000, 100_000, 1, begin_t=3500 * MS)],
    callbacks=1 << CB_READ, pevents=uv.POLLIN | uv.POLLOUT, events=uv.POLLIN, pending=True, bytes_in=4096, reads=2,
    errors=1, last_read_t=2000 * MS, armed_t=4000 * MS, above_t=3500 * MS,
)  # fmt: skip


def wanted(text: str) -> bool:
    return Filter.parse(text, Vocabulary.here(), for_streams=True).of_stream(STREAM, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "7", "#7", "tcp", "TCP", "reading", "READING", "READABLE reading", "127.0.0.1", ":51514", "51514",
        "7000", "192.168", "upstream", "on_conn", "proxy.py:31", "tcp reading 192.168 upstream", "!pipe", "!8",
        "!shut tcp", "!!tcp", "!#17", "pending", "error", '"a"', "'Upstream A'",
    ],
)  # fmt: skip
def test_words_find_a_stream_by_what_it_is(text: str) -> None:
    assert wanted(text)


@pytest.mark.parametrize(
    "text",
    [
        "8", "#8", "77", "#51514", "1514", "pipe", "SHUT", "READ_EOF", "10.0.0.1", ":5151x", "downstream",
        "tcp pipe", "tcp !reading", "!tcp", "!!!tcp", "!pending", "ipc", '"tcp"',
    ],
)  # fmt: skip
def test_words_do_not_find_a_stream_by_what_it_is_not(text: str) -> None:
    assert not wanted(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # numbers, sizes, times
        ("wq > 64KiB", True), ("wq > 1MiB", False), ("wq == 100000", True), ("wq != 100_000", False),
        ("wq >= 0x186a0", True), ("write_queue_size < 100001B", True), ("wq > 0.5MiB", False), ("wq > 64 KiB", True),
        ("queue_age == 1500ms", True), ("queue_age > 1.5s", False), ("queue_age >= 1s", True), ("age == 4s", True),
        ("idle_age > 2999ms", True), ("armed_age == 1s", True), ("above_age < 2s", True), ("begin_t == 1s", True),
        ("closed_t == 0", True), ("fd == 12", True), ("fd < 0", False), ("write_queue == 1", True),
        ("port == 7000", True), ("peer_port == 51514", True), ("peer_port == 7000", False),
        # names
        ("type == tcp", True), ("type == pipe", False), ("type != pipe", True), ("flag == READING", True),
        ("flag == reading", True), ("flag != READING", False), ("flag == SHUT", False), ("flag != SHUT", True),
        ("flag(READING)", True), ("flag(SHUT)", False), ("flags == READABLE|READING", True),
        ("flags has READING", True), ("flags == READING", False), ("flags has READING|SHUT", False),
        # poll events and callbacks
        ("pevents == IN|OUT", True), ("pevents has OUT", True), ("events has OUT", False), ("events == POLLIN", True),
        ("armed(OUT)", True), ("armed(POLLOUT)", True), ("registered(OUT)", False), ("registered(IN)", True),
        ("callbacks has read_cb", True), ("callbacks has alloc_cb", False), ("holds(read_cb)", True),
        # texts
        ('peer == "192.168.0.9:51514"', True), ("peer == 192.168.0.9:51514", True), ('peer ~ ":51\\d+"', True),
        ('peer ~ "^127"', False), ('peer !~ "^127"', True), ('name ~ "^Upstream [A-C]$"', True),
        ('name == "upstream a"', False), ('place ~ "proxy|echo"', True),
        # numbers of others, and names beside names
        ("server == #1", True), ("server == 1", True), ("stream == 7", True), ("stream == #7", True),
        ("wq > high_water", True), ("bytes_in < bytes_out", False), ("queue_age < age", True),
        ("errors == reads", False),
        # joined
        ("tcp and reading", True), ("tcp and shut", False), ("pipe or reading", True), ("pipe or shut", False),
        ("not pipe", True), ("not (tcp and reading)", False), ("not tcp or reading", True), ("TCP AND READING", True),
        ("pipe and tcp or reading", True), ("reading or tcp and pipe", True), ("(reading or tcp) and pipe", False),
        ("wq > 64KiB tcp !shut", True),
        # what is not there
        ("delayed_error == 0", True), ("connect_req == 0", True), ("accepted_fd == -1", True),
    ],
)  # fmt: skip
def test_comparisons_say_what_a_stream_has(text: str, expected: bool) -> None:
    assert wanted(text) is expected


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">="])
def test_a_comparison_about_what_is_not_there_does_not_hold(sign: str) -> None:
    resting = StreamState(8, uv.UV_TCP)
    assert not Filter.parse(f"queue_age {sign} 1s", Vocabulary.here()).of_stream(resting, NOW)
    assert Filter.parse(f"not queue_age {sign} 1s", Vocabulary.here()).of_stream(resting, NOW)


def test_a_closed_stream_grows_no_older() -> None:
    closed = StreamState(8, uv.UV_TCP, begin_t=1000 * MS, closed_t=1500 * MS)
    assert Filter.parse("age == 500ms", Vocabulary.here()).of_stream(closed, NOW)


def test_a_stream_with_a_unix_address_has_no_port() -> None:
    unix = StreamState(8, uv.UV_NAMED_PIPE, local="/run/echo.sock:80")
    assert not Filter.parse("port == 80", Vocabulary.here()).of_stream(unix, NOW)


def test_a_filter_keeps_what_was_typed() -> None:
    assert Filter.parse(" Reading  ", Vocabulary.here()).text == " Reading  "


def test_an_empty_filter_wants_everything() -> None:
    assert Filter.parse("  ", Vocabulary.here()).of_stream(STREAM, NOW)
    assert str(Filter.parse("  ", Vocabulary.here())) == ""


SAID = {
    "outq": 3 << 20, "notsent": 3 << 20, "snd_wnd": 0, "tcp_state": 8, "rtt": 1500, "epoll_mask": uv.POLLIN,
    "ack_recv_t": 3000 * MS,
}  # fmt: skip
KERNEL = {Vocabulary.here().kernel_number(name): value for name, value in SAID.items()}


@pytest.mark.parametrize(
    ("text", "so"),
    [
        ("outq > 1MiB", True), ("outq > 4MiB", False), ("snd_wnd == 0", True),
        ("snd_wnd == 0 and notsent == outq", True),
        ("tcp_state == CLOSE_WAIT", True), ("tcp_state == close_wait", True), ("tcp_state != ESTABLISHED", True),
        ("tcp_state == 8", True), ("rtt > 1ms and rtt < 2ms", True), ("rtt == 1500us", True),
        ("epoll_mask has IN", True), ("epoll_mask has OUT", False), ("ack_recv_age > 1s", True),
        ("ack_recv_age > 3s", False),
        ("ack_recv_t == 3s", True), ("kernel_t == 4s", True),
        ("inq >= 0", False), ("inq < 1", False), ("data_recv_age > 0ns", False), ("not inq > 0", True),
    ],
)  # fmt: skip
def test_what_the_kernel_says_can_be_asked_for_by_its_names(text: str, so: bool) -> None:
    asked = Filter.parse(text, Vocabulary.here(), for_streams=True)
    stream = replace(STREAM, kernel=KERNEL, kernel_t=4000 * MS)
    assert asked.of_stream(stream, NOW) is so


@pytest.mark.parametrize(
    "text", ["outq > 1ms", "rtt > 5", "tcp_state > CLOSE_WAIT", "tcp_state == SLOW", "run_delay > 0ns"]
)
def test_a_field_of_the_kernels_is_compared_with_what_it_is_and_only_a_streams_can_be(text: str) -> None:
    with pytest.raises(FilterError):
        Filter.parse(text, Vocabulary.here(), for_streams=True)


def test_names_of_the_kernels_are_offered() -> None:
    offers = [offer.text for offer in complete("snd", 3, Vocabulary.here())]
    assert {"snd_wnd", "snd_cwnd"} <= set(offers)
    states = [offer.text for offer in complete("tcp_state == CLOSE", 18, Vocabulary.here())]
    assert "CLOSE_WAIT" in states
