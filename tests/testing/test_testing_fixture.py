"""The fixture for other people's tests: it runs a program, records it, and says what did not hold."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest
from feeds import MS
from waiting import PATIENCE_S, until

from streamscope.core import Loop, Stream, Tcp, Timer
from streamscope.servers import chat, echo
from streamscope.testing import Trace, Tracer
from streamscope.trace.filter import FilterError


def polite(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=PATIENCE_S) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"


def sleep_of_the_program(seconds: float) -> None:
    """What a program should not do in a callback."""
    time.sleep(seconds)


def silent(loop: Loop, port: int = 0) -> None:
    """Accepts, and then does nothing."""

    def on_connection(server: Stream, status: int) -> None:
        client = Tcp(loop)
        server.accept(client)
        client.read_start(None, lambda stream, nread, data: None)

    server = Tcp(loop)
    server.bind(("127.0.0.1", port))
    server.listen(8, on_connection)


def test_a_program_is_run_with_a_client_and_what_holds_is_silent(streamscope_trace: Tracer) -> None:
    trace = streamscope_trace(echo.main, port=0, client=polite)
    trace.check(
        "max(wq) <= 5B", "count(error) == 0", "count(kind == sys.accept and result >= 0) == 1",
        "always(flag(CLOSING) -> eventually flag(CLOSED))", "never(armed(POLLOUT) and wq == 0 for 100ms)",
    )  # fmt: skip


def test_what_a_lint_says_can_be_asserted(streamscope_trace: Tracer) -> None:
    def main(loop: Loop) -> None:
        timer = Timer(loop)
        timer.start(lambda timer: (sleep_of_the_program(0.3), timer.close()), 1)

    trace = streamscope_trace(main)
    trace.check("never(stalled)", "count(lint.slow_turn) == 0", "count(lint.slow_callback) == 1")
    with pytest.raises(AssertionError, match="Timer_cb"):
        trace.check("count(lint.slow_callback) == 0")


def test_what_was_recorded_can_be_asked_for(streamscope_trace: Tracer) -> None:
    trace = streamscope_trace(echo.main, port=0, client=polite)
    assert [event.fields["result"] for event in trace.events("kind == sys.read and result > 0")] == [5]
    assert len(trace.events("kind == request.end and tcp")) == 2  # the write, and the shutdown
    assert trace.events("kind == sys.read and wq > 0") == []
    server, client = trace.streams()
    assert (client.bytes_in, client.bytes_out, client.server) == (5, 5, server.number)
    assert [stream.number for stream in trace.streams("reads > 0 and closed")] == [client.number]
    with pytest.raises(FilterError):
        trace.streams("kind == sys.read")


def test_what_does_not_hold_fails_with_the_place_and_the_command(streamscope_trace: Tracer) -> None:
    trace = streamscope_trace(echo.main, port=0, client=polite)
    with pytest.raises(AssertionError) as caught:
        trace.check("count(error) == 0", "max(wq) < 5B")
    text = str(caught.value)
    assert "count(error)" not in text
    assert "FAILED    max(wq) < 5B  (the highest was 5 B" in text
    assert f"streamscope replay {trace.path} --at " in text
    assert "write_queue_size 0 → 5" in text


def test_a_slow_reader_is_held_back(streamscope_trace: Tracer) -> None:
    loops: list[Loop] = []

    def main(loop: Loop) -> None:
        loops.append(loop)
        echo.main(loop, port=0)

    def rude(address: tuple[str, int]) -> None:
        """Sends much and reads nothing, until its stream has been above its mark for 20 ms on the loop's clock."""
        [loop] = loops
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(address)
            sock.setblocking(False)

            def is_above() -> bool:
                try:
                    sock.send(b"x" * 65536)
                except BlockingIOError:
                    pass
                streams = [handle for handle in list(loop.handles.values()) if isinstance(handle, Stream)]
                return any(stream.write_queue_size > stream.high_water for stream in streams)

            until(is_above, "what the rude one does not read waits in the server")
            begun = loop.clock()
            until(lambda: loop.clock() > begun + 20 * MS, "20 ms later")

    trace = streamscope_trace(main, client=rude, timeout=PATIENCE_S)
    trace.check("max(wq) > 64KiB", "max(wq) < 1MiB", "max(queue_age) > 10ms", "count(kind == sys.accept) > 0")


def test_a_program_may_run_and_close_its_loop_itself(streamscope_trace: Tracer) -> None:
    def main(loop: Loop) -> None:
        echo.main(loop, port=0)
        loop.run()
        assert not loop.alive()
        loop.close()

    streamscope_trace(main, client=polite).check("count(kind == sys.read and result == 5) == 1")


def test_a_program_without_clients_runs_to_its_end(streamscope_trace: Tracer) -> None:
    fired: list[int] = []

    def main(loop: Loop) -> None:
        Timer(loop).start(lambda timer: (fired.append(1), timer.close()), 20)

    trace = streamscope_trace(main)
    assert fired == [1]
    trace.check("count(kind == timer.start) == 1", "max(t) >= 20ms")


def test_a_program_that_goes_on_is_ended_after_so_many_seconds(streamscope_trace: Tracer) -> None:
    trace = streamscope_trace(echo.main, port=0, seconds=0.05)
    trace.check("count(kind == handle.closed) == 1", "count(kind == sys.accept) == 0")


def test_a_program_that_does_not_end_fails_and_says_what_kept_it_alive(streamscope_trace: Tracer) -> None:
    with pytest.raises(AssertionError, match=r"still running after 0\.1 s: Tcp #\d+ kept it alive; its trace: /"):
        streamscope_trace(silent, timeout=0.1)


def test_what_a_callback_raises_fails_the_test(streamscope_trace: Tracer) -> None:
    def main(loop: Loop) -> None:
        def broken(timer: Timer) -> None:
            raise LookupError("nothing there")

        Timer(loop).start(broken, 1)

    with pytest.raises(LookupError, match="nothing there"):
        streamscope_trace(main)


def test_what_the_client_raises_fails_the_test_and_ends_the_program(streamscope_trace: Tracer, tmp_path: Path) -> None:
    def broken(address: tuple[str, int]) -> None:
        polite(address)
        raise ConnectionError("not as I like it")

    with pytest.raises(ConnectionError, match="not as I like it"):
        streamscope_trace(silent_echo, client=broken, timeout=PATIENCE_S)
    Trace(tmp_path / "trace.scope").check(f"max(t) < {PATIENCE_S:g}s")  # so it did not wait for the timeout


def silent_echo(loop: Loop) -> None:
    """Echo, and something that would keep the loop alive for ever."""
    echo.main(loop, port=0)
    Timer(loop).start(lambda timer: None, 1000, 1000)


def test_what_main_raises_fails_the_test(streamscope_trace: Tracer) -> None:
    def main(loop: Loop) -> None:
        Tcp(loop)
        raise ValueError("no port today")

    with pytest.raises(ValueError, match="no port today"):
        streamscope_trace(main)


def test_two_runs_have_two_traces(streamscope_trace: Tracer, tmp_path: Path) -> None:
    one, other = (streamscope_trace(echo.main, port=0, client=polite) for _ in range(2))
    assert {one.path, other.path} == {tmp_path / "trace.scope", tmp_path / "trace1.scope"}
    assert one.path.stat().st_mode & 0o777 == 0o600
    other.check("count(error) == 0")


def test_the_plugin_gives_other_projects_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import socket
        from streamscope.servers import echo

        def talk(address):
            with socket.create_connection(address) as sock:
                sock.sendall(b"hello")
                sock.recv(5)

        def test_it(streamscope_trace):
            trace = streamscope_trace(echo.main, port=0, client=talk)
            trace.check("max(wq) < 1MiB")
            trace.check("count(kind == sys.accept) > 5")
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "FAILED    count(kind == sys.accept) > 5  (the count was" in text
    assert "streamscope/testing.py" not in text  # the failure is where the test says what has to hold


def test_a_failure_shows_the_test_and_not_how_it_was_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from streamscope.core import Tcp
        from streamscope.servers import echo

        def idle(loop):
            server = Tcp(loop)
            server.bind(("127.0.0.1", 0))
            server.listen(8, print)

        def nothing(address):
            pass

        def broken(address):
            raise ValueError("the client has had enough")

        def test_assertion(streamscope_trace):
            streamscope_trace(echo.main, port=0, client=nothing).check("max(wqq) < 1MiB")

        def test_filter(streamscope_trace):
            streamscope_trace(echo.main, port=0, client=nothing).streams("wq > 5 and kind == sys.read")

        def test_client(streamscope_trace):
            streamscope_trace(echo.main, port=0, client=broken)

        def test_end(streamscope_trace):
            streamscope_trace(idle, timeout=0.05)
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--showlocals")
    result.assert_outcomes(failed=4)
    text = result.stdout.str()
    assert "streamscope/testing.py" not in text
    assert "trace/filter" not in text
    result.stdout.fnmatch_lines(["E *did you mean wq[?]", "E *max(wqq) < 1MiB", "E *    ^^^"])
    result.stdout.fnmatch_lines(["E *ValueError: the client has had enough"])
    result.stdout.fnmatch_lines(
        ["E *AssertionError: the program was still running after 0.05 s: Tcp #* kept it alive*"]
    )


def test_the_plugin_loads_nothing_of_the_engine_until_a_test_asks(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            loaded = {name.split(".")[1] for name in sys.modules if name.startswith("streamscope.")}
            assert loaded == {"pytest_plugin"}
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_what_was_held_back_is_named_with_who_held_it(streamscope_trace: Tracer) -> None:
    # given a chat in which one does not read
    ports: dict[str, int] = {}

    def talk(address: tuple[str, int]) -> None:
        with socket.create_connection(address) as slow, socket.create_connection(address) as talker:
            ports.update(slow=slow.getsockname()[1], talker=talker.getsockname()[1])
            talker.settimeout(0.7)
            with suppress(TimeoutError):
                while True:
                    talker.sendall(bytes(65536))

    trace = streamscope_trace(chat.main, port=0, client=talk)

    # when whoever is not read fails an assertion
    with pytest.raises(AssertionError) as caught:
        trace.check("never(not reading and server != 0 for 300ms)")

    # then beside the talker stands who held it back, with its address
    failures = str(caught.value).split("          stream #")
    failure = next(each for each in failures if f":{ports['talker']})" in each)
    assert "held back by client #" in failure
    assert f"← 127.0.0.1:{ports['slow']}, from " in failure
