"""A small model as the Hub has it: its files, those that nobody needs among them."""

from __future__ import annotations

import json
from pathlib import Path

from convert.hub.names import HubName

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
INDEX = json.dumps({"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}).encode()
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "additional_chat_templates/tools.jinja": b"{{ tools }}",
    "model.safetensors.index.json": INDEX,
    SHARDS[0]: bytes(range(256)) * 20,
    SHARDS[1]: bytes(reversed(range(256))) * 10,
}
NOT_NEEDED = {
    "README.md": b"# A model",
    ".gitattributes": b"*",
    "consolidated.safetensors": b"the same once more",
    "pytorch_model.bin": b"and once more",
    "onnx/model.onnx": b"and in another format",
    "original/params.json": b"{}",
}
NAME = HubName("owner/tiny")


def content(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
