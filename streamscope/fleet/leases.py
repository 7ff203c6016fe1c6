"""Leases: how somebody far away has everything told of one engine, for as long as it is asked for again."""

from __future__ import annotations

import msgspec

LEASE_S = 10.0
"""A lease that is not asked for again within so long is over."""
MOST_LEASES = 8
"""Of one engine at a time."""
MOST_ASKED = 4096
"""Bytes of a question."""


class LeaseRequest(msgspec.Struct):
    """What an engine's `ask` subject is asked, as JSON: `viewer` is who asks, by any word; `to` the inbox that it hears
    everything on; `again` whether it has lost something, and wants all states once more; `leave` that it goes.
    """

    viewer: str
    to: str = ""
    again: bool = False
    leave: bool = False


_decode = msgspec.json.Decoder(LeaseRequest).decode


def read_request(data: bytes) -> LeaseRequest:
    """What was asked. Raises msgspec's errors for what is no question."""
    if len(data) > MOST_ASKED:
        raise msgspec.DecodeError("it is too long")
    return _decode(data)
