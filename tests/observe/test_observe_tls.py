"""What TLS holds back is seen, and named, though the socket below looks as if little waited."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import hidden
import pumping
from proxied import fed, proxied
from running_command import environment, follow
from waiting import PATIENCE_S, until

from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.diagnosis.shapes import Finding
from streamscope.link.session import Session
from streamscope.ui.widgets.panel_lines import Facts, panel_lines

ROOT = Path(__file__).parents[2]


def test_a_backlog_in_the_tls_layer_is_found_and_told_of_once(runtime: Path) -> None:
    # given a server that writes without waiting to a client that does not read, over TLS
    with subprocess.Popen(
        [sys.executable, "-P", hidden.__file__],
        env={**environment(runtime), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def said() -> Any:
            assert program.stdout is not None
            return json.loads(program.stdout.readline())

        def asked() -> Any:
            assert program.stdin is not None
            program.stdin.write("and?\n")
            program.stdin.flush()
            return said()

        try:
            slow = said()["slow"]

            # when somebody comes
            session = Session.attach(runtime / "streamscope" / f"{program.pid}.sock")
            follow(session, lambda: session.model.whole)
            words = session.model.decoder.vocabulary
            diagnosis = Diagnosis(words)

            def ignored() -> Finding | None:
                diagnosis.look(session.model, session.model.t, session.past)
                return next((each for each in diagnosis.findings if each.lint == "mark_ignored"), None)

            follow(session, ignored)

            # then all alarms are of the TLS stream, which has nearly all that waits
            found = ignored()
            assert found is not None
            assert slow in found.sentence
            [upper] = [each for each in session.model.streams.values() if each.peer == slow and each.over]
            lower = session.model.streams[upper.over]
            assert {each.stream for each in diagnosis.findings} == {upper.number}
            assert (lower.under, words.type_text(upper.type), upper.session[:3]) == (upper.number, "tls", "TLS")
            assert upper.write_queue_size > 10 * lower.write_queue_size > 0
            assert upper.outgoing == upper.write_queue_size
            assert upper.events == lower.events

            # and what is told is what its transport says
            follow(session, lambda: upper.write_queue_size == asked()["size"])
            facts = Facts(upper, session.model.t, words, below=lower)
            text = "\n".join("".join(part for part, _ in line) for line in panel_lines(facts, 70, 40))
            assert f"TLS over #{lower.number}" in text
            assert "TLS      ▸ transport ▸ kernel" in text
            session.close()

            # and afterwards the layer has its own object again
            until(lambda: asked()["as it was"], "it is as it was")
            assert session.model.events_lost == 0
        finally:
            program.kill()
            program.communicate(timeout=PATIENCE_S)


def test_what_tasks_read_over_tls_is_told_and_comes_back_as_it_was(runtime: Path) -> None:
    # given a proxy of tasks whose clients speak TLS, before a server that sends everything back
    context = ssl.create_default_context(cafile=hidden.CERTIFICATE)
    with (
        proxied(runtime, pumping, hidden.CERTIFICATE) as (upstream, port, session),
        context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost") as client,
        upstream.accept()[0] as server,
    ):
        # when a client says something again and again
        client.settimeout(PATIENCE_S)
        server.settimeout(PATIENCE_S)
        for number in range(5):
            client.sendall(b"%d" % number)
            server.sendall(server.recv(100))
            assert client.recv(100) == b"%d" % number

        # then it is known whom the TLS stream feeds, and whom the server's does
        near, far = ("{}:{}".format(*each.getsockname()) for each in (client, upstream))
        follow(session, lambda: (fed(session, near), fed(session, far)) == ({far}, {near}))
