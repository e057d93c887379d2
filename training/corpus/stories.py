"""Turns about stories: asking for one, going on, shortening, a happier ending, questions on it.
The hero is of the person's choice: a name, an animal, a thing, a place, or all at once."""

from __future__ import annotations

from training.corpus import plots, words
from training.corpus.grammar import Wording, articles, expand, wording
from training.corpus.names import any_name
from training.corpus.tales import Tale, lives, new_tale, shorter, tell
from training.corpus.talk import Talk

ABOUT = wording("stories/about")
PLAIN = wording("stories/any")
ME = wording("stories/about_me")
ON = wording("stories/go_on")
SHORT = wording("stories/shorter")
HAPPY = wording("stories/happier")
WHO = wording("stories/who")
WHO_HELPED = wording("stories/helper")
WANTED = wording("stories/wanted")
LIVED = wording("stories/lived")
POEM = wording("stories/poem")
NO_STORY = (
    "There is no story yet. Shall I tell you one?",
    "I haven't told a story yet. Would you like one?",
)


def subject(talk: Talk) -> tuple[str, Tale]:
    """Choose what the person asks for, and the tale it leads to."""
    rng = talk.rng
    roll = rng.random()
    if roll < 0.36:
        name = talk.name()
        kind = rng.choice(words.ANIMALS) if rng.random() < 0.5 else rng.choice(plots.ROLES)
        if rng.random() < 0.5:
            asked = rng.choice(("a {k} (called|named) {n}", "{n} the {k}", "{n}, a {k}"))
            asked = expand(rng, asked, k=kind, n=name)
            return asked, new_tale(rng, name, kind, still=False)
        return name, new_tale(rng, name, "", still=False)
    if roll < 0.43:
        kind, other = rng.sample(words.ANIMALS, 2)
        tale = new_tale(rng, "", kind, still=False)
        tale.helper = articles(f"a {other}")
        return f"a {kind} and a {other}", tale
    if roll < 0.62:
        kind = animal_or_role(talk)
        name = any_name(rng) if rng.random() < 0.5 else ""
        trait = rng.choice(plots.TRAITS) if rng.random() < 0.25 else ""
        asked = f"a {trait} {kind}" if trait else f"a {kind}"
        return asked, new_tale(rng, name, kind, still=False, trait=trait)
    kind = rng.choice(words.THINGS if rng.random() < 0.65 else words.PLACES)
    if rng.random() < 0.15:
        kind = rng.choice(words.COLOURS) + " " + kind
    if rng.random() < 0.2:
        name = talk.name()
        return f"a {kind} called {name}", new_tale(rng, name, kind, still=True, he="it")
    article = rng.choice(("a ", "a ", "the "))
    return article + kind, new_tale(rng, "", kind, still=True)


def animal_or_role(talk: Talk) -> str:
    """Draw what a hero is: an animal, what a person does, or an invented word."""
    rng = talk.rng
    if rng.random() < 0.12 and not talk.held:
        return any_name(rng).lower()
    return (
        rng.choice(words.ANIMALS) if rng.random() < 0.75 else rng.choice(plots.ROLES + words.JOBS)
    )


def story(talk: Talk) -> None:
    """Ask for a story and get one."""
    rng = talk.rng
    roll = rng.random()
    if roll < 0.08 and "name" in talk.values:
        tale = new_tale(rng, talk.values["name"], "", still=False)
        user = talk.pick(ME)
    elif roll < 0.25:
        tale = new_tale(rng, any_name(rng), rng.choice((*words.ANIMALS, "")), still=False)
        user = talk.pick(PLAIN)
    else:
        asked, tale = subject(talk)
        if rng.random() < 0.1:
            asked += " " + tale.home
        user = talk.pick(ABOUT, x=asked)
    talk.tale = tale
    talk.add(user, tell(rng, tale), "story", brief="Once.", key=tale.name or tale.kind)


def accept(talk: Talk, yes: Wording) -> None:
    """Say yes to an offered story, about the thing that was talked of, if there was one."""
    rng, last = talk.rng, talk.turns[-1]
    kind = last.key if last.skill == "remark" else ""
    if kind:
        still = kind not in words.ANIMALS
        tale = new_tale(rng, "", kind, still, trait=rng.choice(plots.TRAITS))
    else:
        tale = new_tale(rng, any_name(rng), rng.choice((*words.ANIMALS, "")), still=False)
    talk.tale = tale
    talk.add(talk.pick(yes), tell(rng, tale), "story", "Once.", tale.name or tale.kind)


def follow_up(talk: Talk) -> None:
    """Go on, shorten, brighten, or ask about the last story."""
    rng, tale = talk.rng, talk.tale
    roll = rng.random()
    if tale is None:
        user = talk.pick(rng.choice((ON, SHORT, HAPPY, WHO)))
        void(talk, user)
        return
    if roll < 0.28:
        text = f"{rng.choice(plots.EVENTS)} {rng.choice(plots.AFTERS)}"
        add(talk, talk.pick(ON), tale.fill(text), "go on", tale.name or tale.kind)
    elif roll < 0.48:
        add(talk, talk.pick(SHORT), shorter(tale), "shorter", tale.name or tale.kind)
    elif roll < 0.66:
        tale.sad = False
        text = tale.fill(rng.choice(plots.HAPPIER))
        add(talk, talk.pick(HAPPY), text, "happier", tale.name or tale.kind)
    else:
        question(talk, tale)


def question(talk: Talk, tale: Tale) -> None:
    """Ask something that the story itself answers."""
    rng = talk.rng
    kind = rng.randrange(4)
    if kind == 0:
        who = f"{tale.name}, a {tale.kind}" if tale.name else f"a {tale.kind}"
        add(talk, talk.pick(WHO), f"It was about {who}.", "story fact", tale.name or tale.kind)
    elif kind == 1:
        helper = tale.helper
        add(
            talk,
            talk.pick(WHO_HELPED, n=talk.typed(tale.label)),
            f"{helper} helped.",
            "story fact",
            helper,
        )
    elif kind == 2:
        wish = tale.plot.wish.format(x=tale.treasure)
        user = talk.pick(WANTED, n=talk.typed(tale.label))
        add(talk, user, tale.fill("{n} wanted " + wish + "."), "story fact", wish)
    else:
        live = lives(tale)
        user = talk.pick(LIVED, n=talk.typed(tale.label))
        add(talk, user, tale.fill("{n} " + live + " {home}."), "story fact", tale.home)


def add(talk: Talk, user: str, answer: str, skill: str, key: str) -> None:
    """Append a turn on a story; its answer in one word is `Once.`"""
    talk.add(user, answer, "story" if skill in ("go on", "happier") else skill, "Once.", key)


def void(talk: Talk, user: str) -> None:
    """Append a turn about a story where none was told."""
    talk.add(user, talk.rng.choice(NO_STORY), "no story", brief="None.", key="story")


def poem(talk: Talk) -> None:
    """Ask for a poem and get one."""
    kind = talk.rng.choice(words.ANIMALS + words.THINGS)
    user = talk.pick(POEM, x=f"a {kind}")
    if kind not in user:
        kind = "moth"
    talk.add(user, talk.rng.choice(plots.POEMS).format(k=kind), "story", brief="Moon.", key=kind)
