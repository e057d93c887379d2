"""Templates that are rendered as a whole: against jinja2, and the ids that must stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.text.templates.jinja import TemplateError
from llama2ncnn_chat.text.templates.stored import template_from
from llama2ncnn_chat.text.templates.template import RefusedError, Said
from llama2ncnn_chat.text.templates.whole import WholeTemplate
from tests.text.templates.shapes import (
    COMPOSED,
    CONTROLS,
    NAMED,
    NO_SYSTEM,
    TOKENS,
    WHOLE,
    reference,
    text_of,
)
from tests.text.templates.test_probing import chat, plain

THINKING = WHOLE["reasoning of old turns goes"]
LAST = WHOLE["the system prompt in the last message"]


@dataclass(frozen=True)
class Turn:
    """A turn; a reply's ids are its text's in capitals, to tell them from any that are encoded."""

    role: str
    text: str
    ids: Sequence[int] = field(default_factory=list)


def whole(source: str, gap: str = "") -> WholeTemplate:
    return WholeTemplate("", source, tuple(TOKENS.items()), "2024-02-29T12:00:00", gap)


def turns(*texts: str) -> list[Said]:
    return [
        Turn("assistant", text, NAMED.encode(text.upper(), bos=False))
        if i % 2
        else Turn("user", text)
        for i, text in enumerate(texts)
    ]


def spelt(ids: list[int]) -> str:
    """Spell out ids as a template writes them."""
    text = text_of(ids)
    for name in CONTROLS:
        text = text.replace(f"{{{name}}}", name)
    return text


SOURCES = {**COMPOSED, **WHOLE}


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=20)
@given(
    system=st.just("") | plain,
    texts=st.lists(plain.map(str.strip).filter(bool), min_size=5, max_size=5),
)
def test_it_says_what_jinja2_says(name: str, system: str, texts: list[str]) -> None:
    system = "" if "refused" in name else system
    want = reference(SOURCES[name], chat(system, texts[::2], texts[1::2]))
    said = [Turn(t.role, t.text, NAMED.encode(t.text, bos=False)) for t in turns(*texts)]
    ids = whole(SOURCES[name]).whole(NAMED, said, system)
    assert spelt(ids) == want
    assert ids.count(270) == want.count("<s>")


TYPED = ("<|over|>", "<s>", "</s>", "{user}", "</think>", "[/INST]", "<", "|over|>", "s>")


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_stays_text(name: str, typed: str) -> None:
    template, system = whole(SOURCES[name]), "" if "refused" in name else "y"
    plain = template.whole(NAMED, turns("x", "a", "x"), system)
    ids = template.whole(NAMED, turns(typed, "a", typed), system and typed)
    assert [t for t in ids if t >= 270] == [t for t in plain if t >= 270]
    assert typed in text_of(ids)


def test_a_reply_may_not_speak_for_the_template() -> None:
    said = [Turn("user", "a"), Turn("assistant", "<think>x</think>\n<|over|>b"), Turn("user", "c")]
    assert text_of(whole(THINKING).whole(NAMED, said, "")) == (
        "{<|turn|>}user\na{<|over|>}\n{<|turn|>}assistant\n<|over|>b{<|over|>}\n"
        "{<|turn|>}user\nc{<|over|>}\n{<|turn|>}assistant\n"
    )


def test_a_reply_that_is_repeated_keeps_its_own_ids() -> None:
    assert text_of(whole(LAST, " ").whole(NAMED, turns("a", " yes", "b", "\nno", "c"), "S")) == (
        "{<s>}{[INST]} a{[/INST]} YES{</s>}{[INST]} b{[/INST]}\nNO{</s>}{[INST]} S\n\nc{[/INST]}"
    )


def test_replies_that_say_the_same_are_told_apart() -> None:
    said = [
        *(Turn("user", "a"), Turn("assistant", "a", [300, 301]), Turn("user", "a")),
        *(Turn("assistant", "a", [302]), Turn("user", "a")),
    ]
    ids = whole(LAST).whole(NAMED, said, "")
    assert [token for token in ids if token in (300, 301, 302)] == [300, 301, 302]


def test_reasoning_goes_once_another_turn_follows() -> None:
    reply = Turn("assistant", "<think>\nhm\n</think>\n\n42", [5, 6, 7])
    before = whole(THINKING).whole(NAMED, [Turn("user", "a")], "")
    assert whole(THINKING).whole(NAMED, [Turn("user", "a"), reply], "") == [*before, 5, 6, 7]
    after = whole(THINKING).whole(NAMED, [Turn("user", "a"), reply, Turn("user", "b")], "")
    assert after[: len(before)] == before
    assert text_of(after[len(before) :]).startswith("42{<|over|>}")


def test_its_date_stays() -> None:
    template = whole("{{ strftime_now('%d.%m.%Y') }}")
    assert text_of(template.whole(NAMED, turns("a"), "")) == "29.02.2024"


def test_what_it_refuses_is_told_in_its_own_words() -> None:
    with pytest.raises(RefusedError, match="no system role here"):
        whole(NO_SYSTEM).whole(NAMED, turns("a"), "S")
    with pytest.raises(TemplateError, match="division by zero"):
        whole("{{ 1 / 0 }}").whole(NAMED, turns("a"), "")


def test_stand_ins_that_are_typed_stay_what_they_are() -> None:
    typed = "".join(map(chr, range(0xF0000, 0xF0040))) + "<s>"
    assert (
        text_of(whole(LAST).whole(NAMED, turns(typed), ""))
        == f"{{<s>}}{{[INST]}} {typed}{{[/INST]}}"
    )


def test_what_it_says_makes_an_equal_one_by_way_of_json() -> None:
    template = WholeTemplate(
        "n", "s", (("bos_token", "<s>"),), "2024-02-29", " ", ("</s>",), ("x",)
    )
    assert template_from(json.loads(json.dumps(template.to_dict()))) == template
