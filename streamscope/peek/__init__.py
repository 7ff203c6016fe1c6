"""Programs that run on the real libuv (Node, uvloop, neovim, one's own in C), looked at from outside: never stopped,
never written to, and nothing of ours runs in them.

What libuv keeps of a stream lies in the program's memory as `uv.h` has it, and so it has lain since libuv 1.40. Whoever
may trace a process may read its memory. The rest is finding where to begin, and knowing what was true at one instant:

    target     the process: its descriptors, its threads, where each of them waits; why it may not be looked at
    memory     its memory, read in bounded pieces and only where something is mapped
    elf        symbols, out of what is mapped of a program
    offsets    how libuv lies in memory
    finding    its loops: by what a waiting thread has on its stack, by symbol, by searching what is mapped
    walking    one loop, from handle to handle to request: a glimpse
    proof      whether anything has run meanwhile
    births     who is who from glimpse to glimpse, though memory is used again
    glimpsing  glimpse after glimpse of one loop, and how sure each is

What is made of it is `sampling`'s.

Everything that is read is hostile: another program wrote it, or is writing it now. Counts are bounded, no pointer is
followed to where nothing is mapped, circles end, and what does not fit together is no glimpse.
"""
