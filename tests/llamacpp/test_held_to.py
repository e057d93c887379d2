"""A llama-server beside conversations: replies to a JSON schema, texts without a template."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest

from benchmarks.llama_server import LlamaServer
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.remote.missed import Missing
from tests.chatting import do
from tests.llamacpp.miniature import opened, write_miniature
from tests.text.tokenizers.gguf_values import of_tokenizer_json
from tests.text.tokenizers.hub_tokenizers import PRE_TOKENIZED

pytest.importorskip("xllamacpp", reason="llama.cpp isn't installed: pip --group oracles")

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 4, "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "kinds": {"type": "array", "items": {"enum": ["cat", "dog"]}, "maxItems": 3},
    },
    "required": ["name", "age", "kinds"],
    "additionalProperties": False,
}
WILD = {"temperature": "2", "top_k": "0", "top_p": "1", "min_p": "0", "max_tokens": "400"}
N_CONTEXT, N_REPLIES = 1024, 12


@pytest.mark.parametrize("found", [True, False], ids=["found", "asked for again"])
def test_every_reply_fits_its_schema(
    found: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of random tokens too, many of which end inside of a character: they are found, or not.

    Where it is built with llguidance, llama.cpp has of SentencePiece's tokens no space before them.
    """
    if not found:
        monkeypatch.setattr(Missing, "find", lambda *_: None)
    file = tmp_path / "schema.json"
    file.write_text(json.dumps(SCHEMA))
    values = of_tokenizer_json(PRE_TOKENIZED["llama-bpe"], "llama-bpe")
    path = write_miniature(tmp_path / "m.gguf", N_CONTEXT, values)
    with (
        LlamaServer(path) as server,
        closing(opened(engine=server.address, schema=str(file), **WILD)) as chat,
    ):
        do(chat, "who is it?")
        for _ in range(N_REPLIES - 1):
            do(chat, "/regen")
        message = chat.session.ledger.last("user")
        assert message
        replies = message.children
        assert len(replies) == N_REPLIES
        for reply in replies:
            assert reply.finish == "stop"
            jsonschema.validate(json.loads(reply.text), SCHEMA)
            assert reply.text == b"".join(map(chat.vocabulary.piece, reply.ids)).decode()
        assert not all(reply.text.isascii() for reply in replies)
        with pytest.raises(ChatError, match="model that runs here"):
            do(chat, "/continue")


def test_a_text_without_a_template_is_that_of_a_model_here(
    server: str, gguf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--temp", "0", "-n", "24", "--json"]
    assert main(["--raw", str(gguf), "-p", "Once upon", "--weights", "fp32", *flags]) == 0
    here = json.loads(capsys.readouterr().out)
    for typed in (["--raw", "-p", "Once upon"], ["complete", str(gguf), "Once upon"]):
        assert main([*typed, "--engine", server, *flags]) == 0
        out, err = capsys.readouterr()
        elsewhere = json.loads(out)
        assert f"what you write goes to {server[7:]}" in err
        assert (elsewhere["text"], elsewhere["finish_reason"]) == (
            here["text"],
            here["finish_reason"],
        )
