"""Meta's ``tokenizer.model`` of Llama-3: base64 lines of bytes with their ranks, as tiktoken's.

It gets the file's bytes and makes a ``tokenizer.json`` of them; it knows no files and no models.
Source of the names: ``tokenizer.py`` of Meta's llama-models.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from .added import Beside
from .byte_level import LLAMA3, byte_level_json, spelled

_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]{1,7}")

N_SPECIAL = 256
_NAMED = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|step_id|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
)
SPECIAL = [
    *_NAMED,
    *(f"<|reserved_special_token_{2 + i}|>" for i in range(N_SPECIAL - len(_NAMED))),
]
"""Names of the control tokens, from the first id after the ranks on."""

TIKTOKEN = Beside(bos=_NAMED[0], add_bos=True)
"""What the format says by itself, as nothing stands beside it."""

MAX_TOKEN_BYTES = 1024  # Llama-3's longest has 128


def is_tiktoken(data: bytes) -> bool:
    """Tell whether the first line is one of base64 and a rank."""
    return _LINE.fullmatch(data[:2048].partition(b"\n")[0].strip()) is not None


def tokenizer_json_of(data: bytes) -> dict[str, Any]:
    """Make a ``tokenizer.json`` of the file. ValueError for what isn't one."""
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        if len(line) > 2 * MAX_TOKEN_BYTES or not _LINE.fullmatch(line.strip()):
            raise ValueError(f"is broken: line {number} isn't base64 and a rank")
        text, _, rank = line.strip().partition(b" ")
        try:
            token = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise ValueError(f"is broken: line {number} isn't base64") from error
        if int(rank) != len(ranks) or token in ranks:
            raise ValueError(f"is broken: line {number} has not the rank {len(ranks)}")
        ranks[token] = len(ranks)
    if missing := [byte for byte in range(256) if bytes([byte]) not in ranks]:
        raise ValueError(f"is broken: it has no token for the byte {missing[0]}")
    first = len(ranks)
    return byte_level_json(
        {spelled(token): rank for token, rank in ranks.items()},
        _merges(ranks),
        [LLAMA3],
        ignore_merges=True,
        added=[
            {"id": first + i, "content": name, "special": True} for i, name in enumerate(SPECIAL)
        ],
    )


def _merges(ranks: dict[bytes, int]) -> list[list[str]]:
    """All ways to put a token together out of two, the tokens by rank."""
    merges: list[list[str]] = []
    for token in ranks:
        halves = [(token[:at], token[at:]) for at in range(1, len(token))]
        known = [(ranks[a], ranks[b], a, b) for a, b in halves if a in ranks and b in ranks]
        merges += [[spelled(a), spelled(b)] for _, _, a, b in sorted(known)]
    return merges
