"""One story: its facts, its text, its short form, and plain stories for completion.
A `Tale` remembers its facts, so that going on, shortening and happier endings agree with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from training.corpus import plots, words
from training.corpus.grammar import articles, capital
from training.corpus.names import any_name, pronoun

OBJECTIVE = {"he": "him", "she": "her", "it": "it"}
POSSESSIVE = {"he": "his", "she": "her", "it": "its"}


@dataclass
class Tale:
    """One story's facts. `kind` is what the hero is (`fox`), `label` how sentences name it."""

    name: str
    kind: str
    label: str
    he: str
    plot: plots.Plot
    helper: str
    home: str
    treasure: str
    sad: bool
    trait: str = ""

    def fill(self, text: str) -> str:
        """Fill the slots of a sentence; its first letter becomes a capital."""
        slots = {
            "n": self.label,
            "he": self.he,
            "him": OBJECTIVE[self.he],
            "his": POSSESSIVE[self.he],
            "h": "the " + self.helper.split(" ", 1)[1],
            "x": self.treasure,
            "home": self.home,
            "done": self.plot.done.format(x=self.treasure),
        }
        return self.sentences(text.format(**slots))

    def sentences(self, text: str) -> str:
        """Put a capital at the start of each sentence; a name stays as it was typed."""
        parts = re.split(r"(?<=[.!?]) ", text)
        typed = self.name or "\n"
        return articles(
            " ".join(part if part.startswith(typed) else capital(part) for part in parts)
        )


def new_tale(rng: Random, name: str, kind: str, still: bool, he: str = "", trait: str = "") -> Tale:
    """Plot a story about a hero with a name, a kind, or both."""
    label = name or f"the {kind}"
    casts = ("still", "place" if kind in words.PLACES else "thing") if still else ("mover",)
    options = [plot for plot in plots.PLOTS if plot.cast in casts]
    return Tale(
        name=name,
        kind=kind,
        label=label,
        he=he or ("it" if still or not name else pronoun(rng, name)),
        plot=rng.choice(options),
        helper=rng.choice(plots.HELPERS),
        home=rng.choice(plots.HOMES),
        treasure=rng.choice(plots.TREASURES),
        sad=rng.random() < 0.2,
        trait=trait or rng.choice(plots.TRAITS),
    )


def lives(tale: Tale) -> str:
    """Choose the verb for where the hero is: who can move lived there, what can't lay or stood."""
    if tale.plot.cast == "mover":
        return "lived"
    return "lay" if tale.kind in words.PLACES else "stood"


def opening(rng: Random, tale: Tale) -> str:
    """Write the first sentence: who the hero is and where; chooses a kind if there is none."""
    kind = tale.kind or rng.choice(plots.ROLES)
    tale.kind = kind
    trait = tale.trait
    called = f" called {tale.name}" if tale.name else ""
    start = rng.choice(
        (
            "Once upon a time there was",
            "Once upon a time there lived",
            "There once was",
            "Long ago there was",
            "Once there was",
        )
    )
    live = lives(tale)
    if rng.random() < 0.5:
        return f"{start} a {trait} {kind}{called}, who {live} {tale.home}.".replace(
            ", who stood", " that stood"
        ).replace(", who lay", " that lay")
    return f"{capital(tale.home)} {live} a {trait} {kind}{called}."


def tell(rng: Random, tale: Tale) -> str:
    """Write the story itself, forty to a hundred words."""
    plot = tale.plot
    wish = rng.choice(
        (
            "{n} had one wish: {w}.",
            "More than anything, {n} wanted {w}.",
            "All {n} wanted was {w}.",
            "Every night {n} dreamed of one thing: {w}.",
        )
    ).replace("{w}", plot.wish)
    meet = rng.choice(
        (
            "Then {a} came by and {help}.",
            "One morning {n} met {a}, who {help}.",
            "But {a} heard of it and {help}.",
            "Luckily {a} came along and {help}.",
        )
    )
    meet = meet.replace("{a}", tale.helper).replace("{help}", rng.choice(plot.helps))
    end = rng.choice(plot.fails if tale.sad else plot.wins)
    close = rng.choice(plots.SAD_ENDS if tale.sad else plots.MORALS)
    parts = [opening(rng, tale), wish, rng.choice(plot.troubles), meet]
    if rng.random() < 0.4:
        parts.append(
            rng.choice(
                (
                    "{n} could hardly believe it.",
                    '"Thank you," said {n}, "that is just what I needed."',
                    '"Let us try," said {n}.',
                    "They worked until the sun went down.",
                    '"You are very kind," said {n}.',
                )
            )
        )
    return " ".join(tale.fill(part) for part in (*parts, end, close))


def shorter(tale: Tale) -> str:
    """Write the story in three sentences."""
    who = f"{tale.name}, a {tale.kind}," if tale.name else f"A {tale.kind}"
    end = "But it did not work out." if tale.sad else "In the end {n} {done}."
    return tale.fill(f"{who} wanted {tale.plot.wish}. {capital(tale.helper)} helped. {end}")


def completion(rng: Random) -> str:
    """Write a plain story, for completion without any template; sometimes with more parts."""
    still = rng.random() < 0.3
    pool = words.THINGS + words.PLACES if still else (*words.ANIMALS, *plots.ROLES)
    name = any_name(rng) if rng.random() < (0.3 if still else 0.85) else ""
    tale = new_tale(rng, name, rng.choice(pool), still, he="it" if still else "")
    text = tell(rng, tale)
    while rng.random() < 0.35:
        text += " " + tale.fill(f"{rng.choice(plots.EVENTS)} {rng.choice(plots.AFTERS)}")
    return text
