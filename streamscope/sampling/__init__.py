"""What `peek` sees of a program on the real libuv, told as a feed: a producer like any other, in a process of its own
or in that which has started the program.

    libuv_words        what all of it is called in that version of libuv
    addresses          what lies behind descriptors, and what the kernel says of it
    preloaded          what a Node program says of its own sockets, where it was asked to (`preload.cjs`)
    seen_states        what a glimpse makes of the state of streams
    sampler            tells of one loop: what differs from glimpse to glimpse
    peeking            all loops of a process; `manner` is how often, and how the kernel is asked
    looking            processes that are looked at, and looked out for, in one wait
    __main__           the process that does it for one that runs already; `starting` starts that
    running_on_libuv   what there is to be looked at
"""
