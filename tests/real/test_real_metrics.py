"""Metrics, for real: Prometheus scrapes them, its rules fire, every panel returns data, and OTLP decodes."""

from __future__ import annotations

import contextlib
import http.server
import json
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commanded_programs import free_port
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from outside_servers import HOST, OutsideServer
from running_command import COMMAND, Serving, echoed, environment, run
from waiting import until

DOCS = Path(__file__).parents[2] / "docs"
RULES = DOCS / "streamscope.rules.yml"

pytestmark = pytest.mark.real("prometheus", "promtool")


@contextlib.contextmanager
def exported(runtime: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Metrics as a process."""
    process = subprocess.Popen(
        [*COMMAND, "metrics", *arguments], env=environment(runtime), stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def prometheus(folder: Path, scraped: int) -> OutsideServer:
    """Prometheus, which asks that port every second and has our rules."""
    (folder / "prometheus.yml").write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n"
        f"rule_files: [{RULES}]\n"
        f"scrape_configs: [{{job_name: streamscope, static_configs: [{{targets: ['{HOST}:{scraped}']}}]}}]\n"
    )

    def command(port: int) -> list[str]:
        return [
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={HOST}:{port}",
        ]  # fmt: skip

    return OutsideServer(command, folder)


def asked(server: OutsideServer, path: str, **parameters: str) -> Any:
    """What Prometheus answers."""
    query = urllib.parse.urlencode(parameters)

    def answer() -> Any:
        try:
            with urllib.request.urlopen(f"http://{server.address}/api/v1/{path}?{query}") as said:
                return json.load(said)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it reads its store yet
                return None
            raise

    return until(answer, "Prometheus answers", pause_s=0.1)


def panels() -> list[tuple[str, str]]:
    """Title and query of each panel of the dashboard."""
    found = json.loads((DOCS / "grafana.json").read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in found for target in panel["targets"]]


def test_promtool_accepts_the_rules() -> None:
    ended = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
    assert "4 rules found" in ended.stdout


def test_prometheus_scrapes_a_stall_its_rule_fires_and_every_panel_of_the_dashboard_returns_data(
    tmp_path: Path, runtime: Path
) -> None:
    port = free_port()
    with (
        Serving(runtime, "stall", "--as", "peer-never-reads") as stalled,
        Serving(runtime, "echo", "--demo"),
        exported(runtime, "--all", "--everything", "--prometheus", f":{port}"),
        prometheus(tmp_path, port) as server,
    ):
        missing = dict(panels())

        def all_return_data() -> bool:
            for title, query in list(missing.items()):
                if asked(server, "query", query=query)["result"]:
                    del missing[title]
            return not missing

        until(all_return_data, lambda: f"panels without data: {missing}", pause_s=0.5)

        def fires() -> list[dict[str, Any]]:
            alerts = asked(server, "alerts")["alerts"]
            return [a for a in alerts if a["state"] == "firing" and a["labels"]["alertname"] == "StreamStalled"]

        (alert,) = until(fires, "the alert fires", pause_s=0.5)
        assert alert["labels"]["process_pid"] == str(stalled.pid)
        assert alert["labels"]["streamscope_verdict"] == "PEER"
        assert "streamscope diagnose" in alert["annotations"]["description"]


class _Collector(http.server.BaseHTTPRequestHandler):
    """Takes what is sent by OTLP."""

    taken: list[ExportMetricsServiceRequest]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(ExportMetricsServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quietly."""


def test_what_is_sent_by_otlp_decodes_to_what_the_engine_did_and_of_states_alone_no_duration_is_told(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "300")
    _Collector.taken = []
    collector = http.server.ThreadingHTTPServer((HOST, 0), _Collector)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    with Serving(runtime, "echo") as engine, engine.connect() as client:
        with exported(runtime, str(engine.pid), "--otlp", f"http://{HOST}:{collector.server_port}") as process:
            assert process.stderr is not None
            until(lambda: "by OTLP to" in process.stderr.readline(), "it has begun", pause_s=0)
            until(lambda: (echoed(client, b"x" * 1000), _received() > 5000)[1], "it is sent", pause_s=0.2)
        collector.shutdown()
        collector.server_close()

    (streams,) = [point.as_int for point in _told("streamscope.streams")[-1].sum.data_points]
    assert streams == 2  # the listener, and our client
    assert _received() % 1000 == 0
    assert not _told("streamscope.callback.duration")


def _received() -> int:
    """Bytes that the engine has read, as was told last."""
    told = _told("streamscope.io")
    points = told[-1].sum.data_points if told else ()
    directions = {each.as_int for each in points if each.attributes and "receive" in str(each.attributes)}
    return max(directions, default=0)


def _told(name: str) -> list[Any]:
    """The metrics of that name that were sent, the newest last."""
    return [
        metric
        for request in _Collector.taken
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "which engines?"),
        (("1", "--all"), "which engines?"),
        (("--all", "--prometheus", "9464"), "is no address to listen on"),
        (("--all", "--otlp", "collector:4318"), "is no address of a collector"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(runtime: Path, arguments: tuple[str, ...], why: str) -> None:
    ended = run(runtime, "metrics", *arguments)

    assert ended.returncode == 2
    assert why in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_port_that_somebody_has_is_said(runtime: Path) -> None:
    with http.server.HTTPServer((HOST, 0), http.server.BaseHTTPRequestHandler) as taken:
        ended = run(runtime, "metrics", "--all", "--prometheus", f":{taken.server_port}")

    assert ended.returncode == 1
    assert f"cannot listen on {HOST}:{taken.server_port}" in ended.stderr
