"""The scenarios of `stall`: each does what it says, with its peers, on real sockets.

In `make real`, where they are judged too: what stalls takes its seconds, and `make test` has four minutes.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import pkgutil
import socket
import struct
import termios
import time
from typing import NamedTuple

import pytest
from processes import children_of
from running_command import Serving
from running_server import connections, held, wait_until_nothing_moves
from waiting import until

from streamscope.core import RUN_ONCE, Loop
from streamscope.core.flags import POLLIN, READ_EOF
from streamscope.servers import stall
from streamscope.servers.stall import SCENARIOS, reports
from streamscope.servers.stall.peers import PARTS
from streamscope.servers.stall.stage import Stage

pytestmark = pytest.mark.real()

CLOSE_WAIT = 8


class Kernel(NamedTuple):
    """What the kernel says of a socket: a few fields of `tcp_info`, and the bytes that wait on either side."""

    state: int
    unacked: int
    retransmits: int
    acked: int
    window: int
    out: int
    unread: int


def kernel(stream):
    """The same of a stream; to be asked in the loop's thread."""
    with socket.socket(fileno=os.dup(stream.fileno())) as sock:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 240)
        out, unread = (
            0 if stream.connection_cb else struct.unpack("i", fcntl.ioctl(sock, what, bytes(4)))[0]
            for what in (termios.TIOCOUTQ, termios.FIONREAD)
        )
    unacked, retransmits, window = (struct.unpack_from("I", told, at)[0] for at in (24, 100, 228))
    return Kernel(told[0], unacked, retransmits, struct.unpack_from("Q", told, 120)[0], window, out, unread)


def stage(loop):
    return next(handle for handle in loop.handles.values() if isinstance(handle, Stage))


@pytest.fixture
def play(serve):
    """Have a scenario played, up to its trouble where it has one."""

    def play(name):
        running = serve("stall", as_=name)
        scenario = SCENARIOS[name]
        if scenario.trouble:
            running.until(lambda loop: stage(loop).name == scenario.trouble)
        return running

    return play


def seen(running, look, enough=lambda one: True):
    """What `look` finds of the connections, of which there is one of a kind, once that is enough."""

    def found(loop):
        told = [look(stream) for stream in connections(loop)]
        return [one for one in told if enough(one)]

    return running.until(found)[-1]


def goes_on(running, times=5):
    """Bytes are acknowledged again and again; returns what the kernel said each time, of the last connection."""
    told = [seen(running, kernel)]
    while len(told) <= times:
        acked = told[-1].acked
        told.append(seen(running, kernel, lambda one, acked=acked: one.acked > acked))
    return told


# the list


def test_what_the_list_names_is_there_and_nothing_else_is():
    programs = {scenario.program for scenario in SCENARIOS.values()}
    for program in programs:
        assert importlib.import_module(f"streamscope.servers.{program}").main
    own = {f"stall.{module.name}" for module in pkgutil.iter_modules(stall.__path__)}
    assert own - programs == {"stall.stage", "stall.peers", "stall.loss"}
    parts = {scenario.peer for scenario in SCENARIOS.values()} | {s.behind for s in SCENARIOS.values() if s.behind}
    assert parts == set(PARTS)


def test_the_instant_at_which_the_trouble_begins_is_in_the_feed():
    # given
    loop, trouble = Loop(), SCENARIOS["stopped-reading"].trouble
    loop.feed = feed = []
    loop.emit = feed.extend
    stall.main(loop, as_="stopped-reading", port=0)
    assert trouble not in feed
    # when
    until(lambda: not loop.run(RUN_ONCE) or trouble in feed, "the sign is given", pause_s=0)
    # then
    assert feed.count(trouble) == 1
    for handle in loop.handles.values():
        handle.close()
    loop.run()
    loop.close()


def test_the_peers_end_with_the_scenario(serve):
    before = set(children_of(os.getpid()))  # nginx or redis of a test before this one, say
    running = serve("stall", as_="dead-reader")
    peers = set(children_of(os.getpid())) - before
    assert len(peers) == 2
    running.close()
    assert not peers & set(children_of(os.getpid()))


# the peer


def test_a_peer_that_never_reads_leaves_all_in_our_kernel_and_in_our_queue(play):
    running = play("peer-never-reads")
    running.until(connections)
    wait_until_nothing_moves(running)
    assert seen(running, kernel).out > 1_000_000
    assert running.streams()[0]["write_queue_size"] > 0


def test_a_slow_peer_goes_on_taking_and_never_has_taken_all(play):
    running = play("slow-peer")
    seen(running, kernel, lambda one: one.window == 0)
    assert all(one.out > 0 for one in goes_on(running))


def test_a_tiny_window_goes_on_taking_a_kilobyte_at_a_time(play):
    running = play("tiny-window")
    assert all(one.window < 2048 for one in goes_on(running))


def test_a_shutdown_waits_behind_what_is_not_read(play):
    running = play("shutdown-stuck")
    running.until(lambda loop: [s for s in connections(loop) if s.shutdown_req is not None])
    wait_until_nothing_moves(running)
    (stuck,) = running.ask(lambda loop: [s.write_queue_size for s in connections(loop) if s.shutdown_req is not None])
    assert stuck > 1_000_000


def test_a_proxy_before_a_dead_reader_holds_the_client_back(play):
    running = play("dead-reader")
    running.until(held)
    wait_until_nothing_moves(running)
    sides = {state["name"].split()[0]: state for state in running.streams()}
    assert sides["upstream"]["above"]
    assert sides["upstream"]["reading"]
    assert not sides["client"]["reading"]


def test_one_subscriber_who_does_not_read_holds_the_chat_up(play):
    running = play("slow-subscriber")
    running.until(held)
    wait_until_nothing_moves(running)
    assert [state["above"] for state in running.streams()].count(True) == 1


# the network


def test_a_lossy_network_sends_again_and_goes_on(play):
    running = play("lossy-network")
    seen(running, kernel, lambda one: one.retransmits > 10)
    goes_on(running)


def test_a_peer_that_is_cut_off_answers_nothing_to_what_is_sent_again(play):
    # given
    running = play("half-open")
    wait_until_nothing_moves(running)
    cut_off = seen(running, kernel)
    # when
    later = seen(running, kernel, lambda one: one.retransmits >= cut_off.retransmits + 2)
    # then
    assert later.acked == cut_off.acked
    assert later.unacked > 0


# the loop


def test_a_report_takes_the_loop_its_time(play):
    # given
    before = time.monotonic()
    # when
    line = reports.report()
    # then
    assert time.monotonic() - before >= reports.REPORT_S
    # and it is asked for
    running = play("blocked-loop")
    running.until(lambda loop: any(stream.bytes_out == len(line) for stream in connections(loop)))


def test_two_hundred_ask_at_once(play):
    running = play("many-short-callbacks")
    running.until(lambda loop: sum(stream.reads > 1 for stream in connections(loop)) == 200)


# the program


def test_a_program_that_forgets_to_read_on_leaves_it_in_the_kernel(play):
    running = play("stopped-reading")
    running.until(held)
    first = seen(running, kernel, lambda one: one.unread > 0)
    seen(running, kernel, lambda one: one.unread > first.unread)
    assert running.streams()[0]["write_queue_size"] == 0


def test_a_program_that_ignores_the_mark_has_a_queue_that_grows(play):
    running = play("ignored-mark")
    (slow,) = running.until(lambda loop: [s for s in connections(loop) if s.write_queue_size > 4 * s.high_water])
    size, sent = running.ask(lambda loop: (slow.write_queue_size, slow.bytes_out))
    running.until(lambda loop: slow.write_queue_size > size + 100_000 and slow.bytes_out > sent)
    assert not running.ask(held)


def test_a_half_close_that_is_forgotten_stays_in_close_wait(play):
    running = play("half-close-forgotten")
    running.until(lambda loop: [stream for stream in connections(loop) if stream.flags & READ_EOF])
    assert seen(running, kernel).state == CLOSE_WAIT


def test_a_peer_that_is_gone_while_nobody_reads_is_not_noticed(play):
    running = play("peer-gone-while-paused")
    seen(running, kernel, lambda one: one.state == CLOSE_WAIT)
    (stream,) = running.ask(connections)
    assert not stream.flags & READ_EOF
    assert stream.io_watcher.pevents == 0


# the listener


def test_an_accept_that_is_held_keeps_the_others_in_the_kernel(play):
    running = play("held-accept")
    running.until(lambda loop: running.server.accepted_fd != -1 and not running.server.io_watcher.pevents & POLLIN)
    running.until(lambda loop: kernel(running.server).unacked == 9)
    reads = running.ask(lambda loop: sum(stream.reads for stream in connections(loop)))
    running.until(lambda loop: sum(stream.reads for stream in connections(loop)) > reads)


def test_without_a_descriptor_left_those_who_come_are_closed_at_once(runtime, tmp_path):
    events = tmp_path / "events"
    with Serving(runtime, "stall", "--as", "emfile", "--events", str(events)) as serving:
        until(lambda: '"fn":"uv__emfile_trick"' in events.read_text(), "somebody is closed at once")
        assert serving.end() == (0, "", "")


# those that are well


def test_bulk_goes_on_and_on(play):
    running = play("bulk")
    seen(running, lambda stream: stream.bytes_out, lambda sent: sent > 50_000_000)


def test_the_idle_are_a_hundred_and_nothing_waits(play):
    running = play("idle")
    running.until(lambda loop: sum(stream.is_active() for stream in connections(loop)) == 100)
    running.until(lambda loop: sum(stream.bytes_in for stream in connections(loop)) > 0)


def test_bursts_come_one_after_the_other(play):
    running = play("bursts")
    seen(running, lambda stream: stream.bytes_out, lambda sent: sent > 4_000_000)


def test_connections_begin_slowly_and_come_again(play):
    running = play("slow-start")
    first = running.until(connections)[0].number
    running.until(lambda loop: max(loop.handles) > first + 10)


def test_twenty_ask_and_ask(play):
    running = play("keep-alive")
    running.until(lambda loop: sum(stream.reads > 10 for stream in connections(loop)) == 20)


def test_a_peer_that_rests_takes_all_again(play):
    running = play("short-pauses")
    for _ in range(2):
        sent = seen(running, lambda stream: stream.bytes_out)
        seen(running, kernel, lambda one: one.window == 0)
        seen(running, lambda stream: stream.bytes_out, lambda now, sent=sent: now > sent + 20_000_000)
