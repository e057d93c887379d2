"""JSON schemas at an engine: how each kind is asked, and what of a reply can't be held to one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llama2ncnn_chat.errors import Advice, ChatError, EngineError
from llama2ncnn_chat.events import Finished
from llama2ncnn_chat.generation.completer import Limits
from tests.remote.asking import (
    asking,
    complete,
    end_of,
    llama,
    llama_end,
    llama_event,
    llama_says,
    text_of,
)
from tests.remote.engine_server import saying, streaming
from tests.remote.test_sglang import SGLANG, event
from tests.remote.test_vllm import VLLM, chunk, done

SCHEMA = {"type": "array", "items": {"type": "string"}}
LIMITS = Limits(before=(), schema=json.dumps(SCHEMA))
MISSED = [*llama_says('["'), llama_event("\ufffda", [ord("a") + 3], 4)]
"""A token inside of a character that its bytes don't tell: "\ufffd" is none of them."""


def ids(text: str) -> list[int]:
    return [byte + 3 for byte in text.encode()]


def whole(text: str, why: str = "eos") -> Any:
    return saying(llama_event("", ids(text), len(ids(text)), stop=True, stop_type=why))


def test_a_llama_server_gets_it_as_an_object() -> None:
    with llama(streaming(*llama_says("[]"), llama_end(2, "eos"))) as (completer, script):
        end = end_of(complete(completer, limits=LIMITS))
    assert (end.reason, end.json_cut) == ("stop", False)
    assert script.bodies("/completion")[0]["json_schema"] == SCHEMA


def test_vllm_gets_it_as_openai_has_it() -> None:
    stream = done(chunk(ids("[]"), "[]", "length"))
    with asking({**VLLM, "/v1/completions": stream}) as (completer, script):
        assert text_of(complete(completer, limits=LIMITS)) == "[]"
    (body,) = script.bodies("/v1/completions")
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": SCHEMA},
    }


def test_sglang_gets_it_among_the_sampling() -> None:
    stream = streaming(event(ids("[]"), 2, {"type": "length", "length": 2}))
    with asking({**SGLANG, "/generate": stream}) as (completer, script):
        assert text_of(complete(completer, limits=LIMITS)) == "[]"
    (body,) = script.bodies("/generate")
    assert json.loads(body["sampling_params"]["json_schema"]) == SCHEMA


def test_nothing_is_said_of_a_schema_where_there_is_none() -> None:
    with llama(streaming(llama_end(0))) as (completer, script):
        assert not end_of(complete(completer)).json_cut
    assert "json_schema" not in script.bodies("/completion")[0]


@pytest.mark.parametrize(
    "limits",
    [Limits(before=(5,), schema="{}"), Limits(before=(), schema="{}", thinks=True)],
    ids=["begun", "thinks"],
)
def test_what_the_engine_would_hold_to_it_from_the_wrong_token_on_is_refused(
    limits: Limits,
) -> None:
    with llama() as (completer, script):
        for refused in (
            lambda: completer.refuse_unfit(limits),
            lambda: complete(completer, limits=limits),
        ):
            with pytest.raises(ChatError, match="model that runs here") as told:
                refused()
            assert told.value.hint is Advice.DROP_SCHEMA
        completer.refuse_unfit(LIMITS)
        completer.refuse_unfit(Limits(before=(5,)))
        assert script.bodies("/completion") == []


def test_where_tokens_were_left_out_all_of_it_is_asked_for_in_one_piece() -> None:
    """An engine's grammar begins anew with every request."""
    said = '["éa"]'
    with llama(streaming(*MISSED), whole(said)) as (completer, script):
        events = complete(completer, limits=LIMITS)
    assert (text_of(events), end_of(events).ids) == (said, tuple(ids(said)))
    assert (end_of(events).reason, end_of(events).json_cut) == ("stop", False)
    first, second = script.bodies("/completion")
    assert (first["stream"], second["stream"]) == (True, False)
    same = first.keys() - {"stream", "return_progress"}
    assert {name: first[name] for name in same} == {name: second[name] for name in same}


@pytest.mark.parametrize(
    "second",
    [
        whole('{"a": 1}'),
        whole("["),
        saying(llama_event("", ids("["), 2, stop=True, stop_type="eos")),
    ],
    ids=["other tokens", "fewer", "some left out again"],
)
def test_an_engine_that_does_not_say_it_again_is_an_error(second: Any) -> None:
    with (
        llama(streaming(*MISSED), second) as (completer, _),
        pytest.raises(EngineError, match="left out tokens"),
    ):
        complete(completer, limits=LIMITS)


def test_one_that_was_cut_is_told() -> None:
    with llama(streaming(*llama_says('["a'), llama_end(3))) as (completer, _):
        end = end_of(complete(completer, limits=LIMITS))
    assert isinstance(end, Finished)
    assert end.json_cut


def test_half_of_one_is_nothing_to_go_on_with() -> None:
    cut = streaming(*llama_says('["a'), cuts=True)
    with llama(cut) as (completer, _), pytest.raises(EngineError) as broken:
        complete(completer, limits=LIMITS)
    assert broken.value.hint is not Advice.GO_ON_LATER
