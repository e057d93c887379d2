"""Which tokens may come next, so that a text becomes JSON that fits a schema.

Sees the bytes of a vocabulary; no turns and no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import Advice, ChatError, UsageError
from ..text.vocabulary import Vocabulary
from .grammar import grammar_of, in_a_line, library
from .sampling import Float32, Sampler

Allowed = npt.NDArray[np.bool_]


class Fitting:
    """A text in the making that has to fit, up to the token that was sampled last."""

    def __init__(self, matcher: Any, n_tokens: int, ends: Sequence[int]) -> None:
        self._matcher, self._n_tokens, self._ends = matcher, n_tokens, ends

    @property
    def is_whole(self) -> bool:
        """Whether the text fits as it is."""
        return bool(self._matcher.is_accepting())

    def sampler(self, sampler: Sampler) -> Sampler:
        """Return what samples as ``sampler`` does, of the tokens with which the text may go on.

        An end is one of them where the text fits, and the only ones where nothing may follow. It
        raises ``ChatError`` where no token can go on.
        """

        def sample(logits: Float32, recent: Sequence[int]) -> int:
            token = sampler(np.where(self._allowed(), logits, np.float32(-np.inf)), recent)
            if token not in self._ends:
                self._matcher.consume_token(token)
                self._refuse_error()
            return token

        return sample

    def _allowed(self) -> Allowed:
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._refuse_error()
        allowed = np.unpackbits(bits, count=self._n_tokens, bitorder="little").view(np.bool_)
        if self.is_whole:
            allowed[self._ends] = True
        return allowed

    def _refuse_error(self) -> None:
        if self._matcher.is_error():
            reason = in_a_line(self._matcher.get_error())
            if reason.startswith("NoExtension"):
                raise ChatError("the model has no token with which the JSON could go on")
            raise ChatError(f"the JSON schema can't be held to any further: {reason}")


class Schemas:
    """Schemas over one vocabulary; the first text that has to fit one waits for what takes long."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._n_tokens = vocabulary.vocab_size - vocabulary.n_padding
        self._ends = sorted(token for token in vocabulary.ends if token < self._n_tokens)
        self._vocabulary = vocabulary
        self._tokenizer: Any = None
        self._last: tuple[str, Any] = "", None  # a grammar, and its matcher before any token

    def begin(self, schema: str, before: Sequence[int], *, thinks: bool) -> Fitting:
        """Return a text that is to fit, of which the ids ``before`` are there already.

        One that ``thinks`` has to fit from the end of its reasoning on. Raises ``ChatError`` where
        what is there can't become one that fits.
        """
        if not self._ends:
            raise ChatError("the model has no token that ends a text, and JSON has to end")
        matcher = self._matcher_of(grammar_of(schema, thinks=thinks))
        said = [token for token in before if self._vocabulary.piece(token)]
        if matcher.try_consume_tokens(said) < len(said):
            raise ChatError(
                "what the reply begins with can't become JSON that fits the schema",
                Advice.DROP_SCHEMA,
            )
        return Fitting(matcher, self._n_tokens, self._ends)

    def _matcher_of(self, grammar: str) -> Any:
        llguidance = library()
        if self._tokenizer is None:
            pieces = _Pieces(self._vocabulary, self._n_tokens, self._ends)
            self._tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(pieces))
        if grammar != self._last[0]:
            limits = llguidance.LLParserLimits(verbose_errors=False)
            matcher = llguidance.LLMatcher(self._tokenizer, grammar, log_level=0, limits=limits)
            if matcher.is_error():
                reason = in_a_line(matcher.get_error())
                raise UsageError(f"the JSON schema can't be used: {reason}")
            self._last = grammar, matcher
        return self._last[1].deep_copy()


class _Pieces:
    """A vocabulary as the library wants it: the bytes of tokens, and an end of the library's own.

    Control tokens have no bytes, and so they never come.
    """

    bos_token_id = None
    special_token_ids: Sequence[int]

    def __init__(self, vocabulary: Vocabulary, n_tokens: int, ends: Sequence[int]) -> None:
        self.tokens = [vocabulary.piece(token) for token in range(n_tokens)]
        for end in ends:
            self.tokens[end] = b""
        self.tokens.append(b"<end>")
        self.eos_token_id = n_tokens
        self.special_token_ids = [n_tokens]
        self._by_bytes = {piece: token for token, piece in enumerate(self.tokens)}

    def __call__(self, text: bytes | str) -> list[int]:
        """Return ids of a text, which nothing depends on."""
        data = text.encode() if isinstance(text, str) else text
        return [self._by_bytes.get(bytes([byte]), self.eos_token_id) for byte in data]
