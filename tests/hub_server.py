"""A small server that speaks the part of the Hub's interface that its client needs to fetch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

from tests.loopback import listening

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OLDER = "89abcdef0123456789abcdef0123456789abcdef"
LARGE = re.compile(r".*\.(safetensors|gguf|bin)")
API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?")
RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
CDN = re.compile(r"/cdn/([^/]+/[^/]+)/([^/]+)/(.+)")


@dataclass
class Repo:
    """Files by revision; ``gated`` for those who don't show ``TOKEN``."""

    files: dict[str, bytes]
    commits: dict[str, str] = field(default_factory=lambda: {"main": COMMIT, "v1": OLDER})
    gated: bool = False


TOKEN = "hf_of_a_person_who_may"


def move_endpoint(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The client has read the variable when it was imported; a process that is started reads it."""
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


class Hub:
    """What is on it, and what was asked of it."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.asked: list[tuple[str, str, str]] = []  # method, path, Range
        self.tokens: list[tuple[str, str]] = []  # path, Authorization
        self.cuts: dict[str, list[int]] = {}  # by path: after how many bytes answers break off
        self.status = 0  # of every answer, if there is something wrong with all
        self.endpoint = ""

    def fetched(self) -> list[str]:
        """The files whose bytes were asked for, in order."""
        matches = [RESOLVE.match(p) or CDN.match(p) for m, p, _ in self.asked if m == "GET"]
        return [match[3] for match in matches if match]

    def ranges(self) -> list[str]:
        return [r for method, path, r in self.asked if method == "GET" and not API.match(path)]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub answers, at ``hub.endpoint``."""

    with listening(_Handler, hub=hub) as hub.endpoint:
        yield hub


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        self.hub.tokens.append((path, self.headers.get("Authorization", "")))
        if self.hub.status:
            self._send(self.hub.status)
        elif match := API.fullmatch(path):
            self._info(match[1], match[2] or "main")
        elif match := RESOLVE.fullmatch(path):
            self._resolve(*match.groups())
        elif match := CDN.fullmatch(path):
            self._bytes(self.hub.repos[match[1]].files[match[3]], match[3], {})
        else:
            self._send(404)

    def _repo(self, name: str, revision: str) -> tuple[Repo, str] | None:
        """The repository and the commit; None if an error was the answer."""
        repo = self.hub.repos.get(name)
        if repo is None:
            self._send(401, {"X-Error-Code": "RepoNotFound"})
            return None
        commit = repo.commits.get(revision, revision)
        if commit not in repo.commits.values():
            self._send(404, {"X-Error-Code": "RevisionNotFound"})
            return None
        return repo, commit

    def _info(self, name: str, revision: str) -> None:
        if found := self._repo(name, revision):
            repo, commit = found
            files = [{"rfilename": p, "size": len(b)} for p, b in repo.files.items()]
            body = {"id": name, "sha": commit, "siblings": files, "gated": repo.gated}
            self._send(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _resolve(self, name: str, revision: str, path: str) -> None:
        found = self._repo(name, revision)
        if found is None:
            return
        repo, commit = found
        if repo.gated and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status = 403 if self.headers.get("Authorization") else 401
            self._send(status, {"X-Error-Code": "GatedRepo"})
            return
        if path not in repo.files:
            self._send(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        content = repo.files[path]
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        about = {"X-Repo-Commit": commit, "ETag": etag}
        if not LARGE.fullmatch(path):
            self._bytes(content, path, about)
            return
        port = urlsplit(self.hub.endpoint).port
        about |= {"X-Linked-Etag": etag, "X-Linked-Size": str(len(content))}
        about["Location"] = f"http://localhost:{port}/cdn/{name}/{commit}/{path}"
        self._send(302, about)

    def _bytes(self, content: bytes, path: str, about: dict[str, str]) -> None:
        status, size = 200, len(content)
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(match[1])
            status, content = 206, content[start:]
            about = about | {"Content-Range": f"bytes {start}-{size - 1}/{size}"}
        cuts = self.hub.cuts.get(path, [])
        cut = cuts.pop(0) if cuts and self.command == "GET" else None
        self._send(status, about, content, cut)

    def _send(
        self,
        status: int,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[:cut])
        # Either way HTTP/1.0 ends with the connection: what is cut is shorter than it said.


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Served where the client looks for it, in this process and in those that it starts."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    with serving(Hub()) as hub:
        move_endpoint(monkeypatch, hub.endpoint)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nonexistent/token")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
        yield hub
