"""The fold: what is known of an engine, from nothing but its feed.

State in any view is what this fold makes of the records up to there. It is pure: the same words give the same state, no clock is
read and nothing outside is asked. A test holds it against the engine, so both keep the same account of what libuv itself does not
count. These are the rules, by kind of record; *t* is the last reading of the clock that came before in the feed or in the record:

- **The clock.** `loop.turn`, `epoll.wait`, `epoll.event` and `callback.end` bring a reading; a batch begins with the one that holds
  at its start. `poll_ns` grows at `epoll.wait`, and `callback_ns` at `callback.end`, by the time since the reading before.
- **Counters of the loop.** `active_handles` is what `handle.start` and `handle.stop` say last, `active_reqs` what `request.begin`
  and `request.end` say, `nfds` what `loop.nfds` says.
- **Handles.** `handle.init` is the first record of a handle: everything about it begins anew, with `begin_t` = t. `handle.closed`
  sets `closed_t` = t. Flags change by `flag.set` and `flag.clear` alone, `CLOSING` and `CLOSED` too; other fields by the kind that
  bears their name (`fd`, `high_water`, `accepted_fd`, `delayed_error`, `callbacks`, `queued_fds.capacity`), name, addresses and
  server by `handle.name`, `handle.address`, `handle.accepted`.
- **Watcher.** `pevents` is the new of `io.start` and `io.stop`, `events` that of `io.events`. `armed_t` is t of the `io.start`
  that brought POLLOUT, 0 once an `io.stop` has taken it away. `pending` is true from `io.feed` to `pending.pop`, `watched` from
  `watcher_queue.push` to its pop, `closing` from `closing.push` to its pop.
- **Queue size.** `write_queue_size` is the record's new value; `above_t` is t of the change (of it or of `high_water`) that
  brought it above `high_water`, 0 while it is not above.
- **Requests.** `request.begin` makes one, with `left` = `bytes`, `write_index` 0 and `begin_t` = t. A write joins `write_queue` by
  `write_queue.push`; connect and shutdown are held by `connect_req` and `shutdown_req`, whose new value 0 lets go.
  `request.progress`, `request.error` and `request.send` set `write_index` and `left`, `error`, and `send_handle`. The pops take a
  request out of its queue; `write_completed_queue.push` puts it there, and if it has no error, all of it was taken: `left` = 0 and
  `write_index` = `nbufs`. `request.end` forgets it.
- **Traffic.** A `sys.read` or `sys.recvmsg` with a result above 0 adds it to `bytes_in` and 1 to `reads`; `last_read_t` = t. A
  `sys.write`, `sys.writev` or `sys.sendmsg` with a result above 0 adds it to `bytes_out`; `last_write_t` = t. `writes` counts each
  `request.end` of a write with status 0.
- **Errors.** `errors` counts each `sys.*` record whose result is negative and none of EAGAIN, EINTR and EINPROGRESS, each
  `request.end` with a negative status, and each `callback.error`. Results of `epoll.*` do not count: EEXIST is libuv's way.

Records about handles that are not known (they came before the first slice, or what told of the handle was lost) change nothing but
the clock and the loop's counters. A round of slices makes all known again. The handlers are in `fold`, one for each kind.
"""

from __future__ import annotations
