"""Other programs at one server: odd requests, and a crowd that asks, listens and hangs up."""

from __future__ import annotations

import http.client
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import TimeoutExpired
from urllib.parse import urlsplit

from benchmarks.campaign.home import PATIENCE, Home, resident
from benchmarks.campaign.part import Effort, Outcome
from tests.serve.odd_requests import fault_of, odd_request

ODD, ODD_SHORT = 100_000, 300
ASKING = 8
CROWD = 50
SECONDS, SECONDS_SHORT = 60, 4
QUESTIONS = 20
TOKENS = 8
GROWTH = 24 << 20
"""Bytes from which on memory isn't flat: what a tenth of the requests left behind, to the end."""

SECRET = "The pelican keeps 4711 spoons."
"""What another conversation said, and no answer has."""

FLAGS = ("--port", "0", "--threads", "1", "--cache-mb", "8", "--waiting", "100")
CHAT = "/v1/chat/completions"


def served(folder: Path, effort: Effort) -> Iterator[Outcome]:
    """Ask what makes no sense, then all at once what does."""
    home = Home(folder)
    with _server(home, "--ctx-size", "64") as (url, pid):
        yield _odd(url, pid, effort.seed, effort.of(ODD, ODD_SHORT))
    with _server(home) as (url, pid):
        yield _crowd(url, pid, effort.seed, effort.of(SECONDS, SECONDS_SHORT))
    outcome = Outcome("servers ended by a signal", 2)
    complaints = (folder / "complaints").read_text()
    if "Traceback" in complaints or "error" in complaints:
        outcome.losses.append(complaints[-300:])
    outcome.losses += home.losses()
    yield outcome


@contextmanager
def _server(home: Home, *flags: str) -> Iterator[tuple[str, int]]:
    """Serve as long as the block runs; yields where, and the process."""
    said = home.folder / "complaints"
    with said.open("a") as complaints:
        begin = complaints.tell()
        process = home.start("serve", *FLAGS, *flags, complaints=complaints.fileno())
        try:
            deadline = time.monotonic() + PATIENCE
            while not (found := re.search(r"http://\S+(?=/v1)", said.read_text()[begin:])):
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, "it hangs"
                time.sleep(0.05)
            yield found[0], process.pid
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except TimeoutExpired:
                complaints.write("error: it hangs after SIGTERM\n")
                process.kill()


def _odd(url: str, pid: int, seed: int, n: int) -> Outcome:
    """Send odd requests from a few threads; any but an answer or a refusal is a loss."""
    begun, here, memory = time.monotonic(), threading.local(), dict[int, int]()

    def loss(number: int) -> str:
        if number - seed in (n // 10, n - 1):
            memory[number - seed] = resident(pid)
        if not hasattr(here, "connection"):
            here.connection = _connection(url)
        path, body = odd_request(random.Random(number))
        try:
            status, kind, text = _post(here.connection, path, body)
        except (OSError, http.client.HTTPException) as e:
            here.connection.close()
            return f"request {number}: {e!r}"
        fault = "another's words" if "pelican" in text else fault_of(status, kind, text)
        return f"request {number}: {fault}" if fault else ""

    with closing(_connection(url)) as first:
        _post(first, CHAT, _body(SECRET))
    with ThreadPoolExecutor(ASKING) as pool:
        losses = list(filter(None, pool.map(loss, range(seed, seed + n))))
    grown = memory[n - 1] - memory[n // 10]
    if grown > GROWTH:
        losses.append(f"memory grew by {grown:,} bytes")
    name = f"odd requests: {grown / 1e6:+.1f} MB"
    return Outcome(name, n, time.monotonic() - begun, losses)


def _crowd(url: str, pid: int, seed: int, seconds: int) -> Outcome:
    """Have many clients ask at once, whole, streamed or hanging up; compare what they get."""
    with closing(_connection(url)) as first:
        alone = [_whole(first, question) for question in map(_question, range(QUESTIONS))]
        alone = [_whole(first, question) for question in map(_question, range(QUESTIONS))]
    begun, before = time.monotonic(), resident(pid)

    def client(number: int) -> tuple[int, list[str]]:
        rng, n, losses = random.Random(seed + number), 0, list[str]()
        while time.monotonic() < begun + seconds:
            ask, at = rng.choice((_whole, _whole, _streamed, _hung_up)), rng.randrange(QUESTIONS)
            with closing(_connection(url)) as connection:
                try:
                    got = ask(connection, _question(at))
                except (OSError, http.client.HTTPException, ValueError) as e:
                    got = repr(e)
            n += 1
            if got is not None and got != alone[at]:
                losses.append(f"client {number} asked {at} and got {got!r}, not {alone[at]!r}")
        return n, losses

    with ThreadPoolExecutor(CROWD) as pool:
        told = list(pool.map(client, range(CROWD)))
    grown = resident(pid) - before
    losses = [loss for _, each in told for loss in each]
    if grown > GROWTH:
        losses.append(f"memory grew by {grown:,} bytes")
    name = f"answers to {CROWD} clients at once: {grown / 1e6:+.1f} MB"
    return Outcome(name, sum(n for n, _ in told), time.monotonic() - begun, losses)


def _whole(connection: http.client.HTTPConnection, said: str) -> str:
    _, _, text = _post(connection, CHAT, _body(said))
    return str(json.loads(text)["choices"][0]["message"]["content"])


def _streamed(connection: http.client.HTTPConnection, said: str) -> str:
    _, _, text = _post(connection, CHAT, _body(said, stream=True))
    pieces = [json.loads(event[6:]) for event in text.split("\n\n") if event.startswith("data: {")]
    return "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces)


def _hung_up(connection: http.client.HTTPConnection, said: str) -> None:
    connection.request("POST", CHAT, _body(said, stream=True))


def _question(number: int) -> str:
    return f"Tell me a story about animal {number} and its friends in the wood."


def _body(said: str, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": said}]
    wanted = {"messages": messages, "temperature": 0, "max_tokens": TOKENS, "stream": stream}
    return json.dumps(wanted).encode()


def _connection(url: str) -> http.client.HTTPConnection:
    at = urlsplit(url)
    return http.client.HTTPConnection(str(at.hostname), at.port, timeout=PATIENCE)


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[int, str, str]:
    connection.request("POST", path, body)
    answer = connection.getresponse()
    return answer.status, answer.headers.get("content-type", ""), answer.read().decode()
