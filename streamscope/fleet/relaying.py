"""The relay: an inspector in a process of its own, whose words go to NATS.

Of each engine a summary goes out every second, and its states now and then: as JetStream keeps them, an hour and 64 MiB
an engine at most. What else happens goes out only to whoever holds a lease on it, which is asked for again and again;
and to JetStream, where `--keep` wants it. Nothing of an engine is commanded from outside: a request can have what is
told, and no more.

What NATS does not take is counted. Each crossing is numbered, so whoever reads knows of every hole, and gets the whole
state again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streamscope.fleet import retention, summary
from streamscope.fleet.conduit import Conduit
from streamscope.fleet.crossing import Headers, Sender
from streamscope.fleet.leases import LEASE_S, MOST_LEASES, LeaseRequest, read_request
from streamscope.fleet.nats_server import Address, Credentials, FleetError, connect, require
from streamscope.fleet.relayed import Relayed
from streamscope.fleet.side_by_side import FIND_S, SideBySide
from streamscope.fleet.subjects import ASK, GOODBYE, KEPT, STATES, SUMMARY, EngineName, every, read
from streamscope.language import tr
from streamscope.link.discovery import ProbeError, search
from streamscope.link.frames import FrameError
from streamscope.telling import say
from streamscope.trace.untrusted import MALFORMED, FeedError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

SUMMARY_S = 1.0
WHOLE_S = 60.0
"""So often the whole state goes out again, so that what is kept can be read from any minute on."""
LOOK_S = 0.1
LEAVE_WITHIN_S = 2.0


class Relaying(NamedTuple):
    """What is to be relayed: one engine by where it listens, or, with None, all there are; how often its states go out,
    for how long events are kept (0 for not at all), and whether payload may leave this machine.
    """

    path: Path | None
    every_s: float = 5.0
    keep_s: int = 0
    payload: bool = False


class _Engine:
    """One engine on its way: what the relay knows of it, and who has a lease."""

    def __init__(self, relayed: Relayed) -> None:
        self.relayed = relayed
        self.sender = Sender()
        self.allowance = retention.Allowance()
        self.states_at = self.whole_at = 0.0
        self.leases: dict[str, _Lease] = {}
        self.keeper: asyncio.Task[None] | None = None
        self.told: EngineName | None = None
        self.bye_told = False

    def close(self) -> None:
        """Leave it, and whoever holds a lease."""
        for lease in self.leases.values():
            lease.task.cancel()
        if self.keeper is not None:
            self.keeper.cancel()
        self.relayed.close()


class _Lease(NamedTuple):
    conduit: Conduit
    task: asyncio.Task[None]
    until: list[float]


class Relay:
    """One of them; `run` it."""

    def __init__(self, client: Client, wanted: Relaying, host: str, machine: str) -> None:
        self._client = client
        self._wanted = wanted
        self._host, self._machine = host, machine
        self._store = retention.Store(client, wanted.keep_s, say)
        self._beside = SideBySide(self._watch, lambda path, why: say(tr("passed over: {why}", why=why)))
        self._engines = self._beside.engines
        self._stop = asyncio.Event()

    async def run(self, *, forever: bool) -> None:
        """Relay until everything that was wanted has ended, or `stop`."""
        await self._store.begin()
        await self._client.subscribe(every(ASK), cb=self._asked)
        loop = asyncio.get_running_loop()
        tick = loop.time()
        search_at = 0.0
        try:
            while not self._stop.is_set():
                now = loop.time()
                if now >= search_at:
                    search_at = now + FIND_S
                    await self._find()
                    self._beside.look_outside()
                self._beside.look()
                if now >= tick:
                    tick = max(tick + SUMMARY_S, now)
                    await self._tell(now)
                if not self._engines and not forever:
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._stop.wait()
        finally:
            await self._leave()

    def stop(self) -> None:
        """End in order."""
        self._stop.set()

    # which engines

    def _watch(self, path: Path) -> _Engine:
        return _Engine(Relayed(path, self._host, self._machine, every_s=self._wanted.every_s))

    async def _find(self) -> None:
        known = self._beside.known
        if self._wanted.path is not None:
            self._beside.take([] if known else [self._wanted.path], insist=True)
        else:
            found = await asyncio.to_thread(search, known)
            self._beside.take(engine.path for engine in found.engines if engine.hello is not None)

    # what goes out by itself

    async def _tell(self, now: float) -> None:
        for path, engine in list(self._engines.items()):
            relayed = engine.relayed
            for viewer, lease in list(engine.leases.items()):
                if lease.task.done() or now >= lease.until[0]:
                    lease.task.cancel()
                    del engine.leases[viewer]
            if relayed.name is None:
                if relayed.over:
                    self._beside.forget(path)
                continue
            if relayed.name != engine.told:
                engine.told, engine.sender, engine.whole_at = relayed.name, Sender(), 0.0
            await self._tell_of(engine, relayed.name, now)
            if relayed.over:
                await self._say_goodbye(engine)
                self._beside.forget(path)

    async def _tell_of(self, engine: _Engine, name: EngineName, now: float) -> None:
        wanted = self._wanted
        found = engine.relayed.summary(every=wanted.every_s, kept=wanted.keep_s)
        if found is not None:
            await self._put(engine, name.subject(SUMMARY), summary.pack(found))
        if wanted.keep_s and engine.keeper is None:
            engine.keeper = self._keep(engine, name)
        if now >= engine.states_at and engine.allowance.allows(now):
            engine.states_at = now + min(wanted.every_s, SUMMARY_S)  # nothing goes out where no look has come since
            whole = now >= engine.whole_at
            if whole:
                engine.whole_at = now + WHOLE_S
            for body, events in engine.relayed.states(whole=whole):
                for data, headers in engine.sender.messages(body, events):
                    engine.allowance.took(len(data))
                    await self._put(engine, name.subject(STATES), data, headers)

    def _keep(self, engine: _Engine, name: EngineName) -> asyncio.Task[None]:
        subject = name.subject(f"{KEPT}.{self._wanted.keep_s}")

        async def put(data: bytes, headers: Headers) -> None:
            await self._put(engine, subject, data, headers)

        conduit = Conduit(engine.relayed.path, put, payload=self._wanted.payload)
        return asyncio.create_task(self._run(conduit, rounds=True))

    async def _put(self, engine: _Engine, subject: str, data: bytes, headers: Headers | None = None) -> None:
        if not await self._store.put(subject, data, headers):
            engine.relayed.lost += 1

    async def _say_goodbye(self, engine: _Engine) -> None:
        if engine.told is not None and not engine.bye_told:
            engine.bye_told = True
            await self._put(engine, engine.told.subject(GOODBYE), engine.relayed.goodbye())

    # what somebody asks for

    async def _asked(self, message: Msg) -> None:
        answer = await self._answer(message)
        with contextlib.suppress(Exception):  # who asked has gone, or NATS has
            if message.reply:
                await message.respond(msgspec.json.encode(answer))

    async def _answer(self, message: Msg) -> dict[str, Any]:
        named = read(message.subject)
        engine = next((e for e in self._engines.values() if named and e.relayed.name == named[0]), None)
        if engine is None:
            return {"error": "this relay has no such engine"}
        try:
            asked = read_request(message.data)
        except MALFORMED as error:
            return {"error": f"that is no question: {error}"}
        if asked.leave:
            lease = engine.leases.pop(asked.viewer, None)
            if lease is not None:
                lease.task.cancel()
            return {}
        return await self._lease(engine, asked)

    async def _lease(self, engine: _Engine, asked: LeaseRequest) -> dict[str, Any]:
        now = asyncio.get_running_loop().time()
        lease = engine.leases.get(asked.viewer)
        if lease is not None and not lease.task.done():
            lease.until[0] = now + LEASE_S
            if asked.again:
                lease.conduit.round()
            return {"lease": LEASE_S}
        if len(engine.leases) >= MOST_LEASES:
            return {"error": f"{MOST_LEASES} viewers look at this engine already"}
        if not asked.to.startswith("_INBOX.") or any(each in asked.to for each in " *>\r\n\t"):
            return {"error": "a lease names an inbox that it is told on"}

        async def put(data: bytes, headers: Headers) -> None:
            if not await self._publish(asked.to, data, headers):
                engine.relayed.lost += 1

        try:
            conduit = Conduit(engine.relayed.path, put, payload=self._wanted.payload)
        except ProbeError as error:
            return {"error": str(error)}
        engine.leases[asked.viewer] = _Lease(conduit, asyncio.create_task(self._run(conduit)), [now + LEASE_S])
        return {"lease": LEASE_S}

    async def _publish(self, subject: str, data: bytes, headers: Headers) -> bool:
        from nats.errors import Error

        try:
            await self._client.publish(subject, data, headers=headers)
        except Error:
            return False
        return True

    async def _run(self, conduit: Conduit, *, rounds: bool = False) -> None:
        again = asyncio.create_task(_now_and_then(conduit.round)) if rounds else None
        try:
            await conduit.run()
        except (OSError, FrameError, FeedError):
            return  # the engine has gone: the session that watches its states says why
        finally:
            if again is not None:
                again.cancel()
            conduit.close()

    async def _leave(self) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                for engine in self._engines.values():
                    if engine.relayed.ended:
                        await self._say_goodbye(engine)
                await self._store.finish()
        for path in list(self._engines):
            self._beside.forget(path)


async def _now_and_then(call: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(WHOLE_S)
        call()


def relay(address: Address, wanted: Relaying, credentials: Credentials | None = None) -> None:
    """Relay until told to leave, or until the one engine that was wanted has ended. Raises FleetError and ProbeError
    where it cannot begin.
    """
    require()
    asyncio.run(_relay(address.only_server(), wanted, credentials))


async def _relay(
    address: Address, wanted: Relaying, credentials: Credentials | None, *, heeds_signals: bool = True
) -> None:
    client = await connect(address, credentials, say=say)
    told = Relay(client, wanted, socket.gethostname(), machine_id())
    loop = asyncio.get_running_loop()
    if heeds_signals:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, told.stop)
        if wanted.path is None:
            say(tr("relaying every engine of yours to {url}", url=address.url))
        else:
            say(tr("relaying {engine} to {url}", engine=wanted.path.stem, url=address.url))
    try:
        await told.run(forever=wanted.path is None)
    finally:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await client.drain()


def main(arguments: list[str]) -> int:
    """Run as a process of an engine's, or of a command's (`run --relay`); returns its exit status. It ends when the
    engine has, and takes no notice of signals that mean that.
    """
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    options = json.loads(arguments[0])
    try:
        require()
        wanted = Relaying(Path(options["path"]))
        asyncio.run(_relay(Address.parse(options["to"]), wanted, None, heeds_signals=False))
    except (FleetError, ProbeError) as error:
        say(tr("nothing is relayed: {error}", error=error))
        return 1
    return 0


def machine_id() -> str:
    """What tells this machine from another of the same name; "" where nothing does."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            return Path(path).read_text("ascii", "replace").strip()[:64]
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
