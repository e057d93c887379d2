"""Turns of small talk, drawn from all intents; a given name and the person's name are used.
A plain `yes` or `no` is left to whoever offered something, where something was offered."""

from __future__ import annotations

from training.corpus.grammar import expand
from training.corpus.intents_manners import MANNERS
from training.corpus.intents_self import ABOUT_ITSELF, Intent
from training.corpus.talk import Talk

INTENTS = (*ABOUT_ITSELF, *MANNERS)
BY_NAME = {
    "hello": "Hello again, {n}! What shall we do?",
    "thanks": "You're welcome, {n}!",
    "bye": "Goodbye, {n}! It was nice to talk with you.",
}
WHO_IT_IS = [intent for intent in INTENTS if intent.name in ("name", "who are you")]
YES = next(intent for intent in INTENTS if intent.name == "yes")
NO = next(intent for intent in INTENTS if intent.name == "no")


def small_talk(talk: Talk, intent: Intent | None = None) -> None:
    """Append one turn of small talk; a model that was given a name uses it."""
    chosen = intent or talk.rng.choice(INTENTS)
    while intent is None and chosen.name in ("yes", "no", "laugh") and talk.offered():
        chosen = talk.rng.choice(INTENTS)
    answer = expand(talk.rng, talk.rng.choice(chosen.answers))
    brief, key = chosen.brief, chosen.key
    if talk.bot_name and chosen.name in ("name", "who are you"):
        answer = talk.rng.choice(("My name is {n}.", "I am {n}.", "My name is {n}. And yours?"))
        answer = answer.format(n=talk.bot_name)
        brief, key = talk.bot_name + ".", talk.bot_name
    elif chosen.name in BY_NAME and "name" in talk.values and talk.rng.random() < 0.4:
        answer = BY_NAME[chosen.name].format(n=talk.values["name"])
    talk.add(talk.pick(chosen.asks), answer, "small talk", brief=brief, key=key)
