"""A model as it is shown: rendered as jinja2 renders it, whatever form it stands in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convert.desc import format_desc
from convert.pipeline import convert
from convert.stem import file_of
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.launch.show_model import show_model
from tests.chat_folder import TEMPLATE, write_chat_folder
from tests.text.templates.shapes import WHOLE, reference


def rendered(source: str) -> str:
    turns = [("user", "Hi!"), ("assistant", "Hello."), ("user", "How are you?")]
    return reference(source, [{"role": role, "content": text} for role, text in turns])


def test_two_turns_of_a_folder_its_conversion_and_one_in_the_cache(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "tiny")
    convert(tmp_path / "tiny", tmp_path / "out")
    key = find_model(str(tmp_path / "tiny")).stem.parent.name
    for name in ("tiny", "out", "tiny/model.safetensors"):
        shown = show_model(str(tmp_path / name))
        assert shown.sample == rendered(TEMPLATE)
        assert "<|end|>" in shown.ends
        assert shown.note == ""
    assert show_model(key).sample == show_model("tiny").sample == rendered(TEMPLATE)
    assert show_model("tiny").report.kind == "model"


def test_one_that_is_rendered_whole(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "m")
    source = WHOLE["turns are counted"]
    (tmp_path / "m" / "chat_template.jinja").write_text(source)
    shown = show_model(str(tmp_path / "m"))
    assert shown.sample == rendered(source)
    assert "reads some of the conversation again" in shown.note


def test_what_can_not_be_rendered_is_told_beside_the_rest(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "m")
    (tmp_path / "m" / "chat_template.jinja").write_text("{{ 1 / 0 }}")
    shown = show_model(str(tmp_path / "m"))
    assert shown.sample == ""
    assert "division by zero" in shown.note
    (tmp_path / "m" / "tokenizer.json").unlink()
    shown = show_model(str(tmp_path / "m"))
    assert "no tokenizer" in shown.note
    assert shown.report.shape.dim == 64


def test_a_template_that_is_not_known_is_told_as_a_chat_would_be_refused(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "m")
    d = convert(tmp_path / "m", tmp_path / "out")
    file_of(tmp_path / "out", ".desc").write_text(format_desc(replace(d, template="of tomorrow")))
    shown = show_model(str(tmp_path / "out"))
    assert "template 'of tomorrow', which isn't known here" in shown.note
    assert (shown.template, shown.sample) == ("", "")


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"none: no such model; llama2ncnn-chat models"):
        show_model("none")
    assert "[INST] Hi! [/INST]" in show_model("demo").sample
