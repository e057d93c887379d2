"""Folders as the Hub's cache has them, all links into its blobs; and links that lead elsewhere."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.errors import ConvertError
from convert.pipeline import convert
from convert.sources import open_source
from convert.stem import ALL_SUFFIXES, file_of
from convert.vocabulary import companions_of
from tests.chat_folder import TEMPLATE, write_chat_folder
from tests.gguf_writer import Q8_0, write_gguf
from tests.tiny_model import random_weights, tiny_config


def with_everything(folder: Path) -> Path:
    """A folder with all that is fetched, and a GGUF."""
    write_chat_folder(folder, shards=2)
    (folder / "special_tokens_map.json").write_text('{"bos_token": "<s>"}')
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "tool_use.jinja").write_text("{{ tools }}")
    c = tiny_config()
    more = {"tokenizer.chat_template": "{{ messages }}"}
    write_gguf(folder / "m.Q8_0.gguf", c, random_weights(c, 0), Q8_0, **more)
    return folder


def snapshot_of(folder: Path, cache: Path) -> Path:
    """The same as the Hub's client keeps it."""
    snapshot = cache / "models--owner--name" / "snapshots" / "0123abcd"
    blobs = cache / "models--owner--name" / "blobs"
    blobs.mkdir(parents=True)
    for i, path in enumerate(p for p in sorted(folder.rglob("*")) if p.is_file()):
        place = snapshot / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        (blobs / f"{i:040x}").write_bytes(path.read_bytes())
        place.symlink_to(os.path.relpath(blobs / f"{i:040x}", place.parent))
    return snapshot


@pytest.mark.parametrize("file", ["", "m.Q8_0.gguf", "model-00001-of-00002.safetensors"])
def test_a_snapshot_becomes_what_a_plain_folder_does(tmp_path: Path, file: str) -> None:
    plain = with_everything(tmp_path / "plain")
    snapshot = snapshot_of(plain, tmp_path / "hub")
    for name, folder in {"a": plain, "b": snapshot}.items():
        convert(folder / file, tmp_path / name)
    for suffix in ALL_SUFFIXES:
        a, b = (file_of(tmp_path / name, suffix) for name in "ab")
        assert a.exists() == b.exists() == (suffix != ".tokenizer.bin" or "gguf" not in file)
        assert not a.exists() or a.read_bytes() == b.read_bytes()
    facts = json.loads((tmp_path / "b.chat.json").read_text())
    if "gguf" in file:
        assert facts["templates"]["templates"] == {"default": "{{ messages }}"}
    else:
        assert facts["templates"]["templates"] == {"default": TEMPLATE, "tool_use": "{{ tools }}"}
        assert facts["sampling"] == {"temperature": 0.25, "top_k": 7}


def elsewhere(path: Path) -> None:
    """Put the file out of its folder, and a link in its place."""
    path.rename(path.parents[1] / f"moved-{path.name}")
    path.symlink_to(path.parents[1] / f"moved-{path.name}")


def templates_elsewhere(folder: Path) -> None:
    elsewhere(folder / "additional_chat_templates")


LINKED: dict[str, Callable[[Path], None]] = {
    name: lambda folder, name=name: elsewhere(folder / name)  # type: ignore[misc]
    for name in (
        *("chat_template.jinja", "tokenizer_config.json", "special_tokens_map.json"),
        *("generation_config.json", "tokenizer.json"),
    )
}


@pytest.mark.parametrize("link", [*LINKED.values(), templates_elsewhere])
def test_what_lies_out_of_the_folder_is_not_read(
    tmp_path: Path, link: Callable[[Path], None]
) -> None:
    folder = with_everything(tmp_path / "folder")
    link(folder)
    with open_source(folder) as source, pytest.raises(ConvertError, match="is a link"):
        companions_of(source).write_tokenizer(io.BytesIO())
    with pytest.raises(ConvertError, match=r"is a link .*out of its folder; copy"):
        convert(folder, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))
