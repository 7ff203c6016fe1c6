"""What `lesson new` writes: a lesson that runs, with a word on each of its parts."""

from __future__ import annotations

from streamscope.language import N_, tr

SKELETON = N_(
    '''"""{title}: what is to be learned here, in a sentence.

    streamscope lesson check {name}.py    says of every claim whether it is so
    streamscope lesson ./{name}.py        opens it
"""

from __future__ import annotations

from streamscope.lessons.stage import Stage
from streamscope.lessons.step import Lesson


def program(s: Stage) -> None:
    """What happens. Handles, requests and peers have the names that you give them."""
    # Two ends of a socket: a stream of libuv's on one, a plain socket on the other. For TCP: s.tcp("ours"),
    # s.connect("ours", "c1", s.peer_listen("listener")), or s.bind, s.listen and s.peer_connect.
    fd, peer = s.socketpair()
    s.pipe("ours")
    s.open("ours", fd)
    s.peer("peer", peer)

    # libuv's calls are methods. They return its status, 0 or negative, and never raise.
    s.read_start("ours")

    # A step says what there is to be seen now. `look` names flags and fields, `claims` are filters (docs/filter.md):
    # of state as it is here, or of events, of which one must have come since the step before.
    s.step(
        "It reads",
        "The flag is on at once. epoll hears of it when the loop next polls.",
        of="ours",
        look="READING epoll",
        claims=("flag(READING) and not registered(IN)", "kind == io.start"),
    )

    # What is to happen inside a callback; a step may stand there, too.
    s.on(
        "ours",
        "read_cb",
        lambda nread, data: s.step(
            "Inside read_cb",
            "{{reads}} read has brought something, and the callback runs before anything else does.",
            of="ours",
            look="READ_PARTIAL",
            claims=("not flag(READ_PARTIAL)", "kind == sys.read and result == 5"),
        ),
    )
    s.peer_send("peer", b"hello")
    s.turn()  # one turn of the loop; nothing happens between turns

    # Another handle's claim begins with its name; `chapter` is for where the chapter says otherwise.
    s.step(
        "After the turn",
        "The buffer was not filled: there is nothing more for now.",
        of="ours",
        look="READ_PARTIAL",
        claims=("flag(READ_PARTIAL)", "ours: registered(IN)"),
    )


LESSON = Lesson("{name}", "{title}", "", program)
'''
)


def skeleton(name: str) -> str:
    """The text of a new lesson."""
    return tr(SKELETON, name=name, title=name.replace("-", " ").capitalize())
