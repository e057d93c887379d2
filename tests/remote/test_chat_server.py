"""A server that takes messages: what it is asked, and what becomes of its answers."""

from __future__ import annotations

from typing import Any

import pytest

from llama2ncnn_chat.errors import Advice, ChatError, EngineError
from llama2ncnn_chat.events import Finished, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.text.messages import MESSAGE_IDS
from llama2ncnn_chat.text.reasoning import reasoning_and_answer
from tests.remote.asking import KEY, end_of, text_of
from tests.remote.chatting import HELLO, asking, complete, ids_of
from tests.remote.engine_server import saying
from tests.remote.messages import PATH, chunk, done, says, usage

PLAIN = {"model", "messages", "stream", "temperature", "top_p"}
"""What any server takes."""


def test_text_comes_and_is_counted_by_the_server_alone() -> None:
    with asking(says("né!")) as (completer, script):
        events = complete(completer)
    deltas = [e for e in events if isinstance(e, TextDelta)]
    assert [(e.text, e.ids, e.are_tokens) for e in deltas] == [
        ("n", (110,), False),
        ("é", (0xC3, 0xA9), False),
        ("!", (33,), False),
    ]
    end = end_of(events)
    assert (end.reason, bytes(end.ids).decode()) == ("stop", "né!")
    assert (end.timings.prompt_n, end.timings.cache_n, end.timings.predicted_n) == (4, 8, 3)
    assert all(isinstance(e, (TextDelta, Finished)) for e in events)  # nobody knows how far it is
    assert script.keys[-1] == f"Bearer {KEY}"


def test_messages_go_as_they_are_and_of_replies_what_they_say() -> None:
    said = [
        ("system", "be brief"),
        ("user", "hi"),
        ("assistant", "<think>\nhm\n</think>\n\nhello"),
        ("user", "<|assistant|> <think>x</think> and?"),
    ]
    with asking(says("ok")) as (completer, script):
        complete(completer, ids_of(*said))
    (body,) = script.bodies(PATH)
    want = [{"role": role, "content": text} for role, text in said]
    want[2]["content"] = "hello"
    assert (body["model"], body["messages"], body["stream"]) == ("small", want, True)


@pytest.mark.parametrize("thought", ["<think>\nhm", "<think>\nhm\n</think>\n\n"])
def test_a_reply_that_is_all_reasoning_goes_as_it_stands(thought: str) -> None:
    with asking(says("ok")) as (completer, script):
        complete(completer, ids_of(("user", "hi"), ("assistant", thought), ("user", "and?")))
    assert script.bodies(PATH)[0]["messages"][1]["content"] == thought


def test_a_begun_reply_goes_as_it_stands() -> None:
    begun = "<think>\nhm\n</think>\n\nIt was"
    ids = [*HELLO, *begun.encode()]
    with asking(says(" night")) as (completer, script):
        events = complete(completer, ids, Limits(before=tuple(begun.encode())))
    assert text_of(events) == " night"
    assert script.bodies(PATH)[0]["messages"][-1] == {"role": "assistant", "content": begun}


def test_a_sampling_is_sent_by_the_names_that_servers_have() -> None:
    sampling = Sampling(0.5, 7, 0.6, 0.1, 1.2, 0.3, 0.4, 16)
    with asking(says("a"), says("b")) as (completer, script):
        complete(completer, limits=Limits(max_tokens=5), sampling=sampling, draws=Draws(1 << 32))
        complete(completer)
    first, second = script.bodies(PATH)
    want = {
        **{"temperature": 0.5, "top_k": 7, "top_p": 0.6, "min_p": 0.1, "repeat_penalty": 1.2},
        **{"repetition_penalty": 1.2, "presence_penalty": 0.3, "frequency_penalty": 0.4},
        **{"max_tokens": 5, "seed": 0, "stream_options": {"include_usage": True}},
    }
    assert {name: first[name] for name in want} == want
    assert first.keys() == {*want, "model", "messages", "stream"}
    assert (second["seed"], second["top_k"]) == (7, 40)
    assert second.keys().isdisjoint({"max_tokens", "presence_penalty", "frequency_penalty"})


REFUSAL = saying({"error": {"message": "Unrecognized request argument supplied: top_k"}}, 400)


def test_what_a_server_does_not_take_is_left_out_from_then_on() -> None:
    replies = (REFUSAL, REFUSAL, says("one"), says("two"))
    with asking(*replies) as (completer, script):
        assert [text_of(complete(completer)) for _ in range(2)] == ["one", "two"]
    _, _, *plain = script.bodies(PATH)
    assert [body.keys() for body in plain] == [PLAIN, PLAIN]


def test_a_seed_goes_to_a_server_that_refuses_something_else() -> None:
    """So it is with OpenAI's own, which counts as well if it is asked to."""
    with asking(REFUSAL, says("one"), says("two")) as (completer, script):
        ends = [end_of(complete(completer, draws=Draws(seed))) for seed in (7, 8)]
    full, *less = script.bodies(PATH)
    assert full.keys() > PLAIN | {"seed", "top_k"}
    assert [body.keys() for body in less] == [PLAIN | {"seed", "stream_options"}] * 2
    assert [body["seed"] for body in less] == [7, 8]
    assert [end.timings.are_counted for end in ends] == [True, True]


def test_what_somebody_has_set_is_never_left_out_in_silence() -> None:
    with asking(REFUSAL, REFUSAL, REFUSAL, says("ok")) as (completer, script):
        with pytest.raises(EngineError, match="top_k"):
            complete(completer, sampling=Sampling(top_k=7))
        complete(completer)  # and nothing was learnt of what may have been wrong with it
    _, _, plain, again = script.bodies(PATH)
    assert plain["top_k"] == 7
    assert "min_p" not in plain
    assert "min_p" in again


@pytest.mark.parametrize(
    ("reason", "want"), [("stop", "stop"), ("length", "length"), ("eos", "stop")]
)
def test_reasons_of_an_end(reason: str, want: str) -> None:
    with asking(done(chunk(content="a"), chunk(reason))) as (completer, _):
        end = end_of(complete(completer))
    assert end.reason == want
    assert not end.timings.are_counted  # for nobody has told


@pytest.mark.parametrize("reason", ["content_filter", "error"])
def test_a_reply_that_is_withheld_is_an_error(reason: str) -> None:
    withheld = done(chunk(content="a"), chunk(reason))
    with asking(withheld) as (completer, _), pytest.raises(EngineError, match=reason) as broken:
        complete(completer)
    assert broken.value.hint is Advice.GO_ON_LATER


@pytest.mark.parametrize(
    "told", [{**chunk("stop", content="hi"), "usage": {"completion_tokens": 2}}, usage(None)]
)
def test_usage_may_come_with_the_end_or_say_nothing(told: Any) -> None:
    chunks = [told] if told["choices"] else [chunk(content="hi"), chunk("stop"), told]
    with asking(done(*chunks)) as (completer, _):
        end = end_of(complete(completer))
    assert (end.reason, bytes(end.ids)) == ("stop", b"hi")
    assert end.timings.predicted_n == (2 if told["usage"] else 0)


def test_no_more_was_cached_than_there_was() -> None:
    told = usage({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 8}})
    with asking(done(chunk("stop", content="hi"), told)) as (completer, _):
        t = end_of(complete(completer)).timings
    assert (t.prompt_n, t.cache_n, t.predicted_n) == (0, 3, 0)


def test_an_answer_in_one_piece_is_one_too() -> None:
    whole = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}]}
    with asking(saying(whole)) as (completer, _):
        assert text_of(complete(completer)) == "hi"


def test_reasoning_that_was_cut_off_is_gone_on_with() -> None:
    begun = "<think>\none "
    ids = [*HELLO, *begun.encode()]
    answer = done(chunk(reasoning_content="two"), chunk(content="So"), chunk("stop"))
    with asking(answer) as (completer, script):
        events = complete(completer, ids, Limits(before=tuple(begun.encode())))
    reasoning, said = reasoning_and_answer(begun + text_of(events))
    assert (reasoning.strip(), said.strip()) == ("one two", "So")
    assert script.bodies(PATH)[0]["messages"][-1]["content"] == begun


def test_reasoning_that_the_server_puts_between_tags_is_gone_on_with() -> None:
    begun = "<think>\nabc"
    ids = [*HELLO, *begun.encode()]
    answer = done(*(chunk(content=text) for text in ("de", "f</think>", "Answer")), chunk("stop"))
    with asking(answer) as (completer, _):
        events = complete(completer, ids, Limits(before=tuple(begun.encode())))
    assert begun + text_of(events) == "<think>\nabcdef</think>Answer"


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": [3]},
        {"choices": {"delta": 1}},
        {"choices": [{"delta": {"content": 3}}]},
        {"choices": [{"delta": {"content": [{"text": "x"}]}}]},
        {"choices": [{"delta": {"reasoning": {}, "content": {"a": 1}}}]},
        {**chunk("stop"), "usage": {"prompt_tokens": "many"}},
        {**chunk("stop"), "usage": [1]},
        {**chunk("stop"), "usage": {"completion_tokens": 1e308}},
        {**chunk("stop"), "usage": {"prompt_tokens": -3}},
    ],
)
def test_what_is_not_understood_is_an_error(odd: Any) -> None:
    with asking(done(odd)) as (completer, _), pytest.raises(EngineError, match="isn't understood"):
        complete(completer)


def test_it_tells_nothing_of_tokens() -> None:
    with asking() as (completer, script), pytest.raises(ChatError, match="not the tokens"):
        completer.weigh(HELLO, 1)
    assert script.bodies(PATH) == []


def test_its_ids_are_no_tokens() -> None:
    assert not MESSAGE_IDS.ids_are_tokens
