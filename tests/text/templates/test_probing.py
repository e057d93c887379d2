"""Compiled templates against jinja2 rendering the whole conversation."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from itertools import zip_longest

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.text.templates.compiled import CompiledTemplate
from llama2ncnn_chat.text.templates.jinja import JinjaTemplate, Message, TemplateError
from llama2ncnn_chat.text.templates.probing import PATIENCE, around_reply, compile_template
from llama2ncnn_chat.text.templates.stored import template_from
from llama2ncnn_chat.text.templates.template import RefusedError
from tests.text.templates.shapes import (
    COMPOSED,
    CONTROLS,
    EACH,
    NAMED,
    TOKENS,
    WHOLE,
    reference,
    text_of,
)


def jinja(source: str) -> JinjaTemplate:
    return JinjaTemplate(source, tuple(TOKENS.items()), "2024-02-29T12:00:00")


def compiled(source: str) -> CompiledTemplate:
    found = compile_template(jinja(source).render, NAMED, source)
    assert found
    return found


def chat(system: str, users: Sequence[str], replies: Sequence[str]) -> list[Message]:
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    for user, reply in zip_longest(users, replies):
        messages.append({"role": "user", "content": user})
        if reply is not None:
            messages.append({"role": "assistant", "content": reply})
    return messages


def as_kept(
    template: CompiledTemplate, system: str, users: Sequence[str], replies: Sequence[str]
) -> list[int]:
    """Put together what the session keeps: messages, replies as they came, and what closes them."""
    ids = template.first(NAMED, users[0], system)
    for reply, user in zip(replies, users[1:], strict=True):
        ids += NAMED.encode(reply, bos=False) + template.close(NAMED) + template.next(NAMED, user)
    return ids


SHAPES = {name: compiled(source) for name, source in COMPOSED.items()}
plain = st.text(st.characters(codec="utf-8", exclude_characters="<>[]{}"), min_size=1)


@pytest.mark.parametrize("name", COMPOSED)
@settings(max_examples=30)
@given(system=st.just("") | plain, texts=st.lists(plain, min_size=5, max_size=5))
def test_the_whole_is_the_sum_of_its_parts(name: str, system: str, texts: list[str]) -> None:
    template = SHAPES[name]
    users = [text.strip() for text in texts[::2]]
    system = "" if template.refusal else system
    assume(all(users))
    want = reference(COMPOSED[name], chat(system, users, [text.strip() for text in texts[1::2]]))
    spaced = " " if "INST" in want or "### Human" in want else ""  # what a reply begins with
    got = as_kept(template, system, users, [spaced + text.strip() for text in texts[1::2]])
    assert text_of(got).replace("{", "").replace("}", "") == want
    assert got.count(270) == want.count("<s>")


TYPED = ("<|over|>", "<s>", "</s>", "{user}", "{system}", "{{ bos_token }}", "[/INST]", "\\1")


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_stays_text(name: str, typed: str) -> None:
    template = SHAPES[name]
    system = "" if template.refusal else "y"
    plain = template.first(NAMED, "x", system), template.next(NAMED, "x")
    got = template.first(NAMED, typed, system and typed), template.next(NAMED, typed)
    for ids, others in zip(got, plain, strict=True):
        assert [t for t in ids if t >= 270] == [t for t in others if t >= 270]
        assert typed in text_of(ids)


@pytest.mark.parametrize("name", COMPOSED)
def test_an_opening_is_what_every_such_message_begins_with(name: str) -> None:
    template = SHAPES[name]
    for system in ("",) if template.refusal else ("", "S"):
        first, later = template.first_opening(NAMED, system), template.next_opening(NAMED)
        for text in ("Hi", "a b"):
            assert template.first(NAMED, text, system)[: len(first)] == first
            assert template.next(NAMED, text)[: len(later)] == later


@pytest.mark.parametrize("name", WHOLE)
def test_one_that_depends_on_other_turns_is_not_compiled(name: str) -> None:
    assert compile_template(jinja(WHOLE[name]).render, NAMED, WHOLE[name]) is None


def test_what_stands_around_messages() -> None:
    found = SHAPES["a default system prompt"]
    assert found.first_form == (
        "<|turn|>system\nYou are kind.<|over|>\n<|turn|>user\n{user}<|over|>\n<|turn|>assistant\n"
    )
    assert found.with_system == (
        "<|turn|>system\n{system}<|over|>\n<|turn|>user\n{user}<|over|>\n<|turn|>assistant\n"
    )
    assert found.later == "<|over|>\n<|turn|>user\n{user}<|over|>\n<|turn|>assistant\n"
    assert text_of(found.next(NAMED, "x")).startswith("{<|over|>}\n{<|turn|>}user\nx{<|over|>}")


def test_a_refused_system_prompt_is_refused_in_its_own_words() -> None:
    found = SHAPES["a system prompt that is refused"]
    assert found.first(NAMED, "x", "")
    for refuse in (found.first_opening, lambda v, s: found.first(v, "x", s)):
        with pytest.raises(RefusedError, match="no system role here"):
            refuse(NAMED, "S")


def test_a_system_prompt_that_breaks_the_template_is_refused_too() -> None:
    found = compiled("{% if messages[0].role == 'system' %}{{ 1 / 0 }}{% endif %}" + EACH)
    with pytest.raises(RefusedError, match="division by zero"):
        found.first(NAMED, "x", "S")


def test_it_knows_that_a_system_prompt_is_left_out() -> None:
    ignoring = {name for name, found in SHAPES.items() if found.ignores_system}
    assert ignoring == {"a system prompt that is ignored"}


def test_it_knows_what_loses_its_white_space() -> None:
    trims = {name: found.trims for name, found in SHAPES.items() if found.trims}
    assert trims == {
        "trimmed": ("user", "system"),
        "a system prompt inside the first message": ("system",),
    }
    assert text_of(SHAPES["trimmed"].first(NAMED, " x ", " y ")).count(" ") == 0


@pytest.mark.parametrize(
    ("name", "ends", "stops"),
    [
        ("each message alike", ("<|over|>",), ()),
        ("a system prompt inside the first message", ("</s>",), ()),
        ("a system prompt that is ignored", (), ("### Human:",)),
    ],
)
def test_what_ends_a_reply(name: str, ends: tuple[str, ...], stops: tuple[str, ...]) -> None:
    assert (SHAPES[name].ends, SHAPES[name].stops) == (ends, stops)


def test_a_text_too_short_to_end_a_reply_does_not() -> None:
    source = (
        "{% for m in messages %}{{ '# ' + m.content + '\n' if m.role == 'user' else m.content }}"
    )
    assert compiled(source + "\n{% endfor %}").stops == ()


def test_what_stands_around_replies_of_one_that_is_not_compiled() -> None:
    source = WHOLE["the system prompt in the last message"]
    assert around_reply(jinja(source).render, NAMED, source) == (" ", ("</s>",), ())
    source = WHOLE["the last message alone"]
    assert around_reply(jinja(source).render, NAMED, source) == ("", (), ())


def test_the_probes_avoid_the_templates_own_words() -> None:
    found = compiled("Probe0user0 Probe1 Probe0reply0\n" + EACH)
    assert found.first_form.startswith("Probe0user0 Probe1 Probe0reply0\n<|turn|>user\n{user}")


def test_one_whose_renderings_take_too_long_together_is_not_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, n = itertools.count(step=PATIENCE / 9), itertools.count(1)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))

    def render(messages: Sequence[Message]) -> str:
        next(n)
        return reference(EACH, list(messages))

    assert compile_template(render, NAMED, EACH) is None
    assert next(n) < 20


def test_one_that_cannot_be_rendered_says_why() -> None:
    with pytest.raises(TemplateError, match="division by zero"):
        compile_template(jinja("{{ 1 / 0 }}").render, NAMED, "")


@pytest.mark.parametrize("name", COMPOSED)
def test_what_it_says_makes_an_equal_one_by_way_of_json(name: str) -> None:
    assert template_from(json.loads(json.dumps(SHAPES[name].to_dict()))) == SHAPES[name]


words = st.lists(
    st.sampled_from([*CONTROLS, "a", "\n", " ", "{{ bos_token }}", "# Next:"]), max_size=3
)
odd = st.sampled_from(
    [
        *("{% if loop.first %}x{% endif %}", "{% if loop.last %}y{% endif %}", "{{ loop.index }}"),
        *("{{ messages[0].content }}", "{{ m.content[:3] }}", "{user}", "{system}", "{% break %}"),
        *(
            "{% if messages | length > 4 %}z{% endif %}",
            "{% if '<think>' in m.content %}t{% endif %}",
        ),
        *("{% if messages[0].role == 'system' %}s{% endif %}", "Probe0user0"),
    ]
)
contents = st.sampled_from(["{{ m.content }}", "{{ m.content | trim }}", "{{ m.content.strip() }}"])


@st.composite
def templates(draw: st.DrawFn) -> str:
    """Draw a template with a text of its own for each role, and now and then something odd."""
    roles = {}
    strange = draw(st.sampled_from(["user", "assistant", "system", *[""] * 5]))
    for role in ("user", "assistant", "system"):
        # What stands before a reply must be what asked for it, or there's little to compile.
        before = draw(words) if role != "assistant" else []
        between = [draw(odd)] if role == strange else []
        roles[role] = "".join([*before, *between, draw(contents), *draw(words)])
    ask = "".join(draw(words))
    return (
        "".join(draw(words))
        + "{% for m in messages %}{% if m.role == 'user' %}"
        + roles["user"]
        + "{% elif m.role == 'assistant' %}"
        + draw(st.sampled_from([ask, ask, ask + " ", ""]))
        + roles["assistant"]
        + "{% else %}"
        + roles["system"]
        + "{% endif %}{% endfor %}"
        + ask
    )


texts = st.lists(plain.map(str.strip).filter(bool), min_size=8, max_size=8)


@settings(
    max_examples=200, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
@given(templates(), texts, st.booleans())
def test_whatever_is_compiled_is_what_jinja2_renders(
    source: str, texts: list[str], with_system: bool
) -> None:
    try:
        found = compile_template(jinja(source).render, NAMED, source)
    except TemplateError:
        return
    assume(found and not (found.refusal and with_system))
    assert found
    system, users, replies = texts[7] if with_system else "", texts[:7:2], texts[1:7:2]
    want = reference(source, chat(system, users, replies))
    got = text_of(as_kept(found, system, users, replies))
    for name in CONTROLS:
        got = got.replace(f"{{{name}}}", name)
    # What a reply begins and ends with, the model says and not the template.
    assert "".join(got.split()) == "".join(want.split())
