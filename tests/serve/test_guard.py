"""Who is answered and who isn't: hosts, pages, keys, and those who don't wait for the answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest

from llama2ncnn_chat.serve.face import PROXIES
from llama2ncnn_chat.serve.guard import Guard
from llama2ncnn_chat.serve.wanted import BadRequestError
from tests.serve.serving import KEY, PATIENCE, client, gated, measured, served, until

STORY = [{"role": "user", "content": "Tell me a story about a dog."}]
OWN = {"host": "localhost:8080"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as at:
        yield at


def refused(guard: Guard, headers: dict[str, str], *, changes: bool = True) -> int:
    """The status with which a request is refused, 0 if it isn't."""
    try:
        guard.refuse_stranger(headers, changes=changes, is_open=False)
    except BadRequestError as e:
        return e.status
    return 0


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "[::1]:9"])
def test_a_server_knows_its_names(host: str) -> None:
    assert refused(Guard(), {"host": host}) == 0


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil_host.example", "[", "[::", "localhost.evil", "a:b:c", "\xff"]
)
def test_other_names_are_refused_also_those_that_are_none(host: str) -> None:
    assert refused(Guard(), {"host": host}) == 421
    assert refused(Guard(hosts=()), {"host": host}) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://localhost:8080"}, 0),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[evil"}, 403),
        ({"origin": "https://chat.example", "sec-fetch-site": "same-origin"}, 0),  # by a proxy
        ({"origin": "http://localhost:8080", "sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://localhost:8080", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_pages_of_other_hosts_set_nothing_to_work(headers: dict[str, str], status: int) -> None:
    assert refused(Guard(), OWN | headers) == status
    assert refused(Guard(), OWN | headers, changes=False) == 0
    assert refused(Guard(origin=headers["origin"]), OWN | headers) == 0
    assert refused(Guard(origin="*"), OWN | headers) == 0


def test_a_browser_is_told_whose_pages_may_ask() -> None:
    friend, other = {"origin": "https://chat.example"}, {"origin": "https://evil.example"}
    preflight = {"access-control-request-method": "POST"}
    with served(cors=friend["origin"]) as url:
        path = f"{url}/tokenize"
        asked = httpx2.post(path, json={"content": "x"}, headers=friend)
        assert asked.headers["access-control-allow-origin"] == friend["origin"]
        assert httpx2.options(path, headers=friend | preflight).status_code == 200
        assert httpx2.options(path, headers=other | preflight).status_code == 400
        assert httpx2.post(path, json={"content": "x"}, headers=other).status_code == 403


def test_what_isnt_there_is_said_in_json(url: str) -> None:
    for method, path, status in (
        ("DELETE", "/tokenize", 405),
        ("POST", "/tokenize/", 404),
        ("GET", "/v1/models/", 404),
        ("GET", "/../../etc/passwd", 404),
    ):
        answer = httpx2.request(method, url + path)
        assert answer.status_code == status
        assert answer.json()["error"]["message"]
    assert httpx2.delete(f"{url}/tokenize").headers["allow"] == "POST"


@pytest.mark.parametrize("stream", [True, False])
def test_who_hangs_up_leaves_the_line_or_the_engine_at_once(stream: bool) -> None:
    wanted = {"messages": STORY, "stream": stream, "max_tokens": 900}
    with gated() as (url, goes_on):
        goes_on.clear()
        with asking(url, wanted):
            until(lambda: measured(url, "llama2ncnn_running") == 1)
            with asking(url, wanted):
                until(lambda: measured(url, "llama2ncnn_waiting") == 1)
            until(lambda: measured(url, "llama2ncnn_waiting") == 0)
            assert measured(url, "llama2ncnn_running") == 1
        goes_on.set()
        until(lambda: measured(url, "llama2ncnn_running") == 0)
        assert measured(url, "llama2ncnn_predicted_tokens_total") == 0


def test_who_waits_when_the_server_ends_is_told_so() -> None:
    wanted = {"messages": STORY, "max_tokens": 2}
    with ThreadPoolExecutor(1) as pool, ExitStack() as ending:
        url, goes_on = ending.enter_context(gated())
        goes_on.clear()
        with asking(url, wanted):
            until(lambda: measured(url, "llama2ncnn_running") == 1)
            path = f"{url}/v1/chat/completions"
            told = pool.submit(httpx2.post, path, json=wanted, timeout=PATIENCE)
            until(lambda: measured(url, "llama2ncnn_waiting") == 1)
            ending.close()
        assert told.result().status_code == 503
        assert "ending" in told.result().json()["error"]["message"]


@contextmanager
def asking(url: str, wanted: dict[str, Any]) -> Iterator[None]:
    """Ask as long as the block runs, and hang up without an answer."""
    body, at = json.dumps(wanted).encode(), urlsplit(url)
    with socket.create_connection((at.hostname, at.port)) as connection:
        connection.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
            + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        yield


def test_a_key() -> None:
    with served(api_key_env="KEY") as url:
        with pytest.raises(openai.AuthenticationError), client(url, "guess") as ai:
            ai.models.list()
        assert httpx2.get(f"{url}/metrics").status_code == 401
        assert httpx2.get(f"{url}/health").status_code == 200
        assert httpx2.get(url).status_code == 200  # the page, which asks for the key
        with client(url, KEY) as ai:
            assert [model.id for model in ai.models.list()] == ["demo"]


def test_a_full_line_sends_one_more_away() -> None:
    with gated(waiting=1) as (url, goes_on):
        goes_on.clear()
        wanted = {"messages": STORY, "max_tokens": 2}
        with asking(url, wanted), asking(url, wanted):
            until(lambda: measured(url, "llama2ncnn_waiting") == 1)
            with pytest.raises(openai.RateLimitError) as refused, client(url) as ai:
                ai.chat.completions.create(model="demo", messages=STORY)
            assert int(refused.value.response.headers["retry-after"]) > 0
        goes_on.set()
        with client(url) as ai:
            ai.chat.completions.create(model="demo", messages=STORY, max_tokens=1)


@pytest.mark.parametrize(
    "other",
    [
        {"headers": {"x-forwarded-for": "10.0.0.2"}},  # as a proxy says that is believed
        {"headers": {"authorization": "Bearer bob"}},
        {"json": {"user": "bob"}},
    ],
)
def test_who_fills_the_line_keeps_no_other_client_out(
    other: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROXIES, "127.0.0.1")
    assert _asked_beside_a_full_line(other) == 200


def test_nobody_is_believed_who_calls_itself_another() -> None:
    assert _asked_beside_a_full_line({"headers": {"x-forwarded-for": "10.0.0.2"}}) == 429


def _asked_beside_a_full_line(other: dict[str, dict[str, str]]) -> int:
    """What is answered to the one who asks last, where another has filled the line."""

    def ask(**more: dict[str, str]) -> httpx2.Response:
        wanted = {"messages": STORY, "max_tokens": 2, **more.get("json", {})}
        path, headers = f"{url}/v1/chat/completions", more.get("headers")
        return httpx2.post(path, json=wanted, headers=headers, timeout=PATIENCE)

    with gated(waiting=2) as (url, goes_on), ThreadPoolExecutor(4) as pool:
        goes_on.clear()
        running = pool.submit(ask)
        until(lambda: measured(url, "llama2ncnn_running") == 1)
        first = pool.submit(ask)
        until(lambda: measured(url, "llama2ncnn_waiting") == 1)
        last = pool.submit(ask)
        until(lambda: measured(url, "llama2ncnn_waiting") == 2)
        assert ask().status_code == 429
        asked = pool.submit(ask, **other)
        sent_away = wait([last, asked], PATIENCE, FIRST_COMPLETED).done
        assert [each.result().status_code for each in sent_away] == [429]
        goes_on.set()
        answered = {running, first, last, asked} - sent_away
        assert {each.result().status_code for each in answered} == {200}
        return asked.result().status_code
