"""Random programs: a cast of streams and a list of operations, small enough to read when hypothesis has shrunk them.

A program is plain data, so that it can be sent to the real library's process, and `play` is its interpreter: a
scenario like any other. An operation names its stream by a place in the list of handles that are open just then, so
that every list of operations is a program, whatever happened before; what cannot be done any more does nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any, TypeAlias

from backend import Backend
from hypothesis import strategies as st


def sizes(shape: list[int] | str) -> list[int]:
    """The sizes of the buffers that a shape stands for: a list of them, or `COUNT of SIZE`."""
    if isinstance(shape, list):
        return shape
    count, _, size = shape.partition(" of ")
    return [int(size)] * int(count)


SIZES = (0, 1, 5, 100, 3000, 20000)
SHAPES = st.one_of(
    st.lists(st.sampled_from(SIZES), min_size=1, max_size=6),
    st.sampled_from(["1030 of 1", "5 of 0", "3 of 60000"]),
)
PLACE = st.integers(0, 5)
CALLBACKS = ("read_cb", "write_cb", "shutdown_cb", "close_cb", "connection_cb", "alloc_cb")
MOST_HANDLES = 12
CRASHES_IN_ALLOC_CB = ("read_stop", "close")
"""libuv reads on after alloc_cb and calls read_cb without looking whether it is still there."""

Table: TypeAlias = dict[str, tuple[int, tuple[st.SearchStrategy[Any], ...]]]
"""Operations by name: how often they come, and what hypothesis may fill in."""

STREAM_OPERATIONS: Table = {
    "read_start": (5, (PLACE, st.sampled_from([None, 0, 1, 7, 64, 1000]))),
    "read_stop": (2, (PLACE,)),
    "write": (5, (PLACE, SHAPES)),
    "try_write": (2, (PLACE, SHAPES)),
    "shutdown": (1, (PLACE,)),
    "close": (1, (PLACE,)),
    "ask": (
        1,
        (PLACE, st.sampled_from(["is_active", "is_closing", "has_ref", "is_readable", "is_writable", "fileno"])),
    ),
    "ref": (1, (PLACE,)),
    "unref": (1, (PLACE,)),
    "peer_send": (4, (PLACE, st.sampled_from(SIZES[1:]))),
    "peer_recv": (4, (PLACE, st.sampled_from([1, 100, 3000, 100000]))),
    "peer_shutdown": (1, (PLACE,)),
    "peer_close": (1, (PLACE,)),
    "turn": (5, (st.integers(1, 3),)),
}
HANDING_OVER: Table = {
    "peer_send_descriptors": (5, (PLACE, st.integers(1, 12))),
    "peer_recv_descriptors": (2, (PLACE,)),
    "send": (5, (PLACE, PLACE)),
    "accept": (4, (PLACE,)),
    "accept_into": (1, (PLACE, PLACE)),
    "pending": (1, (PLACE,)),
}
SERVING: Table = {
    "peer_connect": (5, (PLACE,)),
    "accept": (5, (PLACE,)),
    "accept_into": (1, (PLACE, PLACE)),
}


def _operations(table: Table) -> st.SearchStrategy[list[Any]]:
    plain = st.one_of(
        [
            st.tuples(st.just(name), *arguments).map(list)  # one object for each time: equal ones count once
            for name, (often, arguments) in table.items()
            for _ in range(often)
        ]
    )
    inside = plain.filter(lambda operation: operation[0] != "turn")  # a loop is not run from its own callbacks
    reaction = st.tuples(st.just("when"), PLACE, st.sampled_from(CALLBACKS), inside)
    reaction = reaction.filter(lambda r: not (r[2] == "alloc_cb" and r[3][0] in CRASHES_IN_ALLOC_CB)).map(list)
    operation = st.integers(0, 3).flatmap(lambda which: plain if which else reaction)
    paragraphs = st.lists(st.lists(operation, max_size=12), max_size=8)  # so that programs are long, on average
    return paragraphs.map(lambda lists: [operation for one in lists for operation in (*one, ["turn", 1])])


def programs(*kinds: str) -> st.SearchStrategy[dict[str, Any]]:
    """Programs whose streams are of these kinds: `pipe`, `tcp` (a Unix socket as far as the kernel is concerned),
    `ipc`, `both` (both ends in the loop), `ipc both`, `server`.
    """
    table = dict(STREAM_OPERATIONS)
    if any("ipc" in kind for kind in kinds):
        table |= HANDING_OVER
    if "server" in kinds:
        table |= SERVING
    buffers = st.sampled_from([4096, 16384, 0])
    stream = st.tuples(st.sampled_from(kinds), buffers, st.booleans()).map(list)
    return st.fixed_dictionaries(
        {
            "streams": st.lists(stream, min_size=1, max_size=3),
            "operations": _operations(table),
        }
    )


def as_text(program: dict[str, Any]) -> str:
    """A program for a person to read."""
    lines = [
        f"stream {kind}, send buffer {size or 'as it comes'}{', reading' if reads else ''}"
        for kind, size, reads in program["streams"]
    ]
    for operation in program["operations"]:
        if operation[0] == "when":
            lines.append(f"when {operation[2]} of {operation[1]}: {' '.join(map(str, operation[3]))}")
        else:
            lines.append(" ".join(map(str, operation)))
    return "\n".join(lines)


def play(b: Backend, program: dict[str, Any]) -> None:
    """Run a program."""
    player = Player(b)
    for stream in program["streams"]:
        player.cast(*stream)
    for operation in program["operations"]:
        player.do(operation)
    b.turn(2)


class Player:
    """The interpreter of programs."""

    def __init__(self, b: Backend) -> None:
        self.b = b
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.peers: dict[str, str] = {}
        """The peer of a handle, while it has one."""
        self.paths: list[str] = []
        self.reactions: defaultdict[tuple[str, str], deque[list[Any]]] = defaultdict(deque)

    def fresh(self, letter: str) -> str:
        self.counts[letter] += 1
        return f"{letter}{self.counts[letter]}"

    def cast(self, kind: str, send_buffer: int, reads: bool) -> None:
        b = self.b
        if kind == "server":
            self.paths.append(f"{b.folder()}/{self.fresh('socket')}")
            name = self.handle("pipe")
            b.pipe_bind(name, self.paths[-1])
            b.listen(name)
            return
        fd, other = b.socketpair(send_buffer)
        handle_kind = "ipc" if "ipc" in kind else "tcp" if kind == "tcp" else "pipe"
        name = self.handle(handle_kind)
        b.open(name, fd)
        if "both" in kind:
            second = self.handle(handle_kind)
            b.open(second, other)
            if reads:
                b.read_start(second)
        else:
            self.peers[name] = f"peer of {name}"
            b.peer(self.peers[name], other)
        if reads:
            b.read_start(name)

    def handle(self, kind: str) -> str:
        """A new handle whose callbacks do what the program has planned for them."""
        name = self.fresh("h")
        if kind == "tcp":
            self.b.tcp(name)
        else:
            self.b.pipe(name, kind == "ipc")
        for callback in ("read_cb", "close_cb", "connection_cb", "alloc_cb"):
            self.b.on(name, callback, self.reacting(name, callback))
        return name

    def reacting(self, name: str, callback: str) -> Any:
        def react(*_: Any) -> None:
            planned = self.reactions[name, callback]
            if planned:
                self.do(planned.popleft())

        return react

    def do(self, operation: list[Any]) -> None:
        word, *arguments = operation
        if word == "turn":
            self.b.turn(arguments[0])
        elif word == "peer_connect":
            if self.paths and len(self.b.names) < MOST_HANDLES:
                self.b.peer_connect(self.fresh("client"), self.paths[arguments[0] % len(self.paths)])
        elif word.startswith("peer_"):
            if self.peers:
                names = list(self.peers)
                getattr(self, f"_{word}")(names[arguments[0] % len(names)], *arguments[1:])
        elif self.b.names:
            getattr(self, f"_{word}")(self.at(arguments[0]), *arguments[1:])

    def at(self, place: int) -> str:
        return self.b.names[place % len(self.b.names)]

    def _when(self, name: str, callback: str, operation: list[Any]) -> None:
        self.reactions[name, callback].append(operation)

    def _read_start(self, name: str, buffer: int | None) -> None:
        self.b.read_start(name, buffer)

    def _read_stop(self, name: str) -> None:
        self.b.read_stop(name)

    def _write(self, name: str, shape: list[int] | str, send: str | None = None) -> None:
        request = self.fresh("w")
        self.b.on(request, "write_cb", self.reacting(name, "write_cb"))
        self.b.write(name, request, [b"x" * size for size in sizes(shape)], send)

    def _send(self, name: str, other: int) -> None:
        """Over an IPC pipe, if there is one."""
        carriers = [name for name in self.b.names if self.b.is_ipc(name)]
        sent = self.at(other)
        # A pipe in flight in a pipe may be a cycle, which the kernel's collector closes when it gets round to it.
        if sent not in carriers:
            self._write(carriers[other % len(carriers)] if carriers else name, [1, 2], sent)

    def _try_write(self, name: str, shape: list[int] | str) -> None:
        self.b.try_write(name, [b"y" * size for size in sizes(shape)])

    def _shutdown(self, name: str) -> None:
        request = self.fresh("s")
        self.b.on(request, "shutdown_cb", self.reacting(name, "shutdown_cb"))
        self.b.shutdown(name, request)

    def _close(self, name: str) -> None:
        if not self.b.is_closing(name):
            self.b.close(name)

    def _ask(self, name: str, function: str) -> None:
        self.b.ask(function, name)

    def _ref(self, name: str) -> None:
        self.b.ref(name)

    def _unref(self, name: str) -> None:
        self.b.unref(name)

    def _pending(self, name: str) -> None:
        if self.b.is_pipe(name):
            self.b.ask("pending_count", name)
            self.b.ask("pending_type", name)

    def _accept(self, name: str) -> None:
        """By a handle that holds a descriptor, if there is one."""
        server = next((name for name in self.b.names if self.b.holds_descriptor(name)), name)
        if len(self.b.names) < MOST_HANDLES:
            client = self.handle("pipe")
            if self.b.accept(server, client) != 0:
                self.b.close(client)

    def _accept_into(self, server: str, other: int) -> None:
        self.b.accept(server, self.at(other))

    def _peer_send(self, name: str, size: int) -> None:
        self.b.peer_send(self.peers[name], b"z" * size)

    def _peer_recv(self, name: str, size: int) -> None:
        self.b.peer_recv(self.peers[name], size)

    def _peer_shutdown(self, name: str) -> None:
        self.b.peer_shutdown(self.peers[name])

    def _peer_close(self, name: str) -> None:
        self.b.peer_close(self.peers.pop(name))

    def _peer_send_descriptors(self, name: str, count: int) -> None:
        self.b.peer_send_descriptors(self.peers[name], b"d", count)

    def _peer_recv_descriptors(self, name: str) -> None:
        self.b.peer_recv_descriptors(self.peers[name])
