"""Rendering in the other process: against jinja2 itself, and with templates that mean harm."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.text.templates.jinja import (
    JinjaProcess,
    JinjaTemplate,
    Message,
    TemplateError,
)
from llama2ncnn_chat.text.templates.template import RefusedError

NOW = "2024-02-29T12:34:56"


@pytest.fixture(scope="module")
def process() -> Iterator[JinjaProcess]:
    process = JinjaProcess()
    yield process
    process.close()


def said(*contents: str) -> list[Message]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": each} for i, each in enumerate(contents)]


LOOP = """\
{%- if messages[0].role == 'system' %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set rest = messages %}
{%- endif %}
{% for m in rest %}
    {% if m.role == 'user' %}
<|user|>
{{ m.content | trim }}
    {% else %}
<|reply|>{{ m['content'] }}
    {% endif %}
{% endfor %}
{% if add_generation_prompt %}<|reply|>{% endif %}
"""


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_it_renders_what_jinja2_renders(contents: list[str]) -> None:
    reference = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(LOOP)
    messages = said(*contents)
    want = reference.render(messages=messages, add_generation_prompt=True)
    assert JinjaTemplate(LOOP).render(messages) == want


@pytest.mark.parametrize(
    ("source", "want"),
    [
        ("{{ bos_token }}|{{ eos_token }}", "<s>|"),  # what a model lacks is nothing
        ("{{ messages | tojson }}", '[{"role": "user", "content": "ä<"}]'),
        ("{{ {'a': 1} | tojson(indent=1) }}", json.dumps({"a": 1}, indent=1)),
        ("{{ strftime_now('%d %b %Y') }}", "29 Feb 2024"),
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "01"),
        ("{% set ns = namespace(a=1) %}{% set ns.a = 2 %}{{ ns.a }}", "2"),
        ("{% generation %}{% set a = 1 %}x{{ a }}{% endgeneration %}{{ a }}", "x1"),
        ("{% if tools is not none %}t{% endif %}{{ dict(a=1) }}", "{'a': 1}"),
        ("line\n", "line"),  # the newline at a template's end is not said
    ],
)
def test_what_chat_templates_use(source: str, want: str) -> None:
    template = JinjaTemplate(source, (("bos_token", "<s>"),), NOW)
    assert template.render(said("ä<")) == want


def test_a_lone_surrogate_goes_through() -> None:
    assert JinjaTemplate("{{ messages[0].content }}").render(said("a\ud800")) == "a\ud800"


def test_what_a_template_refuses_is_told_in_its_own_words() -> None:
    template = JinjaTemplate("{{ raise_exception('System role not supported — ever!') }}")
    with pytest.raises(RefusedError, match="System role not supported — ever!"):
        template.render(said("x"))


def test_a_refusal_without_end_is_cut(process: JinjaProcess) -> None:
    with pytest.raises(RefusedError) as caught:
        process.render("{{ raise_exception('no' * 1000000) }}", {}, NOW)
    assert caught.value.reason == "no" * 500


MERCILESS = {
    "loops in loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}"
    "{% endfor %}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "macros": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}"
    "{{ f(99) }}",
}
WRONG = {
    "10 GB at once": "{{ 'x' * 10 ** 10 }}",
    "10 GB by a width": "{{ '%9999999999d' % 1 }}",
    "10 GB by a filter": "{{ 'x' | center(10 ** 10) }}",
    "10 GB by doubling": "{% set n = namespace(x='x' * 4096) %}{% for i in range(60) %}"
    "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "10 GB in pieces": "{% for i in range(99999) %}{{ 'x' * 100000 }}{% endfor %}",
    "a huge range": "{{ range(10 ** 9) | list }}",
    "a class": "{{ ''.__class__.__mro__ }}",
    "the way out by format": "{{ '{0.__class__.__init__.__globals__}'.format(range) }}!",
    "globals": "{{ raise_exception.__globals__.json }}",
    "the way out by attr": "{{ (''|attr('__class__')).mro }}",
    "an import": "{% import 'os' as os %}",
    "a change of what it got": "{{ messages.append(1) }}",
    "too deep": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "no template": "{% if",
    "a division": "{{ 1 / 0 }}",
    "no filter of that name": "{{ 1 | nosuch }}",
    "too long": "x" * (1 << 21),
}


@pytest.mark.parametrize("source", MERCILESS.values(), ids=MERCILESS)
def test_one_without_end_is_stopped(source: str) -> None:
    process, began = JinjaProcess(seconds=0.5), time.monotonic()
    with pytest.raises(TemplateError, match=r"takes longer than 0.5 s"):
        process.render(source, {}, NOW)
    assert time.monotonic() - began < 10
    assert process.render("still {{ a }}", {"a": 1}, NOW) == "still 1"
    process.close()


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_one_that_means_harm_comes_to_nothing(source: str, process: JinjaProcess) -> None:
    with pytest.raises(TemplateError) as caught:
        process.render(source, {"messages": said("x")}, NOW)
    assert len(str(caught.value)) < 1200
    assert process.render("{{ 1 }}", {}, NOW) == "1"


@pytest.mark.parametrize(
    "source",
    [
        "{{ raise_exception.__globals__ }}",
        "{{ ''|attr('__class__') }}",
        "{% set f = '{0.__class__}'.format %}{{ f(range) }}",
        "{% set f = '{a.__globals__}'.format_map %}{{ f({'a': raise_exception}) }}",
    ],
)
def test_what_it_must_not_see_is_nothing(source: str, process: JinjaProcess) -> None:
    assert process.render(source, {}, NOW) == ""


def test_a_process_that_is_gone_is_started_again() -> None:
    process = JinjaProcess()
    assert process.render("{{ 1 }}", {}, NOW) == "1"
    assert process._process
    process._process.kill()
    process._process.wait()
    with pytest.raises(TemplateError, match="fails"):
        process.render("{{ 2 }}", {}, NOW)
    assert process.render("{{ 3 }}", {}, NOW) == "3"
    process.close()
    process.close()


def test_a_module_in_the_folder_one_stands_in_is_not_run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "jinja2.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(folder)
    process = JinjaProcess()
    assert process.render("{{ 1 }}", {}, NOW) == "1"
    process.close()
