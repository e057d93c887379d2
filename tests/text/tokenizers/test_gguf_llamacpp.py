"""Vocabularies inside GGUF against llama.cpp itself, where the packages for it are installed."""

from __future__ import annotations

import json
import random
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece

from llama2ncnn_chat.text.tokenizers.file_vocabulary import FileVocabulary
from llama2ncnn_chat.text.tokenizers.gguf import vocabulary_of_gguf
from tests.text.tokenizers.gguf_values import Values, of_sentencepiece, of_tokenizer_json
from tests.text.tokenizers.hub_tokenizers import PRE_TOKENIZED
from tests.text.tokenizers.test_sentencepiece import FRAGMENTS, LLAMA, trained

xllamacpp = pytest.importorskip(
    "xllamacpp", reason="llama.cpp isn't installed: pip --group oracles"
)
gguf = pytest.importorskip("gguf", reason="gguf isn't installed: pip --group oracles")


def write_model(path: Path, values: Values) -> None:
    """A Llama of one layer and no sense around a vocabulary."""
    n, dim = len(values["tokenizer.ggml.tokens"]), 32
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(256)
    writer.add_embedding_length(dim)
    writer.add_block_count(1)
    writer.add_feed_forward_length(dim)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    for key, value in values.items():
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        elif isinstance(value, str):
            writer.add_string(key, value)
        else:
            writer.add_array(key, value if isinstance(value, list) else value.tolist())
    shapes = {"token_embd": (n, dim), "output": (n, dim), "output_norm": (dim,)}
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_down", "ffn_up"):
        shapes[f"blk.0.{name}"] = (dim, dim)
    for name in ("attn_norm", "ffn_norm"):
        shapes[f"blk.0.{name}"] = (dim,)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", np.ones(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaCpp:
    """llama.cpp's server in this process."""

    def __init__(self, path: Path) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.cpuparams.n_threads = 64, 1
        params.port = 0
        params.warmup = False
        self._server = xllamacpp.Server(params)

    def ask(self, what: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self._server.listening_address}/{what}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def encode(self, text: str, add_special: bool = False) -> list[int]:
        answer = self.ask("tokenize", content=text, add_special=add_special, parse_special=False)
        ids: list[int] = answer["tokens"]
        return ids


def values_of(kind: str) -> Values:
    if kind.startswith("llama"):
        theirs = sentencepiece.SentencePieceProcessor(model_proto=trained(**LLAMA))
        more = {"add_space_prefix": False} if kind == "llama without prefix" else {}
        values = of_sentencepiece(theirs, **more)
        if kind == "llama with user-defined":
            for text in ("<tool>", "<tool>s", "  "):
                values["tokenizer.ggml.tokens"].append(text)
            for key, value in (("scores", -1000.0), ("token_type", 4)):
                values[f"tokenizer.ggml.{key}"] = np.append(
                    values[f"tokenizer.ggml.{key}"], [value] * 3
                ).astype(values[f"tokenizer.ggml.{key}"].dtype)
        return values
    return of_tokenizer_json(PRE_TOKENIZED[kind], kind)


KINDS = ["llama", "llama without prefix", "llama with user-defined", *PRE_TOKENIZED]
KINDS.remove("tekken")  # which llama.cpp cuts by [^a-z] and the like, for want of \\p{Lu}


@pytest.fixture(scope="module", params=KINDS)
def pair(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FileVocabulary, LlamaCpp]:
    values = values_of(request.param)
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    write_model(path, values)
    return vocabulary_of_gguf(values), LlamaCpp(path)


def random_texts(n: int) -> Iterator[str]:
    rng = random.Random(7)
    scripts = [range(32, 127), range(0xC0, 0x250), range(0x400, 0x460), range(0x3041, 0x3100)]
    for _ in range(n):
        parts = rng.choices(FRAGMENTS, k=rng.randint(0, 6))
        parts.append("".join(map(chr, rng.choices(rng.choice(scripts), k=rng.randint(0, 8)))))
        rng.shuffle(parts)
        yield "".join(parts)


def test_ids_are_llamacpps(pair: tuple[FileVocabulary, LlamaCpp]) -> None:
    ours, theirs = pair
    wrong = [
        (text, ours.encode(text, bos=False), ids)
        for text in random_texts(2000)
        if "\0" not in text and ours.encode(text, bos=False) != (ids := theirs.encode(text))
    ]
    assert wrong[:3] == []
    assert ours.encode("the cat") == theirs.encode("the cat", add_special=True)
