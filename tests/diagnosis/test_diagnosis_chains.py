"""A verdict follows the chain to its root, over any number of pairs in one process, and stops where none is known."""

from __future__ import annotations

from feeds import record
from patient import MARK, Patient

from streamscope.core import flags as uv
from streamscope.diagnosis import Verdict, Word
from streamscope.diagnosis.chains import Chain, Chains, other_ends
from streamscope.trace.state import StreamState

SHUT = {"outq": 500_000, "notsent": 500_000, "bytes_acked": 1_000, "snd_wnd": 0}


def _carrier(patient: Patient, near: str, far: str, comes: str, goes: str) -> tuple[int, int]:
    """A connection that came in from one address, and one that goes out, of a proxy in the process."""
    client = patient.stream(peer=comes, server=9)
    patient.turn(record("handle.address", client, near, comes))
    upstream = patient.stream(peer=goes)
    patient.turn(record("handle.address", upstream, far, goes))
    return client, upstream


def _blocked(patient: Patient, client: int, upstream: int) -> None:
    patient.clock.seconds += 0.001
    patient.reads_on(client, 2 * MARK, upstream, taken=0)
    patient.stops_reading(client)
    patient.says(client, inq=29_696)
    patient.says(upstream, **SHUT)


def _verdict(patient: Patient, stream: int) -> Verdict:
    verdict = patient.diagnosis.verdict(stream)
    assert verdict is not None
    return verdict


def _three_in_a_row() -> tuple[Patient, list[int]]:
    """Three proxies one after the other, in one process: what goes out of one comes in at the next."""
    patient = Patient()
    streams: list[int] = []
    for place in range(3):
        comes, goes = f"127.0.0.1:4000{place}", f"127.0.0.1:700{place + 1}"
        streams += _carrier(patient, f"127.0.0.1:700{place}", f"127.0.0.1:4000{place + 1}", comes, goes)
    for client, upstream in zip(streams[::2], streams[1::2]):
        _blocked(patient, client, upstream)
    return patient, streams


def test_over_three_pairs_in_one_process_the_root_is_the_last() -> None:
    patient, streams = _three_in_a_row()
    patient.wait(3)

    told = patient.diagnosis.report()
    first, root = streams[0], streams[-1]
    assert told.chain(first).streams == tuple(streams)
    assert told.chain(first).other_ends == (False, True, False, True, False)
    assert [told.root(number) for number in streams] == [root] * 6
    assert [_verdict(patient, upstream).root for upstream in streams[1::2]] == [root] * 3
    beyond = _verdict(patient, streams[1]).beyond
    assert beyond.startswith("Its other end is in this process: client #3. The root is upstream #6 → 127.0.0.1:7003: ")
    assert beyond.endswith("upstream #2 = client #3 ⇠ upstream #4 = client #5 ⇠ upstream #6.")
    assert _verdict(patient, root).beyond == ""
    assert patient.diagnosis.findings[0].stream == root, "the root comes first, though all began at once"


def test_a_chain_ends_at_a_stream_of_this_process_that_nobody_reads() -> None:
    patient, streams = _three_in_a_row()
    lazy = streams[4]
    patient.reads_again(lazy)
    patient.drains(streams[5], 2 * MARK)
    patient.says(streams[5], outq=0, notsent=0)
    patient.stops_reading(lazy)
    patient.wait(3)

    told = patient.diagnosis.report()
    assert told.root(streams[0]) == lazy
    assert _verdict(patient, lazy).word == Word.APP
    assert _verdict(patient, streams[3]).root == lazy
    assert _verdict(patient, streams[3]).beyond == "Its other end is in this process: client #5, which is not read."


def test_other_ends_that_are_read_are_no_part_of_a_chain() -> None:
    patient, streams = _three_in_a_row()
    patient.drains(streams[3], 2 * MARK)
    patient.says(streams[3], outq=0, notsent=0)
    patient.reads_again(streams[2])
    patient.wait(3)

    assert patient.diagnosis.report().chain(streams[0]).streams == tuple(streams[:2])
    assert _verdict(patient, streams[1]).beyond == ""


def test_streams_that_wait_for_each_other_are_a_ring() -> None:
    patient = Patient()
    one = _carrier(patient, "127.0.0.1:7000", "127.0.0.1:40001", "127.0.0.1:40002", "127.0.0.1:7001")
    two = _carrier(patient, "127.0.0.1:7001", "127.0.0.1:40002", "127.0.0.1:40001", "127.0.0.1:7000")
    for pair in (one, two):
        _blocked(patient, *pair)
    patient.wait(3)

    chain = patient.diagnosis.report().chain(one[0])
    assert chain == Chain((*one, *two), (False, True, False), is_ring=True)
    assert "the streams wait for each other" in _verdict(patient, one[1]).beyond


def test_a_chain_of_thousands_is_walked_once_for_all_of_it() -> None:
    count = 20_000
    held = {number: number + 1 for number in range(1, count, 2)}
    here = {number + 1: number + 2 for number in range(1, count - 2, 2)}
    chains = Chains(held, here)
    assert {chains.root(number) for number in range(1, count + 1)} == {count}
    assert chains.holds(2) == [1]
    assert chains.of(5_000_000).streams == (5_000_000,)


def test_what_a_chain_says_is_one_line() -> None:
    chain = Chain((2, 3, 4, 5), (False, True, False))
    assert chain.text(lambda number: f"#{number}", "10.0.0.1:80\x1b") == "#2 ⇠ #3 = #4 ⇠ #5 ⇠ [10.0.0.1:80\\x1b]"


def test_addresses_turned_round_are_one_connection_in_either_family() -> None:
    full = StreamState(1, uv.UV_TCP, local="127.0.0.1:40001", peer="127.0.0.1:7000")
    mapped = StreamState(2, uv.UV_TCP, local="[::ffff:127.0.0.1]:7000", peer="[::ffff:127.0.0.1]:40001")
    other = StreamState(3, uv.UV_TCP, local="127.0.0.1:7000", peer="127.0.0.1:40009")
    pipe = StreamState(4, uv.UV_NAMED_PIPE, local="/tmp/a", peer="/tmp/a")
    streams = {state.number: state for state in (full, mapped, other, pipe)}
    assert other_ends([full, pipe], [2, 3, 4], streams) == {1: 2}
