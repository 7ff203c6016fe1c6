"""How a recording that attached is ended: in order, and with all that had happened until then."""

from __future__ import annotations

import signal
import socket

import pytest

from streamscope.link import attached_recorder
from streamscope.link.spool import Spool, SpoolStopped


def test_what_is_on_its_way_when_the_end_is_asked_for_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached_recorder, "ON_ITS_WAY_S", 0.5)
    ours, theirs = socket.socketpair()
    with ours, theirs, Spool(theirs, 1 << 20) as arrived, attached_recorder.ended_by_signals(arrived, 0.0):
        signal.raise_signal(signal.SIGINT)
        ours.sendall(b"what had happened")

        assert arrived.take(5) == b"what had happened"
        with pytest.raises(SpoolStopped):
            arrived.take(5)


def test_asked_a_second_time_it_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached_recorder, "ON_ITS_WAY_S", 60.0)
    ours, theirs = socket.socketpair()
    with ours, theirs, Spool(theirs, 1 << 20) as arrived, attached_recorder.ended_by_signals(arrived, 0.0):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
