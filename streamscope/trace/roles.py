"""What a stream is in its program: who listens, who was accepted, who was connected. And how to speak of it.

An address is text from outside: what this makes of it is fit for a terminal.
"""

from __future__ import annotations

from streamscope.language import N_, saying
from streamscope.trace.plain_text import host_and_port, visible
from streamscope.trace.state import StreamState
from streamscope.trace.vocabulary import Vocabulary

LISTENER = N_("listener")
CLIENT = N_("client")
UPSTREAM = N_("upstream")
CHILD = N_("child")
PARENT = N_("parent")
CARRIER = N_("carrier")

_STDERR = 2
_MOST = 80
"""Characters of an address or a name."""


def role_of(state: StreamState, vocabulary: Vocabulary) -> str:
    """`listener`, `client` for one that a listener accepted, `upstream` for one that was connected to somewhere; of
    pipes that carry descriptors, `parent` for what the process was started with, `child` for the other ends that it
    hands out; `carrier` for one that another stream lies over, as TLS does; "" for what is none of these, as far as the
    feed tells.
    """
    if state.under:
        return CARRIER
    if state.callbacks & vocabulary.listens or state.flags & vocabulary.listening:
        return LISTENER
    if state.server:
        return CLIENT
    if state.ipc:
        return "" if state.fd < 0 or state.peer else PARENT if state.fd <= _STDERR else CHILD
    return UPSTREAM if state.peer else ""


def arrow_of(state: StreamState, vocabulary: Vocabulary) -> str:
    """`←` before the peer of who came here, `→` before one that was gone to; "" for who is neither."""
    role = role_of(state, vocabulary)
    if role == LISTENER or not (state.server or state.peer):
        return ""
    return "←" if state.server else "→" if role in (UPSTREAM, CARRIER) else ""


def who(state: StreamState, vocabulary: Vocabulary) -> str:
    """`upstream #3 → 127.0.0.1:9901`, `client #2`, `listener #1 :7702`, `pipe #5 workers`; in English until it is given
    to `tr`, as a text or as a value in one.
    """
    role, text = role_of(state, vocabulary), short(state, vocabulary)
    if role == LISTENER:
        parts = host_and_port(state.local)
        where = f":{parts[1]}" if parts is not None else visible(state.local, _MOST)
        return _with(text, where)
    if state.peer:
        arrow = f"{arrow_of(state, vocabulary) or '→'} " if role else ""
        return _with(text, f"{arrow}{visible(state.peer, _MOST) if role else visible(state.peer)}")
    name = visible(state.name, _MOST)
    return _with(text, name.removeprefix(f"{role} ") if role else name)  # a child may be called `child 4711`


def _with(text: str, more: str) -> str:
    return saying("{text} {more}", text=text, more=more) if more.strip() else text


def short(state: StreamState, vocabulary: Vocabulary) -> str:
    """The same without the address: `client #2`."""
    role = role_of(state, vocabulary)
    what = saying(role) if role else visible(vocabulary.type_text(state.type), 32)
    return saying("{what} #{number}", what=what, number=state.number)
