"""What becomes of a llama-server's answers: whole, cut, late, garbled, and with tokens left out."""

from __future__ import annotations

import threading

import pytest

from llama2ncnn_chat.errors import Advice, ChatError, EngineError, PromptTooLongError
from llama2ncnn_chat.events import Event, PrefillProgress, TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.remote.http import Waits
from tests.fakes import EOS, ByteTokenizer
from tests.remote.asking import (
    KEY,
    complete,
    end_of,
    llama,
    llama_end,
    llama_event,
    llama_says,
    text_of,
)
from tests.remote.engine_server import Answer, saying, streaming

IDS = ByteTokenizer().encode("hello")


def ids(text: str) -> tuple[int, ...]:
    return tuple(byte + 3 for byte in text.encode())


def test_a_text_comes_token_by_token() -> None:
    with llama(streaming(*llama_says("abc"), llama_end(3))) as (completer, script):
        events = complete(completer)
    assert [(e.text, e.ids) for e in events if isinstance(e, TextDelta)] == [
        ("a", ids("a")),
        ("b", ids("b")),
        ("c", ids("c")),
    ]
    end = end_of(events)
    assert (end.reason, end.ids, end.stop) == ("length", ids("abc"), None)
    assert (end.timings.prompt_n, end.timings.cache_n, end.timings.predicted_n) == (3, 2, 3)
    (body,) = script.bodies("/completion")
    assert body["prompt"] == IDS
    assert body["n_predict"] == completer.context_length - len(IDS)


def test_a_sampling_is_sent_as_it_is_here() -> None:
    sampling = Sampling(0.5, 7, 0.6, 0.1, 1.2, 0.3, 0.4, 16)
    with llama(streaming(llama_end(0))) as (completer, script):
        complete(completer, sampling=sampling, draws=Draws(11))
    (body,) = script.bodies("/completion")
    want = {
        **{"temperature": 0.5, "top_k": 7, "top_p": 0.6, "min_p": 0.1, "repeat_penalty": 1.2},
        **{"presence_penalty": 0.3, "frequency_penalty": 0.4, "repeat_last_n": 16, "seed": 11},
        "samplers": ["penalties", "top_k", "top_p", "min_p", "temperature"],
    }
    assert {name: body[name] for name in want} == want


def test_it_is_told_how_far_the_prompt_has_been_read() -> None:
    progress = [
        llama_event("", [0], 0, prompt_progress={"total": 6, "cache": 2, "processed": n})
        for n in (2, 4)
    ]
    with llama(streaming(*progress, *llama_says("a"), llama_end(1))) as (completer, _):
        events = complete(completer)
    told = [(e.processed, e.cached, e.total) for e in events if isinstance(e, PrefillProgress)]
    assert told[:4] == [(0, 0, 6), (0, 2, 6), (2, 2, 6), (4, 2, 6)]


def test_an_end_of_the_vocabulary_ends_it() -> None:
    events = [*llama_says("ab"), llama_event("", [EOS], 3), llama_end(3, "eos")]
    with llama(streaming(*events)) as (completer, _):
        end = end_of(complete(completer))
    assert (end.reason, end.ids) == ("stop", ids("ab"))


def test_an_end_that_only_the_engine_knows_is_no_part_of_the_text() -> None:
    events = [*llama_says("ab"), llama_event("", [280], 3), llama_end(3, "eos")]
    with llama(streaming(*events)) as (completer, _):
        end = end_of(complete(completer))
    assert (end.reason, end.ids) == ("stop", ids("ab"))


def test_a_control_token_in_mid_text_is_a_part_of_it() -> None:
    events = [llama_event("", [280], 1), llama_event("a", ids("a"), 2), llama_end(2)]
    with llama(streaming(*events)) as (completer, _):
        assert end_of(complete(completer)).ids == (280, *ids("a"))


def test_a_limit_is_sent_and_kept() -> None:
    with llama(streaming(*llama_says("abcdef"))) as (completer, script):
        end = end_of(complete(completer, limits=Limits(max_tokens=3)))
    assert (end.reason, end.ids) == ("length", ids("abc"))
    assert script.bodies("/completion")[0]["n_predict"] == 3


def test_probabilities_are_the_engines() -> None:
    told = {
        "id": ids("a")[0],
        "logprob": -0.5,
        "top_logprobs": [{"id": 9, "logprob": -0.25}, {"id": ids("a")[0], "logprob": -0.5}],
    }
    event = llama_event("a", ids("a"), 1, completion_probabilities=[told])
    with llama(streaming(event, llama_end(1))) as (completer, script):
        events = complete(completer, wants_choices=True)
    (delta,) = [e for e in events if isinstance(e, TextDelta)]
    assert delta.choice is not None
    assert delta.choice.token == ids("a")[0]
    assert delta.choice.probability == pytest.approx(0.60653, abs=1e-5)
    assert [i for i, _ in delta.choice.top] == [9, ids("a")[0]]
    assert script.bodies("/completion")[0]["n_probs"] == 10


def test_tokens_inside_of_a_character_are_found() -> None:
    """The stream leaves them out; their bytes come with the one that makes the character whole."""
    *_, last = ids("é")
    events = [*llama_says("a"), llama_event("é", [last], 3), llama_end(3)]
    with llama(streaming(*events)) as (completer, script):
        done = complete(completer)
    assert (text_of(done), end_of(done).ids) == ("aé", ids("aé"))
    assert len(script.bodies("/completion")) == 1


def test_tokens_that_cannot_be_found_are_asked_for() -> None:
    missed = [*llama_says("a"), llama_event("\ufffdb", ids("b"), 3)]
    whole = llama_event("", [*ids("b"), *ids("c")], 2, stop=True, stop_type="limit")
    with llama(streaming(*missed), saying(whole), streaming(*llama_says("d"), llama_end(1))) as (
        completer,
        script,
    ):
        done = complete(completer, limits=Limits(max_tokens=4))
    assert end_of(done).ids == ids("abcd")
    first, second, third = script.bodies("/completion")
    assert (second["prompt"], second["n_predict"], second["stream"]) == (
        [*IDS, *ids("a")],
        2,
        False,
    )
    assert (third["prompt"], third["n_predict"]) == ([*IDS, *ids("abc")], 1)
    assert len({each["seed"] for each in (first, second, third)}) == 3


def test_an_engine_that_tells_nothing_more_is_not_asked_for_ever() -> None:
    nothing = llama_event("", [], 0, stop=True, stop_type="limit")
    with llama(streaming(llama_event("", [], 2)), saying(nothing)) as (completer, _):
        assert end_of(complete(completer)).ids == ()


# What goes wrong


def test_a_cut_stream_is_an_error_and_not_asked_for_again() -> None:
    cut = streaming(*llama_says("ab"), cuts=True)
    with llama(cut) as (completer, script), pytest.raises(EngineError) as broken:
        complete(completer)
    assert broken.value.hint is Advice.GO_ON_LATER
    assert len(script.bodies("/completion")) == 1  # half a reply isn't written twice


def test_what_was_held_back_is_shown_before_the_error() -> None:
    """ "b" might have begun the stop string."""
    came: list[Event] = []
    cut = streaming(*llama_says("ab"), cuts=True)
    with llama(cut) as (completer, _), pytest.raises(EngineError):
        came.extend(completer.complete(IDS, Sampling(), Draws(1), Limits(stops=("bc",))))
    assert text_of(came) == "ab"


def test_it_is_asked_a_second_time_before_the_first_token() -> None:
    whole = streaming(*llama_says("a"), llama_end(1))
    for failed in (streaming(cuts=True), saying({"error": {"message": "Loading model"}}, 503)):
        with llama(failed, whole) as (completer, script):
            assert end_of(complete(completer)).ids == ids("a")
        assert len(script.bodies("/completion")) == 2


def test_and_not_a_third_time() -> None:
    busy = saying({"error": {"message": "Loading model", "code": 503}}, 503)
    with llama(busy, busy) as (completer, _), pytest.raises(EngineError, match="Loading model"):
        complete(completer)


def test_a_refusal_is_told_at_once() -> None:
    wrong = saying({"error": {"message": f"no {KEY}\nhere"}}, 400)
    with llama(wrong) as (completer, script), pytest.raises(EngineError) as refused:
        complete(completer)
    assert "answers 400: no … here" in str(refused.value)
    assert KEY not in str(refused.value)
    assert len(script.bodies("/completion")) == 1
    assert set(script.keys) == {f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "event",
    [
        {"error": {"message": "out of memory"}},
        {"tokens_predicted": "many"},
        {"tokens": [5, 6, 7], "tokens_predicted": 1, "content": "abc"},
        {"tokens": 5, "tokens_predicted": 1},
        {"tokens": [10**9], "tokens_predicted": 1, "content": ""},
        {"tokens": [[5]], "tokens_predicted": 1, "content": "", "stop": True},
        {"tokens": [5], "tokens_predicted": 1, "completion_probabilities": [{"id": 5}]},
        [],
        None,
        3,
    ],
)
def test_what_is_not_understood_is_an_error(event: object) -> None:
    with llama(streaming(event)) as (completer, _), pytest.raises(EngineError):
        complete(completer)


@pytest.mark.parametrize(
    "event",
    [
        llama_event("", [], 0, prompt_progress={"cache": 0, "processed": 1e308}),
        llama_event("a", [100], 1 << 40),
        {**llama_end(0), "timings": {"prompt_n": 1e308}},
        {**llama_end(0), "timings": {"cache_n": -1}},
    ],
)
def test_what_nobody_can_count_is_not_understood(event: object) -> None:
    answer = streaming(event)
    with llama(answer) as (completer, _), pytest.raises(EngineError, match="isn't understood"):
        complete(completer)


class Strict(ByteTokenizer):
    def piece(self, token: int) -> bytes:
        return [super(Strict, self).piece(i) for i in range(self.vocab_size)][token]


def test_a_token_of_another_vocabulary_is_an_error() -> None:
    foreign = streaming(llama_event("x", [70_000], 1), llama_end(1))
    with (
        llama(foreign, vocabulary=Strict()) as (completer, _),
        pytest.raises(EngineError, match="70000") as wrong,
    ):
        complete(completer)
    assert wrong.value.hint is Advice.NAME_TOKENIZER


def test_a_line_without_end_is_an_error() -> None:
    endless = Answer([b"data: ", *[b"x" * (1 << 20)] * 40])
    with llama(endless) as (completer, _), pytest.raises(EngineError, match="without end"):
        complete(completer)


def test_silence_has_an_end() -> None:
    over = threading.Event()
    silent = streaming(*llama_says("a"), lambda: over.wait(60))
    with llama(silent, waits=Waits(5, 5, 0.2)) as (completer, _):
        with pytest.raises(EngineError, match="silent"):
            complete(completer)
        over.set()


def test_what_is_too_long_is_refused_at_once() -> None:
    with llama() as (completer, script):
        with pytest.raises(PromptTooLongError):
            complete(completer, "x" * 64)
        assert script.bodies("/completion") == []


def test_what_is_there_already_is_not_weighed() -> None:
    with llama() as (completer, _), pytest.raises(ChatError, match="llama-server"):
        list(completer.weigh(IDS, 2))
