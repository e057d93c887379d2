"""Tells the reasoning in replies from what they say, and counts its tokens.

Knows turns and a vocabulary; what is reasoning in a text, ``text.reasoning`` says.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..text.reasoning import END, reasoning_and_answer
from ..text.vocabulary import Vocabulary
from .ledger import Turn


@dataclass(frozen=True)
class Reasoning:
    """The reasoning under one template; ``begun``: that writes the first tag before every reply."""

    vocabulary: Vocabulary
    begun: bool = False

    def split(self, text: str) -> tuple[str, str]:
        """Split a reply's text into its reasoning and what it says."""
        return reasoning_and_answer(text, begun=self.begun)

    def answer(self, text: str) -> str:
        """Return what a reply says; the text as it is where there is no reasoning in it."""
        answer = self.split(text)[1]
        return text if answer == text else answer.strip()

    def count(self, reply: Turn) -> int:
        """Count the ids of a reply's reasoning, tags included; 0 where it says nothing."""
        if not self.split(reply.text)[0].strip():
            return 0
        end, said = END.encode(), b""
        for n, token in enumerate(reply.ids, 1):
            said += self.vocabulary.piece(token)
            if end in said:
                return n
            said = said[-len(end) :]
        return len(reply.ids)
