"""Several servers behind one balancer: a conversation belongs to none of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.serve.balancer import balanced
from tests.serve.serving import client, measured, served

SAID = (
    "hello, my name is Ann",
    "tell me a story about a brave lamp",
    "could you shorten that?",
    "and do you still know what I am called?",
)


@pytest.fixture(scope="module")
def alone() -> Iterator[str]:
    with served() as url:
        yield url


def turns(url: str) -> Iterator[str]:
    """Talk with a server, the whole conversation every time; yields the replies."""
    messages: list[dict[str, str]] = []
    for seed, said in enumerate(SAID):
        messages.append({"role": "user", "content": said})
        with client(url) as ai:
            stream = ai.chat.completions.create(
                model="demo", messages=messages, seed=seed, temperature=1.2, stream=True
            )
            reply = "".join(piece.choices[0].delta.content or "" for piece in stream)
        messages.append({"role": "assistant", "content": reply})
        yield reply


def n_chats(url: str) -> float:
    return measured(url, 'llama2ncnn_requests_total{path="/v1/chat/completions",status="200"}')


def test_turns_at_two_servers_in_turns_give_what_one_gives(alone: str) -> None:
    wanted = list(turns(alone))
    with served() as one, served() as other, balanced(one, other) as url:
        assert list(turns(url)) == wanted
        assert n_chats(one) == n_chats(other) == len(SAID) / 2


def test_a_conversation_survives_the_end_of_a_server(alone: str) -> None:
    wanted = list(turns(alone))
    with served() as one, ExitStack() as ending:
        other = ending.enter_context(served())
        with balanced(one, other) as url:
            talk = turns(url)
            begun = [next(talk), next(talk)]
            assert n_chats(other) == 1
            ending.close()
            assert [*begun, *talk] == wanted
            assert n_chats(one) == 3
