"""What a server has done and does now, for Prometheus. Knows numbers alone."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..events import Timings

PREFIX = "llama2ncnn"


class Metrics:
    """Counts from the start of a server on."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            f"{PREFIX}_requests",
            "Requests by path and status",
            ("path", "status"),
            registry=self._registry,
        )
        self.waiting = Gauge(f"{PREFIX}_waiting", "Requests in line", registry=self._registry)
        self.running = Gauge(f"{PREFIX}_running", "Requests at work", registry=self._registry)
        self._read, self._cached, self._written = (
            Counter(f"{PREFIX}_{name}_tokens", about, registry=self._registry)
            for name, about in (
                ("prompt", "Tokens of prompts that were read"),
                ("cached", "Tokens of prompts that were in the cache"),
                ("predicted", "Tokens that were generated"),
            )
        )
        self._reading, self._writing = (
            Counter(f"{PREFIX}_{name}_seconds", about, registry=self._registry)
            for name, about in (
                ("prompt", "Seconds in which prompts were read"),
                ("predicted", "Seconds in which tokens were generated"),
            )
        )
        self.first_token = Histogram(
            f"{PREFIX}_first_token_seconds",
            "Seconds from a request to its first token, the wait included",
            registry=self._registry,
        )

    def count(self, timings: Timings) -> None:
        """Count what a request took."""
        self._read.inc(timings.prompt_n)
        self._cached.inc(timings.cache_n)
        self._written.inc(timings.predicted_n)
        self._reading.inc(timings.prompt_ms / 1000)
        self._writing.inc(timings.predicted_ms / 1000)

    def text(self) -> bytes:
        """Write them down in Prometheus' format."""
        return generate_latest(self._registry)
