"""Composes whole conversations out of the single kinds of turns, and writes the corpus.
Everything follows from the seed: the same recipe writes the same corpus on every machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from training.corpus import recall, skills, smalltalk, stories, systems, tales, unknown
from training.corpus.facts import NAME, RELATIVES
from training.corpus.grammar import wording
from training.corpus.talk import Talk
from training.files import write_beside
from training.recipe import Recipe

Act = Callable[[Talk], None]
AGAIN = wording("manners/again")
HEARD = wording("manners/heard")


def tell_fact(talk: Talk) -> None:
    """Tell a fact, one time in five two at once."""
    fact = recall.pick_fact(talk)
    if talk.rng.random() < 0.2:
        recall.tell_two(talk, fact, recall.pick_fact(talk))
    else:
        recall.tell(talk, fact)


def change_fact(talk: Talk) -> None:
    """Tell a fact of a kind that was told before, or a first one."""
    if talk.known:
        recall.tell(talk, talk.rng.choice(list(talk.known.values())))
    else:
        tell_fact(talk)


def ask_fact(talk: Talk) -> None:
    """Ask mostly for something that was told, sometimes for something that wasn't."""
    if talk.known and talk.rng.random() < 0.85:
        recall.ask(talk, talk.rng.choice(list(talk.known.values())))
    else:
        recall.ask(talk, recall.pick_fact(talk))


def again(talk: Talk) -> None:
    """Ask for the last answer once more (`Say that again`), if it was short."""
    if not talk.turns or len(talk.turns[-1].answer) > 90 or talk.style is not None:
        smalltalk.small_talk(talk)
        return
    last = talk.turns[-1]
    talk.add(talk.pick(AGAIN), last.answer, "again")
    talk.turns[-1].answer = last.answer


def heard(talk: Talk) -> None:
    """Ask for the person's own last words (`What did I just say?`), if they were few."""
    if not talk.turns or len(talk.turns[-1].user) > 60:
        smalltalk.small_talk(talk)
        return
    said = f'You said: "{talk.turns[-1].user}"'
    talk.add(talk.pick(HEARD), said, "heard")
    if talk.style is None:
        talk.turns[-1].answer = said


def reply_to_offer(talk: Talk) -> None:
    """Say yes or no to an offered story."""
    if talk.style is systems.one_word or talk.rng.random() < 0.25:
        smalltalk.small_talk(talk, smalltalk.NO)
    else:
        stories.accept(talk, smalltalk.YES.asks)


MIXES: dict[str, tuple[tuple[Act, float], ...]] = {
    "recall": (
        (tell_fact, 4),
        (ask_fact, 5),
        (change_fact, 1),
        (recall.summary, 0.5),
        (smalltalk.small_talk, 2),
        (skills.any_skill, 1),
        (unknown.unknown, 0.8),
        (unknown.remark, 0.5),
        (again, 0.15),
        (heard, 0.12),
    ),
    "story": (
        (stories.story, 3),
        (stories.follow_up, 4),
        (tell_fact, 0.6),
        (ask_fact, 0.6),
        (smalltalk.small_talk, 1.2),
        (stories.poem, 0.3),
        (unknown.unknown, 0.4),
    ),
    "skills": (
        (skills.any_skill, 8),
        (smalltalk.small_talk, 1),
        (unknown.unknown, 1),
        (tell_fact, 0.5),
        (ask_fact, 0.5),
    ),
    "far": (
        (smalltalk.small_talk, 3.5),
        (skills.any_skill, 2.5),
        (unknown.unknown, 1.5),
        (unknown.remark, 0.5),
        (tell_fact, 2),
        (change_fact, 0.6),
    ),
    "chat": (
        (smalltalk.small_talk, 5),
        (unknown.unknown, 3),
        (unknown.remark, 1),
        (tell_fact, 1.5),
        (ask_fact, 1.5),
        (skills.any_skill, 1.5),
        (stories.story, 0.8),
        (stories.follow_up, 0.7),
        (again, 0.2),
        (heard, 0.15),
        (systems.switch_to_pirate, 0.1),
    ),
}
SHARES = (("recall", 0.28), ("far", 0.14), ("skills", 0.30), ("chat", 0.16), ("story", 0.12))


def far_recall(talk: Talk) -> None:
    """Tell at the start and ask at the end, with up to six turns of other talk in between."""
    fact = NAME if talk.rng.random() < 0.5 else recall.pick_fact(talk)
    recall.tell(talk, fact)
    for _ in range(talk.rng.randint(0, 6)):
        other_talk(talk)
    recall.ask(talk, fact)


def other_talk(talk: Talk) -> None:
    """Append a turn between telling and asking."""
    act_of(talk, MIXES["far"])(talk)


def act_of(talk: Talk, mix: tuple[tuple[Act, float], ...]) -> Act:
    """Draw the next act of a conversation by the weights of its mix."""
    acts = [act for act, _ in mix]
    return talk.rng.choices(acts, [weight for _, weight in mix])[0]


def dialogue(rng: Random) -> Talk:
    """Write one conversation of one to sixteen turns."""
    talk = Talk(rng)
    systems.choose_system(talk)
    kind = rng.choices([name for name, _ in SHARES], [share for _, share in SHARES])[0]
    if kind == "far":
        far_recall(talk)
        return talk
    count = rng.choice((1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12, 16))
    if kind == "recall":
        count = max(count, 3)
    if kind == "story":
        count = min(count, 6)
    mix = MIXES[kind]
    if kind == "recall" and rng.random() < 0.7:
        tell_fact(talk)
    while len(talk.turns) < count:
        if kind == "story" and talk.tale is None and rng.random() < 0.8:
            stories.story(talk)
            continue
        if talk.bot_name and rng.random() < 0.35:
            smalltalk.small_talk(talk, rng.choice(smalltalk.WHO_IT_IS))
        elif talk.offered() and rng.random() < 0.12:
            reply_to_offer(talk)
        else:
            act_of(talk, mix)(talk)
    return talk


def drill(rng: Random) -> Talk:
    """Write a few turns of exact skills and nothing else."""
    talk = Talk(rng)
    systems.choose_system(talk)
    for _ in range(rng.randint(1, 5)):
        skills.drill(talk)
    return talk


def acquaintances(rng: Random) -> Talk:
    """Tell several names, then ask them in another order.

    Which name is whose takes many examples.
    """
    talk = Talk(rng)
    systems.choose_system(talk)
    # The person's own name twice, so that it comes more often, and is changed now and then.
    facts = rng.sample((NAME, NAME, *RELATIVES), rng.randint(2, 4))
    for fact in facts:
        recall.tell(talk, fact)
        if rng.random() < 0.25:
            other_talk(talk)
    for fact in rng.sample(facts, len(facts)):
        if rng.random() < 0.25:
            other_talk(talk)
        recall.ask(talk, fact)
    return talk


def record(talk: Talk) -> dict[str, Any]:
    """Give a conversation as it stands in the corpus: its system prompt, and its turns in pairs."""
    turns = [(turn.user, turn.answer) for turn in talk.turns]
    return {"system": talk.system, "turns": turns}


def records(recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Yield conversations and plain stories, mixed."""
    rng = Random(recipe.seed)
    total = recipe.dialogues + recipe.stories
    kinds = (drill, acquaintances, dialogue)
    shares = (recipe.drills, recipe.acquaintances, 1 - recipe.drills - recipe.acquaintances)
    for _ in range(total):
        if rng.random() < recipe.stories / total:
            yield {"story": tales.completion(rng)}
        else:
            yield record(rng.choices(kinds, shares)[0](rng))


def write_corpus(recipe: Recipe) -> None:
    """Write all records to the recipe's corpus, a JSON object a line."""
    with write_beside(recipe.corpus) as path, path.open("w", encoding="utf-8") as file:
        for one in records(recipe):
            file.write(json.dumps(one, ensure_ascii=False) + "\n")
