"""Chat templates out of the files that models have them in, and into the one of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.chat_templates import (
    ChatTemplates,
    templates_of_folder,
    templates_of_gguf,
)
from convert.errors import ConvertError

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Make a folder of files by their names; what isn't text becomes JSON."""

    def make(files: dict[str, Any]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return tmp_path

    return make


def test_one_text_and_its_tokens(folder: Folder) -> None:
    config = {
        "chat_template": "{{ x }}",
        "bos_token": {"content": "<s>", "lstrip": False},
        "eos_token": "</s>",
        "unk_token": None,
        "model_max_length": 5,
    }
    assert templates_of_folder(folder({"tokenizer_config.json": config})) == ChatTemplates(
        {"default": "{{ x }}"}, {"bos_token": "<s>", "eos_token": "</s>"}
    )


def test_several_by_name(folder: Folder) -> None:
    named = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]
    found = templates_of_folder(folder({"tokenizer_config.json": {"chat_template": named}}))
    assert found.templates == {"default": "a", "tool_use": "b"}


def test_a_file_of_its_own_goes_first(folder: Folder) -> None:
    found = templates_of_folder(
        folder(
            {
                "tokenizer_config.json": {"chat_template": "old"},
                "chat_template.jinja": "new é\n",
                "additional_chat_templates/rag.jinja": "rag",
                "special_tokens_map.json": {"eos_token": {"content": "<|end|>"}},
            }
        )
    )
    assert found.templates == {"default": "new é\n", "rag": "rag"}
    assert found.tokens == {"eos_token": "<|end|>"}


def test_a_folder_without_any(folder: Folder) -> None:
    assert templates_of_folder(folder({})) == ChatTemplates()


@pytest.mark.parametrize(
    "config",
    [
        "{",
        "[1]",
        "[" * 100_000,
        {"chat_template": 5},
        {"chat_template": [5]},
        {"chat_template": [{"name": "x"}]},
        {"chat_template": [{"name": 1, "template": "x"}]},
        {"chat_template": [{"name": "x", "template": "x"}] * 1000},
    ],
    ids=range(8),
)
def test_what_is_no_such_file_is_refused_by_its_name(folder: Folder, config: Any) -> None:
    with pytest.raises(ConvertError, match=r"tokenizer_config.json: .*; "):
        templates_of_folder(folder({"tokenizer_config.json": config}))


def test_what_is_no_text_is_refused(folder: Folder) -> None:
    path = folder({}) / "chat_template.jinja"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConvertError, match="no UTF-8"):
        templates_of_folder(path.parent)
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConvertError, match=r"1,099,511,627,776 bytes.* at most 33,554,432"):
        templates_of_folder(path.parent)


def test_those_of_a_gguf() -> None:
    metadata = {
        "tokenizer.chat_template": "a",
        "tokenizer.chat_template.tool_use": "b",
        "tokenizer.chat_templates": ["tool_use"],
        "tokenizer.chat_template.odd": 5,
        "general.name": "x",
    }
    tokens = {"bos_token": "<s>"}
    want = ChatTemplates({"default": "a", "tool_use": "b"}, tokens)
    assert templates_of_gguf(metadata, tokens) == want


def test_published_folders(shared_data: Path) -> None:
    for name, begins in (
        ("llama2-sharded-bf16", "{{ bos_token }}"),
        ("llama3-rope-tied-headdim", "{{ bos_token }}"),
        ("qwen2-bias", "{% if messages[0]['role'] != 'system' %}"),
    ):
        said = templates_of_folder(shared_data / "models" / name)
        assert said.templates.keys() == {"default"}
        assert said.templates["default"].startswith(begins)
        assert {"bos_token", "eos_token"} <= said.tokens.keys()
