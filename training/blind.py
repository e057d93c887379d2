"""A second evaluation in wordings written after the corpus was finished, and never tuned against.
The first evaluation's failures guided what the corpus grew by; these have guided nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from training import cases
from training.cases import Case, case_of
from training.corpus import calendar, skills, smalltalk, stories, systems, tales
from training.corpus.facts import NAME
from training.corpus.grammar import Wording, expand
from training.corpus.recall import ask, tell
from training.corpus.talk import Talk

BLIND: dict[Wording, tuple[str, ...]] = {
    NAME.tell: (
        "They gave me the name {v} when I was born.",
        "Hiya, {v} here, how nice to chat.",
        "Please use the name {v} for me.",
        "I would like you to know my name, it is {v}.",
    ),
    NAME.ask: (
        "Any idea what my name might be?",
        "And my name was...?",
        "What was it that I'm called, again?",
        "Quick test: what is my name?",
        "I wonder if you know who I am.",
    ),
    skills.COUNT_TO: (
        "I'd like to hear you count all the way to {b}.",
        "Let's count together until {b}!",
        "Every number from one up to {b}, please.",
    ),
    skills.COUNT_FROM: (
        "Begin counting at {a} and finish at {b}.",
        "What are the numbers that run from {a} to {b}?",
        "Let's go from {a} up to {b}.",
    ),
    skills.COUNT_DOWN: (
        "The rocket starts in {b} seconds, do the countdown.",
        "Let's count backwards, beginning with {b}.",
        "Go down from {b} to one.",
    ),
    skills.SPELL: (
        "I forgot the spelling of {w}, can you help?",
        "Break {w} into letters.",
        "What letters do I need to write {w}?",
        "May I have {w} spelled, please?",
    ),
    skills.REVERSE: (
        "Start with the last one and end with the first: {l}.",
        "What does this list look like the wrong way round: {l}?",
        "Kindly list these in the opposite order: {l}.",
    ),
    calendar.AFTER: (
        "Which {k} do we get once {x} is over?",
        "{x} is done, what {k} is it then?",
        "What's the {k} that comes straight after {x}?",
    ),
    calendar.BEFORE: (
        "Which {k} did we have right before {x}?",
        "What's the {k} that {x} comes after?",
        "Name the previous {k} if it is {x} now.",
    ),
    calendar.TOMORROW: ("If this is {x}, which day will tomorrow be?",),
    calendar.ALL_OF: ("Give me every {k} of the {w}.", "Recite the {k}s of the {w}."),
    calendar.MONTH_LENGTH: ("How many days long is {x}?", "Does {x} have 30 days or 31?"),
    calendar.MONTH_NUMBER: ("Counting from January, which month is the {n}?",),
    skills.ADD: (
        "Could you work out {a} plus {b}?",
        "{a} birds sit on a tree, {b} more arrive. How many birds?",
        "Put {a} and {b} together, what's the total?",
    ),
    skills.SUBTRACT: (
        "Could you work out {a} minus {b}?",
        "Out of {a} cookies I ate {b}. How many remain?",
        "Start with {a} and go down by {b}, what do you get?",
    ),
    stories.ABOUT: (
        "Can we have a story? It should have {x} in it.",
        "My child wants a bedtime story about {x}.",
        "Think up something short about {x}, like a fairy tale.",
    ),
    stories.ON: ("I'm curious, what came after that?", "Please don't stop there!"),
    stories.SHORT: ("Could you squeeze that into a sentence or two?", "Same story, but briefer."),
    stories.HAPPY: ("Let it finish on a happy note.", "I want everyone to be happy at the end."),
    systems.PIRATE: ("You are Blackbeard, terror of the seas.", "All replies are in pirate speak."),
    systems.ONE_WORD: ("Be extremely brief: a single word, nothing more.", "One-word replies."),
    systems.NAMED: ("Users know you as {n}.", "You have been given the name {n}."),
}
ABOUT_ITSELF: dict[str, tuple[str, ...]] = {
    "name": ("Do you go by any name?", "How shall I address you?"),
    "who are you": ("So what exactly am I chatting with?", "Could you explain what you are?"),
    "size": ("Would you call yourself a big model?", "What's your parameter count?"),
    "maker": ("Who is behind you, who created you?", "How did you come into being?"),
    "abilities": ("What kind of things are you able to help with?", "List what you can do."),
    "human": ("Is it a real person who writes this?", "Do you get hungry or sleepy?"),
    "other models": ("Are you the same as ChatGPT?", "Are you as clever as GPT-4?"),
}


class BlindTalk(Talk):
    """A talk whose person uses the blind wordings, where there are any."""

    def pick(self, wording: Wording, **slots: str) -> str:
        if wording in BLIND:
            return expand(self.rng, self.rng.choice(BLIND[wording]), **slots)
        return super().pick(wording, **slots)


def recall_case(rng: Random, distance: int, new_names: bool) -> Case:
    talk = BlindTalk(rng, held=True, new_names=new_names)
    tell(talk, NAME)
    for _ in range(distance):
        cases.filler(talk)
    ask(talk, NAME)
    kind = "unseen names" if new_names else "known names"
    return case_of(f"recall, {kind}, {distance} turns between", talk, cases.contains)


def skill_case(rng: Random, skill: str) -> Case:
    talk = BlindTalk(rng, held=True)
    skills.EXACT[skill](talk)
    return case_of(f"skill, {skill}", talk, cases.exact)


def self_case(rng: Random) -> Case:
    talk = BlindTalk(rng, held=True)
    name = rng.choice([*ABOUT_ITSELF])
    intent = next(intent for intent in smalltalk.INTENTS if intent.name == name)
    user = rng.choice(ABOUT_ITSELF[name])
    talk.add(user, "", "small talk", key=intent.key)
    return case_of("about itself", talk, cases.contains)


def system_case(rng: Random, kind: str) -> Case:
    talk = BlindTalk(rng, held=True, new_names=kind == "named" and rng.random() < 0.5)
    judge = {"pirate": cases.piratical, "one word": cases.single_word, "named": cases.contains}
    systems.set_system(talk, kind)
    if kind == "named":
        name = next(intent for intent in smalltalk.INTENTS if intent.name == "name")
        smalltalk.small_talk(talk, name)
    else:
        cases.filler(talk) if kind == "pirate" else smalltalk.small_talk(talk)
    return case_of(f"system, {kind}", talk, judge[kind])


def story_case(rng: Random, kind: str) -> Case:
    """A story on a hero of the person's choice, and for some kinds what is asked next."""
    talk = BlindTalk(rng, held=True)
    asked, tale = stories.subject(talk)
    key = cases.hero(asked, tale)
    talk.add(talk.pick(stories.ABOUT, x=asked), tales.tell(rng, tale), "story", key=key)
    follow = {"go on": stories.ON, "shorter": stories.SHORT, "happier": stories.HAPPY}
    if kind == "hero":
        return case_of("story, hero", talk, cases.named_story)
    talk.add(talk.pick(follow[kind]), "", kind, key=key)
    return case_of(
        f"story, {kind}", talk, cases.shorter_story if kind == "shorter" else cases.contains
    )


def blind_cases(seed: int, scale: float = 1.0) -> Iterator[Case]:
    """The whole blind evaluation, in a fixed order."""
    rng = Random(f"blind {seed}")

    def many(count: int, make: Callable[[], Case]) -> Iterator[Case]:
        yield from (make() for _ in range(max(1, round(count * scale))))

    for distance in cases.DISTANCES:
        yield from many(20, lambda: recall_case(rng, distance, False))  # noqa: B023
        yield from many(20, lambda: recall_case(rng, distance, True))  # noqa: B023
    for skill in skills.EXACT:
        yield from many(40, lambda: skill_case(rng, skill))  # noqa: B023
    yield from many(40, lambda: self_case(rng))
    for kind in ("pirate", "one word", "named"):
        yield from many(20, lambda: system_case(rng, kind))  # noqa: B023
    for kind in ("hero", "go on", "shorter", "happier"):
        yield from many(20, lambda: story_case(rng, kind))  # noqa: B023
