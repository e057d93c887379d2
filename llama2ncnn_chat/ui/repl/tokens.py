"""A reply by its tokens as text that scrolls: tinted, or with numbers in brackets without colours.

Pure functions; knows no stream.
"""

from __future__ import annotations

from collections.abc import Iterator

from convert.streams import joined, styled

from ...events import Choice, Tokens
from ...text.detokenizer import Detokenizer
from ...text.vocabulary import Vocabulary
from ..likelihood import SURPRISING, name_of, tint, tints_of

TINTS = tints_of("", "\x1b[4;32m", "\x1b[4;33m", "\x1b[1;4;33m", "\x1b[1;4;31m")
LISTED, OTHERS = 5, 3
WORTH_NAMING = 0.01


def drawn(vocabulary: Vocabulary, tokens: Tokens, *, colour: bool) -> str:
    """Draw the text, each token by how likely it was."""
    text = Detokenizer(vocabulary, begins=True)
    mark = _tinted if colour else _bracketed
    pieces = [mark(text.feed(token), tokens.choices.get(i)) for i, token in enumerate(tokens.ids)]
    return joined([*pieces, text.flush()])


def legend(*, colour: bool) -> str:
    """Say what the tints, or the brackets, mean."""
    if not colour:
        return f"in brackets: how likely a token was, where that is less than {SURPRISING:.0%}"
    steps = [styled(style, f"{least:.0%}") if style else f"{least:.0%}" for least, style in TINTS]
    return joined(["likely", *steps, "surprising"], " ")


def surprises(vocabulary: Vocabulary, tokens: Tokens) -> Iterator[str]:
    """Name the least likely tokens, the least first, and what was likelier."""
    choices = [tokens.choices[i] for i in range(len(tokens.ids)) if i in tokens.choices]
    unlikely = [choice for choice in choices if choice.probability < SURPRISING]
    for choice in sorted(unlikely, key=lambda each: each.probability)[:LISTED]:
        names = [
            f"{name_of(vocabulary, token)} {probability:.1%}"
            for token, probability in choice.top[:OTHERS]
            if token != choice.token and probability >= WORTH_NAMING
        ]
        instead = f", and not {', '.join(names)}" if names else ""
        yield f"{name_of(vocabulary, choice.token)} {choice.probability:.1%}{instead}"


def _tinted(piece: str, choice: Choice | None) -> str:
    style = tint(choice.probability if choice else None, TINTS)
    return styled(style, piece) if style else piece


def _bracketed(piece: str, choice: Choice | None) -> str:
    word = piece.strip()
    if not word or choice is None or choice.probability >= SURPRISING:
        return piece
    return piece.replace(word, f"[{word} {choice.probability:.0%}]", 1)
