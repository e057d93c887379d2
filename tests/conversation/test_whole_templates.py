"""Conversations under a template that renders the whole: what is read again, and what isn't."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llama2ncnn_chat.conversation.renderer import refuse_long_system
from llama2ncnn_chat.events import ReadAgain
from llama2ncnn_chat.text.templates.template import RefusedError
from llama2ncnn_chat.text.templates.whole import WholeTemplate
from tests.conversation.scripted import Talk, encode, fed, in_cache, run, saying, session
from tests.text.templates.shapes import NO_SYSTEM, TOKENS, WHOLE

LAST = WholeTemplate(
    "last",
    WHOLE["the system prompt in the last message"],
    tuple(TOKENS.items()),
    "2024-02-29",
    gap=" ",
)
FORGETFUL = replace(
    LAST,
    source="{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %}{{ m.content.split('</think>')[-1] }}{{ eos_token }}{% endif %}{% endfor %}",
)


def fed_by(s: Talk, text: str) -> list[int]:
    """Send a message; returns what the model has read for it, its own tokens included."""
    before = len(fed(s))
    run(s.send(text))
    return fed(s)[before:]


def test_without_a_system_prompt_only_what_is_new_is_read() -> None:
    s = session(saying("one", "two", "six"), template=LAST)
    assert fed_by(s, "a") == [1, *encode("[INST] a[/INST]one")]
    assert fed_by(s, "b") == [2, *encode("[INST] b[/INST]two")]
    assert fed_by(s, "c") == [2, *encode("[INST] c[/INST]six")]


def test_what_the_system_prompt_left_is_read_again() -> None:
    s = session(saying("one", "two"), template=LAST, system="S")
    assert fed_by(s, "a") == [1, *encode("[INST] S\n\na[/INST]one")]
    assert fed_by(s, "b") == [*encode("a[/INST]one"), 2, *encode("[INST] S\n\nb[/INST]two")]
    assert in_cache(s)[:1] == [1]


@pytest.mark.parametrize("template", [LAST, FORGETFUL])
def test_it_is_told_how_much_was_read_again(template: WholeTemplate) -> None:
    s = session(saying("<think>x</think>ok", "two"), template=template, system="S", max_tokens=None)
    assert [e for e in run(s.send("a")) if isinstance(e, ReadAgain)] == []
    before = len(fed(s))
    (told,) = [e for e in run(s.send("bcd")) if isinstance(e, ReadAgain)]
    assert told.tokens == len(fed(s)) - before - len("bcd") - len("two")
    assert [e for e in run(s.regenerate()) if isinstance(e, ReadAgain)] == []


@pytest.mark.parametrize(("template", "system"), [(LAST, ""), ("llama2", "S"), ("chatml", "S")])
def test_nothing_is_told_where_nothing_is_read_again(
    template: str | WholeTemplate, system: str
) -> None:
    s = session(saying("one", "two"), template=template, system=system)
    events = [*run(s.send("a")), *run(s.send("b")), *run(s.edit("c", s.ledger.path()[2]))]
    assert [e for e in events if isinstance(e, ReadAgain)] == []


def test_reasoning_is_seen_while_it_is_written_and_gone_with_the_next_message() -> None:
    s = session(saying("<think>x</think>ok", "two"), template=FORGETFUL, max_tokens=None)
    fed_by(s, "a")
    assert in_cache(s) == encode("[INST] a [/INST]<think>x</think>ok")
    assert fed_by(s, "b") == [*encode("ok"), 2, *encode("[INST] b [/INST]two")]
    s.undo()
    assert s.window(s.ledger.path()) == encode("[INST] a [/INST]<think>x</think>ok")


def test_context_counts_are_exact_though_turns_shrink() -> None:
    s = session(saying("<think>x</think>ok", "two"), template=FORGETFUL, max_tokens=None)
    fed_by(s, "a")
    fed_by(s, "b")
    use = s.context()
    assert use.used == len(s.window(s.ledger.path()))
    assert use.used == len("[INST] a [/INST]ok[INST] b [/INST]two") + 1
    assert use.turns[0][1] == len("[INST] a [/INST]")
    assert all(n >= 0 for _, n in use.turns)


def test_the_oldest_turns_go_and_the_rest_is_rendered_as_a_conversation() -> None:
    s = session(
        saying(*("yes" * 5 for _ in range(9)), context_length=120),
        template=LAST,
        system="S",
        max_tokens=None,
    )
    for n in range(9):
        fed_by(s, f"message {n}")
    visible = s.ledger.path()[s.ledger.path().index(s.first_visible) :]
    assert visible[0].text != "message 0"
    assert s.window(s.ledger.path())[: len("[INST] message") + 1] == [1, *encode("[INST] message")]
    assert len(s.window(s.ledger.path())) <= 120


def test_what_it_refuses_changes_nothing() -> None:
    s = session(saying("one"), template=replace(LAST, source=NO_SYSTEM + LAST.source), system="S")
    with pytest.raises(RefusedError, match="no system role here"):
        fed_by(s, "a")
    assert s.ledger.path() == []
    assert not s.busy
    with pytest.raises(RefusedError, match="no system role here"):
        refuse_long_system(s.session.renderer, s.session.context_length)


def test_a_system_prompt_that_it_refuses_changes_nothing() -> None:
    s = session(saying("one"), template=replace(LAST, source=NO_SYSTEM + LAST.source))
    run(s.send("a"))
    before = [*s.ledger.path()[0].ids]
    with pytest.raises(RefusedError, match="no system role here"):
        s.set_system("S")
    assert s.ledger.path()[0].ids == before
    assert s.renderer.system == ""
    assert fed_by(s, "b") == [2, *encode("[INST] b[/INST]one")]
