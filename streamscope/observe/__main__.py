"""The document about programs on asyncio, its table made from the catalogue: `python -m streamscope.observe >
docs/asyncio.md`.
"""

from __future__ import annotations

import sys

from streamscope.observe.aio_kinds import KINDS
from streamscope.observe.aio_words import FLAGS, FUNCTION_MEANINGS

_OPENING = """\
# Your own asyncio program

A program on CPython's asyncio tells the same feed as one on the engine, in asyncio's own words, without being changed.
The same screen shows it, and `record`, `diagnose`, `check` and `export` work on it. (This document is made by
`make docs` from `streamscope/observe`.)

```
streamscope run -- uvicorn app:app --loop asyncio   # any command: it is observed, and what it starts, too
streamscope attach PID                             # watch it; streamscope ps lists what can be watched
streamscope run --headless --diagnose -- python server.py
streamscope run --headless --record server.scope --duration 30 -- python server.py
```

Without `--headless` the screen opens on the first loop that runs; what the command prints is in the log pane (`L`),
and it reads nothing. `O` lists the processes and loops of the run, its workers among them, with what each sends and
what is wrong in it, and goes from one to the other; of those that cannot be watched it says why. The header says which
one is on the screen, and `▲ 1 elsewhere` where there is an alarm in another: of all of them states are watched, as by a
relay, and everything of the one on the screen. `q` sends SIGTERM to the command's process group, and SIGKILL after
`--grace`; `D` leaves the screen and lets the command run, and a line says how to find it and how to stop it, as the
terminal is told where the screen dies. Headless, the command keeps its terminal: its output, input, signals and exit
status are its own. Who starts it is the ancestor of all that it starts, to its end.

Nothing has to be installed in its environment; only the standard library is imported there. A script that starts Python
with `-E`, `-I` or `-S`, as those of pipx do, is started without these, and that is said.

Where you cannot start the command through streamscope, start it with this, or put two lines into the program, where
its environment has the package:

```
STREAMSCOPE_OBSERVE=1 PYTHONPATH=$(streamscope observe --path) python server.py
```

```python
import streamscope.observe

streamscope.observe.install()
```

## A program that runs already

`streamscope attach PID` joins it, and so do `record`, `diagnose` and `top`. Each says which way it took, and `--how`
insists on one.

- `--how engine`: what listens under that pid, an engine or a program that is observed already.
- `--how observe`: Python 3.14 or newer with asyncio. `sys.remote_exec`, in the program's own interpreter, has its
  main thread run a file of ours between two bytecodes. A loop that sleeps is woken by tracing it for a moment
  (PTRACE_SEIZE, INTERRUPT, DETACH): it gets no signal, and no shell or supervisor hears of it. All of it takes a fifth
  of a second.
- `--how gdb`: Python 3.11 to 3.13 with asyncio, and only where you insist: gdb stops the program, for half a second to
  some seconds, and calls into it while its main thread waits in its loop.
- `--how peek`: a program on libuv, uvloop among them: its memory is read from outside (docs/peek.md).

Who is let in so is there until the last inspector leaves; then no socket, descriptor or function of ours is left, only
modules that were imported. The file lies in a new folder that only the program's user can open, and is removed once it
has run. Root reaches another user's program too: the folder is that user's then, has the part of our package that rides
in programs, and what is run of that user's is run as that user.

A main thread that sleeps in `time.sleep()` or `Thread.join()`, while loops run in other threads, does not come round:
that is said after five seconds, and what it would have run later does no more than clear itself away.

## In a container

A container has processes, files and mostly a network of its own; what both sides need is a folder. Give the program
one that it listens in, and our package, and attach by the path:

```
mkdir -m 700 /srv/scope
package=$(dirname "$(dirname "$(streamscope observe --path)")")
docker run -v /srv/scope:/scope -v "$package:/streamscope:ro" \
  -e STREAMSCOPE_RUNTIME_DIR=/scope -e STREAMSCOPE_OBSERVE=1 -e PYTHONPATH=/streamscope/observe/site \
  IMAGE python server.py
streamscope attach /srv/scope/1.sock
```

The number is the process's in the container. The folder must be its user's alone, and whoever attaches be that user, or
root. Let it be no folder in which `streamscope ps` looks: that takes a socket for left behind whose number is no
process here.

## What happens in the program

- Installed and idle, the process has one listening socket more, which is in the selector of the loop that runs; and
  `BaseEventLoop.run_forever` is ours, which says which loops run and is called once for each run. There is never a
  thread.
- While an inspector watches states alone, as a relay does, nothing is exchanged: the link's descriptor is one that the
  loop reads from, now and then.
- While one watches everything, `select`, `register`, `modify` and `unregister` of that one selector are exchanged: the
  link rides in the loop's own wait, and wakes it without ending it. So it is, too, while something is held up that is
  looked at by the clock.
- Methods of asyncio's socket transport are exchanged on their class then, and each transport
  has a stand-in for its socket that calls the socket and tells what came of it. Every one of ours calls the original,
  but for `write` and the read of a protocol, which are written anew for the versions of asyncio that we know. Of many
  connections a few are taken in, or given back, in each turn.
- When the last inspector has left, each class, selector and socket is the one that it was before, by identity.
- What cannot be told ends the telling, with one line on stderr, and nothing else.

A child that is forked or started is a process of its own, with a socket of its own; several loops of a process are
several feeds, `PID` and `PID.2`.

## What is seen, and what is not

Seen are TCP, Unix-socket and datagram transports of the selector event loop, TLS as a stream of its own, the sockets on
which it accepts, connects under way, pipes to and from subprocesses, and `sendfile`; Python 3.11 to 3.14 on Linux.
`buffer_size` is `transport.get_write_buffer_size()` at every place where a line of the program can run, and tests
compare them there, while telling begins and ends every few moments. One request is one `write()` or `writelines()`.
Counts of bytes, reads and writes begin when somebody begins to watch everything. While states alone are watched nobody
counts: turns, reads, writes, errors and how the loop spent its time are unknown then; bytes are those that the kernel
has counted, of TCP, and what waits has waited since it was first seen to.

Of datagram transports, over UDP or Unix sockets, each datagram is told with its size: one that goes out is a write, and
one that comes in a read. What waits is what asyncio says: from 3.13 on, eight bytes more for each datagram.

A socket of the program's own is seen from the first `loop.sock_recv`, `sock_recv_into`, `sock_recvfrom`,
`sock_recvfrom_into`, `sock_sendall`, `sock_sendto` or `sock_accept` on it: the bytes, each datagram with its size, what
`sock_sendall` has not got rid of (looked at ten times a second), and who was accepted. Nobody says when the program
closes it, so that is looked for as often. Where two tasks have to wait to send through one socket, asyncio forgets the
one that came first; its write is told as canceled.

A TLS stream lies over the one with the socket (`over`, `under`), and counts the program's bytes: `outgoing` is what is
encrypted and the transport below has not been given, because it is to pause itself. That is the larger part of what
waits where nobody waits for drain(), and who looks at the socket alone does not see it.

Where a StreamReader is fed, no line of the program runs: the callback is told to end when it begins, and the
microsecond that asyncio takes for it counts as the loop's own.

What a StreamReader holds, and what TLS has not decrypted, is looked at ten times a second and of thousands less often,
and not told of each message; where reading was paused is told, by the program's line or by the reader that is full.

Who waits is asked for while a panel is open, and by `diagnose`: which tasks wait in drain() or to read from a stream,
and at which lines of the program. Nothing is kept of it meanwhile, so for how long is counted from when it was first
seen.

A loop that does not come round says in which callback, of which stream, and at which line, when it is asked by SIGURG.
That is so only where the program has left SIGURG at its default, and where the main thread runs a loop while somebody
watches: Python runs signal handlers there alone. The handler is gone with the last inspector.

A task or a timer that holds the loop up for 100 ms or more is named by a note, from the third time on: after the second
within ten seconds every callback is timed for as long. Of a stream's own callback each is timed anyway.

Not seen, up to now: everything on uvloop, which is not asyncio's loop: `run` looks at it from outside (docs/peek.md),
and `run --how observe` keeps uvloop away, so that programs which can do without fall back.

Who feeds whom is known of protocols: what `data_received` of one transport writes to another, and whose reading is
resumed in another's `resume_writing`; and of tasks: what one reads from a StreamReader and writes to another stream
next, twice, or what one that waits in drain() has the only other reader of at hand. What goes from task to task by a
queue is not known.

While everything is told, a message costs a fifth to a quarter more CPU; while states alone are, or nobody is there,
nothing that can be told from chance, but for the looks: each takes up to two milliseconds (docs/fleet.md). A watched
connection takes 1.4 KiB, and a Python that never imports asyncio starts 5 ms later under `run --`
(docs/performance.md). Where asyncio's read, write and select are ones whose code we know, ours stand in for them; else
they are called, which costs half as much again.

## Where nothing is seen

After five seconds `run` says why in a line: no Python; one before 3.11, which has said so itself at its start, and runs
as it would; asyncio never imported; a switch that keeps us out. `attach` says at once: another user's process, Yama, a
missing capability, a container, `-X disable_remote_debug`, a Python that is too old, no asyncio, no loop that runs.
"""


def markdown() -> str:
    """The whole document."""
    return "\n".join([_OPENING, *_flags(), "", *_kinds(), "", *_functions()]) + "\n"


def _flags() -> list[str]:
    rows = [f"| `{flag['name']}` | {flag['plain']} | {flag['meaning']} |" for flag in FLAGS]
    return ["## Flags", "", "| flag | in plain words | meaning |", "|---|---|---|", *rows]


def _kinds() -> list[str]:
    rows = [
        f"| `{kind.name}` | {', '.join(f'`{name}`' for name, _ in kind.args) or '–'} | "
        f"{', '.join(f'`{function}`' for function in kind.functions)} | {kind.meaning} |"
        for kind in KINDS
    ]
    return ["## Events", "", "| kind | arguments | told by | meaning |", "|---|---|---|---|", *rows]


def _functions() -> list[str]:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in FUNCTION_MEANINGS.items()]
    return ["## Functions", "", "| asyncio's function | what it does |", "|---|---|", *rows]


if __name__ == "__main__":
    sys.stdout.write(markdown())
