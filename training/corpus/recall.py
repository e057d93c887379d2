"""Turns about facts: a person tells them, changes them, asks them back, or asks for all of them.
What was never told, the model says it doesn't know yet."""

from __future__ import annotations

from training.corpus import words
from training.corpus.facts import (
    COLOURABLE,
    COUNTABLE,
    FACTS,
    NAME,
    coloured,
    counted,
    liking,
    located,
)
from training.corpus.grammar import expand, wording
from training.corpus.talk import Fact, Talk

ACK = (
    "(Good to know|I will remember that|I'll remember that|Noted|Got it): {said}.",
    "(Good to know!|Noted.|Lovely!|Thank you for telling me.|Got it.) I will remember that {said}.",
    "{said}. I will remember that.",
)
CHANGE = wording("facts/change")
UNTOLD = (
    "You haven't told me {thing} yet.",
    "I don't know {thing} yet. Will you tell me?",
    "I don't know. You haven't told me {thing} yet.",
)
SUMMARY = wording("facts/summary")


def pick_fact(talk: Talk) -> Fact:
    """Draw a fact to tell: the name most often, else one of a list or one made as needed."""
    rng = talk.rng
    roll = rng.random()
    if roll < 0.3:
        return NAME
    if roll < 0.4:
        return located(rng.choice(words.OBJECTS))
    if roll < 0.46:
        return counted(rng.choice(COUNTABLE))
    if roll < 0.51:
        return coloured(rng.choice(COLOURABLE))
    return liking(talk.name()) if roll < 0.56 else rng.choice(FACTS)


def statement(fact: Fact, value: str) -> str:
    """Say a fact with its value, as the model states it."""
    return fact.said.format(v=value)


def learn(talk: Talk, fact: Fact, value: str) -> None:
    """Note in the talk that a fact was told, with which value, and when."""
    talk.facts[fact.key] = statement(fact, value)
    talk.told_at[fact.key] = len(talk.turns)
    talk.values[fact.key] = value
    talk.known[fact.key] = fact


def tell(talk: Talk, fact: Fact) -> None:
    """Tell a fact, or change one told before."""
    value = fact.value(talk)
    user = talk.pick(fact.tell, v=value)
    if fact.key in talk.facts:
        lead = (
            user
            if user[:2] in ("I ", "I'") or user.startswith(value)
            else user[0].lower() + user[1:]
        )
        user = talk.pick(CHANGE, tell=lead)
    learn(talk, fact, value)
    said = talk.facts[fact.key]
    if talk.rng.random() < 0.05:
        user, answer = f"{user} {talk.pick(fact.ask)}", f"{said}."
    elif fact.ack and talk.rng.random() < 0.9:
        answer = expand(talk.rng, talk.rng.choice(fact.ack), v=value)
    else:
        answer = expand(talk.rng, talk.rng.choice(ACK), said=said)
    talk.add(user, answer, "tell", brief="Noted.", key=value)


def tell_two(talk: Talk, first: Fact, second: Fact) -> None:
    """Tell two facts in one message; only the first if either was told before."""
    if first.key == second.key or {first.key, second.key} & set(talk.facts):
        tell(talk, first)
        return
    values = first.value(talk), second.value(talk)
    one, two = talk.pick(first.tell, v=values[0]), talk.pick(second.tell, v=values[1])
    join = talk.rng.choice((" and ", ". ", ", and "))
    if one[-1:] in "?!":
        join = " "
    elif join != ". " and two[:2] not in ("I ", "I'") and not two.startswith(values[1]):
        two = two[0].lower() + two[1:]
    learn(talk, first, values[0])
    learn(talk, second, values[1])
    said = f"{talk.facts[first.key]}, and {talk.facts[second.key]}"
    answer = expand(talk.rng, talk.rng.choice(ACK), said=said)
    talk.add(one.rstrip(".") + join + two, answer, "tell", brief="Noted.", key=values[0])


def ask(talk: Talk, fact: Fact) -> None:
    """Ask a fact back; if it was never told, the model says so."""
    user = talk.pick(fact.ask)
    if fact.key not in talk.facts:
        answer = talk.rng.choice(UNTOLD).format(thing=fact.thing)
        talk.add(user, answer, "untold", brief="Unknown.", key="told me|don't know|unknown")
        return
    value = talk.values[fact.key]
    answer = talk.facts[fact.key]
    if fact is NAME:
        answer = talk.rng.choice(("your name is {v}.", "your name is {v}.", "you are {v}.")).format(
            v=value
        )
    else:
        answer += "."
    talk.add(user, answer, "recall", brief=value + ".", key=value)


def summary(talk: Talk) -> None:
    """Ask for what the person told: the last four facts, in the order of telling."""
    user = talk.pick(SUMMARY)
    said = [talk.facts[key] for key in sorted(talk.facts, key=lambda k: talk.told_at[k])][-4:]
    if not said:
        talk.add(user, "You haven't told me anything about yourself yet.", "untold", "Nothing.")
        return
    answer = ", and ".join((", ".join(said[:-1]), said[-1])) if len(said) > 1 else said[0]
    talk.add(user, answer + ".", "summary", brief="Enough.", key=list(talk.values.values())[-1])
