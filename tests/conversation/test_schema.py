"""Conversations whose replies fit a JSON schema: begun, branched, gone on with, and replayed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from llama2ncnn_chat.conversation.beginning import branched
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import Replayed, TurnFinished
from llama2ncnn_chat.generation.settings import Sampling, Schema
from tests.conversation.scripted import TOKENIZER, Talk, encode, fed, run, saying, session
from tests.fakes import ScriptedEngine

POINT = {
    "type": "object",
    "properties": {"a": {"type": "integer", "maximum": 999}, "b": {"enum": ["yes", "no"]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
SAID = '{"a": 12, "b": "yes"}'


def talk(engine: ScriptedEngine | None = None, schema: Any = POINT, **kw: Any) -> Talk:
    settings = {"schema": Schema("point.json", json.dumps(schema)), "max_tokens": 400, **kw}
    return session(engine or saying(SAID), **settings)


def last(s: Talk) -> Turn:
    reply = s.session.ledger.head
    assert reply
    assert reply.role == "assistant"
    return reply


def check(reply: Turn) -> None:
    jsonschema.validate(json.loads(reply.text), POINT)
    assert reply.finish == "stop"


def test_a_reply_fits_and_its_run_says_what_it_had_to_fit() -> None:
    s = talk(saying(f"Well: {SAID}"))
    end = run(s.send("where?"))[-1]
    check(last(s))
    assert last(s).runs[0].schema == json.dumps(POINT)
    assert isinstance(end, TurnFinished)
    assert (end.json_cut, end.row.json_cut) == (False, False)


@pytest.mark.parametrize("n", [1, 2, 9, 15])
def test_it_goes_on_where_it_was_cut(n: int) -> None:
    s = talk(max_tokens=n)
    end = run(s.send("where?"))[-1]
    assert isinstance(end, TurnFinished)
    assert end.json_cut
    assert end.row.json_cut
    s.settings = talk().settings
    run(s.proceed())
    check(last(s))
    assert run(s.replay())[-1] == Replayed(same=True, at=len(last(s).ids))


def test_another_reply_and_a_replay_fit_with_chance_too() -> None:
    wild = Sampling(temperature=9, top_k=0, top_p=1, min_p=0)
    s = talk(sampling=wild, seed=5)
    for n in range(3):
        run(s.regenerate() if n else s.send("where?"))
        check(last(s))
        assert run(s.replay())[-1] == Replayed(same=True, at=len(last(s).ids))


def test_the_replay_of_a_reply_holds_to_the_schema_that_it_had() -> None:
    s = talk()
    run(s.send("where?"))
    s.settings = session().settings
    assert run(s.replay())[-1] == Replayed(same=True, at=len(last(s).ids))


def test_begun_words_are_part_of_what_fits() -> None:
    s = talk(beginning='{"a": 3')
    run(s.send("where?"))
    check(last(s))
    assert last(s).text.startswith('{"a": 3')


def test_a_token_that_was_picked_is_part_of_what_fits() -> None:
    s = talk()
    run(s.send("where?"))
    at = last(s).text.index("12")
    run(s.session.vary(branched(last(s), at, encode("7")[0], TOKENIZER), s.settings))
    check(last(s))
    assert last(s).text.startswith('{"a": 7')


@pytest.mark.parametrize(
    "step",
    [
        lambda s: s.send("again"),
        lambda s: s.regenerate(),
        lambda s: s.edit("again", s.session.ledger.last("user")),
        lambda s: s.edit('{"a": "x"', s.session.ledger.last("assistant")),
        lambda s: s.session.vary(branched(last(s), 1, encode("x")[0], TOKENIZER), s.settings),
    ],
)
def test_what_can_not_fit_is_refused_before_anything_is_changed(
    step: Callable[[Talk], Any],
) -> None:
    s = talk()
    run(s.send("where?"))
    s.settings = talk(beginning="Sure: ").settings
    path, n, ids = s.session.ledger.path(), len(list(s.session.ledger.turns())), list(fed(s))
    with pytest.raises(ChatError, match="can't become JSON that fits the schema"):
        run(step(s))
    assert (s.session.ledger.path(), len(list(s.session.ledger.turns()))) == (path, n)
    assert fed(s) == ids
    assert not s.session.busy


def test_a_reply_that_was_free_can_not_go_on_to_fit() -> None:
    s = session(saying("Well, hello there"), max_tokens=5)
    run(s.send("where?"))
    text = last(s).text
    s.settings = talk().settings
    with pytest.raises(ChatError, match="can't become JSON"):
        run(s.proceed())
    assert last(s).text == text


def test_a_full_context_in_the_middle_of_a_reply_changes_nothing_of_it() -> None:
    s = talk(saying(*(f"Well: {SAID}",) * 9, context_length=160))
    for message in ("one", "two", "three", "four"):
        run(s.send(message))
        check(last(s))
    assert s.session.first_visible
