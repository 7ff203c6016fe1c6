"""What the engine tells along its key paths, line for line as libuv's source has the steps.

Each list was checked by hand against libuv 1.44.2. The fake kernel's descriptors begin at 1001, the spare one.
"""

from __future__ import annotations

import errno
import re
from textwrap import dedent

import pytest
from core_feed import lines
from core_kernel import HUP, IN, OUT, Diary, World

from streamscope.core import Idle, Pipe, Tcp, Timer
from streamscope.core.records import Word


@pytest.fixture
def feed(world: World) -> list[Word]:
    """A feed that begins when the loop has registered its own descriptors, whose numbers are the real kernel's."""
    idle = Idle(world.loop)
    idle.start(lambda handle: None)
    world.turn()
    idle.close()
    world.turn()
    words: list[Word] = []
    world.loop.watch(words)
    return words


def take(feed: list[Word]) -> list[str]:
    """What was told since the last look, without the places in this file."""
    told = [re.sub(r" 'test_core_events.py:[^']*'", "", line) for line in lines(feed)]
    feed.clear()
    return told


def golden(text: str) -> list[str]:
    """The lines of a list in this file."""
    return [line for line in dedent(text).splitlines() if line]


def connected(world: World) -> Tcp:
    """Stream #2 on descriptor 1002, before anything is told."""
    stream = Tcp(world.loop)
    stream.open(world.kernel.make("tcp"))
    return stream


def test_an_echo(world: World, feed: list[Word], diary: Diary) -> None:
    stream = connected(world)
    stream.read_start(None, lambda stream, nread, buf: stream.write(buf, diary.write))
    world.turn()
    take(feed)
    world.kernel[stream.fd].inbox.append(b"hello")
    world.turn()
    world.turn()
    assert take(feed) == golden(
        """
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event IN
        #2 uv__read: sys.read 1002 65536 5
        #2 uv__read: callback.begin read_cb 5
        #2 uv_write2: request.begin 1 write 5 1 1
        #2 uv_write2: write_queue_size 0 5
        #2 uv_write2: write_queue.push 1
        #2 uv__writev: sys.write 1002 5 5
        #2 uv__write_req_update: write_queue_size 5 0
        #2 uv__write_req_finish: write_queue.pop 1
        #2 uv__write_req_finish: write_completed_queue.push 1
        #2 uv__io_feed: io.feed
        #2 uv__read: callback.end read_cb
        #2 uv__read: flag.set READ_PARTIAL
        uv__run_pending: loop.phase
        #2 uv__run_pending: pending.pop
        #2 uv__write_callbacks: write_completed_queue.pop 1
        #2 uv__write_callbacks: request.end 1 0 0 write
        #2 uv__write_callbacks: callback.begin write_cb 0
        #2 uv__write_callbacks: callback.end write_cb
        #2 uv__io_stop: watcher_queue.push
        uv_run: loop.turn 5
        uv__io_poll: loop.phase
        #2 uv__io_poll: watcher_queue.pop
        #2 uv__io_poll: epoll.mod 1002 IN 0
        uv__io_poll: epoll.wait 0 0
        """
    )


def test_a_partial_write_that_waits_for_pollout(world: World, feed: list[Word], diary: Diary) -> None:
    stream = connected(world)
    stream.high_water = 8
    world.kernel[stream.fd].takes.extend([4, -errno.EAGAIN])
    take(feed)
    stream.write([b"abc", b"defghij"], diary.write)
    world.turn((stream.fd, OUT))
    world.turn((stream.fd, OUT))
    assert take(feed) == golden(
        """
        #2 uv_write2: request.begin 1 write 10 2 1
        #2 uv_write2: write_queue_size 0 10
        #2 uv_write2: write_queue.push 1
        #2 uv__writev: sys.writev 1002 10 4
        #2 uv__write_req_update: write_queue_size 10 6
        #2 uv__write_req_update: request.progress 1 1 6
        #2 uv__io_start: io.start – OUT
        #2 uv__io_start: watcher_queue.push
        #2 uv__io_start: loop.nfds 2 3
        uv_run: loop.turn 3
        uv__io_poll: loop.phase
        #2 uv__io_poll: watcher_queue.pop
        #2 uv__io_poll: epoll.add 1002 OUT 0
        #2 uv__io_poll: io.events – OUT
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event OUT
        #2 uv__writev: sys.write 1002 6 EAGAIN
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event OUT
        #2 uv__writev: sys.write 1002 6 6
        #2 uv__write_req_update: write_queue_size 6 0
        #2 uv__write_req_finish: write_queue.pop 1
        #2 uv__write_req_finish: write_completed_queue.push 1
        #2 uv__io_feed: io.feed
        #2 uv__write_callbacks: write_completed_queue.pop 1
        #2 uv__write_callbacks: request.end 1 0 0 write
        #2 uv__write_callbacks: callback.begin write_cb 0
        #2 uv__write_callbacks: callback.end write_cb
        #2 uv__io_stop: io.stop OUT –
        #2 uv__io_stop: io.events OUT –
        #2 uv__io_stop: loop.nfds 3 2
        uv__run_pending: loop.phase
        #2 uv__run_pending: pending.pop
        """
    )


def test_a_shutdown_of_an_empty_queue(world: World, feed: list[Word], diary: Diary) -> None:
    stream = connected(world)
    take(feed)
    stream.shutdown(diary.shutdown)
    world.turn()
    assert take(feed) == golden(
        """
        #2 uv_shutdown: request.begin 1 shutdown 0 0 1
        #2 uv_shutdown: shutdown_req 0 1
        #2 uv_shutdown: flag.set SHUTTING
        #2 uv_shutdown: flag.clear WRITABLE
        #2 uv__io_feed: io.feed
        uv_run: loop.turn 3
        uv__run_pending: loop.phase
        #2 uv__run_pending: pending.pop
        #2 uv__drain: shutdown_req 1 0
        #2 uv__drain: flag.clear SHUTTING
        #2 uv__drain: sys.shutdown 1002 1 0
        #2 uv__drain: flag.set SHUT
        #2 uv__drain: request.end 1 0 0 shutdown
        #2 uv__drain: callback.begin shutdown_cb 0
        #2 uv__drain: callback.end shutdown_cb
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 0
        """
    )


def test_a_connect_that_is_refused_with_a_write_behind_it(world: World, feed: list[Word], diary: Diary) -> None:
    stream = Tcp(world.loop)
    take(feed)
    stream.connect(("127.0.0.1", 5), diary.connect)
    stream.write(b"early", diary.write)
    world.kernel[stream.fd].so_error = errno.ECONNREFUSED
    world.turn((stream.fd, OUT))
    assert take(feed) == golden(
        """
        #2 uv__socket: sys.socket -1 2 1002
        #2 uv__stream_open: flag.set READABLE
        #2 uv__stream_open: flag.set WRITABLE
        #2 uv__stream_open: fd -1 1002
        #2 uv__tcp_connect: sys.connect 1002 0 0
        #2 uv__tcp_connect: request.begin 1 connect 0 0 1
        #2 uv__tcp_connect: connect_req 0 1
        #2 uv__tcp_connect: handle.address '127.0.0.1:0' '127.0.0.1:5'
        #2 uv__io_start: io.start – OUT
        #2 uv__io_start: watcher_queue.push
        #2 uv__io_start: loop.nfds 2 3
        #2 uv_write2: request.begin 2 write 5 1 2
        #2 uv_write2: write_queue_size 0 5
        #2 uv_write2: write_queue.push 2
        uv_run: loop.turn 3
        uv__io_poll: loop.phase
        #2 uv__io_poll: watcher_queue.pop
        #2 uv__io_poll: epoll.add 1002 OUT 0
        #2 uv__io_poll: io.events – OUT
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event OUT
        #2 uv__stream_connect: sys.getsockopt 1002 4 ECONNREFUSED
        #2 uv__stream_connect: connect_req 1 0
        #2 uv__stream_connect: request.end 1 ECONNREFUSED 1 connect
        #2 uv__io_stop: io.stop OUT –
        #2 uv__io_stop: io.events OUT –
        #2 uv__io_stop: loop.nfds 3 2
        #2 uv__stream_connect: callback.begin connect_cb ECONNREFUSED
        #2 uv__stream_connect: callback.end connect_cb
        #2 uv__stream_flush_write_queue: write_queue.pop 2
        #2 uv__stream_flush_write_queue: request.error 2 ECANCELED
        #2 uv__stream_flush_write_queue: write_completed_queue.push 2
        #2 uv__write_callbacks: write_completed_queue.pop 2
        #2 uv__write_callbacks: write_queue_size 5 0
        #2 uv__write_callbacks: request.end 2 ECANCELED 0 write
        #2 uv__write_callbacks: callback.begin write_cb ECANCELED
        #2 uv__write_callbacks: callback.end write_cb
        """
    )


def test_a_connection_that_is_held_and_accepted_later(world: World, feed: list[Word], diary: Diary) -> None:
    server = Tcp(world.loop)
    take(feed)
    server.bind(("127.0.0.1", 0))
    server.listen(5, diary.connection)
    world.kernel[server.fd].backlog.append(world.kernel.make())
    world.turn((server.fd, IN))
    client = Tcp(world.loop)
    world.loop.handles[client.number].name = "late"
    server.accept(client)
    assert take(feed) == golden(
        """
        #2 uv__socket: sys.socket -1 2 1002
        #2 uv__stream_open: fd -1 1002
        #2 uv__tcp_bind: sys.bind 1002 0 0
        #2 uv__tcp_bind: flag.set BOUND
        #2 uv_tcp_bind: handle.address '127.0.0.1:7001' ''
        #2 uv_tcp_listen: sys.listen 1002 5 0
        #2 uv_tcp_listen: callbacks none connection_cb
        #2 uv_tcp_listen: handle.address '127.0.0.1:7001' ''
        #2 uv__io_start: io.start – IN
        #2 uv__io_start: watcher_queue.push
        #2 uv__io_start: loop.nfds 2 3
        #2 uv_listen: flag.set ACTIVE
        #2 uv_listen: handle.start 0 1
        uv_run: loop.turn 3
        uv__io_poll: loop.phase
        #2 uv__io_poll: watcher_queue.pop
        #2 uv__io_poll: epoll.add 1002 IN 0
        #2 uv__io_poll: io.events – IN
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event IN
        #2 uv__accept: sys.accept 1002 0 1003
        #2 uv__server_io: accepted_fd -1 1003
        #2 uv__server_io: callback.begin connection_cb 0
        #2 uv__server_io: callback.end connection_cb
        #2 uv__io_stop: io.stop IN –
        #2 uv__io_stop: io.events IN –
        #2 uv__io_stop: loop.nfds 3 2
        #3 uv_tcp_init_ex: handle.init tcp
        #3 uv__stream_init: flag.set REF
        #3 name: handle.name 'late'
        #3 uv__stream_open: flag.set READABLE
        #3 uv__stream_open: flag.set WRITABLE
        #3 uv__stream_open: fd -1 1003
        #3 uv_accept: flag.set BOUND
        #3 uv_accept: handle.accepted 2
        #3 uv_accept: handle.address '127.0.0.1:0' '127.0.0.1:4'
        #2 uv_accept: accepted_fd 1003 -1
        #2 uv__io_start: io.start – IN
        #2 uv__io_start: watcher_queue.push
        #2 uv__io_start: loop.nfds 2 3
        """
    )


def test_a_close_with_writes_and_a_shutdown_under_way(world: World, feed: list[Word], diary: Diary) -> None:
    stream = connected(world)
    stream.read_start(None, diary.read)
    world.turn()
    world.kernel[stream.fd].takes.extend([3, -errno.EAGAIN])
    take(feed)
    stream.write(b"one", diary.write)
    stream.write(b"three", diary.write)
    stream.shutdown()
    stream.close(diary.closed)
    world.turn()
    assert take(feed) == golden(
        """
        #2 uv_write2: request.begin 1 write 3 1 1
        #2 uv_write2: write_queue_size 0 3
        #2 uv_write2: write_queue.push 1
        #2 uv__writev: sys.write 1002 3 3
        #2 uv__write_req_update: write_queue_size 3 0
        #2 uv__write_req_finish: write_queue.pop 1
        #2 uv__write_req_finish: write_completed_queue.push 1
        #2 uv__io_feed: io.feed
        #2 uv_write2: request.begin 2 write 5 1 2
        #2 uv_write2: write_queue_size 0 5
        #2 uv_write2: write_queue.push 2
        #2 uv__writev: sys.write 1002 5 EAGAIN
        #2 uv__io_start: io.start IN IN|OUT
        #2 uv__io_start: watcher_queue.push
        #2 uv_shutdown: request.begin 3 shutdown 0 0 3
        #2 uv_shutdown: shutdown_req 0 3
        #2 uv_shutdown: flag.set SHUTTING
        #2 uv_shutdown: flag.clear WRITABLE
        #2 uv_close: handle.close
        #2 uv_close: flag.set CLOSING
        #2 uv__io_stop: io.stop IN|OUT –
        #2 uv__io_stop: watcher_queue.pop
        #2 uv__io_stop: io.events IN –
        #2 uv__io_stop: loop.nfds 3 2
        #2 uv__io_close: pending.pop
        #2 uv__platform_invalidate_fd: epoll.del 1002 0
        #2 uv_read_stop: flag.clear READING
        #2 uv_read_stop: flag.clear ACTIVE
        #2 uv_read_stop: handle.stop 1 0
        #2 uv_read_stop: callbacks read_cb none
        #2 uv__stream_close: flag.clear READABLE
        #2 uv__stream_close: sys.close 1002 0 0
        #2 uv__stream_close: fd 1002 -1
        #2 uv__make_close_pending: closing.push
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 0
        uv__run_closing_handles: loop.phase
        #2 uv__run_closing_handles: closing.pop
        #2 uv__finish_close: flag.set CLOSED
        #2 uv__stream_flush_write_queue: write_queue.pop 2
        #2 uv__stream_flush_write_queue: request.error 2 ECANCELED
        #2 uv__stream_flush_write_queue: write_completed_queue.push 2
        #2 uv__write_callbacks: write_completed_queue.pop 1
        #2 uv__write_callbacks: write_completed_queue.pop 2
        #2 uv__write_callbacks: request.end 1 0 2 write
        #2 uv__write_callbacks: callback.begin write_cb 0
        #2 uv__write_callbacks: callback.end write_cb
        #2 uv__write_callbacks: write_queue_size 5 0
        #2 uv__write_callbacks: request.end 2 ECANCELED 1 write
        #2 uv__write_callbacks: callback.begin write_cb ECANCELED
        #2 uv__write_callbacks: callback.end write_cb
        #2 uv__drain: shutdown_req 3 0
        #2 uv__drain: flag.clear SHUTTING
        #2 uv__drain: request.end 3 ECANCELED 0 shutdown
        #2 uv__finish_close: flag.clear REF
        #2 uv__finish_close: handle.closed
        #2 uv__finish_close: callback.begin close_cb 0
        #2 uv__finish_close: callback.end close_cb
        """
    )


def test_the_end_of_the_peers_side_and_a_hang_up(world: World, feed: list[Word], diary: Diary) -> None:
    stream = connected(world)
    stream.read_start(None, diary.read)
    world.turn()
    world.kernel[stream.fd].inbox.append(b"last")
    take(feed)
    world.turn((stream.fd, IN | HUP))
    assert take(feed) == golden(
        """
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event IN|HUP
        #2 uv__read: sys.read 1002 65536 4
        #2 uv__read: callback.begin read_cb 4
        #2 uv__read: callback.end read_cb
        #2 uv__read: flag.set READ_PARTIAL
        #2 uv__stream_eof: flag.set READ_EOF
        #2 uv__stream_eof: flag.clear READING
        #2 uv__io_stop: io.stop IN –
        #2 uv__io_stop: io.events IN –
        #2 uv__io_stop: loop.nfds 3 2
        #2 uv__stream_eof: flag.clear ACTIVE
        #2 uv__stream_eof: handle.stop 1 0
        #2 uv__stream_eof: callback.begin read_cb EOF
        #2 uv__stream_eof: callback.end read_cb
        """
    )


def test_a_read_error(world: World, feed: list[Word], diary: Diary) -> None:
    stream = connected(world)
    stream.read_start(None, diary.read)
    world.turn()
    world.kernel[stream.fd].inbox.append(-errno.ECONNRESET)
    take(feed)
    world.turn((stream.fd, IN))
    assert take(feed) == golden(
        """
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event IN
        #2 uv__read: sys.read 1002 65536 ECONNRESET
        #2 uv__read: flag.clear READABLE
        #2 uv__read: flag.clear WRITABLE
        #2 uv__read: callback.begin read_cb ECONNRESET
        #2 uv__read: callback.end read_cb
        #2 uv__read: flag.clear READING
        #2 uv__io_stop: io.stop IN –
        #2 uv__io_stop: io.events IN –
        #2 uv__io_stop: loop.nfds 3 2
        #2 uv__read: flag.clear ACTIVE
        #2 uv__read: handle.stop 1 0
        """
    )


def test_descriptors_over_a_pipe(world: World, feed: list[Word], diary: Diary) -> None:
    pipe = Pipe(world.loop, ipc=True)
    pipe.open(world.kernel.make("unix"))
    pipe.read_start(None, diary.read)
    world.turn()
    world.kernel[pipe.fd].inbox.append((b"x", [world.kernel.make(), world.kernel.make()]))
    client = Tcp(world.loop)
    take(feed)
    world.turn((pipe.fd, IN))
    pipe.accept(client)
    pipe.write2(b"y", client)
    pipe.close()
    assert take(feed) == golden(
        """
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event IN
        #2 uv__recvmsg: sys.recvmsg 1002 65536 1
        #2 uv__stream_recv_cmsg: accepted_fd -1 1003
        #2 uv__stream_queue_fd: queued_fds.capacity 0 8
        #2 uv__stream_queue_fd: queued_fds.push 1004
        #2 uv__read: callback.begin read_cb 1
        #2 uv__read: callback.end read_cb
        #2 uv__read: flag.set READ_PARTIAL
        #3 uv__stream_open: flag.set READABLE
        #3 uv__stream_open: flag.set WRITABLE
        #3 uv__stream_open: fd -1 1003
        #3 uv_accept: flag.set BOUND
        #3 uv_accept: handle.accepted 2
        #3 uv_accept: handle.address '127.0.0.1:0' '127.0.0.1:4'
        #2 uv_accept: accepted_fd 1003 1004
        #2 uv_accept: queued_fds.pop 1004
        #2 uv_accept: queued_fds.capacity 8 0
        #2 uv_write2: request.begin 1 write 1 1 1
        #2 uv_write2: request.send 1 3
        #2 uv_write2: write_queue_size 0 1
        #2 uv_write2: write_queue.push 1
        #2 uv__try_write: sys.sendmsg 1002 1 1
        #2 uv__write: request.send 1 0
        #2 uv__write_req_update: write_queue_size 1 0
        #2 uv__write_req_finish: write_queue.pop 1
        #2 uv__write_req_finish: write_completed_queue.push 1
        #2 uv__io_feed: io.feed
        #2 uv_close: handle.close
        #2 uv_close: flag.set CLOSING
        #2 uv__io_stop: io.stop IN –
        #2 uv__io_stop: io.events IN –
        #2 uv__io_stop: loop.nfds 3 2
        #2 uv__io_close: pending.pop
        #2 uv__platform_invalidate_fd: epoll.del 1002 0
        #2 uv_read_stop: flag.clear READING
        #2 uv_read_stop: flag.clear ACTIVE
        #2 uv_read_stop: handle.stop 1 0
        #2 uv_read_stop: callbacks read_cb none
        #2 uv__stream_close: flag.clear READABLE
        #2 uv__stream_close: flag.clear WRITABLE
        #2 uv__stream_close: sys.close 1002 0 0
        #2 uv__stream_close: fd 1002 -1
        #2 uv__stream_close: sys.close 1004 0 0
        #2 uv__stream_close: accepted_fd 1004 -1
        #2 uv__make_close_pending: closing.push
        """
    )


def test_running_out_of_descriptors(world: World, feed: list[Word], diary: Diary) -> None:
    server = Tcp(world.loop)
    server.listen(5, diary.connection)
    world.turn()
    world.kernel[server.fd].backlog.extend([-errno.EMFILE, world.kernel.make()])
    take(feed)
    world.turn((server.fd, IN))
    assert take(feed) == golden(
        """
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 1
        #2 uv__io_poll: epoll.event IN
        #2 uv__accept: sys.accept 1002 0 EMFILE
        #2 uv__emfile_trick: sys.close 1001 0 0
        #2 uv__emfile_trick: sys.accept 1002 0 1003
        #2 uv__emfile_trick: sys.close 1003 0 0
        #2 uv__emfile_trick: sys.accept 1002 0 EAGAIN
        """
    )


def test_a_timer(world: World, feed: list[Word], diary: Diary) -> None:
    timer = Timer(world.loop)
    timer.start(lambda t: None, 5, 7)
    world.kernel.now += 6_000_000
    world.turn()
    timer.close()
    world.turn()
    assert take(feed) == golden(
        """
        #2 uv_timer_init: handle.init timer
        #2 uv__handle_init: flag.set REF
        #2 uv_timer_start: timer.start 5 7
        #2 uv_timer_start: flag.set ACTIVE
        #2 uv_timer_start: handle.start 0 1
        uv_run: loop.turn 3
        uv__run_timers: loop.phase
        #2 uv_timer_stop: timer.stop
        #2 uv_timer_stop: flag.clear ACTIVE
        #2 uv_timer_stop: handle.stop 1 0
        #2 uv_timer_start: timer.start 7 7
        #2 uv_timer_start: flag.set ACTIVE
        #2 uv_timer_start: handle.start 0 1
        #2 uv__run_timers: callback.begin timer_cb 0
        #2 uv__run_timers: callback.end timer_cb
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 0
        #2 uv_close: handle.close
        #2 uv_close: flag.set CLOSING
        #2 uv_timer_stop: timer.stop
        #2 uv_timer_stop: flag.clear ACTIVE
        #2 uv_timer_stop: handle.stop 1 0
        #2 uv__make_close_pending: closing.push
        uv_run: loop.turn 4
        uv__io_poll: loop.phase
        uv__io_poll: epoll.wait 0 0
        uv__run_closing_handles: loop.phase
        #2 uv__run_closing_handles: closing.pop
        #2 uv__finish_close: flag.set CLOSED
        #2 uv__finish_close: flag.clear REF
        #2 uv__finish_close: handle.closed
        """
    )
