"""The smaller skills, that the evaluation doesn't require but people try.
Repeating, first and last letters, lengths of words, opposites, the sounds of animals."""

from __future__ import annotations

from training.corpus import names, words
from training.corpus.grammar import capital, wording
from training.corpus.talk import Talk

REPEAT = wording("skills/repeat")
FIRST_LETTER = wording("skills/first_letter")
HOW_MANY = wording("skills/letters")
OPPOSITE = wording("skills/opposite")
SOUND = wording("skills/sound")


def repeat(talk: Talk) -> None:
    """Ask for the same words again: known ones, invented ones, or both."""
    rng = talk.rng
    some = []
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        word = names.any_name(rng) if rng.random() < 0.6 else rng.choice(words.COMMON)
        some.append(talk.typed(word if rng.random() < 0.5 else word.lower()))
    key = rng.choice((" ", " ", ", ")).join(some)
    talk.add_exact(talk.pick(REPEAT, t=key), key, "repeat")


def extras(talk: Talk) -> None:
    """Ask for a letter, a word's length, an opposite or an animal's sound."""
    rng = talk.rng
    kind = rng.randrange(1, 6)
    if kind == 1:
        word, last = rng.choice(words.SPELLING), rng.random() < 0.5
        key = word[-1] if last else word[0]
        user = talk.pick(
            FIRST_LETTER, e="last" if last else "first", v="end" if last else "start", w=word
        )
        talk.add(
            user, f"The {'last' if last else 'first'} letter is {key}.", "letter", key + ".", key
        )
    elif kind == 2:
        word = rng.choice(words.SPELLING)
        user, key = talk.pick(HOW_MANY, w=word), str(len(word))
        talk.add(user, f"{'-'.join(word)}: {key} letters.", "letters", key + ".", f"{key} letter")
    elif kind in (3, 4):
        pairs = {**words.OPPOSITES, **{b: a for a, b in words.OPPOSITES.items()}}
        word = rng.choice(sorted(pairs))
        key = pairs[word]
        talk.add(
            talk.pick(OPPOSITE, w=word),
            f"The opposite of {word} is {key}.",
            "opposite",
            key + ".",
            key,
        )
    else:
        word = rng.choice(sorted(words.SOUNDS))
        key = words.SOUNDS[word]
        talk.add(
            talk.pick(SOUND, w=word), f"A {word} says {key}!", "sound", capital(key) + "!", key
        )
