"""A pattern grammar in one line: `(a|b|)` picks one alternative, `{slot}` is filled in.
What people say is read from `wordings/`, a pattern a line; a part is kept for the evaluation."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

WORDINGS = Path(__file__).parent / "wordings"

CHOICE = re.compile(r"\(([^()]*)\)")
ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|[uU](?!ni))")


def expand(rng: Random, pattern: str, **slots: str) -> str:
    """Pick the alternatives, innermost first, then fill in the slots."""
    while "(" in pattern:
        pattern = CHOICE.sub(lambda found: rng.choice(found[1].split("|")), pattern)
    return pattern.format_map(slots) if slots else pattern


def articles(text: str) -> str:
    """Mend the articles: `a owl` becomes `an owl`."""
    return ARTICLE.sub(r"\1n ", text)


def capital(text: str) -> str:
    """Make the first letter a capital, and leave the others as they are."""
    return text[:1].upper() + text[1:]


def listed(text: str) -> tuple[str, ...]:
    """Split words that are apart by spaces."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """Split phrases that are apart by bars."""
    return tuple(text.split("|"))


@dataclass(frozen=True)
class Wording:
    """The ways in which a person says one thing; only the evaluation uses the `held` ones."""

    train: tuple[str, ...]
    held: tuple[str, ...]

    def pick(self, rng: Random, held: bool = False, **slots: str) -> str:
        """Pick a pattern of one side and expand it."""
        return expand(rng, rng.choice(self.held if held else self.train), **slots)


@cache
def wording(name: str, **parts: str) -> Wording:
    """Read `wordings/NAME.txt`, a pattern a line; `parts` are patterns for some of the slots.

    The evaluation gets one pattern in twelve, chosen by checksums alone, so that nobody picks them.
    """
    lines = (WORDINGS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    lines.sort(key=lambda line: zlib.crc32(line.encode()))
    patterns = []
    for pattern in lines:
        for slot, part in parts.items():
            pattern = pattern.replace("{" + slot + "}", part)
        patterns.append(pattern)
    held = max(1, len(patterns) // 12)
    return Wording(tuple(patterns[held:]), tuple(patterns[:held]))


BEFORE = wording("fillers/before")
AFTER = wording("fillers/after")


def sloppy(rng: Random, text: str, lower: bool, bare: bool) -> str:
    """Roughen what a person types: fillers, no capitals, no final mark, no apostrophes."""
    if rng.random() < 0.12:
        head = text if text.startswith(("I ", "I'")) or text[:2].isupper() else lowered(text)
        text = capital(f"{BEFORE.pick(rng)} {head}")
    if rng.random() < 0.06 and text[-1:] in "?.":
        after = AFTER.pick(rng)
        text = text[:-1] + ("" if after.startswith(",") else " ") + after + text[-1]
    if lower:
        text = text.lower()
    if bare and text[-1:] in "?.!":
        text = text[:-1]
    if bare and rng.random() < 0.4:
        text = text.replace("'", "")
    elif rng.random() < 0.04 and text[-1:].isalpha():
        text += rng.choice(("!", "?", "...", "!!"))
    return text


def lowered(text: str) -> str:
    """Lower the first letter, unless the first word looks like a name or `I`."""
    first = text.split(" ", 1)[0]
    common = {"What", "Who", "Where", "Tell", "Can", "Do", "My", "How", "Which", "Count", "Spell"}
    common |= {"Is", "Are", "Write", "Say", "Reverse", "Could", "Make", "Give"}
    return text[:1].lower() + text[1:] if first in common else text
