"""Records what an engine answers, byte for byte: ``python -m tests.remote.recording URL FILE``.

The engine runs the scripted model; see recorded/README.md. What is recorded stands in JSON: the
engine, what it answers to being found, and for each scene what is asked and answered.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llama2ncnn_chat.remote.address import address_of
from llama2ncnn_chat.remote.http import Connection
from tests.remote.asking import dialect_of
from tests.remote.engine_server import Answer, Script, serving
from tests.remote.scenes import SCENES

RECORDED = Path(__file__).parent / "recorded"


@dataclass
class Exchange:
    """What was asked, and what came back: the body in the pieces that it came in.

    Bytes that are no UTF-8, as those of half a character, are surrogates.
    """

    method: str
    path: str
    body: Any
    status: int
    kind: str
    chunks: list[str]
    hung_up: bool = False

    def answer(self) -> Answer:
        """The same to whoever asks now."""
        pieces = [chunk.encode(errors="surrogateescape") for chunk in self.chunks]
        return Answer(pieces, self.status, self.kind)


@dataclass
class Recording:
    """``finding`` is asked without a body, of any scene; the rest is in the order of each."""

    engine: str
    finding: list[Exchange]
    scenes: dict[str, list[Exchange]]

    @staticmethod
    def read(path: Path) -> Recording:
        """Read a file."""
        said = json.loads(path.read_text(encoding="utf-8"))
        scenes = {
            name: [Exchange(**each) for each in said["scenes"][name]] for name in said["scenes"]
        }
        return Recording(said["engine"], [Exchange(**each) for each in said["finding"]], scenes)

    def write(self, path: Path) -> None:
        """Write it, a line for each chunk."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


class Recorder(Script):
    """Asks an engine whatever it is asked, and passes the answer on as it comes."""

    def __init__(self, engine: str) -> None:
        super().__init__({})
        self._engine = urlsplit(engine).netloc
        self.exchanges: list[Exchange] = []

    def next(self, path: str, body: Any) -> Answer:
        connection = http.client.HTTPConnection(self._engine, timeout=600)
        method = "GET" if body is None else "POST"
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {"Content-Type": "application/json"})
        response = connection.getresponse()
        kind = response.headers.get("Content-Type", "")
        exchange = Exchange(method, path, body, response.status, kind, [])
        self.exchanges.append(exchange)
        return Answer(_passed_on(connection, response, exchange), exchange.status, kind)

    def taken(self) -> list[Exchange]:
        """What was recorded since."""
        taken, self.exchanges = self.exchanges, []
        return taken


def _passed_on(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse, exchange: Exchange
) -> Iterator[bytes]:
    exchange.hung_up = True
    with closing(connection):
        while chunk := response.read1(1 << 16):
            exchange.chunks.append(chunk.decode(errors="surrogateescape"))
            yield chunk
    exchange.hung_up = False


def record(url: str) -> Recording:
    """Play all scenes."""
    with (
        serving(Recorder(url)) as recorder,
        closing(Connection(address_of(recorder.url))) as asking,
    ):
        engine = dialect_of(asking)
        finding = recorder.taken()
        scenes = {}
        for name, scene in SCENES.items():
            scene(asking, engine)
            scenes[name] = recorder.taken()
    return Recording(engine.facts.kind, finding, scenes)


if __name__ == "__main__":
    record(sys.argv[1]).write(Path(sys.argv[2]))
