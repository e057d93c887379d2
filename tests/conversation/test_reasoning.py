"""Which tokens of a reply are reasoning, and whether its first tag stands in the prompt."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.conversation.reasoning import Reasoning
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.text.templates.compiled import CompiledTemplate
from llama2ncnn_chat.text.templates.template import Template
from llama2ncnn_chat.text.templates.whole import WholeTemplate
from tests.conversation.scripted import TOKENIZER, run, saying, session
from tests.text.templates.shapes import ASK, EACH, NO_SYSTEM, TOKENS

ASKS_TO_THINK = EACH.replace(ASK, ASK.replace("assistant\n", "assistant\n<think>\n"))
THINKS = CompiledTemplate("thinks", "{user}[/INST]<think>\n", "", "{user}[/INST]<think>\n")


def whole(source: str) -> WholeTemplate:
    return WholeTemplate("whole", source, tuple(TOKENS.items()), "2024-02-29")


@pytest.mark.parametrize(
    ("template", "begun"),
    [
        (THINKS, True),
        (CompiledTemplate("no", "{user}<think>[/INST]", "", "{user}[/INST]"), False),
        (CompiledTemplate("off", "{user}<think>\n\n</think>\n\n", "", ""), False),
        (whole(ASKS_TO_THINK), True),
        (whole(NO_SYSTEM + ASKS_TO_THINK), True),
        (whole(EACH), False),
    ],
)
def test_a_tag_at_the_end_of_the_prompt_begins_it(template: Template, begun: bool) -> None:
    assert Renderer(template, TOKENIZER, "a system prompt").reasoning.begun is begun


def test_a_template_that_refuses_everything_begins_none() -> None:
    refuses = whole("{{ raise_exception('never') }}")
    assert not Renderer(refuses, TOKENIZER).reasoning.begun


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("<think>hm</think>yes", len("<think>hm</think>")),
        ("\n<think>hm</think>yes</think>", len("\n<think>hm</think>")),
        ("<think>ever and ever", len("<think>ever and ever")),
        ("<think>\n\n</think>\n\nyes", 0),
        ("yes", 0),
    ],
)
def test_its_tokens_are_counted_tags_included(text: str, n: int) -> None:
    s = session(saying(text), max_tokens=None)
    run(s.send("a"))
    assert [row.n_reasoning for row in s.rows()] == [0, n]
    assert [row.reasoning_begun for row in s.rows()] == [False, False]
    assert s.rows()[1].text == text


def test_its_tokens_are_counted_from_a_tag_in_the_prompt_on() -> None:
    s = session(saying("<think>\nhm</think>yes"), template=THINKS, max_tokens=None)
    run(s.send("a"))
    assert s.rows()[1].text == "hm</think>yes"
    assert [row.n_reasoning for row in s.rows()] == [0, len("hm</think>")]
    assert [row.reasoning_begun for row in s.rows()] == [False, True]


def test_an_answer_stands_alone_and_a_text_without_reasoning_stays_as_it_is() -> None:
    assert Reasoning(TOKENIZER).answer("\n<think>hm</think>\n\n yes \n") == "yes"
    assert Reasoning(TOKENIZER).answer("  yes </think>\n") == "  yes </think>\n"
    assert Reasoning(TOKENIZER, begun=True).answer("hm</think>\nyes") == "yes"
