"""The evaluation's dialogues: wordings that training never saw, names known and never seen.
A case is what the person says turn by turn; its group's rule judges the last reply."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from training.corpus import facts, recall, skills, smalltalk, stories, systems, tales, unknown
from training.corpus.facts import FACTS, NAME
from training.corpus.talk import Talk

Judge = Callable[[str, "Case"], bool]
DISTANCES = range(7)


@dataclass
class Case:
    """One dialogue; `replies` is filled in by the evaluation."""

    group: str
    system: str | None
    users: list[str]
    key: str
    judge: Judge
    replies: list[str]


def contains(reply: str, case: Case) -> bool:
    """Check that one of the key's alternatives stands in the reply as whole words."""
    return any(
        re.search(rf"(?<!\w){re.escape(key)}(?!\w)", reply, re.IGNORECASE)
        for key in case.key.split("|")
    )


def exact(reply: str, case: Case) -> bool:
    """Check that the key stands in the reply, and that no list goes on before or after it."""
    pattern = rf"(?<![\w-])(?<!\d, )(?<!\w, ){re.escape(case.key)}(?![\w-]|, )"
    return re.search(pattern, reply, re.IGNORECASE) is not None


def piratical(reply: str, _: Case) -> bool:
    """Check that the reply begins as a pirate's."""
    return reply.startswith(("Arr", "Ahoy"))


def single_word(reply: str, _: Case) -> bool:
    """Check that the reply is one word."""
    return len(reply.split()) == 1


def named_story(reply: str, case: Case) -> bool:
    """Check that the reply has a story's length, 25 to 150 words, and names the hero."""
    return 25 <= len(reply.split()) <= 150 and contains(reply, case)


def shorter_story(reply: str, case: Case) -> bool:
    """Check that the reply has fewer words than the one before, and names the hero."""
    return len(reply.split()) < len(case.replies[-2].split()) and contains(reply, case)


def case_of(group: str, talk: Talk, judge: Judge) -> Case:
    """Make a case of what the person says in a talk; the last turn's key is what it waits for."""
    users = [turn.user for turn in talk.turns]
    return Case(group, talk.system, users, talk.turns[-1].key, judge, [])


def held_talk(rng: Random, new_names: bool = False) -> Talk:
    """Begin a talk in the evaluation's wordings, one in four with a plain system prompt."""
    talk = Talk(rng, held=True, new_names=new_names)
    if rng.random() < 0.25:
        systems.set_system(talk, "plain")
    return talk


def filler(talk: Talk) -> None:
    """Append a turn of other talk between telling and asking, other facts included."""
    roll = talk.rng.random()
    if roll < 0.35:
        smalltalk.small_talk(talk)
    elif roll < 0.6:
        skills.any_skill(talk)
    elif roll < 0.8:
        unknown.unknown(talk)
    else:
        fact = talk.rng.choice(FACTS)
        if fact.key not in talk.facts:
            recall.tell(talk, fact)
        else:
            smalltalk.small_talk(talk)


def recall_case(rng: Random, distance: int, new_names: bool, others: bool) -> Case:
    """Tell, talk of other things for `distance` turns, and ask back."""
    talk = held_talk(rng, new_names)
    fact = NAME
    if others:
        fact = rng.choice(FACTS)
    elif rng.random() < 0.3:
        fact = facts.relative(rng.choice(("sister", "brother", "friend", "dog", "cat")))
    recall.tell(talk, fact)
    for _ in range(distance):
        filler(talk)
    recall.ask(talk, fact)
    kind = "other facts" if others else ("unseen names" if new_names else "known names")
    return case_of(f"recall, {kind}, {distance} turns between", talk, contains)


def changed_case(rng: Random) -> Case:
    """Tell a name, then another one, and ask for it."""
    talk = held_talk(rng)
    recall.tell(talk, NAME)
    filler(talk)
    recall.tell(talk, NAME)
    recall.ask(talk, NAME)
    return case_of("recall, changed name", talk, contains)


def skill_case(rng: Random, skill: str) -> Case:
    """Ask for one exact skill, sometimes after other talk."""
    talk = held_talk(rng)
    while rng.random() < 0.4:
        filler(talk)
    skills.EXACT[skill](talk)
    return case_of(f"skill, {skill}", talk, exact)


def self_case(rng: Random) -> Case:
    """Ask the model something about itself."""
    talk = held_talk(rng)
    intent = rng.choice([intent for intent in smalltalk.INTENTS if intent.key])
    smalltalk.small_talk(talk, intent)
    return case_of("about itself", talk, contains)


def untold_case(rng: Random) -> Case:
    """Ask for a fact that wasn't told."""
    talk = held_talk(rng)
    if rng.random() < 0.5:
        smalltalk.small_talk(talk)
    recall.ask(talk, recall.pick_fact(talk))
    return case_of("not told yet", talk, contains)


def unknown_case(rng: Random) -> Case:
    """Ask a question that is out of reach."""
    talk = held_talk(rng)
    unknown.unknown(talk)
    return case_of("doesn't know", talk, contains)


def pirate_case(rng: Random) -> Case:
    """Talk for a few turns with a system prompt that asks for a pirate."""
    talk = Talk(rng, held=True)
    systems.set_system(talk, "pirate")
    for _ in range(rng.randint(1, 3)):
        filler(talk)
    return case_of("system, pirate", talk, piratical)


def one_word_case(rng: Random) -> Case:
    """Talk with a system prompt that asks for answers of one word."""
    talk = Talk(rng, held=True)
    systems.set_system(talk, "one word")
    recall.tell(talk, NAME)
    rng.choice((smalltalk.small_talk, unknown.unknown))(talk)
    return case_of("system, one word", talk, single_word)


def named_case(rng: Random) -> Case:
    """Ask for the name that the system prompt gave the model."""
    talk = Talk(rng, held=True, new_names=rng.random() < 0.5)
    systems.set_system(talk, "named")
    if rng.random() < 0.5:
        filler(talk)
    intent = next(intent for intent in smalltalk.INTENTS if intent.name == "name")
    smalltalk.small_talk(talk, intent)
    return case_of("system, given name", talk, contains)


def hero(asked: str, tale: tales.Tale) -> str:
    """Choose what the story must mention: the name that was asked for, or else the kind."""
    return tale.name if tale.name and tale.name in asked else tale.kind


def story_case(rng: Random) -> Case:
    """Ask for a story about a hero of the person's choice."""
    talk = held_talk(rng)
    if rng.random() < 0.3:
        smalltalk.small_talk(talk)
    asked, tale = stories.subject(talk)
    user = talk.pick(stories.ABOUT, x=asked)
    talk.add(user, tales.tell(rng, tale), "story", key=hero(asked, tale))
    return case_of("story, hero", talk, named_story)


def follow_up_case(rng: Random, kind: str) -> Case:
    """Ask for a story about a hero named by the person, then `kind`."""
    talk = held_talk(rng)
    tale = tales.new_tale(rng, talk.name(), rng.choice(("fox", "cat", "bear", "owl")), False)
    asked = f"{tale.name} the {talk.typed(tale.kind)}"
    talk.add(talk.pick(stories.ABOUT, x=asked), tales.tell(rng, tale), "story", key=tale.name)
    wording = {"go on": stories.ON, "shorter": stories.SHORT, "happier": stories.HAPPY}[kind]
    talk.add(talk.pick(wording), "", kind, key=tale.name)
    return case_of(f"story, {kind}", talk, shorter_story if kind == "shorter" else contains)


def all_cases(seed: int, scale: float = 1.0) -> Iterator[Case]:
    """Yield the whole evaluation, in a fixed order; `scale` shrinks every group alike."""
    rng = Random(f"evaluation {seed}")

    def many(count: int, make: Callable[[], Case]) -> Iterator[Case]:
        yield from (make() for _ in range(max(1, round(count * scale))))

    for distance in DISTANCES:
        yield from many(24, lambda: recall_case(rng, distance, False, False))  # noqa: B023
        yield from many(24, lambda: recall_case(rng, distance, True, False))  # noqa: B023
        yield from many(8, lambda: recall_case(rng, distance, False, True))  # noqa: B023
    yield from many(30, lambda: changed_case(rng))
    for skill in skills.EXACT:
        yield from many(50, lambda: skill_case(rng, skill))  # noqa: B023
    for make in (self_case, untold_case, unknown_case, story_case):
        yield from many(40, lambda: make(rng))  # noqa: B023
    for make in (pirate_case, one_word_case, named_case):
        yield from many(30, lambda: make(rng))  # noqa: B023
    for kind in ("go on", "shorter", "happier"):
        yield from many(25, lambda: follow_up_case(rng, kind))  # noqa: B023
