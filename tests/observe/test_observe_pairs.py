"""Who holds whom, in a proxy of protocols and in one of tasks: the reader is held, and its upstream's peer named."""

from __future__ import annotations

import socket
from pathlib import Path
from types import ModuleType

import copying
import pumping
import pytest
from proxied import fed, proxied
from running_command import follow
from waiting import PATIENCE_S

from streamscope.commands.diagnose import _waiters as waiters_of
from streamscope.diagnosis.diagnosis import Diagnosis
from streamscope.link.session import Session
from streamscope.ui.widgets.panel_lines import Facts, panel_lines


@pytest.mark.parametrize("program", [copying, pumping], ids=["protocols", "tasks"])
def test_a_client_is_held_back_by_the_upstream_that_it_feeds(runtime: Path, program: ModuleType) -> None:
    # given a server that takes nothing, a proxy before it, and a client that sends without end
    with proxied(runtime, program) as (sink, port, session):
        client = socket.create_connection(("127.0.0.1", port))
        client.setblocking(False)
        name = "{}:{}".format(*client.getsockname())
        diagnosis = Diagnosis(session.model.decoder.vocabulary)

        # when everything between them is full
        def held() -> bool:
            try:
                while client.send(b"x" * 10_000):
                    pass
            except BlockingIOError:
                pass
            diagnosis.look(session.model, session.model.t, session.past)
            of = [each for each in session.model.streams.values() if each.peer == name]
            return bool(of and diagnosis.held(of[0].number) is not None and diagnosis.findings)

        follow(session, held)

        # then the client is held by the upstream, and the fault is of the upstream's peer
        [it] = [each for each in session.model.streams.values() if each.peer == name]
        by = diagnosis.held(it.number)
        assert by is not None
        upstream = session.model.streams[by.by]
        assert upstream.peer == "{}:{}".format(*sink.getsockname())
        assert upstream.write_queue_size > upstream.high_water

        # and where reading was paused is told: by the program, or by its reader, which holds what was not taken
        if program is pumping:
            assert it.paused_at == "StreamReader.feed_data"
            follow(session, lambda: it.reader_size > it.reader_limit == 65536)
            # and which task waits, for which of the two, and where
            follow(session, lambda: session.waiters.of(upstream.number).text)
            said = session.waiters.of(upstream.number).text
            assert " waits in drain(): pumping.py:" in said
            assert said.endswith(" pump; +1 more")  # the other way's reads it
            assert waiters_of(diagnosis, session)[upstream.number] == said
            facts = Facts(upstream, session.model.t, session.model.decoder.vocabulary,
                          waiters=session.waiters.of(upstream.number))  # fmt: skip
            text = "\n".join("".join(part for part, _ in line) for line in panel_lines(facts, 80, 40))
            assert said.partition(": ")[0] in text
            assert f"\n   {said.partition(': ')[2].partition(';')[0]}" in text
            follow(session, lambda: session.waiters.of(it.number).text == "no task waits for it")
        else:
            assert it.paused_at.startswith("copying.py:")

        # and who comes only now, when nothing moves, hears of tasks the same
        session.close()
        assert session.hello is not None
        late = Session.attach(runtime / "streamscope" / f"{session.hello.pid}.sock")
        follow(late, lambda: late.model.whole)
        if program is pumping:
            follow(late, lambda: upstream.number in (late.model.streams[it.number].feeds or {}))
        late.close()
        client.close()


def test_a_stream_whose_own_task_hands_it_on_feeds_what_the_next_one_writes(runtime: Path) -> None:
    # given a proxy whose task for a connection reads the head of what comes, before others copy the rest
    with (
        proxied(runtime, pumping, "heads") as (upstream, port, session),
        socket.create_connection(("127.0.0.1", port)) as client,
    ):
        names = "{}:{}".format(*client.getsockname()), "{}:{}".format(*upstream.getsockname())

        def came() -> int:
            return sum(each.bytes_in for each in session.model.streams.values() if each.peer == names[0])

        # when a client sends its head line by line, and then talks
        for number in range(3):
            client.sendall(b"head\n")
            follow(session, lambda number=number: came() == 5 * (number + 1))  # each is read by itself
        with upstream.accept()[0] as server:
            for each in (client, server):
                each.settimeout(PATIENCE_S)
            for _ in range(5):
                client.sendall(b"ask")
                server.sendall(server.recv(100))
                assert client.recv(100) == b"ask"

            # then each of the two feeds the other
            follow(session, lambda: (fed(session, names[0]), fed(session, names[1])) == ({names[1]}, {names[0]}))
