"""Small exact skills: counting, spelling, lists, and sums to twenty; and the tables of all skills.
Each skill appends one turn whose `key` is the exact text that a correct reply contains."""

from __future__ import annotations

from collections.abc import Callable

from training.corpus import names, words
from training.corpus.calendar import days, months
from training.corpus.extras import extras, repeat
from training.corpus.grammar import wording
from training.corpus.talk import Talk


def row(first: int, last: int, step: int = 1) -> str:
    """List the numbers from the first to the last, both included, apart by commas."""
    return ", ".join(str(n) for n in range(first, last + (1 if step > 0 else -1), step))


COUNT_TO = wording("skills/count_to")
COUNT_FROM = wording("skills/count_from")
COUNT_DOWN = wording("skills/count_down")


def count(talk: Talk) -> None:
    """Ask to count up or down."""
    rng = talk.rng
    roll = rng.random()
    if roll < 0.45:
        b = rng.randint(2, 20)
        user, key = talk.pick(COUNT_TO, b=written(talk, b)), row(1, b)
    elif roll < 0.75:
        a = rng.randint(2, 18)
        b = min(a + rng.randint(1, 9), 20)
        user, key = talk.pick(COUNT_FROM, a=str(a), b=str(b)), row(a, b)
    else:
        b = rng.randint(2, 15)
        user, key = talk.pick(COUNT_DOWN, b=written(talk, b)), row(b, 1, -1)
    talk.add(user, key + ".", "count", key=key)


def written(talk: Talk, n: int) -> str:
    """Write a number as a word now and then, mostly in digits."""
    return words.NUMBERS[n] if talk.rng.random() < 0.15 else str(n)


SPELL = wording("skills/spell")
SPELL_MY_NAME = wording("skills/spell_my_name")


def spell(talk: Talk) -> None:
    """Ask to spell a word or a name."""
    rng = talk.rng
    if talk.held:
        word = rng.choice(words.SPELLING)
    elif rng.random() < 0.75:
        # A word that the model often says is a token or two, and tells nothing of its letters.
        word = rng.choice(words.SAID if rng.random() < 0.5 else words.SPELLING)
    elif rng.random() < 0.5 and "name" in talk.values:
        word = talk.values["name"]
        talk.add_exact(talk.pick(SPELL_MY_NAME), "-".join(word), "spell")
        return
    else:
        word = names.any_name(rng)
        word = word if rng.random() < 0.5 else word.lower()
    word = talk.typed(word)
    talk.add_exact(talk.pick(SPELL, w=word), "-".join(word), "spell")


REVERSE = wording("skills/reverse")
LAST = wording("skills/pick_of_list")


def word_list(talk: Talk) -> list[str]:
    """Draw two to five words, sometimes invented ones or numbers."""
    rng = talk.rng
    pool = rng.choice(
        (words.COLOURS, words.ANIMALS, words.THINGS, words.FRUITS, words.COMMON, words.SPELLING)
    )
    sizes = (2, 3, 3, 3, 4, 4, 5) if talk.held else (2, 3, 3, 4, 4, 5, 5)
    items = rng.sample(sorted(set(pool)), rng.choice(sizes))
    if rng.random() < 0.25 and not talk.held:
        items = [names.any_name(rng).lower() for _ in items]
    if rng.random() < 0.1:
        items = [str(n) for n in rng.sample(range(1, 30), len(items))]
    return items


def reverse(talk: Talk) -> None:
    """Ask for a list the other way round."""
    items = word_list(talk)
    join = ", " if talk.rng.random() < 0.85 else " "
    key = ", ".join(reversed(items))
    talk.add_exact(talk.pick(REVERSE, l=join.join(items)), key, "reverse")


def pick_of_list(talk: Talk) -> None:
    """Ask for the first or the last of a list."""
    items = word_list(talk)
    end = talk.rng.choice(("first", "last"))
    key = items[0] if end == "first" else items[-1]
    talk.add(
        talk.pick(LAST, e=end, l=", ".join(items)), key + ".", "pick", brief=key + ".", key=key
    )


ADD = wording("skills/add")
SUBTRACT = wording("skills/subtract")


def sums(talk: Talk) -> None:
    """Ask for a sum or a difference of numbers to twenty."""
    rng = talk.rng
    total = rng.randint(0, 20) if rng.random() < 0.25 else rng.randint(3, 20)
    a = rng.randint(0, total)
    spoken = rng.random() < 0.12
    show: Callable[[int], str] = (lambda n: words.NUMBERS[n]) if spoken else str
    if rng.random() < 0.6:
        user = talk.pick(ADD, a=show(a), b=show(total - a), t=rng.choice(words.THINGS) + "s")
        answer, key = f"{a} + {total - a} = {total}.", str(total)
    else:
        user = talk.pick(SUBTRACT, a=show(total), b=show(a), t=rng.choice(words.THINGS) + "s")
        answer, key = f"{total} - {a} = {total - a}.", str(total - a)
    talk.add(user, answer, "sums", brief=key + ".", key=f"= {key}")


EXACT: dict[str, Callable[[Talk], None]] = {
    "count": count,
    "spell": spell,
    "reverse": reverse,
    "days": days,
    "months": months,
    "sums": sums,
}


SHARES: dict[Callable[[Talk], None], float] = {
    spell: 5,
    sums: 5,
    count: 3,
    reverse: 6,
    repeat: 2,
    days: 3,
    months: 3,
    extras: 1,
    pick_of_list: 1,
}


DRILLED: dict[Callable[[Talk], None], float] = {
    spell: 6,
    sums: 2,
    reverse: 2,
    months: 1,
    days: 0.5,
}


def drill(talk: Talk) -> None:
    """Append one turn of a skill that takes many examples, by the weights of `DRILLED`."""
    talk.rng.choices(list(DRILLED), list(DRILLED.values()))[0](talk)


def any_skill(talk: Talk) -> None:
    """Append one turn of any skill, by the weights of `SHARES`."""
    skill = talk.rng.choices(list(SHARES), list(SHARES.values()))[0]
    skill(talk)
