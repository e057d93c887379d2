"""A pattern grammar in one line: `(a|b|)` picks one alternative, `{slot}` is filled in.
A `Wording` keeps patterns for training apart from patterns that only the evaluation uses."""

from __future__ import annotations

import re
from random import Random

CHOICE = re.compile(r"\(([^()]*)\)")
ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|[uU](?!ni))")


def expand(rng: Random, pattern: str, **slots: str) -> str:
    """Pick the alternatives, innermost first, then fill in the slots."""
    while "(" in pattern:
        pattern = CHOICE.sub(lambda found: rng.choice(found[1].split("|")), pattern)
    return pattern.format_map(slots) if slots else pattern


def articles(text: str) -> str:
    """`a owl` becomes `an owl`."""
    return ARTICLE.sub(r"\1n ", text)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(text: str) -> tuple[str, ...]:
    """Words apart by spaces."""
    return tuple(text.split())


def phrases(text: str) -> tuple[str, ...]:
    """Phrases apart by bars."""
    return tuple(text.split("|"))


class Wording:
    """The ways to say one thing."""

    def __init__(self, *train: str, held: tuple[str, ...] = ()) -> None:
        self.train = train
        self.held = held or train

    def pick(self, rng: Random, held: bool = False, **slots: str) -> str:
        return expand(rng, rng.choice(self.held if held else self.train), **slots)


PREFIXES = (
    "so, |ok, |okay, |please, |hey, |well, |um, |and |now |hi! |hello, |great. |thanks. |alright, |"
    "by the way, |hmm, |oh, |one question: |question: |next: |I have a question: |tell me, |then "
)
SUFFIXES = " please| thanks|, please| :)| then|, thank you| now"


def sloppy(rng: Random, text: str, lower: bool, bare: bool) -> str:
    """What a person really types: fillers, no capitals, no final mark, no apostrophes."""
    if rng.random() < 0.12:
        head = text if text.startswith(("I ", "I'")) or text[:2].isupper() else lowered(text)
        text = capital(rng.choice(PREFIXES.split("|")) + head)
    if rng.random() < 0.06 and text[-1:] in "?.":
        text = text[:-1] + rng.choice(SUFFIXES.split("|")) + text[-1]
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
