"""What the kernel says of a socket, by its own names: the fields of `kernel.sample`, by the number in the record.

Append, never reorder: numbers are places in the list.
"""

from __future__ import annotations

KERNEL_FIELDS: tuple[tuple[str, str], ...] = (
    ("state", "The TCP state, as a number of `tcp_states.h`."),
    ("outq", "SIOCOUTQ: bytes that the kernel has taken and the peer has not acknowledged."),
    ("notsent", "Bytes of these that were not sent yet."),
    ("inq", "SIOCINQ: bytes that have arrived and that the program has not read."),
    ("snd_wnd", "Bytes that the peer says it has room for; 0 is a peer that does not read."),
    ("snd_cwnd", "Segments that the congestion window lets out."),
    ("unacked", "Segments that were sent and not acknowledged; of a listener, connections that wait for accept."),
    ("retrans", "Segments that are being sent again."),
    ("total_retrans", "Segments that were sent again since the connection began."),
    ("rtt", "The round-trip time, in microseconds."),
    ("rto", "When a segment is sent again, in microseconds."),
    ("busy", "Microseconds in which there was something to send."),
    ("rwnd_limited", "Microseconds of these in which the peer's window held it back."),
    ("sndbuf_limited", "Microseconds of these in which the send buffer did."),
    ("bytes_acked", "Bytes that the peer has acknowledged since the connection began."),
    ("bytes_received", "Bytes that came in since the connection began."),
)
"""The name and meaning of each."""
