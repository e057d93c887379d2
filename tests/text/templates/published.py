"""A published tokenizer, read by the library that it is written for; see ``HfVocabulary``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer


class HfVocabulary:
    """A tokenizer.json as a ``Vocabulary``; what is typed never becomes an added token."""

    ends = frozenset[int]()
    n_padding = 0
    ids_are_tokens = True

    def __init__(self, path: Path) -> None:
        said = json.loads(path.read_text())
        self._added: dict[str, int] = {t["content"]: t["id"] for t in said["added_tokens"]}
        steps = (said.get("normalizer") or {}).get("normalizers", [])
        kept = [step for step in steps if step["type"] != "Prepend"]
        self.begins_after_controls = kept != steps
        plain: dict[str, Any] = {**said, "added_tokens": [], "post_processor": None}
        self._begun = Tokenizer.from_str(json.dumps(plain))
        if self.begins_after_controls:
            plain["normalizer"] = {"type": "Sequence", "normalizers": kept}
        self._going_on = Tokenizer.from_str(json.dumps(plain))
        self.vocab_size = len(said["model"]["vocab"]) + len(self._added)

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        assert not bos
        ids: list[int] = (self._begun if prefix else self._going_on).encode(text).ids
        return ids

    def special(self, name: str) -> int | None:
        return self._added.get(name)

    def piece(self, token: int) -> bytes:
        raise NotImplementedError

    def first_piece(self, token: int) -> bytes:
        raise NotImplementedError
