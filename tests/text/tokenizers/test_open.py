"""The door: which format a file or a folder is of, and whether it fits the model."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.text.tokenizers.open import BUNDLE, open_tokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.text.decoding import decoded
from tests.text.tokenizers.hub_tokenizers import KINDS
from tests.text.tokenizers.test_llama2c_file import WHOLE
from tests.text.tokenizers.test_sentencepiece import KINDS as MODELS
from tests.text.tokenizers.test_sentencepiece import LLAMA, trained

SENTENCEPIECE = trained(**LLAMA)
JSON = json.dumps(KINDS["gpt-2"]).encode()


def folder_of(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def refusal(path: Path, vocab_size: int | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        open_tokenizer(path, vocab_size)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("content", "size"),
    [(WHOLE, 261), (SENTENCEPIECE, 450), (JSON, len(KINDS["gpt-2"]["model"]["vocab"]) + 3)],
)
def test_the_content_tells_the_format_whatever_the_name(
    content: bytes, size: int, tmp_path: Path
) -> None:
    (tmp_path / "odd.name").write_bytes(content)
    assert open_tokenizer(tmp_path / "odd.name").vocab_size == size


def test_a_folders_tokenizer_json_goes_before_its_other_files(tmp_path: Path) -> None:
    files = {"tokenizer.bin": WHOLE, "tokenizer.model": SENTENCEPIECE, "tokenizer.json": JSON}
    for n, size in ((1, 261), (2, 450), (3, len(KINDS["gpt-2"]["model"]["vocab"]) + 3)):
        folder = folder_of(tmp_path, dict([*files.items()][:n]))
        assert open_tokenizer(folder).vocab_size == size


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    assert "tokenizer.json, tokenizer.model, tokenizer.bin" in refusal(tmp_path)


def test_tokens_added_beside_a_sentencepiece_model_are_control_tokens_or_text(
    tmp_path: Path,
) -> None:
    config: dict[str, Any] = {
        "eos_token": "<|im_end|>",
        "add_bos_token": False,
        "added_tokens_decoder": {
            "451": {"content": "<|im_end|>", "special": False},
            "450": {"content": "<tool>", "special": False},
            "452": {"content": "[mark]", "special": True},
            "2": {"content": "</s>", "special": True},
        },
    }
    files = {"tokenizer.model": SENTENCEPIECE, "tokenizer_config.json": json.dumps(config).encode()}
    ours = open_tokenizer(folder_of(tmp_path, files))
    assert (ours.vocab_size, {*ours.ends}) == (453, {451})
    names = ("</s>", "<tool>", "<|im_end|>", "[mark]")
    assert [ours.special(name) for name in names] == [2, None, 451, 452]
    ids = ours.encode("a<tool>b<|im_end|>[mark]")
    assert ids.count(450) == 1
    assert not {2, 451, 452} & {*ids}
    assert decoded(ours, ids) == "a<tool>b<|im_end|>[mark]"
    config["added_tokens_decoder"]["460"] = {"content": "far", "special": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="the id 460"):
        open_tokenizer(tmp_path)


@pytest.mark.parametrize("content", [SENTENCEPIECE, JSON])
def test_a_model_may_have_more_rows_than_tokens_but_never_fewer(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "t"
    path.write_bytes(content)
    n = open_tokenizer(path).vocab_size
    padded = open_tokenizer(path, n + 64)
    assert padded.vocab_size == n + 64
    assert padded.piece(n + 63) == b""
    with pytest.raises(IndexError):
        padded.piece(n + 64)
    message = refusal(path, n - 1)
    assert str(n) in message
    assert str(n - 1) in message
    assert open_tokenizer(path, 2 * n).vocab_size == 2 * n
    assert f"has {n} entries, but the model's vocabulary has {4 * n}" in refusal(path, 4 * n)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "no JSON"),
        (b'{"model": ' + b"[" * 100_000, "no JSON"),
        (b"{}", "no model"),
        (b"GGUF" + bytes(100), "GGUF"),
        (json.dumps({"format": BUNDLE}).encode(), "holds none of"),
        (json.dumps({"format": BUNDLE, "tokenizer.model": "???"}).encode(), "base64"),
        (json.dumps({"format": BUNDLE, "tokenizer.json": []}).encode(), "no model"),
        (json.dumps({"format": BUNDLE, "gguf": {}}).encode(), "GGUF model None"),
        (SENTENCEPIECE[:5000], "broken or no SentencePiece"),
        (b"\x0a\x05\x0a\x03abc", "no id for characters"),
    ],
)
def test_what_is_broken_is_refused_with_the_reason(
    content: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "t").write_bytes(content)
    assert says in refusal(tmp_path / "t")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "added_tokens.json"])
@pytest.mark.parametrize("content", [b"[]", b"{", b'{"a": []}'])
def test_broken_files_beside_are_refused_or_mean_nothing(
    name: str, content: bytes, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, {"tokenizer.json": JSON, name: content})
    if (name, content) == ("tokenizer_config.json", b'{"a": []}'):
        assert open_tokenizer(folder).vocab_size
    else:
        refusal(folder)


@pytest.mark.parametrize("kind", ["llama", "unigram", "nmt_nfkc", "gpt-2", "llama-2"])
def test_a_megabyte_takes_seconds(kind: str, tmp_path: Path) -> None:
    content = trained(**MODELS[kind]) if kind in MODELS else json.dumps(KINDS[kind]).encode()
    (tmp_path / "t").write_bytes(content)
    ours = open_tokenizer(tmp_path / "t")
    for text in ("the cat sat on a mat and it was naïve\n" * 26_000, "a" * 1_000_000):
        began = time.monotonic()
        ids = ours.encode(text)
        assert time.monotonic() - began < 60  # a quadratic loop would need hours
        assert len(decoded(ours, ids)) >= 0.9 * len(text)


def every_model() -> list[str]:
    models = Path(__file__).resolve().parents[4] / "shared" / "data" / "models"
    return sorted(path.parent.name for path in models.glob("*/golden.json"))


@pytest.mark.parametrize("name", every_model())
def test_ids_of_what_people_bring_are_transformers(name: str, shared_data: Path) -> None:
    folder = shared_data / "models" / name
    golden = json.loads((folder / "golden.json").read_text())
    ours: Vocabulary = open_tokenizer(folder)
    prompts = golden["prompts"] if "prompts" in golden else golden["files"]["f16.gguf"]
    typed = [prompt for prompt in prompts if "</s>" in prompt["text"]]
    for prompt in prompts:
        if prompt not in typed:
            assert ours.encode(prompt["text"]) == prompt["ids"]
    for prompt in typed:  # where transformers makes control tokens of what was typed
        assert decoded(ours, ours.encode(prompt["text"])) == prompt["text"]
