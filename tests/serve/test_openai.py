"""OpenAI's own client against the server: what it gets is what the engine alone gives."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import httpx2
import openai
import pytest
from jsonschema import validate
from openai import OpenAI

from llama2ncnn_chat.events import Choice, Finished, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits, never
from llama2ncnn_chat.generation.settings import GREEDY, Sampling
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.text.templates.template import AsAWhole
from tests.serve.serving import Alone, client, flags, measured, opened, served, until

STORY = [{"role": "user", "content": "Tell me a story about a dog."}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as at:
        yield at


@pytest.fixture(scope="module")
def ai(url: str) -> Iterator[OpenAI]:
    with client(url) as asking:
        yield asking


@pytest.fixture(scope="module")
def alone() -> Iterator[Alone]:
    """The same model by itself."""
    model = opened(options_of(flags()))
    yield model
    model.completer.close()


def generated(
    model: Alone, ids: list[int], sampling: Sampling, limits: Limits, seed: int = 0
) -> tuple[str, list[int], list[Choice]]:
    text, choices, done = "", list[Choice](), tuple[int, ...]()
    completer = model.completer
    for event in completer.complete(
        ids, sampling, Draws(seed), limits, wants_choices=True, cancelled=never
    ):
        if isinstance(event, TextDelta):
            text += event.text
            choices += [event.choice] if event.choice and event.ids else []
        elif isinstance(event, Finished):
            done = event.ids
    return text, list(done), choices


def prompt_of(model: Alone, *said: str) -> list[int]:
    """The ids of a conversation, by the template's own parts."""
    template, vocabulary, ids = model.model.template, model.model.vocabulary, list[int]()
    assert not isinstance(template, AsAWhole)
    for i, text in enumerate(said):
        if i % 2:
            ids += vocabulary.encode(text, bos=False) + template.close(vocabulary)
        else:
            ids += template.next(vocabulary, text) if i else template.first(vocabulary, text, "")
    return ids


def test_a_reply_is_the_engines_own(ai: OpenAI, alone: Alone) -> None:
    reply = ai.chat.completions.create(
        model="demo", messages=STORY, temperature=0, max_tokens=40, logprobs=True, top_logprobs=3
    )
    ids = prompt_of(alone, STORY[0]["content"])
    text, new, choices = generated(alone, ids, GREEDY, Limits(40, before=()))
    [choice] = reply.choices
    assert choice.message.content == text
    assert choice.finish_reason == "length"
    assert reply.usage
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(ids), len(new))
    assert choice.logprobs
    told = choice.logprobs.content or []
    assert [each.bytes for each in told] == [list(alone.model.vocabulary.piece(i)) for i in new]
    for each, wanted in zip(told, choices, strict=True):
        assert math.exp(each.logprob) == pytest.approx(wanted.probability, abs=1e-5)
        assert [math.exp(top.logprob) for top in each.top_logprobs] == pytest.approx(
            [p for _, p in wanted.top[:3]], abs=1e-5
        )


def test_a_stream_says_the_same_in_pieces(ai: OpenAI) -> None:
    wanted = {"model": "demo", "messages": STORY, "seed": 5, "max_tokens": 30}
    whole = ai.chat.completions.create(**wanted)
    stream = ai.chat.completions.create(
        **wanted, stream=True, logprobs=True, stream_options={"include_usage": True}
    )
    *pieces, last = list(stream)
    deltas = [piece.choices[0].delta for piece in pieces]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == whole.choices[0].message.content
    assert pieces[-1].choices[0].finish_reason == whole.choices[0].finish_reason == "length"
    assert last.usage
    assert last.usage.completion_tokens == 30
    n_told = sum(len(p.choices[0].logprobs.content or []) for p in pieces if p.choices[0].logprobs)
    assert n_told == 30
    assert len({piece.id for piece in pieces}) == 1


def test_a_seed_draws_the_same_again(ai: OpenAI, alone: Alone) -> None:
    sampling = {"temperature": 1.3, "top_p": 0.9, "seed": 77, "max_tokens": 25}
    texts = [
        ai.completions.create(model="demo", prompt="Once upon a time", **sampling).choices[0].text
        for _ in range(2)
    ]
    ids = alone.model.vocabulary.encode("Once upon a time")
    settings = Sampling(temperature=1.3, top_p=0.9)
    assert texts[0] == texts[1] == generated(alone, ids, settings, Limits(25), 77)[0]


def test_a_completion_goes_on_from_ids_as_from_text(ai: OpenAI, alone: Alone) -> None:
    ids = alone.model.vocabulary.encode("The cat sat on")
    asked = {"model": "demo", "temperature": 0.0, "max_tokens": 20}
    by_text = ai.completions.create(prompt="The cat sat on", logprobs=2, **asked).choices[0]
    by_ids = ai.completions.create(prompt=ids, **asked).choices[0]
    assert by_text.text == by_ids.text == generated(alone, ids, GREEDY, Limits(20))[0]
    assert by_text.logprobs
    assert by_text.logprobs.tokens
    assert "".join(by_text.logprobs.tokens) == by_text.text


def test_ids_are_told_as_vllm_does(ai: OpenAI, alone: Alone, url: str) -> None:
    ids = alone.model.vocabulary.encode("Tom said: ")
    asked = {"model": "demo", "prompt": ids, "temperature": 0, "max_tokens": 30, "logprobs": 2}
    wanted = {**asked, "return_token_ids": True, "return_tokens_as_token_ids": True}
    _, new, _ = generated(alone, ids, GREEDY, Limits(30))
    whole = httpx2.post(f"{url}/v1/completions", json=wanted).json()["choices"][0]
    assert whole["token_ids"] == new
    assert whole["logprobs"]["tokens"] == [f"token_id:{i}" for i in new]
    stream = httpx2.post(f"{url}/v1/completions", json={**wanted, "stream": True}).text
    pieces = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    assert [i for piece in pieces for i in piece["choices"][0]["token_ids"]] == new
    told = {"prompt": "Tom said: ", "model": "demo"}
    assert httpx2.post(f"{url}/tokenize", json=told).json()["tokens"] == ids


def test_stop_strings_end_a_text_and_are_not_in_it(ai: OpenAI) -> None:
    whole = (
        ai.chat.completions.create(model="demo", messages=STORY, temperature=0, max_tokens=40)
        .choices[0]
        .message.content
    )
    assert whole
    stop = whole[20:26]
    cut = ai.chat.completions.create(
        model="demo", messages=STORY, temperature=0, max_tokens=40, stop=[stop, "never"]
    ).choices[0]
    assert cut.message.content == whole[: whole.index(stop)]
    assert cut.finish_reason == "stop"


def test_a_reply_goes_on_from_the_assistants_words(ai: OpenAI, alone: Alone) -> None:
    words = "Once there was a green"
    reply = ai.chat.completions.create(
        model="demo",
        messages=[*STORY, {"role": "assistant", "content": words}],
        temperature=0,
        max_tokens=12,
    )
    begun = alone.model.vocabulary.encode(words, bos=False)
    ids = [*prompt_of(alone, STORY[0]["content"]), *begun]
    wanted = generated(alone, ids, GREEDY, Limits(12, before=tuple(begun)))[0]
    assert reply.choices[0].message.content == wanted


def test_json_fits_its_schema(ai: OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"enum": ["Tim", "Lily"]}, "big": {"type": "boolean"}},
        "required": ["name", "big"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "pet", "schema": schema}}
    for seed in range(3):
        reply = ai.chat.completions.create(
            model="demo", messages=STORY, response_format=form, seed=seed
        )
        validate(json.loads(reply.choices[0].message.content or ""), schema)


def test_conversations_in_turns_read_only_what_is_new(ai: OpenAI, url: str) -> None:
    paths = [
        [{"role": "user", "content": f"{name} went to the big park with a red ball. " * 4}]
        for name in ("Tim", "Lily", "Ben")
    ]
    alone = []
    for path in paths:
        for again in range(3):
            reply = ai.chat.completions.create(
                model="demo", messages=path, temperature=0, max_tokens=8
            )
            if again == 0:
                alone.append(reply.choices[0].message.content)
    in_turns = [
        ai.chat.completions.create(model="demo", messages=path, temperature=0, max_tokens=8)
        for _ in range(2)
        for path in paths
    ]
    assert [reply.choices[0].message.content for reply in in_turns] == alone * 2
    for reply in in_turns:
        assert reply.usage
        assert reply.usage.prompt_tokens_details
        cached = reply.usage.prompt_tokens_details.cached_tokens
        assert cached
        assert cached >= reply.usage.prompt_tokens - 1


def test_who_hangs_up_stops_the_work(ai: OpenAI, url: str) -> None:
    before = measured(url, "llama2ncnn_predicted_tokens_total")
    stream = ai.chat.completions.create(
        model="demo", messages=STORY, stream=True, max_tokens=900, extra_body={"min_p": 0}
    )
    pieces = iter(stream)
    next(pieces), next(pieces)
    stream.close()
    until(lambda: measured(url, "llama2ncnn_running") == 0)
    ai.chat.completions.create(model="demo", messages=STORY, max_tokens=1)
    assert measured(url, "llama2ncnn_predicted_tokens_total") < before + 600


def test_errors_are_openais(ai: OpenAI, url: str) -> None:
    def ask(**more: object) -> object:
        return ai.chat.completions.create(**{"model": "demo", "messages": STORY, **more})

    with pytest.raises(openai.NotFoundError, match="no model 'gpt-4'"):
        ask(model="gpt-4")
    with pytest.raises(openai.BadRequestError, match="context of 1,024") as refused:
        ask(messages=[{"role": "user", "content": "word " * 2000}])
    assert refused.value.code == "context_length_exceeded"
    bad_format = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": 7}}}
    wrongs: tuple[dict[str, object], ...] = (
        {"temperature": 9},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "Yes."}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"n": 2},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": bad_format},
    )
    for wrong in wrongs:
        with pytest.raises(openai.BadRequestError):
            ask(**wrong)
    with pytest.raises(openai.BadRequestError):
        ai.completions.create(model="demo", prompt=[1, 1 << 30])
    assert httpx2.post(f"{url}/v1/completions", content=b"{" * 9_000_000).status_code == 413
    assert httpx2.get(f"{url}/v1/models", headers={"host": "evil.example"}).status_code == 421


def test_models_and_tokens(ai: OpenAI, url: str, alone: Alone) -> None:
    assert [model.id for model in ai.models.list()] == ["demo"]
    assert ai.models.retrieve("demo").id == "demo"
    text = "A café: 5 € 🙂"
    ids = httpx2.post(f"{url}/tokenize", json={"content": text}).json()["tokens"]
    assert ids == alone.model.vocabulary.encode(text, bos=False)
    back = httpx2.post(f"{url}/detokenize", json={"tokens": ids})
    assert back.json() == {"content": text}
    assert httpx2.post(f"{url}/detokenize", json={"tokens": [1 << 30]}).status_code == 400
    assert httpx2.get(f"{url}/health").json() == {"status": "ok"}


def test_the_page_asks_nobody_else(url: str) -> None:
    page = httpx2.get(f"{url}/")
    assert page.headers["content-type"].startswith("text/html")
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert "://" not in page.text.replace("http://www.w3.org", "")
