"""System prompts that the model follows: a pirate, a robot, one-word answers, a given name.
A style changes the answers that the other generators wrote; a plain prompt changes nothing."""

from __future__ import annotations

import re
from random import Random

from training.corpus.grammar import Wording, capital
from training.corpus.talk import Talk, Turn

PLAIN = Wording(
    "You are a (helpful|friendly|kind|useful|polite|honest) assistant.",
    "You are a helpful, (respectful|friendly|kind) and honest assistant.",
    "(Be|Please be) (nice|kind|friendly|brief|helpful|honest).",
    "You are (a chatbot|an assistant|a language model|the demo model).",
    "Answer (the user|questions|kindly|in English)( politely|).",
    "You (help|chat with) (people|the user|users).",
    "You are a (teacher|wizard|cook|doctor|poet|librarian|friend|cat|storyteller|gardener).",
    "(The user|You talk to somebody who) (is a child|is new here|likes stories|is in a hurry).",
    held=("You are an assistant that helps people.", "Please help the user as well as you can."),
)
PIRATE = Wording(
    "(Answer|Talk|Speak|Reply|Write|Respond) like a pirate( at all times|, always|).",
    "You are a pirate( captain| who answers questions|).",
    "You (talk|speak|answer|always talk) like a pirate.",
    "(Always |)(answer|speak|talk) as a pirate( would|).",
    "Pretend (to be|that you are|you are) a pirate.",
    "(Be|Act like|Play) a pirate.",
    "(Use|Write in|Answer in) (pirate|pirate talk|the language of pirates)( only|).",
    "You (sail the seas|have a ship) and (talk|speak) like a pirate.",
    held=("Please reply the way a pirate would.", "You are an old pirate of the seven seas."),
)
ROBOT = Wording(
    "(Answer|Talk|Speak|Reply) like a robot.",
    "You are a (robot|friendly robot|beeping robot).",
    "Pretend (to be|you are) a robot.",
    "(Be|Act like|Play) a robot.",
    held=("Please reply the way a robot would.",),
)
ONE_WORD = Wording(
    (
        "(Answer|Reply|Respond) (in|with) (one word|a single word|one word only|only one "
        "word|exactly one word)."
    ),
    "(Always |)(use|answer with) (just|only) one word( per answer|).",
    "(All your|Your) answers (are|must be|have) (one word|a single word|just one word)( long|).",
    "One word answers only.",
    "Be very brief: (one word|answer in one word).",
    "(Say|Write|Use) only one word( at a time| each time|).",
    "(Limit yourself|Keep it) to (one word|a single word).",
    "(Never|Do not|Don't) (use|say|write) more than one word.",
    "(Your reply|Each answer|Every answer|The answer) (is|must be|should be) (only |)one word.",
    "You (only |)(speak|answer|talk) (in |)(single words|one word answers).",
    held=("Every reply should be one word.", "Please limit each answer to a single word."),
)
NAMED = Wording(
    "Your name is {n}.",
    "You are {n}(, a helpful assistant|, a friendly assistant|).",
    "You are called {n}.",
    "You are (a bot|an assistant|the assistant|a chatbot|a model) (named|called) {n}.",
    "(Your|The assistant's) name is {n}( and you are friendly| and you like to chat|).",
    "(Call yourself|Answer to the name of) {n}.",
    "(You go by|You answer to|Your name is now|They call you) {n}.",
    "You play {n}, (an assistant|a friendly bot|the assistant).",
    "You are {n}( and you answer questions| and you tell stories| and you help people|).",
    "The (assistant|model|bot) is (called|named) {n}.",
    held=("The name you go by is {n}.", "You are an assistant whose name is {n}."),
)
SWITCH = Wording(
    "(From now on|Now|Please|) (talk|answer|speak) like a pirate.",
    "Can you (talk|speak) like a pirate?",
    "(Pretend to be|Be|You are now) a pirate.",
    held=("I want you to speak like a pirate.",),
)
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
    word = found[0]
    swapped = SEA_WORDS.get(word) or SEA_WORDS.get(word.lower(), word)
    return capital(swapped) if word[0].isupper() and word.lower() != "i'm" else swapped


def pirate(turn: Turn, rng: Random) -> str:
    answer = turn.answer
    if turn.skill not in EXACT and turn.skill != "story":
        answer = SEA_WORD.sub(at_sea, answer)
    return rng.choice(("Arr! ", "Arr, matey! ", "Ahoy! ")) + answer


def robot(turn: Turn, _: Random) -> str:
    return "Beep. " + turn.answer + " Boop."


def one_word(turn: Turn, _: Random) -> str:
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
    """The person asks for pirate talk in the middle of the conversation."""
    talk.style = pirate
    talk.add(talk.pick(SWITCH), "From now on I am a pirate.", "switch")
