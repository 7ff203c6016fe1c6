"""Pipes, IPC and terminals are shown as well as TCP: who is there, what waits, what travels."""

from __future__ import annotations

import pytest
from feeds import Clock, Scene, record
from rich.cells import cell_len
from ui_scenes import OPEN, connection, listener, view_of

from streamscope.core import flags as uv
from streamscope.diagnosis.shapes import Told
from streamscope.trace.state import RequestState, StreamState
from streamscope.trace.vocabulary import Vocabulary
from streamscope.ui.columns import BY_ID
from streamscope.ui.curves import Values
from streamscope.ui.peer import pending_count
from streamscope.ui.row_words import Overview
from streamscope.ui.widgets.panel_lines import panel_lines, title
from streamscope.ui.widgets.panel_rows import Facts
from streamscope.ui.widgets.request_list import request_lines
from streamscope.ui.widgets.welcome import command_to_try, folded, welcome_lines

CLOCK = Clock(200.0)
HERE = Vocabulary.here()


class NoTrends:
    vocabulary = HERE

    told = Told()

    known = Overview(told, HERE)

    def rate_in(self, number: int) -> float:
        return 0.0

    def rate_out(self, number: int) -> float:
        return 0.0

    def queue_trend(self, number: int, width: int) -> Values:
        return ()


def pipe(number: int = 7, **changes: object) -> StreamState:
    values = {"type": uv.UV_NAMED_PIPE, "local": "", "peer": "", "server": 0, "place": "", "begin_t": 0, **changes}
    return connection(number, **values)


def channel(waiting: int, **changes: object) -> StreamState:
    """An IPC pipe over which so many descriptors have come."""
    fds = list(range(20, 20 + waiting))
    capacity = -(-(waiting - 1) // 8) * 8
    return pipe(
        3, name="child 4711", ipc=True, accepted_fd=fds[0] if fds else -1, queued_fds=fds[1:],
        queued_fds_capacity=capacity if waiting > 1 else 0, **changes,
    )  # fmt: skip


def cell(column: str, state: StreamState) -> str:
    return BY_ID[column].cell(state, CLOCK.t, NoTrends()).text


def panel(state: StreamState, width: int = 100, height: int = 30, **more: object) -> str:
    facts = Facts(state=state, now_t=CLOCK.t, vocabulary=HERE, **more)  # type: ignore[arg-type]
    return "\n".join("".join(text for text, _ in line) for line in panel_lines(facts, width, height))


def line_of(name: str, text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f" {name}"))


def head(state: StreamState) -> str:
    return title(Facts(state=state, now_t=CLOCK.t, vocabulary=HERE))


@pytest.mark.parametrize(
    ("state", "kind", "peer", "named"),
    [
        (pipe(local="/run/x.sock", server=1), "pipe", "unix", "#7 client ← unix at /run/x.sock · fd 12"),
        (pipe(local="/run/x.sock", peer="@me", server=1), "pipe", "@me", "#7 client ← @me · fd 12"),
        (pipe(peer="/run/x.sock"), "pipe", "/run/x.sock", "#7 upstream → /run/x.sock · fd 12"),
        (pipe(peer="@name"), "pipe", "@name", "#7 upstream → @name · fd 12"),
        (channel(0), "ipc", "child 4711", "#3 child ipc · 4711 · fd 8"),
        (pipe(ipc=True), "ipc", "unix", "#7 child ipc unix · fd 12"),
        (pipe(type=uv.UV_TTY, fd=1), "tty", "terminal on fd 1", "#7 tty · fd 1"),
        (pipe(), "pipe", "–", "#7 pipe · fd 12"),
    ],
)
def test_who_is_at_the_other_end(state: StreamState, kind: str, peer: str, named: str) -> None:
    assert cell("type", state) == kind
    assert cell("peer", state).lstrip("←→ ") == peer
    assert head(state) == named


def test_a_server_on_a_path_shows_its_last_part_in_the_table_and_all_of_it_in_the_panel() -> None:
    state = listener(local="/run/user/0/streamscope/pipe-echo.sock", type=uv.UV_NAMED_PIPE)

    assert cell("peer", state) == "pipe-echo.sock"
    assert "listener /run/user/0/streamscope/pipe-echo.sock" in head(state)
    assert cell("peer", listener(local="@name:7")) == "@name:7"


def test_a_path_cannot_steer_the_terminal() -> None:
    state = pipe(local="/tmp/\x1b[2J\u202ex", server=1)

    assert "\x1b" not in head(state) + cell("peer", listener(local=state.local))
    assert "\u202e" not in head(state) + cell("peer", listener(local=state.local))


def test_descriptors_that_wait_are_named_and_counted_with_their_room() -> None:
    line = line_of("accepted_fd", panel(channel(4)))

    assert " ".join(line.split()) == "accepted_fd 20 queued_fds 21, 22, 23 room 3/8 pending 4"
    assert cell("fds", channel(4)) == "4"


@pytest.mark.parametrize("width", [56, 62, 76, 100, 140])
@pytest.mark.parametrize("waiting", [1, 2, 9, 10, 250])
def test_however_many_wait_their_number_is_never_cut_off(width: int, waiting: int) -> None:
    line = line_of("accepted_fd", panel(channel(waiting), width))

    assert cell_len(line) <= width
    assert line.endswith(f"pending {waiting}")
    assert waiting == 1 or f" {waiting - 1}/" in line


def test_an_ipc_pipe_keeps_its_descriptors_in_sight_when_there_is_little_room() -> None:
    assert "accepted_fd" in panel(channel(0), 60, 7)
    assert "accepted_fd" not in panel(connection(7), 60, 7)


def test_a_connection_that_a_server_holds_is_not_counted_as_pending() -> None:
    assert pending_count(listener(accepted_fd=9)) == 0


def test_a_write_says_what_it_carries_and_carried() -> None:
    queue = [
        RequestState(41, uv.UV_WRITE, 1, 1, 1, send_handle=7),
        RequestState(42, uv.UV_WRITE, 1, 1, 1, send_handle=8),
    ]
    state = channel(0, write_queue=queue, write_queue_size=2)
    done = [RequestState(39, uv.UV_WRITE, 1, send_handle=5)]

    text = panel(state, completed=done)
    listed = ["".join(part for part, _ in line) for line in request_lines(state, done, CLOCK.t, 100, 20, HERE)]

    assert "carries #7" in line_of("write_queue ", text)
    assert "w42 1 B carries #8" in line_of("write_queue ", text)
    assert line_of("write_completed_queue", text).rstrip().endswith("done w39 ✓ carried #5")
    assert [line for line in listed if "carries #7" in line and line.startswith("w41")]
    assert [line for line in listed if "carried #5" in line and line.startswith("w39")]


def test_a_terminal_shows_that_its_writes_block() -> None:
    text = panel(pipe(type=uv.UV_TTY, fd=1, flags=OPEN | uv.BLOCKING_WRITES))

    assert "●BLOCKING_WRITES" in text
    assert "BLOCKING_WRITES" not in panel(pipe(type=uv.UV_TTY, fd=1))


def test_the_events_of_a_passed_descriptor_lead_to_the_same_picture() -> None:
    """From records, as the engine tells them, to the panel's line."""
    scene = Scene(CLOCK)
    scene.snapshot([listener()])
    scene.records(
        record("handle.init", 3, uv.UV_NAMED_PIPE, "ipc.py:97 main", fn="uv_pipe_init"),
        record("handle.ipc", 3),
        record("accepted_fd", 3, -1, 20, fn="uv__stream_recv_cmsg"),
        record("queued_fds.capacity", 3, 0, 8),
        record("queued_fds.push", 3, 21),
        record("queued_fds.push", 3, 22),
    )

    line = line_of("accepted_fd", panel(scene.model.streams[3]))

    assert " ".join(line.split()) == "accepted_fd 20 queued_fds 21, 22 room 2/8 pending 3"


def test_a_pipe_to_a_child_is_no_connection_so_the_empty_screen_still_teaches() -> None:
    scene = Scene(CLOCK)
    scene.snapshot([listener(), channel(0)])
    view = view_of(scene)
    view.advance(0.01)

    assert view.counts.connections == 0


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("/run/x.sock", "nc -U /run/x.sock"),
        ("/tmp/a b:7000", "nc -U '/tmp/a b:7000'"),
        ("@name", "nc -U @name"),
        ("[::1]:7000", "nc ::1 7000"),
    ],
)
def test_the_command_to_try_suits_the_address(address: str, command: str) -> None:
    assert command_to_try("pipe-echo", address) == command


def test_the_empty_screen_names_the_path() -> None:
    scene = Scene(CLOCK, program="pipe-echo", addresses=["/run/x.sock"])
    scene.snapshot([])
    view = view_of(scene)

    text = "\n".join("".join(part for part, _ in line) for line in welcome_lines(view))

    assert "pipe-echo listens on /run/x.sock" in text
    assert "nc -U /run/x.sock" in text


def test_a_long_path_goes_on_in_the_next_line() -> None:
    lines = folded([("    nc -U ", "label"), ("/tmp/" + "漢" * 30, "accent")], 40)

    assert all(sum(cell_len(text) for text, _ in line) <= 40 for line in lines)
    assert "".join(text for line in lines for text, _ in line) == "    nc -U /tmp/" + "漢" * 30
    assert folded([("short", "")], 40) == [[("short", "")]]
