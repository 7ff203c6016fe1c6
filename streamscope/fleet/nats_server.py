"""Getting to a NATS server, and saying in one line why not.

How one is let in is NATS's own affair: credentials come from where its own tools have them from, the environment
(`NATS_CREDS`, `NATS_NKEY`, `NATS_USER` with `NATS_PASSWORD`, `NATS_TOKEN`; `NATS_CA`, `NATS_CERT` and `NATS_KEY` for
TLS), or from files that options name. In an address they would stand in every list of processes: refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from streamscope.fleet.subjects import Sought, sought
from streamscope.language import N_, tr

if TYPE_CHECKING:
    from nats.aio.client import Client

SCHEMES = ("nats", "tls")
PORT = 4222
CONNECT_WITHIN_S = 5.0
RESETS = 2
"""So often it is tried again where the connection is reset: with it may have gone what the server said of us."""
OLDEST = (2, 9)
"""Of nats-server: what Debian 12 has. An older one has no headers, or no JetStream that keeps by age and size as we
ask for it.
"""

INSTALL = N_("needs the extra `fleet`; install it with: pip install 'streamscope[fleet]'")
NO_ENGINE = N_("{address} names no engine: after the server stand host and pid, as in /web-07/4121")


class FleetError(Exception):
    """The server, or what is sought there, cannot be had; the text says why, in one line."""


class Address(NamedTuple):
    """A server, and perhaps an engine that it is asked for: `nats://HOST:4222/web-07/4121`."""

    url: str
    engine: Sought | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address. Raises FleetError for what is none, or has in it what does not belong there."""
        try:
            parts = urlsplit(text)
            port = parts.port or PORT
        except ValueError as error:
            raise FleetError(tr("{text} is no address: {error}", text=repr(text), error=error)) from error
        if parts.scheme not in SCHEMES or not parts.hostname:
            example = f"nats://127.0.0.1:{PORT}"
            raise FleetError(
                tr("{text} is no address of a NATS server, such as {example}", text=repr(text), example=example)
            )
        if parts.username is not None or parts.password is not None:
            raise FleetError(
                tr(
                    "credentials do not belong in an address, which every user of this machine can read: name their "
                    "file with --creds FILE or --nkey FILE, or set NATS_USER and NATS_PASSWORD"
                )
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        engine = sought(parts.path) if parts.path.strip("/") else None
        if parts.path.strip("/") and engine is None:
            raise FleetError(tr(NO_ENGINE, address=parts.path))
        return cls(f"{parts.scheme}://{host}:{port}", engine)

    def only_server(self) -> Address:
        """The address. Raises FleetError if it names an engine, too."""
        if self.engine is not None:
            raise FleetError(tr("{url} is all that is wanted here: the address names an engine", url=self.url))
        return self


def is_address(text: str | None) -> bool:
    """Whether this is meant to be an address, not a pid or a file."""
    return text is not None and text.partition("://")[0] in SCHEMES and "://" in text


class Credentials(NamedTuple):
    """How one is let in: files, and what may stand in the environment alone."""

    creds: str = ""
    nkey: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    @classmethod
    def of_environment(cls, given: Credentials | None = None) -> Credentials:
        """What was given, and where nothing was, what the environment says."""
        given = given or cls()
        return cls(*(value or os.environ.get(f"NATS_{name.upper()}", "") for name, value in given._asdict().items()))

    def options(self, url: str) -> dict[str, Any]:
        """As nats-py has them. Raises FleetError for files that cannot be read."""
        options: dict[str, Any] = {}
        for name, path in self._asdict().items():
            if path and not os.access(path, os.R_OK):
                raise FleetError(tr("{path}, the file for {name}, cannot be read", path=path, name=name))
        if self.creds:
            options["user_credentials"] = self.creds
        if self.nkey:
            options["nkeys_seed"] = self.nkey
        for name in ("user", "password", "token"):
            if value := os.environ.get(f"NATS_{name.upper()}"):
                options[name] = value
        if self.ca or self.cert or url.startswith("tls:"):
            try:
                context = ssl.create_default_context(cafile=self.ca or None)
                if self.cert:
                    context.load_cert_chain(self.cert, self.key or None)
            except (OSError, ssl.SSLError) as error:
                why = getattr(error, "strerror", None) or error
                raise FleetError(tr("TLS cannot be set up: {why}", why=why)) from error
            options["tls"] = context
        return options


def require() -> None:
    """Load what speaks NATS, which takes a while: before a loop runs. Raises FleetError if it is not there."""
    try:
        import nats.aio.client
        import nats.js  # noqa: F401
    except ImportError as error:
        raise FleetError(tr("this {needs}", needs=tr(INSTALL))) from error
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what it notes of connections is no line for a person


async def connect(
    address: Address, credentials: Credentials | None = None, *, say: Callable[[str], None] = lambda line: None
) -> Client:
    """A connection that stays: when it breaks it is made again, for as long as it takes; `say` is told of both.

    `require` comes before. Raises FleetError if it cannot be made now.
    """
    for _ in range(RESETS):
        with contextlib.suppress(ConnectionResetError):
            return await _connect(address, credentials, say)
    return await _connect(address, credentials, say, last=True)


async def _connect(
    address: Address, credentials: Credentials | None, say: Callable[[str], None], *, last: bool = False
) -> Client:
    """The same. Raises ConnectionResetError, too, where it is not to be the `last` attempt."""
    from nats.aio.client import Client
    from nats.errors import Error

    told: list[str] = []
    is_reset = False

    async def on_error(error: Exception) -> None:
        nonlocal is_reset
        is_reset = is_reset or isinstance(error, ConnectionResetError)
        why = _why(error)
        if not told or told[-1] != why:
            told[:] = [why]

    async def on_lost() -> None:
        if not client.is_closed and not client.is_draining:
            said = tr("the connection to {url} is lost{because}; trying again", url=address.url, because=_because(told))
            say(said)

    async def on_found() -> None:
        told.clear()
        say(tr("connected again to {url}", url=address.url))

    options = Credentials.of_environment(credentials).options(address.url)
    client = Client()
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await client.connect(
                address.url, error_cb=on_error, disconnected_cb=on_lost, reconnected_cb=on_found, name="streamscope",
                connect_timeout=2, max_reconnect_attempts=-1, reconnect_time_wait=1, **options,
            )  # fmt: skip
    except (Error, OSError, TimeoutError, ValueError, ssl.SSLError) as error:
        await _leave(client)
        if (is_reset or isinstance(error, ConnectionResetError)) and not last:
            raise ConnectionResetError from error
        because = _because(told or [_why(error)])
        raise FleetError(tr("there is no getting to {url}{because}", url=address.url, because=because)) from error
    except Exception as error:  # nkeys has exceptions of its own, and so has whatever reads creds
        await _leave(client)
        said = tr("the credentials for {url} are none: {why}", url=address.url, why=_why(error))
        raise FleetError(said) from error
    version = client.connected_server_version
    if (version.major, version.minor) < OLDEST:
        await _leave(client)
        number = f"{version.major}.{version.minor}.{version.patch}"
        said = tr(
            "the server at {url} is nats-server {number}, and 2.9 is the oldest that will do",
            url=address.url,
            number=number,
        )
        raise FleetError(said)
    return client


async def _leave(client: Client) -> None:
    try:
        async with asyncio.timeout(1.0):
            await client.close()
    except Exception:  # it never was one
        return


def _why(error: BaseException) -> str:
    text = str(error).removeprefix("nats: ").strip()
    if isinstance(error, TimeoutError) and not text:
        return tr("it does not answer")
    return text or type(error).__name__


def _because(told: list[str]) -> str:
    return tr(": {why}", why=told[-1]) if told else ""
