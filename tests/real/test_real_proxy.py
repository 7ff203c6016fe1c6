"""`run proxy` between clients and servers that know nothing of it: nginx, redis, curl, wrk and redis-benchmark."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import outside_servers
import pytest
from outside_servers import OutsideServer
from processes import descriptors_of
from watched import Watched, traffic


def proxy_to(runtime: Path, server: OutsideServer) -> Watched:
    return Watched(runtime, "proxy", "--to", server.address)


def carried(proxy: Watched) -> tuple[int, int]:
    """Bytes from clients to servers, and back. What came in on one side of the proxy went out on the other."""
    from_clients, to_clients = traffic(proxy.accepted())
    from_servers, to_servers = traffic(proxy.upstreams())
    assert from_clients == to_servers
    assert from_servers == to_clients
    return from_clients, from_servers


@pytest.mark.real("nginx", "curl")
def test_a_download_from_nginx_arrives_byte_for_byte(
    runtime: Path, tmp_path: Path, nginx: OutsideServer, download: bytes
) -> None:
    with proxy_to(runtime, nginx) as proxy:
        account = proxy.curl("-o", str(tmp_path / "got"), f"{proxy.url}/download")
        proxy.come_to_rest()

        assert (tmp_path / "got").read_bytes() == download
        assert carried(proxy) == account
        assert proxy.end() == (0, "", "")


@pytest.mark.real("nginx", "curl")
def test_many_downloads_at_once_each_arrive_byte_for_byte(
    runtime: Path, tmp_path: Path, nginx: OutsideServer, download: bytes
) -> None:
    with proxy_to(runtime, nginx) as proxy:
        where = str(tmp_path / "#1")
        account = proxy.curl("--parallel", "--parallel-immediate", "-o", where, f"{proxy.url}/download?[1-9]")
        proxy.come_to_rest()

        assert len(proxy.upstreams()) == 9
        for number in range(1, 10):
            assert (tmp_path / f"{number}").read_bytes() == download
        assert carried(proxy) == account


@pytest.mark.real("nginx", "wrk")
def test_wrk_gets_every_answer_of_nginx(runtime: Path, tmp_path: Path, nginx: OutsideServer) -> None:
    with proxy_to(runtime, nginx) as proxy:
        before = descriptors_of(proxy.pid)
        load = proxy.wrk(tmp_path, "/", 30)
        proxy.come_to_rest()

        assert load.answers > 0
        assert load.errors == 0
        assert len(proxy.accepted()) == len(proxy.upstreams()) == 30
        assert traffic(proxy.upstreams())[0] >= traffic(proxy.accepted())[1] >= load.bytes
        proxy.follow(lambda: descriptors_of(proxy.pid) == before)
        assert proxy.end() == (0, "", "")


@pytest.mark.real("nginx", "curl")
def test_a_server_that_dies_in_the_middle_ends_its_client_and_the_next_one_is_served(
    runtime: Path, tmp_path: Path
) -> None:
    slowly = "location /slow { limit_rate 100k; alias %s; }" % (tmp_path / "large")
    (tmp_path / "large").write_bytes(bytes(3_000_000))
    (tmp_path / "small").write_bytes(b"small")
    a_part, nothing, reset = 18, 52, 56  # a reset is what comes of bytes that nobody has read
    with outside_servers.nginx(tmp_path, locations=slowly) as nginx, proxy_to(runtime, nginx) as proxy:

        def nginx_dies(_: object) -> None:
            proxy.follow(lambda: traffic(proxy.accepted())[1] > 0)
            nginx.stop(signal.SIGKILL)

        # when nginx dies under a download
        proxy.curl("-o", "/dev/null", f"{proxy.url}/slow", meanwhile=nginx_dies, statuses=(a_part, reset))
        proxy.come_to_rest()

        # then another client is told at once, and served again once nginx is back
        proxy.curl(f"{proxy.url}/small", statuses=(nothing, reset))
        nginx.start()
        proxy.curl("-o", str(tmp_path / "got"), f"{proxy.url}/small")
        assert (tmp_path / "got").read_bytes() == b"small"
        proxy.come_to_rest()
        assert proxy.end() == (0, "", "")


def counted(proxy: Watched) -> tuple[dict[str, int], int]:
    """What redis has counted, asked over the proxy, and the size of the answer. It has counted the question already,
    and not yet the answer.
    """
    with proxy.connect() as client:
        client.sendall(b"INFO everything\r\nQUIT\r\n")
        answer = b"".join(iter(lambda: client.recv(1 << 16), b""))
    found = re.findall(r"^(total_net_\w+|cmdstat_\w+):(?:calls=)?(\d+)", answer.decode(), re.MULTILINE)
    return {name: int(number) for name, number in found}, len(answer)


@pytest.mark.real("redis-server", "redis-benchmark")
@pytest.mark.parametrize("how", [(), ("-P", "16"), ("-d", "20000"), ("-k", "0")], ids=" ".join)
def test_redis_has_counted_the_bytes_that_the_inspector_saw(
    runtime: Path, redis: OutsideServer, how: tuple[str, ...]
) -> None:
    with proxy_to(runtime, redis) as proxy:
        # when 20 clients ask: one by one, in rows, with large values, and each time on a connection of its own
        said = proxy.run("redis-benchmark", "-p", proxy.port, "-n", "1600", "-c", "20", "-t", "set,get", "--csv", *how)
        told, answer = counted(proxy)
        proxy.come_to_rest()

        # then each was answered, and not a byte was lost or made on the way
        assert re.findall(r'^"(\w+)"', said, re.MULTILINE) == ["test", "SET", "GET"]
        assert (told["cmdstat_set"], told["cmdstat_get"]) == (1600, 1600)
        assert carried(proxy) == (told["total_net_input_bytes"], told["total_net_output_bytes"] + answer)
        assert proxy.end() == (0, "", "")


@pytest.mark.real("redis-server", "redis-cli")
def test_a_value_of_3_MB_comes_back_from_redis_as_it_went(runtime: Path, tmp_path: Path, redis: OutsideServer) -> None:
    value = os.urandom(3_000_000)
    (tmp_path / "value").write_bytes(value)
    with proxy_to(runtime, redis) as proxy:
        ask = f"redis-cli -p {proxy.port}"
        proxy.run("sh", "-c", f"cd {tmp_path} && {ask} -x set key < value && {ask} --raw get key > got")
        proxy.come_to_rest()

        assert (tmp_path / "got").read_bytes() == value + b"\n"
        assert min(carried(proxy)) > len(value)
