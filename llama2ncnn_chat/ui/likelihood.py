"""How likely a token was, in steps that each face tints in its own way, and what it is called.

Knows choices and a vocabulary; neither widgets nor escape codes.
"""

from __future__ import annotations

from collections.abc import Sequence

from convert.streams import printable

from ..text.vocabulary import Vocabulary

STEPS = (0.9, 0.5, 0.2, 0.05, 0.0)
"""The least probability of each step."""
SURPRISING = STEPS[1]
"""Below it, a token wasn't likely."""

Tints = Sequence[tuple[float, str]]
"""The least probability that has a tint, and the tint."""


def tints_of(*styles: str) -> Tints:
    """Return tints of these styles, one for each step."""
    return tuple(zip(STEPS, styles, strict=True))


def tint(probability: float | None, tints: Tints) -> str:
    """Return the style of a token of that probability."""
    if probability is None:
        return ""
    return next(style for least, style in tints if probability >= least)


def name_of(vocabulary: Vocabulary, token: int) -> str:
    """Name a token by itself, so that spaces and newlines can be seen."""
    if token in vocabulary.ends:
        return "(end)"
    text = vocabulary.piece(token).decode("utf-8", "replace")
    return printable(text.replace("\n", "⏎").replace("\t", "⇥").replace(" ", "␣")) or f"#{token}"
