"""The soak: real servers under everything that happens to servers, for a long time, and every account compared.

    python tests/soak [--seconds 900] [--every 60] [--seed N]

`streamscope run echo --headless` and http serve a crowd that chats, sends much, reads slowly, ends one direction,
resets and leaves, in processes of its own; `--events` goes to files, and `--record` to traces in parts; one inspector
stays, and others come, stand still, talk nonsense, are stopped and killed. Once a minute the model of the inspector is
compared with the engine while all moves; then everyone comes to rest, and compared are:

- what each client sent and received with what the events say that the server read and wrote on that connection, and
  each client has compared every byte with what it should be;
- the engine's descriptors with those at the beginning;
- the model of the inspector with the engine's own account, field for field;
- the state and the last event of the recording with the engine's own account and the last event written;
- the memory of engine, inspector, writer of events and recorder with what it was the first time.

One line a minute and for each server says how things are; the last line is the verdict. Exit status 1 on any
difference.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))  # what all tests share

from soak_engine import Soaked

SERVERS = ("echo", "http")


def soak(seconds: float, every: float, seed: int) -> int:
    """Run it; returns the exit status."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="streamscope-soak-") as folder:
        begin = time.monotonic()
        engines: list[Soaked] = []
        try:
            engines += [Soaked(server, Path(folder), seed) for server in SERVERS]
            loose = 0.0
            while loose < seconds:
                _let_run(engines, min(every, seconds - loose))
                loose += every
                for engine in engines:
                    print(f"{_clock(begin)}  {engine.rest_and_compare()}", flush=True)
                    wrong += _tell(engine)
            for engine in engines:
                engine.end()
        except OSError as error:
            wrong.append(f"the soak cannot go on: {error}")  # the engine or the inspector is gone; `close` says which
        finally:
            for engine in engines:
                engine.close()
                wrong += _tell(engine)
    print(f"verdict after {_clock(begin)}: {f'{len(wrong)} differences' if wrong else 'all is as it should be'}")
    return 1 if wrong else 0


def _let_run(engines: list[Soaked], seconds: float) -> None:
    """Everyone is loose for so long; in the middle, models are compared."""
    end = time.monotonic() + seconds
    for engine in engines:
        engine.go()
    compared = False
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(1.0, left))
        for engine in engines:
            engine.keep_books()
            if not compared and left < seconds / 2:
                engine.compare_under_load()
        compared = compared or left < seconds / 2


def _tell(engine: Soaked) -> list[str]:
    """Print what was found wrong since the last time, some of it, and return all of it."""
    wrong, engine.wrong = engine.wrong, []
    for text in wrong[:20]:
        print(f"      wrong: {text}", flush=True)
    return wrong


def _clock(begin: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - begin), 60)
    return f"{minutes}:{seconds:02}"


def main() -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="tests/soak", description="Servers under load for a long time, compared.")
    parser.add_argument("--seconds", type=float, default=900.0, help="how long they are loose, in all (default: 900)")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two comparisons (default: 60)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="what the crowd's chance begins with")
    options = parser.parse_args()
    print(f"soaking {', '.join(SERVERS)} for {options.seconds:g} s, seed {options.seed}", flush=True)
    return soak(options.seconds, options.every, options.seed)


if __name__ == "__main__":
    sys.exit(main())
