"""Which template a model gets, and that published chats come out as published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.text.templates.compiled import CompiledTemplate
from llama2ncnn_chat.text.templates.jinja import TemplateError
from llama2ncnn_chat.text.templates.marked import TEMPLATES, template_of
from llama2ncnn_chat.text.templates.own import own_template
from llama2ncnn_chat.text.templates.whole import WholeTemplate
from tests.fakes import ByteTokenizer
from tests.text.templates.published import HfVocabulary
from tests.text.templates.shapes import COMPOSED, EACH, NAMED, TOKENS, WHOLE

NOW = datetime(2024, 2, 29)


def test_a_model_without_a_template_gets_plain_and_is_told_so() -> None:
    template, note = own_template({}, {}, NAMED, NOW)
    assert template is template_of("plain")
    assert "no chat template" in note
    template, note = own_template({"tool_use": EACH, "rag": EACH}, {}, NAMED, NOW)
    assert template is template_of("plain")
    assert "but for rag, tool_use" in note


def test_of_several_the_default_is_taken_and_of_one_that_one() -> None:
    several = {"tool_use": "tools" + EACH, "default": "default" + EACH}
    for texts, begins in ((several, "default"), ({"chat": "chat" + EACH}, "chat")):
        template = own_template(texts, TOKENS, NAMED, NOW).template
        assert isinstance(template, CompiledTemplate)
        assert template.first_form.startswith(begins)


def test_one_that_depends_on_other_turns_is_rendered_whole_and_that_is_told() -> None:
    source = WHOLE["the system prompt in the last message"]
    template, note = own_template({"default": source}, TOKENS, NAMED, NOW)
    assert isinstance(template, WholeTemplate)
    assert (template.gap, template.ends) == (" ", ("</s>",))
    assert "again" in note


def test_one_that_leaves_out_a_system_prompt_says_so() -> None:
    source = COMPOSED["a system prompt that is ignored"]
    assert "system prompt" in own_template({"default": source}, TOKENS, NAMED, NOW).note


def test_one_that_cannot_be_rendered_is_refused() -> None:
    with pytest.raises(TemplateError, match="can't be used"):
        own_template({"default": "{% if"}, TOKENS, NAMED, NOW)


def in_jinja(name: str) -> str:
    """Write a built-in template as a model would have it."""
    said = template_of(name).to_dict()
    first, later = said["begin"] + said["turn"], said["after_reply"] + said["turn"]
    forms = (said["with_system"], first, later)
    with_system, first, later = (
        "'" + form.replace("\n", "\\n").replace("{user}", "' + m.content + '") + "'"
        for form in forms
    )
    with_system = with_system.replace("{system}", "' + messages[0].content + '")
    return f"""\
{{%- for m in messages -%}}
    {{%- if m.role == 'assistant' -%}}{{{{- m.content -}}}}
    {{%- elif m.role == 'user' and loop.index0 == 1 and messages[0].role == 'system' -%}}
        {{{{- {with_system} -}}}}
    {{%- elif m.role == 'user' -%}}{{{{- {first} if loop.first else {later} -}}}}
    {{%- endif -%}}
{{%- endfor -%}}"""


@pytest.mark.parametrize("name", TEMPLATES)
def test_one_that_is_built_in_is_known_by_its_name(name: str) -> None:
    template, note = own_template({"default": in_jinja(name)}, TOKENS, ByteTokenizer(), NOW)
    assert (template, note) == (template_of(name), "")


def test_one_that_differs_in_what_stands_before_the_turns_is_like_it() -> None:
    source = "hello" + in_jinja("chatml").replace("</s>", " </s>")
    assert own_template({"default": source}, {}, NAMED, NOW).template.name == (
        "the model's own, like chatml"
    )
    assert own_template({"default": EACH}, {}, NAMED, NOW).template.name == "the model's own"


# Published models, by what transformers says of their chats


PUBLISHED = (
    "llama2-sharded-bf16",
    "llama-padded-vocab-chatml-fp16",
    "llama3-rope-tied-headdim",
    "mistral-window",
    "qwen2-bias",
    "qwen3-qknorm-yarn",
)


def of_folder(folder: Path) -> tuple[Renderer, list[dict[str, Any]]]:
    said = json.loads((folder / "tokenizer_config.json").read_text())
    file = folder / "chat_template.jinja"
    source = file.read_text() if file.exists() else said["chat_template"]
    tokens = {name: said[name] for name in ("bos_token", "eos_token")}
    vocabulary = HfVocabulary(folder / "tokenizer.json")
    template = own_template({"default": source}, tokens, vocabulary, NOW).template
    return Renderer(template, vocabulary), json.loads((folder / "golden.json").read_text())["chats"]


def as_a_session(renderer: Renderer, messages: Sequence[dict[str, str]]) -> list[int]:
    """Return the ids that stand before the model, turn by turn as they come about."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    renderer = Renderer(renderer.template, renderer.vocabulary, system)
    path: list[Turn] = []
    for message in messages[1:] if system else messages:
        text = message["content"]
        if message["role"] == "user":
            path.append(Turn("user", text, renderer.message(text, first=not path)))
        else:
            # As a model says it: after "[/INST]" it begins with a space.
            prefix = renderer.vocabulary.begins_after_controls
            spaced = renderer.window(path)[-1] == renderer.vocabulary.encode("]", bos=False)[-1]
            ids = renderer.vocabulary.encode(text, bos=False, prefix=prefix and spaced)
            path.append(Turn("assistant", text, ids))
    return renderer.window(path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_chat_has_its_published_ids(name: str, shared_data: Path) -> None:
    renderer, chats = of_folder(shared_data / "models" / name)
    assert len(chats) == 2
    for chat in chats:
        assert as_a_session(renderer, chat["plain_messages"]) == chat["plain_ids"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_typed_control_tokens_stay_text_in_published_models(name: str, shared_data: Path) -> None:
    renderer, chats = of_folder(shared_data / "models" / name)
    for chat in chats:
        controls = {
            t for t in chat["plain_ids"] if renderer.vocabulary.encode("x", bos=False) != [t]
        }
        typed, plain = (as_a_session(renderer, chat[key]) for key in ("messages", "plain_messages"))
        special = {renderer.vocabulary.special(n) for n in ("<|im_end|>", "</s>", "<s>")} - {None}
        assert controls
        assert [t for t in typed if t in special] == [t for t in plain if t in special]
