"""A second evaluation, in wordings by somebody who hadn't seen the corpus, which has none of them.
They are never tuned against: a look at its failures would spend them, and new ones would be due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from training import cases
from training.cases import Case, case_of
from training.corpus import calendar, skills, smalltalk, stories, systems, tales
from training.corpus.facts import NAME
from training.corpus.grammar import Wording, expand
from training.corpus.recall import ask, tell
from training.corpus.talk import Talk


def read_sections(path: Path) -> dict[str, tuple[str, ...]]:
    """Read the wordings under each `[section]` line, one a line."""
    sections: dict[str, tuple[str, ...]] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        head, *wordings = block.strip().splitlines()
        sections[head.strip("[]")] = tuple(wordings)
    return sections


WORDINGS = read_sections(Path(__file__).with_name("blind_wordings.txt"))
BLIND: dict[Wording, tuple[str, ...]] = {
    NAME.tell: WORDINGS["name, tell"],
    NAME.ask: WORDINGS["name, ask"],
    skills.COUNT_TO: WORDINGS["count to"],
    skills.COUNT_FROM: WORDINGS["count from"],
    skills.COUNT_DOWN: WORDINGS["count down"],
    skills.SPELL: WORDINGS["spell"],
    skills.REVERSE: WORDINGS["reverse"],
    calendar.AFTER: WORDINGS["after"],
    calendar.BEFORE: WORDINGS["before"],
    calendar.TOMORROW: WORDINGS["tomorrow"],
    calendar.ALL_OF: WORDINGS["all of"],
    calendar.MONTH_LENGTH: WORDINGS["month length"],
    calendar.MONTH_NUMBER: WORDINGS["month number"],
    skills.ADD: WORDINGS["add"],
    skills.SUBTRACT: WORDINGS["subtract"],
    stories.ABOUT: WORDINGS["story, about"],
    stories.ON: WORDINGS["story, on"],
    stories.SHORT: WORDINGS["story, short"],
    stories.HAPPY: WORDINGS["story, happy"],
    systems.PIRATE: WORDINGS["system, pirate"],
    systems.ONE_WORD: WORDINGS["system, one word"],
    systems.NAMED: WORDINGS["system, named"],
}
ABOUT_ITSELF: dict[str, tuple[str, ...]] = {
    "name": WORDINGS["about itself, name"],
    "who are you": WORDINGS["about itself, who are you"],
    "size": WORDINGS["about itself, size"],
    "maker": WORDINGS["about itself, maker"],
    "abilities": WORDINGS["about itself, abilities"],
    "human": WORDINGS["about itself, human"],
    "other models": WORDINGS["about itself, other models"],
}


class BlindTalk(Talk):
    """A talk whose person uses the blind wordings, where there are any."""

    def pick(self, wording: Wording, **slots: str) -> str:
        """Pick a blind wording where there is one, else one that training never sees."""
        if wording in BLIND:
            return expand(self.rng, self.rng.choice(BLIND[wording]), **slots)
        return super().pick(wording, **slots)


def recall_case(rng: Random, distance: int, new_names: bool) -> Case:
    """Tell a name, talk of other things for `distance` turns, and ask it back."""
    talk = BlindTalk(rng, held=True, new_names=new_names)
    tell(talk, NAME)
    for _ in range(distance):
        cases.filler(talk)
    ask(talk, NAME)
    kind = "unseen names" if new_names else "known names"
    return case_of(f"recall, {kind}, {distance} turns between", talk, cases.contains)


def skill_case(rng: Random, skill: str) -> Case:
    """Ask for one exact skill."""
    talk = BlindTalk(rng, held=True)
    skills.EXACT[skill](talk)
    return case_of(f"skill, {skill}", talk, cases.exact)


def self_case(rng: Random) -> Case:
    """Ask the model something about itself."""
    talk = BlindTalk(rng, held=True)
    name = rng.choice([*ABOUT_ITSELF])
    intent = next(intent for intent in smalltalk.INTENTS if intent.name == name)
    user = rng.choice(ABOUT_ITSELF[name])
    talk.add(user, "", "small talk", key=intent.key)
    return case_of("about itself", talk, cases.contains)


def system_case(rng: Random, kind: str) -> Case:
    """Set a system prompt of a kind and talk until its effect must show."""
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
    """Ask for a story about a hero of the person's choice, and for some kinds something more."""
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
    """Yield the whole blind evaluation, in a fixed order; `scale` shrinks every group alike."""
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
