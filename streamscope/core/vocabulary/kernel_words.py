"""What the kernel says of a descriptor and of the process, by its own names: the fields of `kernel.sample`, by the
number in the record.

What it does not say is not told: a field that is not there is unknown, and not 0. Instants (`*_t`) are on the feed's
clock. Append, never reorder: numbers are places in the list.
"""

from __future__ import annotations

from typing import NamedTuple


class KernelField(NamedTuple):
    """One field: its name, how its number reads, what it is, and whether it is a stream's or the loop's own.

    Domains are those of `probe.Arg`, and `us` (microseconds), `mask` (poll bits) and `tcp_state` (a number of
    `tcp_states.h`).
    """

    name: str
    domain: str
    meaning: str
    stream: bool = True


KERNEL_FIELDS: tuple[KernelField, ...] = (
    KernelField("tcp_state", "tcp_state", "The TCP state: ESTABLISHED, CLOSE_WAIT, …"),
    KernelField(
        "outq", "bytes",
        "SIOCOUTQ: bytes that the kernel has taken and the peer has not acknowledged; of a pipe, those that nobody has "
        "read; of a Unix socket, the memory that they take up.",
    ),
    KernelField("notsent", "bytes", "Bytes of outq that were not sent yet."),
    KernelField("inq", "bytes", "SIOCINQ: bytes that have arrived and that the program has not read."),
    KernelField("snd_wnd", "bytes", "Bytes that the peer says it has room for; 0 is a peer that does not read."),
    KernelField("snd_cwnd", "int", "Segments that the congestion window lets out."),
    KernelField("unacked", "int", "Segments that were sent and not acknowledged."),
    KernelField("retrans", "int", "Segments that are being sent again."),
    KernelField("total_retrans", "int", "Segments that were sent again since the connection began."),
    KernelField("rtt", "us", "The round-trip time."),
    KernelField("rto", "us", "After how long a segment is sent again."),
    KernelField("busy", "us", "How long there was something to send, since the connection began."),
    KernelField("rwnd_limited", "us", "How long of the time in busy the peer's window held it back."),
    KernelField("sndbuf_limited", "us", "How long of the time in busy the send buffer held it back."),
    KernelField("bytes_acked", "bytes", "Bytes that the peer has acknowledged since the connection began."),
    KernelField("bytes_received", "bytes", "Bytes that came in since the connection began."),
    KernelField("data_sent_t", "ns", "When data was last sent."),
    KernelField("data_recv_t", "ns", "When data last came in."),
    KernelField("ack_recv_t", "ns", "When the peer last acknowledged anything."),
    KernelField("accept_queue", "int", "Connections that wait in the kernel for a listener to accept them."),
    KernelField("accept_max", "int", "How many may wait there; a connection beyond them is turned away."),
    KernelField("sndbuf", "bytes", "SO_SNDBUF: the room of the send buffer, the kernel's own needs included."),
    KernelField("rcvbuf", "bytes", "SO_RCVBUF: the room of the receive buffer, the kernel's own needs included."),
    KernelField("pipe_size", "bytes", "F_GETPIPE_SZ: the room of a pipe."),
    KernelField("probes", "int", "Probes of a closed window, or of a silent peer, that nobody has answered."),
    KernelField("backoff", "int", "How often the time until the next try was doubled."),
    KernelField("retransmits", "int", "Times in a row that the first segment was sent again and not acknowledged."),
    KernelField("lost", "int", "Segments that are taken for lost."),
    KernelField("snd_mss", "bytes", "The size of a segment."),
    KernelField("min_rtt", "us", "The shortest round-trip time that was seen lately."),
    KernelField("epoll_mask", "mask", "What the kernel's epoll watches it for, from fdinfo; 0 for nothing."),
    KernelField(
        "epoll_missing", "mask",
        "What the engine believed to be registered when that was read, and the kernel did not watch for; that the "
        "kernel watches for more is no fault, and is not told here.",
    ),
    # of the loop itself: of its thread, and of its control group
    KernelField(
        "run_delay", "ns", "How long the loop's thread waited for a CPU, since it began (schedstat).", stream=False
    ),
    KernelField("cpu_time", "ns", "How long it has run on one.", stream=False),
    KernelField(
        "throttled", "ns", "How long its control group was held back by its CPU quota (cpu.stat).", stream=False
    ),
    KernelField("throttled_times", "int", "How often it was.", stream=False),
    KernelField(
        "listen_overflows", "int",
        "Connections that were turned away because an accept queue was full, on all of this network namespace.",
        stream=False,
    ),
)  # fmt: skip
"""Every field, in the order of their numbers."""
