"""What ends the answer of a server that takes messages: a stop, a limit, or what goes wrong."""

from __future__ import annotations

import threading

import pytest

from llama2ncnn_chat.errors import Advice, EngineError
from llama2ncnn_chat.events import TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits, never
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.remote import text_completer
from tests.remote.asking import end_of, text_of
from tests.remote.chatting import HELLO, asking, complete
from tests.remote.engine_server import FLOOD, SILENCE, Answer, streaming
from tests.remote.messages import PATH, breaks_off, chunk, done, says


def test_a_stop_string_ends_it_wherever_it_is_cut_and_hangs_up() -> None:
    pieces = streaming(chunk(content="one."), chunk(content=" two.")).pieces
    with asking(Answer([*pieces, SILENCE])) as (completer, script):
        events = complete(completer, limits=Limits(stops=(". t",)))
        assert script.hung_up.wait(20)
    end = end_of(events)
    assert (text_of(events), end.reason, end.stop) == ("one", "stop", ". t")
    assert "stop" not in script.bodies(PATH)[0]  # it is met here, and then it is known which


def test_what_a_stop_string_held_back_is_no_token_either() -> None:
    with asking(says("xab")) as (completer, _):
        events = complete(completer, limits=Limits(stops=("abc",)))
    deltas = [e for e in events if isinstance(e, TextDelta)]
    assert text_of(events) == "xab"
    assert deltas[-1].text == "ab"
    assert [e.are_tokens for e in deltas] == [False] * len(deltas)


def test_a_stop_hangs_up() -> None:
    stopped = threading.Event()
    pieces = streaming(chunk(content="one")).pieces
    with asking(Answer([*pieces, SILENCE])) as (completer, script):
        events = completer.complete(HELLO, Sampling(), Draws(1), Limits(), cancelled=stopped.is_set)
        assert next(events) == TextDelta("one", tuple(b"one"), are_tokens=False)
        stopped.set()
        end = end_of(list(events))
        assert script.hung_up.wait(20)
    assert (end.reason, end.ids, end.timings.are_counted) == ("cancelled", tuple(b"one"), False)


def test_a_stop_is_heard_within_a_piece_of_any_size() -> None:
    stopped, size = threading.Event(), 100_000
    with asking(done(chunk(content="x" * size), chunk("stop"))) as (completer, _):
        events = completer.complete(HELLO, Sampling(), Draws(1), Limits(), cancelled=stopped.is_set)
        assert isinstance(next(events), TextDelta)
        stopped.set()
        end = end_of(list(events))
    assert end.reason == "cancelled"
    assert 0 < len(end.ids) < size / 10


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_what_has_no_end_is_cut_and_hung_up_on(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 5000
    monkeypatch.setattr(text_completer, "MAX_REPLY", most)
    pieces = streaming(chunk(content="x" * size)).pieces
    with asking(Answer([*[*pieces] * 100, FLOOD])) as (completer, script):
        end = end_of(complete(completer))
        assert script.hung_up.wait(20)
    assert end.reason == "length"
    assert most <= len(end.ids) < 2 * most


def test_what_breaks_off_before_it_begins_is_asked_again() -> None:
    with asking(breaks_off(""), says("ok")) as (completer, script):
        assert text_of(complete(completer)) == "ok"
    first, second = script.bodies(PATH)
    assert first == second


def test_what_breaks_off_later_is_an_error_that_says_so() -> None:
    with asking(breaks_off("It was")) as (completer, _):
        events = completer.complete(HELLO, Sampling(), Draws(1), Limits(), cancelled=never)
        seen = [next(events) for _ in "It was"]
        with pytest.raises(EngineError, match=" broke") as broken:
            next(events)
    assert (text_of(seen), broken.value.hint) == ("It was", Advice.GO_ON_LATER)


def test_an_error_in_mid_stream_is_told() -> None:
    error = {"error": {"message": "out of memory", "type": "server_error"}}
    broken = done(chunk(content="It"), error)
    with asking(broken) as (completer, _), pytest.raises(EngineError, match="out of memory"):
        complete(completer)
