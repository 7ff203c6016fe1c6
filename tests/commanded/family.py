"""A program with two loops and a worker, of which each serves echo; and with a child that has no asyncio. It knows
nothing of being observed.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import unmodified


def main() -> None:
    if len(sys.argv) == 1:
        worker = subprocess.Popen([sys.executable, __file__, "worker"])
        idler = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        threading.Thread(target=lambda: asyncio.run(unmodified.serve(asyncio.Event())), daemon=True).start()
        asyncio.run(unmodified.main())
        for child in (worker, idler):
            child.wait()
    else:
        asyncio.run(unmodified.main())


if __name__ == "__main__":
    main()
