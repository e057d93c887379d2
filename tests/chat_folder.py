"""A folder with all that a chat model of the Hub has, small: weights, tokenizer, template, ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from tests.folders import config_of, hf_tensors, write_hf
from tests.text.tokenizers.hub_tokenizers import byte_level
from tests.tiny_model import TinyConfig, random_weights, tiny_config

TEMPLATE = (
    "{% for m in messages %}<|begin|>{{ m.role }}\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|begin|>assistant\n{% endif %}"
)
MARKS = ("<|begin|>", "<|end|>")
GENERATION: dict[str, Any] = {"eos_token_id": [3, 1], "temperature": 0.25, "top_k": 7}


def write_chat_folder(folder: Path, shards: int = 1, **config: Any) -> TinyConfig:
    """Write it; ``config`` changes what its config.json says."""
    tokenizer = byte_level(added=[AddedToken(name, special=True) for name in MARKS])
    n_tokens = len(tokenizer["model"]["vocab"]) + len(tokenizer["added_tokens"])
    c = tiny_config(vocab_size=n_tokens, n_layers=1, tied=True)
    tensors = hf_tensors(c, random_weights(c, 0))
    write_hf(folder, config_of(c, **config), tensors, shards=shards)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>"}))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    (folder / "generation_config.json").write_text(json.dumps(GENERATION))
    return c
