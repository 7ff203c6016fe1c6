"""`run http` and the clients that people point at it: curl, wrk, and nginx in front of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import outside_servers
import pytest
from watched import Watched, traffic

from streamscope.servers.http import BLOCK, GREETING

SIZE = 3_000_000
BODY = (BLOCK * (SIZE // len(BLOCK) + 1))[:SIZE]


@pytest.mark.real("curl")
def test_curl_downloads_every_byte_and_counts_as_the_inspector_does(runtime: Path, tmp_path: Path) -> None:
    with Watched(runtime, "http") as http:
        sent, received = http.curl("-o", str(tmp_path / "got"), f"{http.url}/bytes/{SIZE}")
        http.come_to_rest()

        assert (tmp_path / "got").read_bytes() == BODY
        assert received > SIZE
        assert traffic(http.accepted()) == (sent, received)
        assert http.end() == (0, "", "")


@pytest.mark.real("curl")
def test_curl_waits_for_continue_and_gets_its_own_body_back(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(BODY[: 1 << 20])
    with Watched(runtime, "http") as http:
        sent, received = http.curl(
            *("-H", "Expect: 100-continue", "--data-binary", f"@{tmp_path / 'body'}"),
            *("-D", str(tmp_path / "head"), "-o", str(tmp_path / "got"), f"{http.url}/echo"),
        )
        http.come_to_rest()

        assert (tmp_path / "head").read_text().startswith("HTTP/1.1 100 Continue")
        assert (tmp_path / "got").read_bytes() == BODY[: 1 << 20]
        assert traffic(http.accepted()) == (sent, received)


@pytest.mark.real("curl")
def test_curl_asks_three_times_on_one_connection(runtime: Path, tmp_path: Path) -> None:
    with Watched(runtime, "http") as http:
        sent, received = http.curl("-o", str(tmp_path / "#1"), f"{http.url}/bytes/{{1,70000,2}}")
        http.come_to_rest()

        assert [(tmp_path / size).stat().st_size for size in ("1", "70000", "2")] == [1, 70_000, 2]
        assert len(http.accepted()) == 1
        assert traffic(http.accepted()) == (sent, received)


@pytest.mark.real("curl")
def test_curl_that_loses_patience_in_the_middle_of_an_answer_leaves_nothing_behind(runtime: Path) -> None:
    with Watched(runtime, "http") as http:
        a_file_that_is_too_large = 63
        http.curl("--max-filesize", "1000", f"{http.url}/bytes/60000000", statuses=(a_file_that_is_too_large,))
        http.come_to_rest()
        [connection] = http.accepted()

        assert connection.bytes_out < 60_000_000
        assert (connection.write_queue_size, connection.write_queue) == (0, [])
        assert http.end() == (0, "", "")


@pytest.mark.real("wrk", "curl")
@pytest.mark.parametrize("in_one_go", [1, 16])
def test_every_request_of_wrk_is_answered_and_told_of(runtime: Path, tmp_path: Path, in_one_go: int) -> None:
    events = tmp_path / "events.jsonl"
    with Watched(runtime, "http", "--events", str(events)) as http:
        # given what one answer takes
        _, answer = http.curl("-o", "/dev/null", f"{http.url}/")
        http.come_to_rest()
        [first] = http.accepted()

        # when wrk asks as fast as it can
        load = http.wrk(tmp_path, "/", 50, in_one_go)
        http.come_to_rest()

        # then the inspector has seen every request, and every answer but those that wrk did not wait for
        connections = [stream for stream in http.accepted() if stream is not first]
        bytes_in, bytes_out = traffic(connections)
        request = len(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{http.port}\r\n\r\n")
        unfinished = 50 * in_one_go
        assert load.answers > 0
        assert load.errors == 0
        assert len(connections) == 50
        assert load.answers <= bytes_in / request <= load.answers + unfinished
        assert load.answers * answer <= load.bytes <= bytes_out <= (load.answers + unfinished) * answer
        assert http.end() == (0, "", "")

    # and the events, line by line, say the same
    told: Counter[str] = Counter()
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if event["kind"].startswith("sys.") and event["stream"] > first.number:
            told[event["kind"]] += max(event["result"], 0) if event["kind"] != "sys.accept" else 0
    assert told["sys.read"] == bytes_in
    assert told["sys.write"] + told["sys.writev"] == bytes_out


@pytest.mark.real("nginx", "curl")
@pytest.mark.parametrize("speaks", ["1.0", "1.1"])
def test_nginx_in_front_of_it_hands_its_answers_on(runtime: Path, tmp_path: Path, speaks: str) -> None:
    with Watched(runtime, "http") as http:
        front = f"location / {{ proxy_pass {http.url}; proxy_http_version {speaks}; }}"
        with outside_servers.nginx(tmp_path, locations=front) as nginx:
            http.curl("-o", str(tmp_path / "got"), f"http://{nginx.address}/bytes/{SIZE}")
            http.curl("-o", str(tmp_path / "greeting"), f"http://{nginx.address}/")
            http.come_to_rest()

        assert (tmp_path / "got").read_bytes() == BODY
        assert (tmp_path / "greeting").read_bytes() == GREETING
        assert len(http.accepted()) == 2
        assert traffic(http.accepted())[1] > SIZE + len(GREETING)
