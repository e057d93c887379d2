"""System prompts that the model follows: a pirate, a robot, one-word answers, a given name.
A style changes the answers that the other generators wrote; a plain prompt changes nothing."""

from __future__ import annotations

import re
from random import Random

from training.corpus.grammar import capital, wording
from training.corpus.talk import Talk, Turn

PLAIN = wording("systems/plain")
PIRATE = wording("systems/pirate")
ROBOT = wording("systems/robot")
ONE_WORD = wording("systems/one_word")
NAMED = wording("systems/named")
SWITCH = wording("systems/switch_to_pirate")
SEA_WORDS = {
    "hello": "ahoy",
    "hi": "ahoy",
    "my": "me",
    "you": "ye",
    "your": "yer",
    "you're": "ye be",
    "friend": "matey",
    "are": "be",
    "am": "be",
    "yes": "aye",
    "I'm": "I be",
}
SEA_WORD = re.compile(r"\b(" + "|".join(sorted(SEA_WORDS, key=len, reverse=True)) + r")\b", re.I)
EXACT = {"count", "spell", "reverse", "days", "months", "sums", "repeat"}


def at_sea(found: re.Match[str]) -> str:
    """Replace a found word by a pirate's; a capital stays one."""
    word = found[0]
    swapped = SEA_WORDS.get(word) or SEA_WORDS.get(word.lower(), word)
    return capital(swapped) if word[0].isupper() and word.lower() != "i'm" else swapped


def pirate(turn: Turn, rng: Random) -> str:
    """Answer as a pirate; exact skills and stories keep their words after the greeting."""
    answer = turn.answer
    if turn.skill not in EXACT and turn.skill != "story":
        answer = SEA_WORD.sub(at_sea, answer)
    return rng.choice(("Arr! ", "Arr, matey! ", "Ahoy! ")) + answer


def robot(turn: Turn, _: Random) -> str:
    """Answer between a robot's beep and boop."""
    return "Beep. " + turn.answer + " Boop."


def one_word(turn: Turn, _: Random) -> str:
    """Answer in one word; exact skills and recalled values keep their letters."""
    brief = turn.brief or turn.answer
    return brief if turn.skill in EXACT or turn.skill == "recall" else capital(brief)


def choose_system(talk: Talk) -> str:
    """Give the talk a system prompt (or none); returns the kind."""
    roll = talk.rng.random()
    if roll < 0.62:
        return "none"
    for limit, kind in ((0.72, "plain"), (0.78, "pirate"), (0.81, "robot"), (0.88, "one word")):
        if roll < limit:
            set_system(talk, kind)
            return kind
    set_system(talk, "named")
    return "named"


def set_system(talk: Talk, kind: str) -> None:
    """Give the talk a system prompt of a kind, with the style or the name that it asks for."""
    rng = talk.rng
    if kind == "named":
        talk.bot_name = talk.some_name()
        talk.system = talk.pick(NAMED, n=talk.bot_name)
        if rng.random() < 0.15:
            talk.system += " " + talk.pick(PIRATE)
            talk.style = pirate
        elif rng.random() < 0.25:
            talk.system = talk.pick(PLAIN) + " " + talk.system
        return
    wording = {"plain": PLAIN, "pirate": PIRATE, "robot": ROBOT, "one word": ONE_WORD}[kind]
    styles = {"pirate": pirate, "robot": robot, "one word": one_word}
    talk.system = capital(talk.pick(wording).strip())
    talk.style = styles.get(kind)
    if kind != "plain" and rng.random() < 0.1:
        talk.system = talk.pick(PLAIN) + " " + talk.system
    if rng.random() < 0.15:
        talk.system = talk.system.rstrip(".") if rng.random() < 0.5 else talk.system.lower()


def switch_to_pirate(talk: Talk) -> None:
    """Ask for pirate talk in the middle of the conversation."""
    talk.style = pirate
    talk.add(talk.pick(SWITCH), "From now on I am a pirate.", "switch")
