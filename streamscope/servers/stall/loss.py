"""Loss: a network that drops what was sent, made of a filter before one socket.

The kernel asks a classic BPF program about every segment that arrives for the socket, and drops what it says no to,
before TCP has seen it. So the sender's kernel has no answer, waits, and sends again, as it would if a wire had lost
it; nothing of that is played. It needs no root, and no other connection notices.
"""

from __future__ import annotations

import ctypes
import socket
import struct

SO_ATTACH_FILTER = 26
LOAD_WORD, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x35, 0x06  # BPF_LD+W+ABS, BPF_JMP+JGE+K, BPF_RET+K
RANDOM = 0xFFFFF000 + 56  # SKF_AD_OFF + SKF_AD_RANDOM: where the kernel has 32 random bits to load
PASS = 0xFFFFFFFF  # as many bytes of the segment as there are


def lose(sock: socket.socket, share: float) -> None:
    """From now on drop this share of the segments that arrive, 1 for all of them."""
    program = [
        (LOAD_WORD, 0, 0, RANDOM),
        (JUMP_IF_AT_LEAST, 0, 1, min(int(share * 2**32), 2**32 - 1)),
        (RETURN, 0, 0, PASS),
        (RETURN, 0, 0, 0),
    ]
    if share >= 1:
        program = program[-1:]
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in program))
    sock.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program), ctypes.addressof(instructions))
    )
