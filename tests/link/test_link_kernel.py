"""What the kernel says of descriptors: asked of real ones, as seldom as can be, and unknown where nobody says it."""

from __future__ import annotations

import gc
import os
import pty
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from waiting import until

from streamscope.link import kernel
from streamscope.link.kernel import ROOM_NS, Borrowed, Descriptor, TcpSocket, asked, borrowed
from streamscope.link.kernel_loop import LoopThread, OwnThread

S = 1_000_000_000
ESTABLISHED, CLOSE_WAIT, LISTEN = 1, 8, 10


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP connection: our end, and the peer's."""
    with ExitStack() as held:
        server = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        peer = held.enter_context(socket.create_connection(server.getsockname()))
        ours = held.enter_context(server.accept()[0])
        ours.setblocking(False)
        yield ours, peer


def fill(sock: socket.socket) -> int:
    """Writes until the kernel takes no more, and says how much that was."""
    sock.setblocking(False)
    written = 0
    while True:
        try:
            written += sock.send(b"x" * 65536)
        except BlockingIOError:
            return written


def descriptor(fd: int) -> Descriptor:
    found = asked(fd)
    assert found is not None
    return found


def ask(of: Descriptor, t: int = S) -> dict[str, int | None]:
    return dict(of.ask(t))


def test_a_peer_that_does_not_read_shows_in_the_window_and_in_what_was_not_sent(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = pair
    of = descriptor(ours.fileno())
    written = fill(ours)

    def shut() -> bool:
        ask(of)
        return of.said["snd_wnd"] == 0 and of.said["outq"] == of.said["notsent"]

    until(shut, "the peer's window is shut")

    said = of.said
    assert of.waits
    assert 0 < said["notsent"] < written
    # the peer's kernel has acknowledged the rest; one more may be its SYN
    assert written <= said["outq"] + said["bytes_acked"] <= written + 1
    assert (said["tcp_state"], said["inq"], said["bytes_received"]) == (ESTABLISHED, 0, 0)
    assert said["rwnd_limited"] <= said["busy"]
    assert said["sndbuf"] >= said["outq"]


def test_what_has_come_and_is_not_read_is_counted_until_it_is(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    of = descriptor(ours.fileno())
    assert ask(of)["inq"] == 0

    peer.sendall(b"x" * 3000)
    until(lambda: ask(of) and of.said["inq"] == 3000, "it has come")
    assert of.waits
    ours.recv(1000)
    assert ask(of)["inq"] == 2000
    ours.recv(5000)
    assert ask(of)["inq"] == 0
    assert not of.waits


def test_a_peer_that_has_gone_leaves_close_wait_behind(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    of = descriptor(ours.fileno())
    ask(of)
    peer.close()
    until(lambda: ask(of).get("tcp_state") == CLOSE_WAIT, "the peer has closed")


def test_only_what_is_new_is_told_and_nothing_of_a_connection_that_is_still(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, peer = pair
    calls: list[int] = []
    real = kernel.ioctl
    monkeypatch.setattr(kernel, "ioctl", lambda fd, request, data: calls.append(request) or real(fd, request, data))
    of = descriptor(ours.fileno())
    assert {"tcp_state", "outq", "inq", "snd_wnd", "rtt", "sndbuf", "ack_recv_t"} <= ask(of).keys()
    assert calls == [kernel.SIOCINQ]  # nothing was on its way: TCP_INFO says all the rest
    assert [ask(of) for _ in range(5)] == [{}] * 5
    assert len(calls) == 1
    assert of.still == 5

    ours.send(b"hello")
    until(lambda: "bytes_acked" in ask(of), "the peer has acknowledged it")
    peer.recv(5)
    assert of.said["bytes_acked"] - of.said["outq"] >= 5
    assert "bytes_received" not in ask(of)
    assert calls.count(kernel.SIOCINQ) == 1


def test_an_instant_is_the_feeds_and_stays_what_it_was_while_nothing_comes(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, _ = pair
    of = descriptor(ours.fileno())
    ask(of, 1000 * S)
    first = of.said["data_sent_t"]
    assert 1000 * S - 100 * S < first <= 1000 * S
    of._raw = b""  # as if something else had changed
    of_later = dict(of.ask(1000 * S))
    assert "data_sent_t" not in of_later


def test_sizes_of_buffers_are_asked_for_seldom(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    of = descriptor(ours.fileno())
    ask(of, S)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    assert "sndbuf" not in ask(of, S + ROOM_NS - 1)
    assert ask(of, S + ROOM_NS)["sndbuf"] == 40_000


def test_a_listener_has_a_queue_of_connections_and_room_for_so_many() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=5) as server, ExitStack() as clients:
        of = descriptor(server.fileno())
        assert {"tcp_state": LISTEN, "accept_queue": 0, "accept_max": 5}.items() <= ask(of).items()
        assert not of.waits
        for _ in range(3):
            clients.enter_context(socket.create_connection(server.getsockname()))
        assert ask(of) == {"accept_queue": 3}
        assert of.waits
        server.accept()[0].close()
        assert ask(of) == {"accept_queue": 2}


def test_a_socket_that_begins_to_listen_says_nothing_any_more_of_a_connection() -> None:
    with socket.socket() as sock:
        of = descriptor(sock.fileno())
        assert "snd_cwnd" in ask(of)
        sock.bind(("127.0.0.1", 0))
        sock.listen(7)
        changes = ask(of)
        assert changes["accept_max"] == 7
        assert changes["snd_cwnd"] is None
        assert "snd_cwnd" not in of.said


def test_a_unix_socket_has_bytes_one_way_and_memory_the_other() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.send(b"x" * 5000)
        sender, reader = descriptor(ours.fileno()), descriptor(theirs.fileno())
        ask(sender)
        ask(reader)
        assert reader.said["inq"] == 5000
        assert (reader.said["outq"], sender.said["inq"]) == (0, 0)
        assert sender.said["outq"] >= 5000
        assert sender.said["sndbuf"] > 0
        assert "snd_wnd" not in sender.said


def test_a_pipe_has_what_nobody_has_read_at_either_end() -> None:
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, b"x" * 700)
        assert {"inq": 700, "pipe_size": 65536}.items() <= ask(descriptor(read_end)).items()
        behind = descriptor(write_end)
        assert ask(behind)["outq"] == 700
        assert "inq" not in behind.said
        os.read(read_end, 300)
        assert ask(behind) == {"outq": 400}
    finally:
        os.close(read_end)
        os.close(write_end)


def test_a_terminal_says_what_waits_and_a_file_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        assert {"inq", "outq"} == ask(descriptor(theirs)).keys()
        with (tmp_path / "file").open("wb") as file:
            assert asked(file.fileno()) is None
        assert asked(-1) is None
        assert asked(999_999) is None
    finally:
        os.close(ours)
        os.close(theirs)


def test_what_is_borrowed_is_never_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, peer = pair
    for _ in range(3):
        of = descriptor(ours.fileno())
        ask(of)
        del of
        gc.collect()
    ours.send(b"still open")
    assert peer.recv(20) == b"still open"


class Refusing(Borrowed):
    """A sandbox that knows no TCP_INFO, or nothing of it but these bytes."""

    __slots__ = ()
    info: bytes | None = None
    calls = 0

    def getsockopt(self, level: int, option: int, *size: int) -> int | bytes:  # type: ignore[override]
        if (level, option) == (socket.IPPROTO_TCP, kernel.TCP_INFO):
            type(self).calls += 1
            if self.info is None:
                raise PermissionError(1, "not permitted")
            return self.info
        return super().getsockopt(level, option, *size)


def refusing(sock: socket.socket, info: bytes | None) -> TcpSocket:
    Refusing.info, Refusing.calls = info, 0
    return TcpSocket(
        sock.fileno(), Refusing(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, 0, sock.fileno())
    )


def test_what_is_refused_is_unknown_and_not_asked_for_again(pair: tuple[socket.socket, socket.socket]) -> None:
    of = refusing(pair[0], None)
    assert ask(of).keys() == {"sndbuf", "rcvbuf"}
    assert ask(of) == {}
    assert Refusing.calls == 1


def test_what_was_known_and_is_refused_later_is_unknown_again(pair: tuple[socket.socket, socket.socket]) -> None:
    known = pair[0].getsockopt(socket.IPPROTO_TCP, kernel.TCP_INFO, kernel.TCP_INFO_BYTES)
    of = refusing(pair[0], known)
    ask(of)
    assert "snd_wnd" in of.said
    Refusing.info = None
    assert ask(of)["snd_wnd"] is None
    assert of.said.keys() == {"sndbuf", "rcvbuf"}


def test_zeros_of_a_sandbox_that_fills_in_some_of_it_are_unknown(pair: tuple[socket.socket, socket.socket]) -> None:
    some = bytearray(kernel.TCP_INFO_BYTES)
    some[0] = ESTABLISHED
    some[68:72] = (1500).to_bytes(4, "little")  # rtt
    of = refusing(pair[0], bytes(some))
    ask(of)
    assert (of.said["tcp_state"], of.said["rtt"]) == (ESTABLISHED, 1500)
    assert not of.said.keys() & {"snd_wnd", "notsent", "probes", "bytes_acked"}
    assert (of.said["outq"], of.said["inq"]) == (0, 0)  # those the ioctls know


@pytest.mark.parametrize("length", [60, 104, 148, 191])
def test_what_an_older_kernel_does_not_have_is_unknown(length: int, pair: tuple[socket.socket, socket.socket]) -> None:
    known = pair[0].getsockopt(socket.IPPROTO_TCP, kernel.TCP_INFO, kernel.TCP_INFO_BYTES)
    of = refusing(pair[0], known[:length])
    ask(of)
    assert "rto" in of.said
    assert "snd_wnd" not in of.said
    assert ("total_retrans" in of.said, "notsent" in of.said) == (length >= 104, length >= 148)
    assert of.said["outq"] == 0


@pytest.mark.parametrize("info", [b"", b"\1", b"\xff" * 59, b"\xff" * 232])
def test_whatever_is_answered_nothing_breaks(info: bytes, pair: tuple[socket.socket, socket.socket]) -> None:
    of = refusing(pair[0], info)
    for _ in range(3):
        ask(of)
    of.mark()


def test_a_descriptor_that_was_closed_behind_our_back_says_nothing(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    of = descriptor(ours.fileno())
    ask(of)
    ours.close()
    assert set(ask(of).values()) == {None}
    with pytest.raises(OSError, match="Bad file descriptor"):
        borrowed(of.fd)


# the loop's thread


def machine(folder: Path, **files: str) -> OwnThread:
    paths = {
        "schedstat": "proc/thread-self/schedstat", "cgroup": "proc/self/cgroup", "netstat": "proc/self/net/netstat",
        "v2": "sys/fs/cgroup/own/cpu.stat", "v1": "sys/fs/cgroup/cpu,cpuacct/own/cpu.stat",
        "fdinfo": "proc/thread-self/fdinfo/9",
    }  # fmt: skip
    for name, text in files.items():
        path = folder / paths[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return OwnThread(str(folder))


def test_this_thread_has_run_and_waited() -> None:
    found = OwnThread().ask(S, listens=True)
    assert found["cpu_time"] > 0
    assert found["run_delay"] >= 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"schedstat": "500 70 3\n"}, {"cpu_time": 500, "run_delay": 70}),
        ({"schedstat": ""}, {}), ({"schedstat": "many words here"}, {}), ({}, {}),
        (
            {"cgroup": "0::/own\n", "v2": "usage_usec 9\nnr_throttled 4\nthrottled_usec 250\n"},
            {"throttled": 250_000, "throttled_times": 4},
        ),
        (
            {"cgroup": "4:memory:/x\n3:cpu,cpuacct:/own\n0::/\n", "v1": "nr_throttled 2\nthrottled_time 77\n"},
            {"throttled": 77, "throttled_times": 2},
        ),
        ({"cgroup": "0::/own\n", "v2": "usage_usec 9\n"}, {}),
        ({"cgroup": "0::/own\n", "v2": "nr_throttled x\nthrottled_usec\nthrottled_usec -5\n"}, {}),
        ({"netstat": "TcpExt: A ListenOverflows\nTcpExt: 1 22\n"}, {"listen_overflows": 22}),
        ({"netstat": "TcpExt: A ListenOverflows\nTcpExt: 1\n"}, {}), ({"netstat": "\xff TcpExt:"}, {}),
    ],
)  # fmt: skip
def test_what_can_be_read_of_the_machine_is_told_and_nothing_else(
    files: dict[str, str], expected: dict[str, int], tmp_path: Path
) -> None:
    assert machine(tmp_path, **files).ask(S, listens=True) == expected


def test_what_takes_long_is_read_once_a_second_and_only_where_somebody_listens(tmp_path: Path) -> None:
    thread = machine(tmp_path, netstat="TcpExt: ListenOverflows\nTcpExt: 1\n")
    assert thread.ask(S, listens=False) == {}
    assert thread.ask(S + S // 2, listens=True) == {}
    assert thread.ask(2 * S, listens=True) == {"listen_overflows": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pos: 0\ntfd:        7 events:       19 data: 7 pos:0\n", {7: 1}),
        ("tfd: 7 events: 1d data: 7\ntfd: 8 events: 40000018 data: 8\n", {7: 5, 8: 0}),
        ("flags: 02\n", {}), ("tfd: x events: 19\n", None), ("tfd: 7\n", None), ("", None),
    ],
)  # fmt: skip
def test_epolls_masks_are_read_without_what_it_adds(text: str, expected: dict[int, int] | None, tmp_path: Path) -> None:
    assert machine(tmp_path, fdinfo=text).masks(9) == expected


def test_what_has_just_gone_waits_and_is_not_held_up(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = pair
    fill(ours)
    of = descriptor(ours.fileno())
    ask(of, 10 * S)
    assert of.waits
    assert not of.is_held_up(10 * S)
    assert of.is_held_up(11 * S)


def test_how_often_a_thread_was_given_a_cpu_is_what_proc_says_of_it() -> None:
    def both() -> tuple[int, int]:
        return OwnThread().runs(), LoopThread(os.getpid(), threading.get_native_id).runs()

    for _ in range(20):
        os.sched_yield()
        until(lambda: len(set(both())) == 1, "both say the same, if it is given none in between")
