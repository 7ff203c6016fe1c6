"""Random programs: a cast of streams and a list of operations, small enough to read when hypothesis has shrunk them.

A program is plain data, so that it can be sent to the real library's process, and `play` is its interpreter: a
scenario like any other. An operation names its stream by a place in the list of handles that are open just then, so
that every list of operations is a program, whatever happened before; what cannot be done any more does nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Any

from backend import Backend
from hypothesis import strategies as st


def sizes(shape: list[int] | str) -> list[int]:
    """The sizes of the buffers that a shape stands for: a list of them, or `COUNT of SIZE`."""
    if isinstance(shape, list):
        return shape
    count, _, size = shape.partition(" of ")
    return [int(size)] * int(count)


# name → what hypothesis may fill in; a stream is named by its place among the open handles
SIZES = (0, 1, 5, 100, 3000, 20000)
SHAPES = st.one_of(
    st.lists(st.sampled_from(SIZES), min_size=1, max_size=6),
    st.sampled_from(["1030 of 1", "5 of 0", "3 of 60000"]),
)
PLACE = st.integers(0, 5)
CALLBACKS = ("read_cb", "write_cb", "shutdown_cb", "close_cb", "connection_cb", "alloc_cb")
CRASHES_IN_ALLOC_CB = ("read_stop", "close")
"""libuv reads on after alloc_cb and calls read_cb without looking whether it is still there."""

STREAM_OPERATIONS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "read_start": (PLACE, st.sampled_from([None, 0, 1, 7, 64, 1000])),
    "read_stop": (PLACE,),
    "write": (PLACE, SHAPES),
    "try_write": (PLACE, SHAPES),
    "shutdown": (PLACE,),
    "close": (PLACE,),
    "ask": (PLACE, st.sampled_from(["is_active", "is_closing", "has_ref", "is_readable", "is_writable", "fileno"])),
    "ref": (PLACE,),
    "unref": (PLACE,),
    "peer_send": (PLACE, st.sampled_from(SIZES[1:])),
    "peer_recv": (PLACE, st.sampled_from([1, 100, 3000, 100000])),
    "peer_shutdown": (PLACE,),
    "peer_close": (PLACE,),
    "turn": (st.integers(1, 3),),
}
HANDING_OVER: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "peer_send_descriptors": (PLACE, st.integers(1, 12)),
    "peer_recv_descriptors": (PLACE,),
    "send": (PLACE, PLACE),
    "accept": (PLACE,),
    "accept_into": (PLACE, PLACE),
    "pending": (PLACE,),
}
SERVING: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "peer_connect": (),
    "accept": (PLACE,),
    "accept_into": (PLACE, PLACE),
}


def _operations(table: dict[str, tuple[st.SearchStrategy[Any], ...]]) -> st.SearchStrategy[list[Any]]:
    plain = st.one_of([st.tuples(st.just(name), *arguments).map(list) for name, arguments in table.items()])
    inside = plain.filter(lambda operation: operation[0] != "turn")  # a loop is not run from its own callbacks
    reaction = st.tuples(st.just("when"), PLACE, st.sampled_from(CALLBACKS), inside)
    reaction = reaction.filter(lambda r: not (r[2] == "alloc_cb" and r[3][0] in CRASHES_IN_ALLOC_CB)).map(list)
    paragraphs = st.lists(st.lists(st.one_of(plain, plain, reaction), max_size=12), max_size=8)  # long ones, on average
    return paragraphs.map(lambda lists: [operation for one in lists for operation in one])


def programs(*kinds: str) -> st.SearchStrategy[dict[str, Any]]:
    """Programs whose streams are of these kinds: `pipe`, `tcp` (a Unix socket as far as the kernel is concerned),
    `ipc`, `both` (both ends in the loop), `ipc both`, `server`.
    """
    table = dict(STREAM_OPERATIONS)
    if any("ipc" in kind for kind in kinds):
        table |= HANDING_OVER
    if "server" in kinds:
        table |= SERVING
    cast = st.lists(
        st.tuples(st.sampled_from(kinds), st.sampled_from([0, 4096, 16384])).map(list), min_size=1, max_size=2
    )
    return st.fixed_dictionaries({"streams": cast, "operations": _operations(table)})


def as_text(program: dict[str, Any]) -> str:
    """A program for a person to read."""
    lines = [f"stream {kind}, send buffer {size or 'as it comes'}" for kind, size in program["streams"]]
    for operation in program["operations"]:
        if operation[0] == "when":
            lines.append(f"when {operation[2]} of {operation[1]}: {' '.join(map(str, operation[3]))}")
        else:
            lines.append(" ".join(map(str, operation)))
    return "\n".join(lines)


def play(b: Backend, program: dict[str, Any]) -> None:
    """Run a program."""
    player = Player(b)
    for kind, send_buffer in program["streams"]:
        player.cast(kind, send_buffer)
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
        self.path = ""
        self.reactions: defaultdict[tuple[str, str], deque[list[Any]]] = defaultdict(deque)

    def fresh(self, letter: str) -> str:
        self.counts[letter] += 1
        return f"{letter}{self.counts[letter]}"

    def cast(self, kind: str, send_buffer: int) -> None:
        b = self.b
        if kind == "server":
            self.path = self.path or f"{b.folder()}/{self.fresh('socket')}"
            name = self.handle("pipe")
            if b.pipe_bind(name, self.path) == 0:
                b.listen(name)
            return
        fd, other = b.socketpair(send_buffer)
        handle_kind = "ipc" if "ipc" in kind else "tcp" if kind == "tcp" else "pipe"
        name = self.handle(handle_kind)
        b.open(name, fd)
        if "both" in kind:
            b.open(self.handle(handle_kind), other)
        else:
            self.peers[name] = f"peer of {name}"
            b.peer(self.peers[name], other)

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
            if self.path and len(self.b.names) < 12:
                self.b.peer_connect(self.fresh("client"), self.path)
        elif self.b.names:
            name = self.at(arguments[0])
            getattr(self, f"_{word}")(name, *arguments[1:])

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
        sent = self.at(other)
        # A pipe in flight in a pipe may be a cycle, which the kernel's collector closes when it gets round to it.
        if not self.b.is_ipc(sent):
            self._write(name, [1], sent)

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

    def _accept(self, server: str) -> None:
        if len(self.b.names) < 12:
            client = self.handle("pipe")
            if self.b.accept(server, client) != 0:
                self.b.close(client)

    def _accept_into(self, server: str, other: int) -> None:
        self.b.accept(server, self.at(other))

    def _peer_send(self, name: str, size: int) -> None:
        if name in self.peers:
            self.b.peer_send(self.peers[name], b"z" * size)

    def _peer_recv(self, name: str, size: int) -> None:
        if name in self.peers:
            self.b.peer_recv(self.peers[name], size)

    def _peer_shutdown(self, name: str) -> None:
        if name in self.peers:
            self.b.peer_shutdown(self.peers[name])

    def _peer_close(self, name: str) -> None:
        if name in self.peers:
            self.b.peer_close(self.peers.pop(name))

    def _peer_send_descriptors(self, name: str, count: int) -> None:
        if name in self.peers:
            self.b.peer_send_descriptors(self.peers[name], b"d", count)

    def _peer_recv_descriptors(self, name: str) -> None:
        if name in self.peers:
            self.b.peer_recv_descriptors(self.peers[name])
