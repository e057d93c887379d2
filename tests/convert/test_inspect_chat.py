"""What ``--inspect`` says of chats: of folders, files and what they were converted to."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from convert.__main__ import main
from convert.inspect_chat import format_chat_report, inspect_chat
from convert.pipeline import convert
from convert.tokenizer_kinds import facts_of_file
from tests.chat_folder import TEMPLATE, write_chat_folder
from tests.folders import write_meta
from tests.gguf_writer import write_gguf
from tests.tiny_model import random_weights, tiny_config, write_v0

C = tiny_config()
W = random_weights(C, 0)


def test_a_folder_and_its_conversion_say_the_same(tmp_path: Path) -> None:
    c = write_chat_folder(tmp_path / "m")
    convert(tmp_path / "m", tmp_path / "out")
    said = inspect_chat(tmp_path / "m")
    assert said == inspect_chat(tmp_path / "out.desc")
    assert said.tokenizer == "BPE, byte-level"
    assert said.n_tokens == c.vocab_size
    assert (said.template, said.templates) == ("its own", {"default": TEMPLATE})
    tokens = json.loads((tmp_path / "m" / "tokenizer.json").read_text())["added_tokens"]
    [end] = [each["id"] for each in tokens if each["content"] == "<|end|>"]
    assert said.ends[end] == "<|end|>"
    assert said.ends.keys() == {1, 3, end}
    assert said.sampling == {"temperature": 0.25, "top_k": 7}


def test_the_command_shows_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_chat_folder(tmp_path / "m")
    assert main(["--inspect", str(tmp_path / "m")]) == 0
    text = capsys.readouterr().out
    for words in ("byte-level, ", "<|end|>", "temperature 0.25, top_k 7", "{% for m in messages"):
        assert words in text
    assert main(["--inspect", "--json", str(tmp_path / "m")]) == 0
    assert json.loads(capsys.readouterr().out)["chat"]["templates"] == {"default": TEMPLATE}


def test_a_gguf_tells_of_its_own(tmp_path: Path) -> None:
    tokens = [f"t{i}" for i in range(C.vocab_size)]
    more: dict[str, Any] = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2"}
    more |= {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.eos_token_id": 5}
    said = inspect_chat(write_gguf(tmp_path / "m", C, W, **more))
    assert (said.tokenizer, said.n_tokens) == ("GGUF's, byte-level BPE, qwen2", C.vocab_size)
    assert said.ends == {5: "t5"}
    assert said.template == "plain"


def test_metas_and_llama2cs_are_told_by_name(tmp_path: Path) -> None:
    write_meta(tmp_path / "meta", C, W, 1)
    assert inspect_chat(tmp_path / "meta").template == "llama2"
    said = inspect_chat(write_v0(tmp_path / "m.bin", C, W))
    assert (said.template, said.tokenizer, said.n_tokens) == ("llama2", "none", 0)
    assert "none" in format_chat_report(said)


def test_kinds_of_files() -> None:
    lines = b"".join(base64.b64encode(bytes([i])) + b" %d\n" % i for i in range(256))
    assert (facts_of_file(lines).kind, facts_of_file(lines).size) == ("tiktoken, byte-level", 512)
    for broken in (b"{", b'{"model": 5}', b'{"format": "llama2ncnn-tokenizer-1"}'):
        assert facts_of_file(broken).kind == "JSON that isn't a tokenizer"
    for rubbish in (b"", b"\n", b"\n\xff", b"\n\x05\n\xff", bytes(100)):
        assert facts_of_file(rubbish).kind == "llama2.c's tokenizer.bin"


def test_pieces_of_sentencepiece_are_counted(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    text = tmp_path / "text"
    text.write_text("\n".join(f"the {i} brave lamps stood in a valley" for i in range(300)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(tmp_path / "t"), vocab_size=50, minloglevel=2
    )
    theirs = sentencepiece.SentencePieceProcessor(str(tmp_path / "t.model"))
    said = facts_of_file((tmp_path / "t.model").read_bytes())
    assert said.kind == "SentencePiece"
    assert dict(said.tokens) == {i: theirs.id_to_piece(i) for i in range(theirs.vocab_size())}
