"""Which template a chat begins with: the one that was asked for, or the model's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.chat_facts import ChatFacts
from convert.chat_templates import ChatTemplates
from convert.desc import ModelDesc
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.conversation.renderer import renderer_of
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.launch.prepare import own_sampling, with_sampling, with_template
from llama2ncnn_chat.text.templates.marked import template_of
from tests.fakes import ByteTokenizer


@pytest.fixture
def desc() -> ModelDesc:
    return find_model("demo").desc


def chosen(settings: Settings, desc: ModelDesc, facts: ChatFacts | None = None) -> Settings:
    return with_template(settings, desc, facts or ChatFacts(), ByteTokenizer())[0]


def test_a_model_that_says_nothing_means_llama2(desc: ModelDesc) -> None:
    assert chosen(Settings(seed=3), desc) == Settings(template_of("llama2"), seed=3)


def test_a_model_names_its_own_unless_another_is_asked_for(desc: ModelDesc) -> None:
    desc = replace(desc, template="chatml")
    assert chosen(Settings(), desc).template == template_of("chatml")
    asked = Settings(template=template_of("plain"))
    assert chosen(asked, desc) == asked


def test_a_name_that_is_not_known_is_refused_with_a_way_out(desc: ModelDesc) -> None:
    desc = replace(desc, template="alpaca")
    with pytest.raises(ModelError, match=r"template 'alpaca'.*--template with one of llama2,"):
        chosen(Settings(), desc)
    asked = Settings(template=template_of("plain"))
    assert chosen(asked, desc) == asked


def test_a_model_without_a_template_gets_plain_and_it_is_said(desc: ModelDesc) -> None:
    desc = replace(desc, template="own")
    settings, note = with_template(Settings(), desc, ChatFacts(), ByteTokenizer())
    assert settings.template == template_of("plain")
    assert "no chat template" in note
    assert "--raw" in note


def test_a_models_own_template_is_found_out(desc: ModelDesc) -> None:
    desc = replace(desc, template="own")
    source = "{% for m in messages %}({{ m.role }}: {{ m.content }}){% endfor %}(assistant:"
    facts = ChatFacts(ChatTemplates({"default": source}))
    template = chosen(Settings(), desc, facts).template
    assert template
    rendered = renderer_of(Settings(template), ByteTokenizer()).message("hi", first=True)
    assert rendered == ByteTokenizer().encode("(user: hi)(assistant:", bos=False)


def test_a_models_sampling_goes_below_what_a_person_sets() -> None:
    facts = {"temperature": 0.6, "top_p": 0.9, "top_k": -5}
    settings = with_sampling(Settings(), own_sampling(facts), frozenset({"top_p"}))
    usual = Settings().sampling
    assert settings.sampling == replace(usual, temperature=0.6)
