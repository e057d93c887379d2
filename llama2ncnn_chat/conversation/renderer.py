"""Works out which tokens the model sees: the path's ids, less the oldest turns if they don't fit.

A path here may begin anywhere, for a long one is looked at from the first turn in sight on.
Pure functions of turns, a template and a length; knows no engine and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

from ..errors import ChatError, PromptTooLongError
from ..generation.completer import common_prefix
from ..text.reasoning import BEGIN
from ..text.templates.template import AsAWhole, Template
from ..text.vocabulary import Vocabulary
from .ledger import Turn
from .reasoning import Reasoning
from .rows import n_hidden, place_of
from .settings import Settings

RESERVE = 128
"""Tokens that a message must leave for its reply; a sixteenth of the context if that is less."""


@dataclass(frozen=True)
class Renderer:
    """Turns to ids: a template, the vocabulary it renders with and the system prompt."""

    template: Template
    vocabulary: Vocabulary
    system: str = ""

    @cached_property
    def reasoning(self) -> Reasoning:
        """What of a reply is reasoning, whose first tag the template may have written itself."""
        try:
            ids = replace(self, system="").message("x", first=True)
        except ChatError:  # which a message will bring up again, to be shown
            ids = []
        opening = b"".join(map(self.vocabulary.piece, ids)).rstrip()
        return Reasoning(self.vocabulary, begun=opening.endswith(BEGIN.encode()))

    def message(self, text: str, *, first: bool) -> list[int]:
        """Return the ids of a message; the first of a conversation carries the system prompt.

        Where a template renders the whole, a later one's are those of its text alone.
        """
        text, template = text.strip(), self.template
        if isinstance(template, AsAWhole):
            if first:
                return template.whole(self.vocabulary, [Turn("user", text, [])], self.system)
            return self.vocabulary.encode(text, bos=False)
        if first:
            return template.first(self.vocabulary, text, self.system)
        return template.next(self.vocabulary, text)

    def window(self, path: Sequence[Turn], first_visible: Turn | None = None) -> list[int]:
        """Return the ids that stand before the model for this path.

        With ``first_visible`` the turns before it are gone; BOS and the system prompt stay, and
        the first visible message follows them just as its own ids have it.
        """
        start = place_of(first_visible, path)
        kept = self.join(path[start:])
        if not path or (start == 0 and path[0].parent is None):
            return kept
        if isinstance(self.template, AsAWhole):
            return kept
        own_opening = common_prefix(kept, self.template.next_opening(self.vocabulary))
        return self.opening() + kept[own_opening:]

    def first_in_sight(
        self, path: Sequence[Turn], first_visible: Turn | None, length: int
    ) -> Turn | None:
        """Find the turn from which on the model sees a path; None: from the first.

        That is ``first_visible`` if the path has it, or a later one: the path may be longer than
        the context has room for, after an undo or a redo, or if it was made with a longer one.
        """
        first = first_visible if first_visible in path else None
        if len(self.window(path, first)) <= length:
            return first
        return self.earliest_that_fits(path, first, length) or first

    def earliest_that_fits(
        self, path: Sequence[Turn], first_visible: Turn | None, limit: int
    ) -> Turn | None:
        """Find the first message after ``first_visible`` from which on the path fits the limit.

        ``limit`` is in tokens; None if not even the last message does.
        """
        messages = [t for t in path[place_of(first_visible, path) + 1 :] if t.role == "user"]
        # So many of the last ones fit, and so many are too many: the more, the longer.
        most, beyond = 0, len(messages) + 1
        while beyond - most > 1:
            n = min(2 * most + 1, (most + beyond) // 2)
            if len(self.window(path, messages[-n])) <= limit:
                most = n
            else:
                beyond = n
        return messages[-most] if most else None

    def opening(self) -> list[int]:
        """Return what stays before the first visible message: BOS and the system prompt.

        Nothing, where a template renders the whole: the system prompt may stand anywhere.
        """
        if isinstance(self.template, AsAWhole):
            return []
        return self.template.first_opening(self.vocabulary, self.system)

    def join(self, turns: Sequence[Turn]) -> list[int]:
        """Return the turns' ids in a row, every reply closed that is followed by something."""
        if isinstance(self.template, AsAWhole):
            return self.template.whole(self.vocabulary, turns, self.system)
        close = self.template.close(self.vocabulary)
        ids: list[int] = []
        for i, turn in enumerate(turns):
            ids += turn.ids
            if turn.role == "assistant" and i + 1 < len(turns):
                ids += close
        return ids


def renderer_of(settings: Settings, vocabulary: Vocabulary) -> Renderer:
    """Return what renders turns with these settings; their template must be known by now."""
    assert settings.template, "the model's own is looked up before there is a chat"
    return Renderer(settings.template, vocabulary, settings.system)


@dataclass(frozen=True)
class ContextUse:
    """What stands in the context, in tokens: the system prompt, and each turn in sight.

    ``length`` is the whole context's; ``hidden`` counts the turns out of sight.
    """

    length: int
    system: int
    turns: tuple[tuple[Turn, int], ...]
    hidden: int

    @property
    def used(self) -> int:
        """Tokens that stand in the context."""
        return self.system + sum(n for _, n in self.turns)

    @property
    def free(self) -> int:
        """Tokens that it has room for besides."""
        return self.length - self.used


def context_use(
    renderer: Renderer, path: Sequence[Turn], first_visible: Turn | None, length: int
) -> ContextUse:
    """Count what takes how much of the context; the sum is exactly the window's length."""
    start, hidden = place_of(first_visible, path), n_hidden(path, first_visible)
    visible = path[start:]
    ends = [len(renderer.window(path[: start + i + 1], first_visible)) for i in range(len(visible))]
    # A turn may shrink once others follow: its reasoning goes. None takes less than nothing.
    ends = list(accumulate(reversed(ends), min))[::-1]
    system = len(renderer.opening()) if renderer.system and visible else 0
    sizes = [end - at for at, end in pairwise([system, *ends])]
    return ContextUse(length, system, tuple(zip(visible, sizes, strict=True)), hidden)


def reserve(length: int) -> int:
    """Return how many tokens of a context of that length must stay free for a reply."""
    return max(1, min(RESERVE, length // 16))


def first_that_fits(
    renderer: Renderer, path: Sequence[Turn], first_visible: Turn | None, length: int
) -> Turn | None:
    """Find the earliest message from which on the path fits, with room for a reply.

    None where it fits as it is. Raises ``PromptTooLongError`` where not even the last message does.
    """
    limit = length - reserve(length)
    if len(renderer.window(path, first_visible)) <= limit:
        return None
    if found := renderer.earliest_that_fits(path, first_visible, limit):
        return found
    last = next(turn for turn in reversed(path) if turn.role == "user")
    alone = " even without the turns before" if last is not path[0] else ""
    raise PromptTooLongError(
        f"this takes {len(renderer.window(path, last)):,} tokens{alone}, and the context of "
        f"{length:,} has room for {limit:,}",
        "shorten it" if path[-1].finish is None else "there is no room to go on",
    )


def refuse_long_system(renderer: Renderer, length: int) -> None:
    """Raise ``PromptTooLongError`` for a system prompt beside which nothing fits the context."""
    n_tokens, room = len(renderer.message("", first=True)), length - reserve(length)
    if n_tokens >= room:
        raise PromptTooLongError(
            f"this system prompt takes {n_tokens:,} tokens, and the context of {length:,} has "
            f"room for {room:,}",
            "shorten it",
        )
