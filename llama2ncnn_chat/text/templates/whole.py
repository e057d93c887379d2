"""A model's own template that has to be rendered as a whole: what it says of a turn may change.

A message's text, and a reply that it repeats word for word, are told from what it writes itself.
It knows no cache and not which turns are in sight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..vocabulary import Vocabulary
from .forms import encode_parts, split_at_controls
from .jinja import JinjaTemplate, Message
from .template import Said, fields_of


@dataclass(frozen=True)
class WholeTemplate:
    """A ``JinjaTemplate`` by its fields, and what it has around replies, as ``AroundReply`` has it.

    Messages lose the white space at their ends.
    """

    name: str
    source: str
    tokens: tuple[tuple[str, str], ...]
    now: str
    gap: str = ""
    ends: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()

    def whole(self, vocabulary: Vocabulary, turns: Sequence[Said], system: str) -> list[int]:
        """Return the ids of a conversation, up to where the next reply begins or goes on.

        A reply at its end stands there as it was generated; without turns there are no ids. Raises
        ``RefusedError`` for what the template refuses, and ``TemplateError``.
        """
        if not turns:
            return []
        if turns[-1].role == "assistant":
            return [*self.whole(vocabulary, turns[:-1], system), *turns[-1].ids]
        masks = _Masks([self.source, system, *(turn.text for turn in turns)])
        messages: list[Message] = []
        replies: dict[str, Sequence[int]] = {}
        if system:
            messages.append({"role": "system", "content": masks.typed(system)})
        for turn in turns:
            if turn.role == "assistant":
                content = masks.answered(turn.text)
                replies[content] = turn.ids
                messages.append({"role": "assistant", "content": content})
            else:
                messages.append({"role": "user", "content": masks.typed(turn.text.strip())})
        text = JinjaTemplate(self.source, self.tokens, self.now).render(messages)
        return self._encoded(vocabulary, text, replies, masks)

    def to_dict(self) -> dict[str, Any]:
        """Return all that it says, in the types that JSON has."""
        return {"kind": "whole", **fields_of(self)}

    def _encoded(
        self,
        vocabulary: Vocabulary,
        text: str,
        replies: Mapping[str, Sequence[int]],
        masks: _Masks,
    ) -> list[int]:
        ids: list[int] = []
        pieces = re.split(f"({'|'.join(map(re.escape, replies))})", text) if replies else [text]
        for piece, then in zip(pieces, [*pieces[1:], ""], strict=True):
            if piece in replies:
                ids += replies[piece]
            else:
                own = piece.removesuffix(self.gap) if then in replies else piece
                parts = split_at_controls(vocabulary, masks.without_marks(own))
                shown = [(masks.removed(part), token) for part, token in parts]
                ids += encode_parts(vocabulary, shown, {}, begins=not ids)
        return ids


class _Masks:
    """Stand-ins that none of the texts has: for brackets, without which nothing names a token.

    A template sees a typed "<|im_end|>" as it sees any other text of that length. (One that writes
    a bracket on either side of a message could still make a name of it; none does.) A reply gets a
    mark on each side, to be found again whole; one with reasoning in it, which templates look for,
    gets none, and keeps its tags.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        used = set().union(*texts)
        self._unused = (c for c in map(chr, range(0xF0000, 0x10FFFE)) if c not in used)
        self._masks = {ord(bracket): next(self._unused) for bracket in "<>[]"}
        self._brackets = {ord(mask): chr(bracket) for bracket, mask in self._masks.items()}
        self._marks: dict[int, None] = {}

    def typed(self, text: str) -> str:
        """Return a text with no bracket in it."""
        return text.translate(self._masks)

    def answered(self, text: str) -> str:
        """Return a reply with no brackets in it but those of reasoning, or marked at both ends."""
        first, *rest = re.split("(</?think>)", text)
        if rest:
            tags, others = rest[::2], rest[1::2]
            pairs = zip(tags, map(self.typed, others), strict=True)
            return self.typed(first) + "".join(tag + other for tag, other in pairs)
        begin, end = next(self._unused), next(self._unused)
        self._marks |= dict.fromkeys(map(ord, begin + end))
        return begin + self.typed(text) + end

    def without_marks(self, text: str) -> str:
        """Take out what ``answered`` has put around replies."""
        return text.translate(self._marks)

    def removed(self, text: str) -> str:
        """Put back the brackets."""
        return text.translate(self._brackets)
