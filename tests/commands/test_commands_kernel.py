"""What the kernel says is recorded, replayed, filtered, exported and checked like everything else in a feed."""

from __future__ import annotations

import json
from pathlib import Path

from running_command import Serving, run
from waiting import until

from streamscope.link.session import Session
from streamscope.trace.state import StreamState


def test_a_peer_that_does_not_read_is_found_in_a_recorded_trace(runtime: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.scope"
    probe = tmp_path / "probe.sock"
    with Serving(runtime, "source", "--record", str(path), "--probe", str(probe)) as serving, serving.connect():
        session = Session.attach(probe)
        kernel = session.model.decoder.vocabulary.kernel_number

        def shut(state: StreamState) -> bool:
            said = state.kernel or {}
            return said.get(kernel("snd_wnd")) == 0 and said.get(kernel("notsent"), 0) > 65536

        def seen() -> bool:
            session.receive()
            session.fold(0.1)
            return any(map(shut, session.model.streams.values()))

        until(seen, "the peer's window is shut")
        session.close()
        serving.end()

    holds = run(runtime, "check", str(path), "--assert", "max(notsent) > 64KiB", "--assert", "min(snd_wnd) == 0",
                "--assert", "never(tcp_state == CLOSE_WAIT)", "--assert", "max(accept_queue) < 100")  # fmt: skip
    assert holds.returncode == 0, holds.stdout + holds.stderr
    fails = run(runtime, "check", str(path), "--assert", "never(snd_wnd == 0 and notsent > 64KiB)")
    assert fails.returncode == 1, fails.stdout
    assert "stream #2" in fails.stdout
    lines = run(runtime, "export", str(path), "--to", "jsonl", "--filter", "kind == kernel.sample and field == outq")
    sizes = [json.loads(line)["value"] for line in lines.stdout.splitlines()]
    assert max(sizes) > 65536
