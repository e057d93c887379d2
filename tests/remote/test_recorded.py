"""What becomes of real engines' answers, recorded byte for byte, held against the model they ran.

What the scripted model computes is computed here in float64.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llama2ncnn_chat.errors import EngineError
from llama2ncnn_chat.events import Choice, TextDelta, Weighed
from llama2ncnn_chat.generation.settings import N_TOP, Sampling
from llama2ncnn_chat.remote.address import address_of
from llama2ncnn_chat.remote.dialect import Ended, Sampled
from llama2ncnn_chat.remote.http import Connection, RefusalError
from tests.fakes import EOS, ByteTokenizer
from tests.remote.asking import dialect_of, end_of, text_of
from tests.remote.engine_server import SILENCE, Script, serving
from tests.remote.recording import RECORDED, Recording
from tests.remote.scenes import (
    FILTERED,
    FREQUENT,
    MANY,
    PENALISED,
    PRESENT,
    REPEATED,
    SCENES,
    TOKENIZED,
    WEIGHED,
)
from tests.remote.scripted_model import LETTERS, N_CONTEXT, ids, scripted_model
from tests.tiny_model import Float64, forward

FILES = sorted(RECORDED.glob("*.json"))


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def recording(request: pytest.FixtureRequest) -> Recording:
    path: Path = request.param
    return Recording.read(path)


@contextmanager
def replayed(recording: Recording, scene: str = "") -> Iterator[tuple[Script, Connection]]:
    """A server that answers so, in the order of the scene, and a connection to it."""
    answers: dict[str, Any] = {each.path: each.answer() for each in recording.finding}
    for exchange in recording.scenes.get(scene, ()):
        answer = exchange.answer()
        if exchange.hung_up:
            answer.pieces = [*answer.pieces, SILENCE]
        answers.setdefault(exchange.path, []).append(answer)
    with serving(Script(answers)) as script, closing(Connection(address_of(script.url))) as asking:
        yield script, asking


def is_vllm(recording: Recording) -> bool:
    return recording.engine.startswith("vLLM")


def played(recording: Recording, name: str) -> Any:
    """What the program makes of a scene; it must ask what was asked when that was recorded."""
    with replayed(recording, name) as (script, connection):
        result = SCENES[name](connection, dialect_of(connection))
    asked = [(path, body) for path, body in script.asked if body is not None]
    assert asked == [(each.path, each.body) for each in recording.scenes[name]], "record anew"
    return result


@functools.cache
def logits(token: int) -> Float64:
    """What comes after a token, whatever stands before."""
    row: Float64 = forward(*scripted_model(), [token])[-1]
    return row


def probabilities(token: int, temperature: float) -> Float64:
    exps = np.exp((logits(token) - logits(token).max()) / temperature)
    result: Float64 = exps / exps.sum()
    return result


def choices_of(events: Sequence[Any]) -> list[Choice]:
    return [e.choice for e in events if isinstance(e, TextDelta) and e.choice]


def hold(choices: Sequence[Choice], before: Sequence[int], temperature: float = 1) -> None:
    """Hold choices against the model, each after the token before."""
    assert len(choices) == len(before)
    for choice, token in zip(choices, before, strict=True):
        p = probabilities(token, temperature)
        assert choice.probability == pytest.approx(p[choice.token], rel=1e-3)
        likeliest = np.argsort(-p)[:N_TOP]
        assert [i for i, _ in choice.top] == list(likeliest)
        assert [value for _, value in choice.top] == pytest.approx(p[likeliest], rel=1e-3)


def test_there_is_one_of_each_kind() -> None:
    assert {Recording.read(path).engine.split()[0] for path in FILES} == {"vLLM", "SGLang"}


def test_what_it_is(recording: Recording) -> None:
    with replayed(recording) as (_, connection):
        facts = dialect_of(connection).facts
    assert (facts.kind, facts.model, facts.context_length) == (
        recording.engine,
        "scripted",
        N_CONTEXT,
    )


def test_every_scene_is_recorded(recording: Recording) -> None:
    assert list(recording.scenes) == list(SCENES)


@pytest.mark.parametrize(
    ("name", "prompt", "text", "tokens", "reason"),
    [
        ("an end", ">", "é日😀!", ids("é日😀!"), "stop"),
        ("an end that only the engine knows", "?", "Z", ids("Z"), "stop"),
        ("no end", "a", "bcdefg", ids("bcdefg"), "length"),
        ("no end, and no choices", "a", "bcdefg", ids("bcdefg"), "length"),
        ("half a character", "日", "\ufffd", ids("😀")[:2], "length"),
        ("stopped", "a", "bcd", ids("bcd"), "cancelled"),
    ],
)
def test_a_text(
    recording: Recording, name: str, prompt: str, text: str, tokens: list[int], reason: str
) -> None:
    events = played(recording, name)
    end = end_of(events)
    assert (text_of(events), end.ids, end.reason) == (text, tuple(tokens), reason)
    if choices := choices_of(events):
        hold(choices, [*ids(prompt), *tokens][: len(choices)])


def test_a_schema(recording: Recording) -> None:
    """While it holds, the engines tell of those tokens only that fit."""
    events = played(recording, "of a schema")
    end = end_of(events)
    assert (text_of(events), end.ids, end.reason) == ('"ab"', tuple(ids('"ab"')), "stop")
    assert [choice.top for choice in choices_of(events)] == [((token, 1.0),) for token in end.ids]


def test_draws(recording: Recording) -> None:
    """vLLM draws the same by the same seed. SGLang doesn't, unless it was started to."""
    events, again, other = (
        played(recording, name) for name in ("drawn", "drawn again", "drawn with another seed")
    )
    drawn = end_of(events).ids
    assert (end_of(again).ids == drawn) == is_vllm(recording)
    assert end_of(other).ids != drawn
    choices = choices_of(events)
    assert len(choices) >= len(drawn) > 0
    hold(choices, [LETTERS[0], *drawn][: len(choices)])


def test_filters(recording: Recording) -> None:
    """vLLM tells of the model itself, SGLang of what temperature makes of it."""
    events = played(recording, "filtered")
    tokens = end_of(events).ids
    for before, token in zip([LETTERS[0], *tokens], tokens, strict=False):
        assert token in np.argsort(-logits(before))[: FILTERED.top_k]
    choices = choices_of(events)
    temperature = 1 if is_vllm(recording) else FILTERED.temperature
    hold(choices, [LETTERS[0], *tokens][: len(choices)], temperature)


def penalised(sampling: Sampling, n_prompt_counted: int, n: int) -> tuple[int, ...]:
    """What is likeliest, where repeating counts so many tokens of the prompt, and all new ones."""
    prompt, new = ByteTokenizer().encode(PENALISED), list[int]()
    for _ in range(n):
        row = logits([*prompt, *new][-1]).copy()
        for token in {*prompt[:n_prompt_counted], *new}:
            row[token] *= sampling.repeat_penalty ** (-1 if row[token] > 0 else 1)
        for token in set(new):
            row[token] -= sampling.presence_penalty + sampling.frequency_penalty * new.count(token)
        new.append(int(row.argmax()))
    return tuple(new)


@pytest.mark.parametrize(
    ("name", "sampling"), [("repeated", REPEATED), ("present", PRESENT), ("frequent", FREQUENT)]
)
def test_penalties(recording: Recording, name: str, sampling: Sampling) -> None:
    """Of the prompt nothing counts but for vLLM's penalty of what is repeated."""
    tokens = end_of(played(recording, name)).ids
    n = len(PENALISED) + 1 if is_vllm(recording) else 0
    assert tokens == penalised(sampling, n, len(tokens))


def test_in_one_piece(recording: Recording) -> None:
    steps = played(recording, "in one piece")
    (token,) = [step for step in steps if isinstance(step, Sampled)]
    assert token.token == ids("Z")[0]
    assert token.choice is not None
    hold([token.choice], ids("?"))
    assert steps[-1] == Ended(stops=True)


def test_weighing(recording: Recording) -> None:
    (told,) = played(recording, "weighed")
    assert isinstance(told, Weighed)
    assert (told.at, [choice.token for choice in told.choices]) == (1, WEIGHED[1:])
    hold(told.choices, WEIGHED[:-1])


def test_ids_of_a_text(recording: Recording) -> None:
    """The name of a control token becomes one there: what people type isn't encoded by them."""
    before, after = TOKENIZED.split("</s>")
    assert played(recording, "tokenized") == [*ids(before), EOS, *ids(after)]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("of no schema", "nonsense"),
        ("too long a prompt", "256 tokens"),
        ("too long a reply", "256"),
        ("a wrong value", MANY),
    ],
)
def test_an_error_is_a_line(recording: Recording, name: str, why: str) -> None:
    error = played(recording, name)
    assert isinstance(error, EngineError)
    assert why in error.message
    assert error.message.isprintable()


def test_another_model(recording: Recording) -> None:
    """vLLM has none of that name; SGLang isn't asked for one."""
    said = played(recording, "another model")
    if is_vllm(recording):
        assert isinstance(said, RefusalError)
        assert (said.status, "`nobody's` does not exist" in said.message) == (404, True)
    else:
        assert end_of(said).ids == tuple(ids("bcde"))


def test_what_the_engine_itself_counts(recording: Recording) -> None:
    """Ids are those of the recording, read here by themselves."""
    for name in ("an end", "no end", "half a character"):
        (exchange,) = recording.scenes[name]
        lines = "".join(exchange.chunks).split("\n\n")
        assert lines[-2:] == ["data: [DONE]", ""]
        events = [json.loads(line.removeprefix("data: ")) for line in lines[:-2]]
        if is_vllm(recording):
            told = [token for event in events for token in event["choices"][0]["token_ids"]]
        else:
            told = []  # all so far, or what is new
            for event in events:
                n = event["meta_info"]["completion_tokens"]
                told = told[: n - len(event["output_ids"])] + event["output_ids"]
                assert len(told) == n
        kept = end_of(played(recording, name)).ids
        assert tuple(told) == (*kept, EOS) if name == "an end" else kept
