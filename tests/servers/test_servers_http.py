"""The HTTP server: over real sockets, and its request reader by itself."""

from __future__ import annotations

import http.client
import os
import re
import socket
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from running_server import connections, push_until_held, read_exactly, read_to_end, reset
from waiting import PATIENCE_S

from streamscope.servers.http_request import MAX_BODY, MAX_HEAD, HttpError, RequestReader

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def status_of(answer):
    """The number in the status line of a response."""
    match = re.match(rb"HTTP/1\.1 ([0-9]{3}) [A-Za-z ]+\r\n", answer)
    assert match, answer[:80]
    return int(match[1])


def test_get_and_head_over_one_kept_connection(serve):
    # given
    running = serve("http")
    client = http.client.HTTPConnection(*running.address, timeout=PATIENCE_S)
    # when
    client.request("GET", "/")
    answer = client.getresponse()
    body = answer.read()
    # then
    assert (answer.status, answer.getheader("Content-Length")) == (200, str(len(body)))
    assert body
    # when
    client.request("HEAD", "/")
    answer = client.getresponse()
    # then
    assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (200, str(len(body)), b"")
    assert len(running.streams()) == 1
    client.close()
    running.until(lambda loop: not connections(loop))


def test_a_body_comes_back(serve):
    running = serve("http")
    body = os.urandom(500_000)
    client = http.client.HTTPConnection(*running.address, timeout=PATIENCE_S)
    client.request("POST", "/echo", body)
    assert client.getresponse().read() == body
    client.request("POST", "/echo", b"")
    assert client.getresponse().read() == b""
    client.close()


@pytest.mark.parametrize("count", [0, 1, 16341, 1_000_000])
def test_as_many_bytes_as_asked_for(serve, count):
    running = serve("http")
    client = http.client.HTTPConnection(*running.address, timeout=PATIENCE_S)
    client.request("GET", f"/bytes/{count}")
    assert len(client.getresponse().read()) == count
    client.close()


def test_pipelined_requests_are_answered_in_order(serve):
    # given
    running = serve("http")
    with running.connect() as client:
        # when
        for i in range(100):
            client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n%03d" % i)
        client.shutdown(socket.SHUT_WR)
        answers = read_to_end(client)
    # then
    assert re.findall(rb"\r\n\r\n([0-9]{3})", answers) == [b"%03d" % i for i in range(100)]
    running.until(lambda loop: not connections(loop))


def test_a_client_that_does_not_read_its_answers_is_asked_no_further(serve):
    # given
    running = serve("http")
    request = b"GET /bytes/100000 HTTP/1.1\r\nHost: x\r\n\r\n"
    with running.connect() as client:
        # when
        client.sendall(request * 1000)  # 100 MB of answers, if all were made at once
        client.shutdown(socket.SHUT_WR)
        running.until(lambda loop: connections(loop) and not connections(loop)[0].is_active())
        # then
        (stream,) = running.streams()
        assert stream["write_queue_size"] < 65536 + 101_000
        assert len(read_to_end(client)) > 1000 * 100_000
    running.until(lambda loop: not connections(loop))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /bytes/99999999999 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /bytes/-1 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET http://x:80/ HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET /?query HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET / HTTP/1.1\nHost: x\n\n", 200),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a%s\r\n\r\n" % (b" " * 16_000), 200),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    ],
)
def test_the_connection_goes_on_after(serve, request_, status):
    running = serve("http")
    with running.connect() as client:
        client.sendall(request_)
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        read_exactly(client, int(re.search(rb"Content-Length: ([0-9]+)", head)[1]))
        assert status_of(head) == status
        client.sendall(GET)
        assert status_of(client.recv(65536)) == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"hello\n", 400),
        (b"GET /\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX:%s\x01\r\n\r\n" % (b" " * 16_000), 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n" % (b"9" * 5000), 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n" % (b"a" * MAX_HEAD), 431),
        (b"GET /%s" % (b"a" * MAX_HEAD), 431),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
    ],
)
def test_the_connection_ends_after(serve, request_, status):
    # given
    running = serve("http")
    with running.connect() as client:
        # when
        client.sendall(request_)
        answer = read_to_end(client)
        # then
        assert status_of(answer) == status
        assert b"\r\nConnection: close\r\n" in answer
    running.until(lambda loop: not connections(loop))


def test_a_request_that_ends_in_the_middle_is_told_so(serve):
    running = serve("http")
    with running.connect() as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        client.shutdown(socket.SHUT_WR)
        assert status_of(read_to_end(client)) == 400
    running.until(lambda loop: not connections(loop))


def test_a_refusal_reaches_a_client_that_is_still_sending(serve):
    # given
    running = serve("http")
    with running.connect() as client:
        # when
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n")
        client.sendall(bytes(3_000_000))
        # then
        assert status_of(read_to_end(client)) == 413
    running.until(lambda loop: not connections(loop))


def test_continue_is_said_once_to_who_waits_for_it(serve):
    running = serve("http")
    with running.connect() as client:
        head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head)
        assert read_exactly(client, 25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"bo")
        running.until(lambda loop: connections(loop)[0].bytes_in == len(head) + 2)
        client.sendall(b"dy")
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client).endswith(b"\r\n\r\nbody")


def test_a_reset_in_the_middle_of_an_answer_closes_the_stream(serve):
    running = serve("http")
    client = running.connect()
    push_until_held(client, b"GET /bytes/60000000 HTTP/1.1\r\nHost: x\r\n\r\n", running)
    reset(client)
    running.until(lambda loop: not connections(loop))


def requests_in(pieces):
    """Every request that the reader finds in bytes cut in this way."""
    reader = RequestReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (request := reader.next()) is not None:
            found.append(request)
    assert reader.is_idle()
    return found


@given(
    bodies=st.lists(st.binary(max_size=50), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 400), max_size=10),
)
def test_requests_are_the_same_however_their_bytes_are_cut(bodies, cuts):
    # given
    data = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (i, len(body), body)
        for i, body in enumerate(bodies)
    )
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    # when
    found = requests_in([data[a:b] for a, b in pairwise(edges)])
    # then
    assert [(request.target, request.body) for request in found] == [(f"/{i}", body) for i, body in enumerate(bodies)]


@given(st.sampled_from([b"", b"GET / HTTP/1.1\r\nHost: x\r\n"]), st.binary(max_size=300))
def test_any_bytes_are_a_request_or_an_http_error(beginning, data):
    # given
    reader = RequestReader()
    reader.feed(beginning + data)
    # when
    try:
        outcome = reader.next()
    except HttpError as error:
        outcome = error
    # then
    if isinstance(outcome, HttpError):
        assert outcome.status in {400, 411, 413, 431, 501, 505}
    else:
        assert outcome is None or outcome.method
