"""What each kind of record does to state: the one place that says it, whoever asks.

    sys.read(fd, asked, result)
    sys.recvmsg(fd, asked, result)
        if result > 0: bytes_in += result; reads += 1; last_read_t = t

First stand kinds, each with its arguments as far as anybody reads them (a feed's may be more), those with `:text` that
are text. Below is what such records do, in order, in Python's own words:

- `field = value`, or with another operator: a field of the record's handle, see `StreamState`, or one value within it;
  of the loop, if `loop.` stands before it;
- `verb(field, …)`: what takes more than that. A method of `Fold` does it, with what follows the field, and with the
  field itself if that is a queue;
- `if condition:` before them, on a line of their own.

A name in a value is an argument, or else a field. `t` is the last reading of the clock, `number` the handle's number, 0
for the loop. Names in capitals are the numbers of the feed's engine, and bounds. Of handles that nobody knows only what
is the loop's is done, and what makes them `known`. `requests` are begun and ended, a `request` changes in between.

Whoever asks what a kind does has it from here. `handlers` makes functions of it: the fold's (`rules`), a time line's
(`tally_rules`), those that draw (`export.perfetto`) and those that judge events (`event_effects`). By which kinds a
value can change, or which tell of failures, is read off the fields (`check.moments`, `filter.reach`, `search`).
"""

from __future__ import annotations

from typing import NamedTuple

_EFFECTS = """
loop.turn(turn, t)
    if loop.callback_ns - loop.turn_ns > LONG_NS: note_turn(loop.long_turns, loop.callback_ns - loop.turn_ns)
    loop.turn_ns = loop.callback_ns; loop.turn = turn; loop.t = t
loop.nfds(old, new)
    loop.nfds = new
loop.active_handles(old, new)
handle.start(old, new)
handle.stop(old, new)
    loop.active_handles = new
loop.active_reqs(old, new)
    loop.active_reqs = new
loop.poll_ns(old, new)
    loop.poll_ns = new
loop.callback_ns(old, new)
    loop.callback_ns = new
epoll.wait(timeout, ready, t)
    loop.poll_ns += t - loop.t; loop.t = t
loop.waits(t)
    loop.poll_ns += t - loop.t; loop.t = t; loop.asides += 1
# within a wait
loop.freeze(t, by:text)
    loop.poll_ns += t - loop.t; loop.t = t; loop.frozen_t = t
loop.thaw(t, why:text)
    loop.poll_ns += t - loop.t; loop.t = t; loop.frozen_t = 0; loop.thawed_t = t
epoll.event(mask, t)
    loop.t = t
sample.taken(since, t, sure:text)
    note_look(loop.looks, number, t, sure); loop.t = t
callback.end(callback, t)
    loop.callback_ns += t - loop.t
    if t - loop.t > loop.slow_ns: note_slow(loop.slowest, t - loop.t, t, number, callback)
    loop.t = t
callback.error(callback, error:text)
    loop.raised += 1; loop.exception = error[:TEXT_LIMIT]
    errors += 1; loop.failures += 1; last_error = RAISED

# the first record of a handle: everything about it begins anew
handle.init(type, place:text)
    begin_handle(known, stream, number, type, place)
handle.closed()
    closed_t = closing_t(stream)
handle.name(name:text)
    name = name[:TEXT_LIMIT]
handle.address(local:text, peer:text)
    local = local[:TEXT_LIMIT]; peer = peer[:TEXT_LIMIT]
handle.accepted(server)
    server = server
handle.ipc()
    ipc = True

flag.set(flag)
    flags |= flag; lit[flag][number] = t
flag.clear(flag)
    flags &= ~flag; lit[flag][number] = t
fd(old, new)
    fd = new
# above_t: since when write_queue_size has been above high_water, 0 while it is not
write_queue_size(old, new)
    write_queue_size = new
    if old <= high_water < new: above_t = t
    if new <= high_water < old: above_t = 0
high_water(old, new)
    high_water = new
    if write_queue_size <= new: above_t = 0
    if new < write_queue_size <= old: above_t = t
accepted_fd(old, new)
    accepted_fd = new
delayed_error(old, new)
    delayed_error = new
callbacks(old, new)
    callbacks = new
injected(what:text)
    injected_t = t
faults(held:text)
    faults = held[:TEXT_LIMIT]
feeds(to, why:text)
    feeds = with_feed(feeds, to, why)

# of streams that lie one over the other, and of what reads for the program
handle.over(lower)
    over = lower
handle.under(upper)
    under = upper
tls.session(session:text)
    session = session[:TEXT_LIMIT]
tls.outgoing(old, new)
    outgoing = new
tls.incoming(old, new)
    incoming = new
tls.read(bytes)
    bytes_in += bytes; reads += 1; last_read_t = t
tls.write(bytes)
    bytes_out += bytes; last_write_t = t
low_water(old, new)
    low_water = new
reader.size(old, new)
    reader_size = new
reader.limit(old, new)
    reader_limit = new
reading.paused(place:text)
    paused_at = place[:TEXT_LIMIT]
write.dropped(times)
    dropped += times

queued_fds.push(fd)
    push(queued_fds, fd)
queued_fds.pop(fd)
    drop(queued_fds, fd)
queued_fds.capacity(old, new)
    queued_fds_capacity = new
io.feed()
    pending = True
pending.pop()
    pending = False
watcher_queue.push()
    watched = True
watcher_queue.pop()
    watched = False
closing.push()
    closing = True
closing.pop()
    closing = False
# armed_t: since when POLLOUT has been wanted, 0 while it is not
io.start(old, new)
    pevents = new
    if new & ~old & POLL_OUT: armed_t = t
io.stop(old, new)
    pevents = new
    if old & ~new & POLL_OUT: armed_t = 0
io.events(old, new)
    events = new

# known by its number from its beginning to its end; the queue that holds it may hold it longer
request.begin(req, request, bytes, nbufs, active_reqs)
    begin_request(requests, req, request, bytes, nbufs)
    loop.active_reqs = active_reqs
request.send(req, handle)
    carry(request, req, handle)
request.progress(req, write_index, left)
    progress(request, req, write_index, left)
request.error(req, status)
    fail(request, req, status)
request.end(req, status, active_reqs)
    if status < 0: errors += 1; loop.failures += 1; last_error = status
    if status == 0: count_write(writes, stream, req)
    end_request(requests, number, req, status)
    loop.active_reqs = active_reqs
connect_req(old, new)
    connect_req = held(new, CONNECT)
shutdown_req(old, new)
    shutdown_req = held(new, SHUTDOWN)
write_queue.push(req)
    push(write_queue, request(req, WRITE))
write_queue.pop(req)
    pop(write_queue, req)
write_completed_queue.push(req)
    push(write_completed_queue, taken(request(req, WRITE)))
write_completed_queue.pop(req)
    pop(write_completed_queue, req)

# of system calls only these: epoll_ctl(2) may well say EEXIST, that is libuv's way
sys.read(fd, asked, result)
sys.recvmsg(fd, asked, result)
sys.recv(fd, asked, result)
sys.recv_into(fd, asked, result)
sys.recvfrom(fd, asked, result)
    if result > 0: bytes_in += result; reads += 1; last_read_t = t
    if result < 0 and result not in NO_FAILURES: errors += 1; loop.failures += 1; last_error = result
sys.write(fd, asked, result)
sys.writev(fd, asked, result)
sys.send(fd, asked, result)
sys.sendmsg(fd, asked, result)
sys.sendto(fd, asked, result)
sys.sendfile(fd, asked, result)
    if result > 0: bytes_out += result; last_write_t = t
    if result < 0 and result not in NO_FAILURES: errors += 1; loop.failures += 1; last_error = result
# all the other kinds that begin so
sys.*(fd, asked, result)
    if result < 0 and result not in NO_FAILURES: errors += 1; loop.failures += 1; last_error = result

# told by who looks from outside
kernel.sample(field, value)
    kernel_t = t; loop.asides += 1
    if 0 <= field < KERNEL_FIELDS_KEPT: kernel = kernel or {}; kernel[field] = value
    if number == 0: loop.kernel_t = t
    if number == 0 and 0 <= field < KERNEL_FIELDS_KEPT: loop.kernel = loop.kernel or {}; loop.kernel[field] = value
kernel.same()
    kernel_t = t; loop.asides += 1
    if number == 0: loop.kernel_t = t
kernel.unknown(field)
    kernel = unsaid(kernel, field); kernel_t = t; loop.asides += 1
    if number == 0: loop.kernel = unsaid(loop.kernel, field); loop.kernel_t = t
program.says(field, value)
    loop.asides += 1
    if 0 <= field < KERNEL_FIELDS_KEPT: kernel = kernel or {}; kernel[field] = value
handle.place(place:text)
    place = place[:TEXT_LIMIT]
bytes_in(old, new)
    bytes_in = new
    if new > old: last_read_t = t
bytes_out(old, new)
    bytes_out = new
    if new > old: last_write_t = t
reads(old, new)
    reads = new
writes(old, new)
    writes = new
errors(old, new)
    errors = new; loop.failures += new - old
last_error(old, new)
    last_error = new
"""


class Change(NamedTuple):
    """One thing that a record does: to this field (`loop.` before it for one of the loop), `how` (`=`, `+=`, … or a
    verb), with this value or these values, if this condition holds ("" for always), and to what `within` the field
    ("[field]", "" for all of it).
    """

    field: str
    how: str
    value: str
    condition: str
    within: str = ""


class Effect(NamedTuple):
    """What the records of a kind do: the arguments that this reads, the places of texts among them, counted from 1, and
    the changes in order.
    """

    arguments: tuple[str, ...]
    texts: frozenset[int]
    changes: tuple[Change, ...]

    @property
    def fields(self) -> frozenset[str]:
        """The fields that may be another after it."""
        return frozenset(change.field for change in self.changes)


def effects(text: str) -> dict[str, Effect]:
    """The effects of kinds, written as above."""
    found: dict[str, Effect] = {}
    kinds: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            condition, _, changes = line.strip().rpartition(": ")
            for change in changes.split("; "):
                one = _change(change, condition.removeprefix("if "))
                for kind in kinds:
                    found[kind] = found[kind]._replace(changes=(*found[kind].changes, one))
        elif line.endswith(")"):
            if kinds and found[kinds[0]].changes:
                kinds = []
            kind, _, arguments = line[:-1].partition("(")
            names = [argument.partition(":") for argument in arguments.split(", ") if argument]
            texts = frozenset(at for at, (_, _, text) in enumerate(names, 1) if text)
            found[kind] = Effect(tuple(name for name, _, _ in names), texts, ())
            kinds.append(kind)
    return found


def _change(text: str, condition: str) -> Change:
    verb, _, rest = text.partition("(")
    if verb.isidentifier():
        field, _, value = rest[:-1].partition(", ")
        return Change(field, verb, value, condition)
    whole, how, value = text.split(" ", 2)
    field, bracket, rest = whole.partition("[")
    return Change(field, how, value, condition, bracket + rest)


EFFECTS = effects(_EFFECTS)
_NOTHING = Effect((), frozenset(), ())


def effect_of(kind: str) -> Effect:
    """What the records of a kind do; nothing, for a kind that changes no state."""
    return EFFECTS.get(kind) or (EFFECTS["sys.*"] if kind.startswith("sys.") else _NOTHING)
