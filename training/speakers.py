"""Who is being evaluated: a speaker holds one conversation, greedily, and says if a reply ended.
`TorchSpeaker` talks with the trained weights; `product.py` has the one for the product's engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sentencepiece as spm
import torch

from training.dataset import BOS, EOS, prompt_text
from training.model import Cache, Llama

LIMIT = 240
FULL = 1024


@dataclass(frozen=True)
class Reply:
    """What was said, and whether it ended by itself within the limit."""

    text: str
    closed: bool


class Speaker(Protocol):
    """Whoever is judged; holds one conversation at a time."""

    def begin(self, system: str | None) -> None:
        """Begin a new conversation with a system prompt, or with none."""

    def say(self, user: str) -> Reply:
        """Add a turn; returns the greedy reply."""


class TorchSpeaker:
    """The trained weights in float32, with a cache that grows over the turns."""

    def __init__(self, model: Llama, processor: spm.SentencePieceProcessor) -> None:
        self.model = model
        self.processor = processor
        self.cache: Cache | None = None
        self.system: str | None = None

    def begin(self, system: str | None) -> None:
        """Forget the conversation; the next message carries the system prompt."""
        self.cache, self.system = None, system

    def position(self) -> int:
        """Count the tokens in the cache."""
        return self.cache[0][0].shape[2] if self.cache else 0

    def say(self, user: str) -> Reply:
        """Feed a message and decode greedily until EOS, `LIMIT` tokens or a full context."""
        ids = [BOS, *self.processor.encode(prompt_text(self.system, user))]
        self.system = None
        spoken: list[int] = []
        with torch.inference_mode():
            while len(spoken) < LIMIT and ids[-1] != EOS and self.position() + len(ids) < FULL:
                features, self.cache = self.model.features(torch.tensor([ids]), self.cache)
                token = int(self.model.logits(features[:, -1]).argmax())
                spoken.append(token)
                ids = [token]
            closed = ids[-1] == EOS
            if closed:
                _, self.cache = self.model.features(torch.tensor([[EOS]]), self.cache)
        text: str = self.processor.decode([token for token in spoken if token != EOS])
        return Reply(text, closed)
