"""Which template a chat begins with: the one that was asked for, or the model's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.desc import ModelDesc
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.launch.open_chat import with_template
from llama2ncnn_chat.text.templates.marked import template_of


@pytest.fixture
def desc() -> ModelDesc:
    return find_model("demo").desc


def test_a_model_that_says_nothing_means_llama2(desc: ModelDesc) -> None:
    assert with_template(Settings(seed=3), desc) == Settings(template_of("llama2"), seed=3)


def test_a_model_names_its_own_unless_another_is_asked_for(desc: ModelDesc) -> None:
    desc = replace(desc, template="chatml")
    assert with_template(Settings(), desc).template == template_of("chatml")
    asked = Settings(template=template_of("plain"))
    assert with_template(asked, desc) == asked


def test_a_name_that_is_not_known_is_refused_with_a_way_out(desc: ModelDesc) -> None:
    desc = replace(desc, template="alpaca")
    with pytest.raises(ModelError, match=r"template 'alpaca'.*--template with one of llama2,"):
        with_template(Settings(), desc)
    asked = Settings(template=template_of("plain"))
    assert with_template(asked, desc) == asked
