"""Makes of a text's choices what JSON has of them, with the names of OpenAI's and llama.cpp's APIs.

Knows choices and a vocabulary; not who writes them where.
"""

from __future__ import annotations

import math
from typing import Any

from ..events import Choice
from ..text.vocabulary import Vocabulary

NEVER = -9999.0
"""OpenAI's number for what is too unlikely to have a logarithm; JSON has no infinity."""


class Logprobs:
    """Turns the choices of one text, in order, into objects with ``n`` runners-up each.

    The bytes of its tokens joined are the text's, whose first token is told apart if it ``begins``
    one, as a ``Detokenizer`` does.
    """

    def __init__(self, vocabulary: Vocabulary, n: int, *, begins: bool) -> None:
        self._vocabulary, self._n, self._begins = vocabulary, n, begins

    def of(self, choice: Choice) -> dict[str, Any]:
        """Return the next token's object, the likeliest in its place under ``top_logprobs``."""
        top = [self._token(*each) for each in choice.top[: self._n]]
        token = self._token(choice.token, choice.probability)
        self._begins = self._begins and not self._vocabulary.piece(choice.token)
        return {**token, "top_logprobs": top}

    def _token(self, token: int, probability: float) -> dict[str, Any]:
        vocabulary = self._vocabulary
        piece = vocabulary.first_piece(token) if self._begins else vocabulary.piece(token)
        return {
            "id": token,
            "token": piece.decode("utf-8", "replace"),
            "bytes": list(piece),
            "logprob": math.log(probability) if probability else NEVER,
        }
