"""The console script, and `python -m streamscope`."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Load the command line and run it. Until that is there nothing has been begun, so Ctrl-C just ends the process."""
    heeded = signal.getsignal(signal.SIGINT)
    if heeded == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from streamscope.cli import main as run

    signal.signal(signal.SIGINT, heeded)
    run()


if __name__ == "__main__":
    main()
