"""What a converted model carries of its tokenizer, read back and held to the original."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from convert import tokenizer_files
from convert.errors import ConvertError
from convert.tokenizer_files import tokenizer_in, write_gguf_tokenizer, write_tokenizer
from llama2ncnn_chat.text.tokenizers import open as door
from llama2ncnn_chat.text.tokenizers.gguf import vocabulary_of_gguf
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.text.tokenizers.gguf_values import of_sentencepiece, of_tokenizer_json
from tests.text.tokenizers.hub_tokenizers import KINDS
from tests.text.tokenizers.test_gguf import SENTENCEPIECE
from tests.text.tokenizers.test_llama2c_file import WHOLE
from tests.text.tokenizers.test_sentencepiece import LLAMA, trained
from tests.text.tokenizers.test_tiktoken import LINES

CONFIG = {
    "bos_token": "<s>",
    "eos_token": {"content": "<|im_end|>"},
    "add_bos_token": True,
    "chat_template": "not the tokenizer's",
    "added_tokens_decoder": {
        "450": {"content": "<|im_start|>", "special": True},
        "451": {"content": "<|im_end|>", "special": True},
    },
}
FOLDERS: dict[str, dict[str, Any]] = {
    "json": {"tokenizer.json": KINDS["added"]},
    "json and config": {
        "tokenizer.json": KINDS["gpt-2"],
        "tokenizer_config.json": {"bos_token": "</s>", "add_bos_token": True, "eos_token": "<s>"},
        "tokenizer.model": b"not read",
    },
    "sentencepiece": {"tokenizer.model": trained(**LLAMA)},
    "sentencepiece and config": {
        "tokenizer.model": trained(**LLAMA),
        "tokenizer_config.json": CONFIG,
    },
    "sentencepiece and added": {
        "tokenizer.model": trained(**LLAMA),
        "added_tokens.json": {"<tool>": 450, "<|end|>": 451},
    },
    "tiktoken": {"tokenizer.model": b"\n".join(LINES)},
    "llama2.c": {"tokenizer.bin": WHOLE},
}
TEXT = "the cat <tool> <|im_end|></s> naïve 日本語🙂\n  x"


def laid(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
        (folder / name).write_bytes(data)
    return folder


def facts(vocabulary: Vocabulary) -> list[Any]:
    return [
        vocabulary.vocab_size,
        vocabulary.ends,
        [vocabulary.special(name) for name in ("<s>", "</s>", "<|im_end|>", "<|end|>", "<tool>")],
        vocabulary.encode(TEXT),
        vocabulary.encode(TEXT, bos=False, prefix=False),
        [vocabulary.piece(token) for token in range(vocabulary.vocab_size)],
    ]


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_one_file_says_elsewhere_what_the_folder_said(kind: str, tmp_path: Path) -> None:
    tokenizer = tokenizer_in(laid(tmp_path, FOLDERS[kind]))
    assert tokenizer
    for target in (tmp_path / "moved" / "x.tokenizer", tmp_path / "moved" / "again"):
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as file:
            write_tokenizer(tokenizer, file)
        assert facts(open_tokenizer(target)) == facts(open_tokenizer(tmp_path))
        tokenizer = target  # what was carried once can be carried again
    assert b"not the tokenizer's" not in target.read_bytes()


def test_what_says_all_by_itself_is_copied(tmp_path: Path) -> None:
    for kind in ("json", "sentencepiece", "tiktoken", "llama2.c"):
        folder = tmp_path / kind
        folder.mkdir()
        tokenizer = tokenizer_in(laid(folder, FOLDERS[kind]))
        assert tokenizer
        target = io.BytesIO()
        write_tokenizer(tokenizer, target)
        assert target.getvalue() == tokenizer.read_bytes()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_vocabulary_of_gguf_comes_back(kind: str, tmp_path: Path) -> None:
    values = (
        of_sentencepiece(SENTENCEPIECE)
        if kind == "llama"
        else of_tokenizer_json(KINDS["added"], "llama-bpe")
    )
    with (tmp_path / "x.tokenizer").open("wb") as file:
        write_gguf_tokenizer(values | {"general.name": "not the tokenizer's"}, file)
    assert facts(open_tokenizer(tmp_path / "x.tokenizer")) == facts(vocabulary_of_gguf(values))
    assert b"general" not in (tmp_path / "x.tokenizer").read_bytes()


def test_both_sides_know_the_same_names() -> None:
    assert tokenizer_files.BUNDLE == door.BUNDLE
    assert tokenizer_files.TOKENIZERS == door.TOKENIZERS
    assert (*tokenizer_files.BESIDE,) == door.BESIDE
    assert tokenizer_files.MAX_FILE_BYTES == door.MAX_FILE_BYTES


def test_a_folder_without_a_tokenizer_has_none(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").mkdir()
    assert tokenizer_in(tmp_path) is None


def test_what_is_no_json_is_refused_by_name(tmp_path: Path) -> None:
    laid(tmp_path, {"tokenizer.model": b"x", "added_tokens.json": b"{"})
    with pytest.raises(ConvertError, match=r"added_tokens\.json: no JSON"):
        write_tokenizer(tmp_path / "tokenizer.model", io.BytesIO())
