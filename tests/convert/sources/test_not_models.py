"""What people take for a model is named for what it is, with what to do."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from convert.errors import ConvertError
from convert.sources import open_source
from tests.folders import config_of, hf_tensors, write_hf
from tests.gguf_writer import write_gguf
from tests.tiny_model import random_weights, tiny_config, write_v0

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 60816028\n"
SCORED = struct.pack("<i", 7) + b"".join(
    struct.pack("<fi", 0, len(piece)) + piece for piece in (b"<unk>", b"\n<s>\n", b"\n</s>\n")
)


def refusal(path: Path) -> ConvertError:
    with pytest.raises(ConvertError) as caught:
        open_source(path)
    error = caught.value
    assert str(path) in error.message
    assert "\n" not in str(error)
    assert error.hint
    return error


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (LFS, "Git LFS pointer", "git lfs pull"),
        (b"<!DOCTYPE html>\n<html><head>", "web page", "download the file"),
        (b"\xef\xbb\xbf\n <html lang='en'>", "web page", "download the file"),
        (b"lmgg" + bytes(100), "ggml's old format", "GGUF"),
        (b"fmgg\1\0\0\0" + bytes(100), "ggml's old format", "GGUF"),
        (b"tjgg\3\0\0\0" + bytes(100), "ggml's old format", "GGUF"),
        (b"algg\1\0\0\0" + bytes(100), "LoRA adapter", "original weights"),
        (b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\x90", "ONNX", "made from"),
        (b"\x08\x08:\xa4\x0b\n\x0f", "ONNX", "made from"),
        (gzip.compress(b"some model" * 50), "gzip", "gunzip"),
        (b"\x28\xb5\x2f\xfd" + bytes(100), "zstd", "unpack"),
        (bytes(257) + b"ustar\x0000" + bytes(300), "tar", "unpack"),
        (SCORED, "tokenizer.bin", "--tokenizer"),
        (SCORED[:4] + struct.pack("<f", 1.5) + SCORED[8:], "tokenizer.bin", "--tokenizer"),
        (struct.pack("<i", 5) + b"<unk>" + struct.pack("<i", 5), "tokenizer.bin", "--tokenizer"),
        (b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02", "SentencePiece", "--tokenizer"),
        (b"IQ== 0\nIg== 1\nIw== 2\n", "tiktoken", "--tokenizer"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch before 1.6", "newer"),
        (b"This model is licensed to whoever asks.\n", "a text, not a model", "download"),
        (b"", "empty file", "again"),
    ],
)
def test_a_file_is_named_for_what_it_is(
    content: bytes, what: str, hint: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    error = refusal(path)
    assert what in error.message
    assert "header says" not in error.message
    assert hint in error.hint


def test_a_pointer_within_a_folder_is_named(tmp_path: Path) -> None:
    c = tiny_config()
    write_hf(tmp_path / "m", config_of(c), hf_tensors(c, random_weights(c, 0)))
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(LFS)
    with pytest.raises(ConvertError, match=r"model\.safetensors: a Git LFS pointer.*git lfs pull"):
        open_source(tmp_path / "m")


def test_pointers_in_place_of_json_or_of_pytorchs_weights_are_named(tmp_path: Path) -> None:
    c = tiny_config()
    write_hf(tmp_path, config_of(c), {})
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(LFS)
    with pytest.raises(ConvertError, match=r"pytorch_model\.bin: a Git LFS pointer"):
        open_source(tmp_path)
    (tmp_path / "config.json").write_bytes(LFS)
    with pytest.raises(ConvertError, match=r"config\.json: a Git LFS pointer"):
        open_source(tmp_path)


def test_a_gguf_of_an_adapter_is_named(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_gguf(tmp_path / "a.gguf", c, random_weights(c, 0), general__type="adapter")
    assert "LoRA adapter without its base" in refusal(path).message


def test_an_adapter_without_its_base_is_named(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    weights = tmp_path / "adapter_model.safetensors"
    weights.write_bytes(save({"lora_A": np.zeros((2, 2), np.float32)}))
    for path in (tmp_path, weights, tmp_path / "adapter_config.json"):
        error = refusal(path)
        assert "LoRA adapter without its base" in error.message
        assert "merge" in error.hint
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    assert "LoRA adapter without its base" in refusal(tmp_path).message


def test_a_folder_without_a_model_tells_what_lies_in_it(tmp_path: Path) -> None:
    assert "or any other file" in refusal(tmp_path).message
    (tmp_path / "notes.txt").write_text("hi")
    assert "without config.json or params.json" in refusal(tmp_path).message
    c = tiny_config()
    write_v0(tmp_path / "stories.bin", c, random_weights(c, 0))
    (tmp_path / "tokenizer.bin").write_bytes(SCORED)
    assert refusal(tmp_path).hint == "name a file in it: stories.bin"
