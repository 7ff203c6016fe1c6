"""A Python that is not on Linux, as code to run before anything of ours is loaded: what only some systems have is gone.

`ANOTHER_UNIX` has terminals and signals, but neither epoll nor anything else of Linux alone; `NO_UNIX` has not even
those. What stands on a real one as well cannot be seen from here: this holds what we load, and not what others do.
"""

from __future__ import annotations

ANOTHER_UNIX = """
import select
for name in [name for name in dir(select) if name.lower().startswith("epoll")]:
    delattr(select, name)
import os, signal, socket, sys  # after that: what they load makes its choice by what there is
sys.platform = "darwin"
for module, names in (
    (os, "eventfd eventfd_read eventfd_write pidfd_open memfd_create sched_getaffinity sched_setaffinity splice"),
    (signal, "pidfd_send_signal"),
    (socket, "SO_PEERCRED AF_NETLINK"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
"""

NO_UNIX = f"""
{ANOTHER_UNIX}
import asyncio, subprocess  # which have a part for such systems that is not for this one
sys.platform = "elsewhere"
for name in "fcntl grp pty pwd resource termios tty".split():
    sys.modules[name] = None
for module, names in (
    (os, "O_CLOEXEC O_NONBLOCK fork getuid pread set_blocking"),
    (select, "poll"),
    (signal, "SIGCONT SIGHUP SIGQUIT SIGTSTP SIGWINCH"),
    (socket, "AF_UNIX SCM_RIGHTS"),
):
    for name in names.split():
        delattr(module, name)
"""

RUN = "\nfrom streamscope.__main__ import main\nmain()"
"""What comes then: the command."""
