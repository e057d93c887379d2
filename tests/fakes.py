"""Stand-ins for the model and the tokenizer, small enough to reason about by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from llama2ncnn_chat.model.engine import CalledOffError, Cancelled
from llama2ncnn_chat.model.kv_cache import KvCache

BOS, EOS = 1, 2

Float32 = npt.NDArray[np.float32]


class ScriptedEngine:
    """An engine whose next token is a function of the ids in its cache; it counts what it is fed.

    ``next_token(ids)`` gets everything in the cache. Implements ``Engine``.
    """

    note = ""
    computed_by = "script"
    chunks_matter = False

    def __init__(
        self,
        next_token: Callable[[Sequence[int]], int],
        *,
        vocab_size: int = 300,
        context_length: int = 64,
    ) -> None:
        self.vocab_size, self.context_length = vocab_size, context_length
        self.prefill_chunk, self.threads = 16, 1
        self.ids: list[int] = []
        self.fed: list[int] = []
        self._next = next_token

    @property
    def position(self) -> int:
        return len(self.ids)

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Float32:
        if cancelled and cancelled():
            raise CalledOffError
        result: Float32 = self.forward_all(ids)[-1]
        return result

    def forward_all(self, ids: Sequence[int]) -> Float32:
        assert len(ids), "fed nothing"
        assert len(self.ids) + len(ids) <= self.context_length, "fed past the context"
        rows = []
        for token in ids:
            self.ids.append(token)
            self.fed.append(token)
            logits = np.zeros(self.vocab_size, np.float32)
            logits[self._next(self.ids)] = 20
            rows.append(logits)
        return np.stack(rows)

    def rewind(self, position: int) -> None:
        assert 0 <= position <= len(self.ids)
        del self.ids[position:]

    def cut(self, start: int, stop: int) -> None:
        assert 0 <= start <= stop <= len(self.ids)
        del self.ids[start:stop]

    def snapshot(self) -> KvCache:
        ids = np.array(self.ids, np.float32).reshape(1, 1, -1, 1)
        return KvCache(ids, ids.copy())

    def restore(self, cache: KvCache) -> None:
        self.ids = [int(token) for token in cache.keys[0, 0, :, 0]]

    def close(self) -> None:
        self.ids.clear()


class ByteTokenizer:
    """A token per byte, at the ids where Llama has its byte pieces; no merges."""

    vocab_size, ends = 300, frozenset({EOS})
    n_padding = 0
    begins_after_controls = False
    ids_are_tokens = True

    def piece(self, token: int) -> bytes:
        return bytes([token - 3]) if 3 <= token < 259 else b""

    def first_piece(self, token: int) -> bytes:
        return self.piece(token).removeprefix(b" ")

    def special(self, name: str) -> int | None:
        return {"<s>": BOS, "</s>": EOS}.get(name)

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        return [BOS] * bos + [byte + 3 for byte in text.encode()]


class ShiftedTokenizer(ByteTokenizer):
    """Other ids for the same bytes."""

    def piece(self, token: int) -> bytes:
        return bytes([token - 40]) if 40 <= token < 296 else b""

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        return [BOS] * bos + [byte + 40 for byte in text.encode()]
