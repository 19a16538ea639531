"""A stand-in for Prometheus' statsd-exporter, which Debian does not have: as much of it as statsd_mapping.yml asks for.

StatsD over UDP with tags in Influx form; counters, gauges (with + and -) and timers; mappings by glob with
`match_metric_type`, `name` and `labels`; summaries. It takes the exporter's own arguments, and refuses a mapping that says
anything else, rather than pass over it. What outlives its `ttl` goes; the age of summaries is read and not kept.
"""

from __future__ import annotations

import argparse
import re
import socketserver
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

KINDS = {"c": "counter", "g": "gauge", "ms": "observer"}
DEFAULTS = {"observer_type", "summary_options"}
MAPPING = {"match", "match_metric_type", "name", "labels", "ttl", "help"}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Mapping:
    """One rule of the file."""

    match: re.Pattern[str]
    kind: str | None
    name: str
    labels: dict[str, str]
    ttl: float


@dataclass
class Exporter:
    """What was received: a value, or for timers all values, of each metric and labels."""

    quantiles: list[float]
    mappings: list[Mapping]
    metrics: dict[str, tuple[str, dict[Labels, Any]]] = field(default_factory=dict)
    ends: dict[tuple[str, Labels], float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def from_file(cls, path: Path) -> Exporter:
        content = yaml.safe_load(path.read_text())
        defaults = content.pop("defaults")
        mappings = content.pop("mappings")
        unknown = (
            set(content) | set(defaults) - DEFAULTS | {key for mapping in mappings for key in set(mapping) - MAPPING}
        )
        if unknown or defaults["observer_type"] != "summary":
            raise SystemExit(f"{path}: the stand-in does not know {sorted(unknown) or defaults['observer_type']}")
        return cls(
            quantiles=[item["quantile"] for item in defaults["summary_options"]["quantiles"]],
            mappings=[
                Mapping(
                    match=re.compile(re.escape(mapping["match"]).replace(r"\*", "([^.]*)")),
                    kind=mapping.get("match_metric_type"),
                    name=re.sub(r"\$\{?(\d+)\}?", r"\\\1", mapping["name"]),
                    labels=mapping.get("labels", {}),
                    ttl=seconds(mapping["ttl"]) if "ttl" in mapping else float("inf"),
                )
                for mapping in mappings
            ],
        )

    def receive(self, line: str) -> None:
        """Take one line, such as `airflow.pool.open_slots,pool_name=light:3|g`."""
        stat, _, rest = line.rpartition(":")
        value, kind = rest.split("|")[:2]
        name, *tags = stat.split(",")
        labels = tuple(sorted((key, text) for key, _, text in (tag.partition("=") for tag in tags)))
        name, labels, ttl = self._mapped(name, KINDS[kind], labels)
        with self.lock:
            known, series = self.metrics.setdefault(name, (KINDS[kind], {}))
            if known != KINDS[kind]:
                return  # The exporter, too, drops what comes as another kind.
            self.ends[name, labels] = time.monotonic() + ttl
            if kind == "ms":
                series.setdefault(labels, []).append(float(value) / 1000)
            elif kind == "c" or value[0] in "+-":
                series[labels] = series.get(labels, 0.0) + float(value)
            else:
                series[labels] = float(value)

    def _mapped(self, name: str, kind: str, labels: Labels) -> tuple[str, Labels, float]:
        for mapping in self.mappings:
            matched = mapping.match.fullmatch(name)
            if matched and mapping.kind in (None, kind):
                added = {key: matched.expand(value) for key, value in mapping.labels.items()}
                return matched.expand(mapping.name), tuple(sorted({**dict(labels), **added}.items())), mapping.ttl
        return re.sub(r"[^A-Za-z0-9_:]", "_", name), labels, float("inf")

    def page(self) -> str:
        """Return all in Prometheus' text format."""
        lines = []
        with self.lock:
            for name, labels in [series for series, end in self.ends.items() if end < time.monotonic()]:
                del self.ends[name, labels], self.metrics[name][1][labels]
            for name, (kind, series) in sorted(self.metrics.items()):
                lines.append(f"# TYPE {name} {'summary' if kind == 'observer' else kind}")
                for labels, value in series.items():
                    lines += self._summary(name, labels, value) if kind == "observer" else [_line(name, labels, value)]
        return "\n".join(lines) + "\n"

    def _summary(self, name: str, labels: Labels, values: list[float]) -> list[str]:
        ordered = sorted(values)
        quantiles = [
            _line(name, (*labels, ("quantile", f"{q:g}")), ordered[min(int(q * len(ordered)), len(ordered) - 1)])
            for q in self.quantiles
        ]
        return [*quantiles, _line(f"{name}_sum", labels, sum(values)), _line(f"{name}_count", labels, len(values))]


def seconds(duration: str) -> float:
    """Return what Go writes as `1h` or `2m`; of its forms, those with one unit."""
    return float(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def _line(name: str, labels: Labels, value: float) -> str:
    text = ",".join(f'{key}="{text}"' for key, text in labels)
    return f"{name}{{{text}}} {value!r}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--statsd.mapping-config", dest="mapping", type=Path, required=True)
    parser.add_argument("--statsd.listen-udp", dest="udp", default=":9125")
    parser.add_argument("--web.listen-address", dest="web", default=":9102")
    # Given by some, and nothing to the stand-in.
    parser.add_argument("--statsd.listen-tcp", dest="tcp")
    arguments = parser.parse_args()
    exporter = Exporter.from_file(arguments.mapping)

    class Packet(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            for line in self.request[0].decode().split("\n"):
                if line:
                    exporter.receive(line)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporter.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    udp = socketserver.UDPServer(_address(arguments.udp), Packet)
    udp.max_packet_size = 65536
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    ThreadingHTTPServer(_address(arguments.web), Page).serve_forever()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    main()
