"""A text in the making: from tokens to the text that they show, and to the reason why it ends.

The same wherever the tokens were sampled; knows no engine and no sampling.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..events import Choice, FinishReason, TextDelta
from ..text.detokenizer import Detokenizer
from ..text.vocabulary import Vocabulary
from .completer import Limits
from .stops import StopFilter


class Decoding:
    """Its ``ids``, and the ``reason`` why it ends once it has ended.

    An end id or a stop string ends it; how many tokens it may have, its owner counts.
    """

    def __init__(self, vocabulary: Vocabulary, limits: Limits) -> None:
        self.ids: list[int] = []
        self.reason: FinishReason = "length"
        self._ends, self._are_tokens = vocabulary.ends, vocabulary.ids_are_tokens
        self._stops = StopFilter(limits.stops)
        self._text = Detokenizer(vocabulary, begins=limits.before is not None)
        for token in limits.before or ():
            self._text.feed(token)

    @property
    def stop(self) -> str | None:
        """The stop string that ended it."""
        return self._stops.met

    @property
    def is_ended(self) -> bool:
        """Whether an end id or a stop string has come."""
        return self.reason == "stop"

    def take(self, token: int, choice: Choice | None) -> Iterator[TextDelta]:
        """Add the token that was sampled, or end; yields what that shows."""
        if token in self._ends:
            self.reason = "stop"
            if choice:
                yield self._delta("", (), choice)
            return
        text = self._stops.feed(self._text.feed(token))
        self.ids.append(token)
        if self._stops.met:
            self.reason = "stop"
        yield self._delta(text, (token,), choice)

    def flush(self) -> Iterator[TextDelta]:
        """Yield what was held back, once no more tokens come."""
        if not self._stops.met:
            tail = self._stops.feed(self._text.flush()) + self._stops.flush()
            if tail:
                yield self._delta(tail, ())

    def _delta(self, text: str, ids: tuple[int, ...], choice: Choice | None = None) -> TextDelta:
        return TextDelta(text, ids, choice, are_tokens=self._are_tokens)
