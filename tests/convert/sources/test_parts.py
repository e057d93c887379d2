"""A file of a folder stands for the folder; one by itself is told from a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convert.errors import ConvertError
from convert.sources import model_at, open_source
from tests.chat_folder import write_chat_folder
from tests.folders import config_of, hf_tensors, write_hf, write_meta, write_pth
from tests.gguf_writer import write_gguf
from tests.tiny_model import random_weights, tiny_config, write_v0, write_v1

C = tiny_config(tied=False)
W = random_weights(C, 0)


def refusal(path: Path) -> str:
    with pytest.raises(ConvertError) as caught:
        open_source(path)
    return str(caught.value)


def test_any_file_of_a_folder_opens_it(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "one")
    write_chat_folder(tmp_path / "many", shards=3)
    write_meta(tmp_path / "meta", C, W, 2)
    torch = tmp_path / "torch"
    write_hf(torch, config_of(C), {})
    (torch / "model.safetensors").unlink()
    write_pth(torch / "pytorch_model.bin", hf_tensors(C, W))
    named = [p for folder in tmp_path.iterdir() for p in folder.iterdir() if p.suffix != ".jinja"]
    assert len(named) > 15
    for path in named:
        with open_source(path) as source:
            assert source.path == path.parent


def test_what_may_be_a_model_is_taken_by_itself(tmp_path: Path) -> None:
    """Even in a folder, and whatever its name."""
    write_chat_folder(tmp_path / "folder")
    for write in (write_v0, write_v1, write_gguf):
        path = write(tmp_path / "folder" / "model.safetensors", C, W)
        assert model_at(path) == path


def test_a_file_by_itself_is_told_what_it_lacks(tmp_path: Path) -> None:
    write_chat_folder(tmp_path / "folder")
    alone = (tmp_path / "folder" / "model.safetensors").rename(tmp_path / "weights")
    assert "weights: weights in safetensors without config.json" in refusal(alone)
    write_pth(alone, {"a": W["rms_final"]})
    assert "weights: PyTorch's weights without config.json" in refusal(alone)
    alone.write_text("\n {}")
    assert "weights: JSON without config.json or params.json beside it; name" in refusal(alone)
    (tmp_path / "folder" / "config.json").rename(alone)
    assert "name the whole folder" in refusal(alone)


def test_mistrals_own_form_is_told_from_metas(tmp_path: Path) -> None:
    (tmp_path / "params.json").write_text(json.dumps({"dim": 64, "n_layers": 1, "n_heads": 4}))
    (tmp_path / "consolidated.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")
    for path in (tmp_path, tmp_path / "consolidated.safetensors", tmp_path / "params.json"):
        said = refusal(path)
        assert "consolidated.safetensors: Mistral's own form isn't read; get config.json" in said
