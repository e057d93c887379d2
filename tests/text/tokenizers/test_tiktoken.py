"""Meta's text files against the package ``tiktoken``, with a vocabulary trained on the spot."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import tiktoken
from hypothesis import example, given, settings

from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.text.tokenizers.byte_level import read
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.text.decoding import decoded
from tests.text.tokenizers.hub_tokenizers import KINDS, LLAMA3
from tests.text.tokenizers.test_tokenizer_json import texts

TOKENS = sorted(KINDS["llama-3"]["model"]["vocab"].items(), key=lambda entry: entry[1])
RANKS = {read(text): rank for text, rank in TOKENS}
THEIRS = tiktoken.Encoding("test", pat_str=LLAMA3, mergeable_ranks=RANKS, special_tokens={})
LINES = [base64.b64encode(token) + b" %d" % rank for token, rank in RANKS.items()]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("meta") / "tokenizer.model"
    path.write_bytes(b"\n".join(LINES) + b"\n")
    return path


@pytest.fixture(scope="module")
def ours(path: Path) -> Vocabulary:
    return open_tokenizer(path)


@settings(max_examples=500)
@example("")
@example("a" * 3000)
@example("<|begin_of_text|><|eot_id|>")
@given(text=texts)
def test_encode_and_decode_are_tiktokens(ours: Vocabulary, text: str) -> None:
    expected = THEIRS.encode(text, disallowed_special=())
    assert ours.encode(text) == [len(RANKS), *expected]
    assert decoded(ours, expected) == THEIRS.decode(expected)


def test_control_tokens_have_metas_names_behind_the_ranks(path: Path) -> None:
    ours = open_tokenizer(path, len(RANKS) + 256)
    first = len(RANKS)  # 128,000 in Meta's file
    assert ours.special("<|begin_of_text|>") == first
    assert ours.special("<|start_header_id|>") == first + 6
    assert ours.special("<|python_tag|>") == first + 10
    assert ours.special("<|reserved_special_token_2|>") == first + 11
    assert ours.special("<|reserved_special_token_246|>") == first + 255
    assert ours.ends == {first + 1, first + 8, first + 9}


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (LINES[:100], "no token for the byte"),
        ([*LINES, b"!!!! 5"], f"line {len(LINES) + 1}"),
        ([*LINES, b"YWJj"], f"line {len(LINES) + 1}"),
        ([*LINES, b"YWJjYWJjYWJj 9999999"], f"not the rank {len(LINES)}"),
        ([*LINES, LINES[0]], "not the rank"),
        ([*LINES, b"YWJjY 700"], "isn't base64"),
    ],
)
def test_broken_files_are_refused_with_the_reason(
    tmp_path: Path, lines: list[bytes], says: str
) -> None:
    (tmp_path / "t.model").write_bytes(b"\n".join(lines))
    with pytest.raises(ModelError, match=says):
        open_tokenizer(tmp_path / "t.model")


def test_it_is_what_a_tokenizer_json_of_the_same_says(path: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(KINDS["llama-3"]))
    hub, meta = open_tokenizer(tmp_path), open_tokenizer(path)
    for text in ("the cat sat", "naïve 12345 日本語🙂", "  \n x"):
        assert hub.encode(text, bos=False) == meta.encode(text, bos=False)
