"""Small exact skills: counting, spelling, reversing lists, and sums to twenty; and the list of all.
Each function appends one turn whose `key` is the exact text that a correct reply contains."""

from __future__ import annotations

from collections.abc import Callable

from training.corpus import names, words
from training.corpus.calendar import days, months
from training.corpus.extras import extras, repeat
from training.corpus.grammar import Wording
from training.corpus.talk import Talk

LEAD = (
    "(Can you |Could you |Please |Will you |I want you to |Would you please |Would you kindly |"
    "Can you please |Could you please |I would like you to |)"
)


def row(first: int, last: int, step: int = 1) -> str:
    return ", ".join(str(n) for n in range(first, last + (1 if step > 0 else -1), step))


COUNT_TO = Wording(
    LEAD + "count (up |)to {b}(, please|).",
    LEAD + "count from (1|one) to {b}.",
    "Count 1 to {b}.",
    LEAD + "(list|write|say) the numbers (up |from 1 |)to {b}.",
    "Count up to {b}, starting (at|with) (1|one).",
    "(Can I hear|Show me|I want) the numbers (from 1 |)(up |)to {b}.",
    "(Numbers|The numbers) (1 to|from 1 to|up to) {b}(, please|).",
    "(Can|Do|Could) you count (up |)to {b}?",
    "Count. Stop at {b}.",
    LEAD + "count (up |)to {b} for me.",
    "(I would like|I want|Let me have) the numbers up to {b}.",
    "(Now|Just) count to {b}.",
    "How do you count to {b}?",
    held=("Would you count to {b} for me?", "Let me hear you count up to {b}."),
)
COUNT_FROM = Wording(
    LEAD + "count from {a} to {b}.",
    LEAD + "count (up |)(from |){a} to {b}.",
    LEAD + "(list|write|say) the numbers from {a} to {b}.",
    "(Start|Begin) at {a} and count (up |)to {b}.",
    "(Numbers|The numbers) (from |){a} (to|up to) {b}(, please|).",
    "Count on from {a} (to|until|up to) {b}.",
    LEAD + "count from {a} to {b} for me.",
    "(All|Show me) the numbers (between|from) {a} (and|to|up to) {b}.",
    "Count: {a} to {b}.",
    "(Can|Do|Could) you count from {a} to {b}?",
    held=("Would you count from {a} up to {b} for me?", "Give me the numbers {a} to {b}."),
)
COUNT_DOWN = Wording(
    LEAD + "count (down|backwards) from {b}.",
    LEAD + "count (down |backwards |)from {b} to 1.",
    LEAD + "do a countdown from {b}.",
    "Countdown from {b}.",
    LEAD + "count (down|backwards) from {b} for me.",
    "(Do|Start) (the|a) countdown(:| from) {b}.",
    "Backwards from {b}, please.",
    "From {b} down to (1|one), (count|please).",
    "(Can|Do|Could) you count (down|backwards) from {b}?",
    "(The numbers|Numbers|Count) from {b} down(wards|).",
    "(Begin|Begin with) {b} and (go|count) (down|backwards)( to 1|).",
    held=("Would you count down from {b} for me?", "Start at {b} and count down."),
)


def count(talk: Talk) -> None:
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
    return words.NUMBERS[n] if talk.rng.random() < 0.15 else str(n)


SPELL = Wording(
    LEAD + "spell {w}.",
    LEAD + 'spell (the word |)"{w}".',
    LEAD + "spell the word {w}.",
    "How (do you|do I|would you|) (spell|write) {w}?",
    "How is {w} spelled?",
    "(What is|What's) the spelling of {w}?",
    "(How does one|How do we) spell {w}?",
    "Spell {w} for me.",
    "{w}: spell it.",
    LEAD + "spell {w} for me.",
    "Spell it out: {w}.",
    "(Write|Say|Read) out the letters (in|of) {w}.",
    "(Show|Teach) me how to (spell|write) {w}.",
    "Which letters (make|make up|does one need for) {w}?",
    "(Give me|Say|Write|List) the letters (of|in) {w}( one by one|).",
    "(Write|Say) {w} letter by letter.",
    "{w}, letter by letter.",
    "(The spelling|Spelling) of {w}(, please|?)",
    "(I want|I need|I'd like) to know how {w} is (spelled|written).",
    "How (should|would|can) I (spell|write) {w}?",
    "(What are|Which are|Name) the letters (of|in) (the word |){w}?",
    "(Can|Could|Do) you spell {w}( for me|)?",
    held=(
        "Would you spell {w} for me?",
        "Tell me how to spell {w}.",
        "Which letters are in {w}?",
        "Spell out {w}.",
    ),
)


def spell(talk: Talk) -> None:
    rng = talk.rng
    if talk.held or rng.random() < 0.75:
        word = rng.choice(words.SPELLING)
    elif rng.random() < 0.5 and "name" in talk.values:
        word = talk.values["name"]
        user = talk.rng.choice(
            ("Spell my name.", "How do you spell my name?", "Can you spell my name?")
        )
        key = "-".join(word)
        talk.add_exact(user, key, "spell")
        return
    else:
        word = names.any_name(rng)
        word = word if rng.random() < 0.5 else word.lower()
    word = talk.typed(word)
    talk.add_exact(talk.pick(SPELL, w=word), "-".join(word), "spell")


REVERSE = Wording(
    "Reverse: {l}.",
    LEAD + "reverse (this list|the list|these words|these|): {l}.",
    LEAD
    + "(say|write|list) (this|these|these words) (backwards|in reverse|in reverse order): {l}.",
    "(Put|Turn) (this list|these|these words) (in reverse order|around|the other way round): {l}.",
    "(What is|What's) {l} (backwards|in reverse|reversed)?",
    "Reverse {l}.",
    "(Backwards|In reverse|From last to first|The other way round): {l}.",
    "{l}: (backwards|reverse it|reverse this|the other way round)(, please|).",
    "(Flip|Turn around|Invert) (this list|these words|the list|this): {l}.",
    (
        "(I want|I'd like|Give me|Show me) (these words|this list|the list|this) (in reverse|"
        "reversed|in reverse order): {l}."
    ),
    "(Can|Could|Do) you (reverse|flip) (this|this list|these) for me: {l}?",
    LEAD + "(reverse|turn around) (the|this) list for me: {l}.",
    held=("Would you reverse this list for me: {l}?", "Give me this list backwards: {l}."),
)
LAST = Wording(
    "What is the {e} (word|item) (in|of) (this list|the list|): {l}?",
    "Which (word|one) (is|comes) {e}: {l}?",
    held=("Tell me the {e} word of this: {l}.",),
)


def word_list(talk: Talk) -> list[str]:
    rng = talk.rng
    pool = rng.choice(
        (words.COLOURS, words.ANIMALS, words.THINGS, words.FRUITS, words.COMMON, words.SPELLING)
    )
    items = rng.sample(sorted(set(pool)), rng.choice((2, 3, 3, 3, 4, 4, 5)))
    if rng.random() < 0.25 and not talk.held:
        items = [names.any_name(rng).lower() for _ in items]
    if rng.random() < 0.1:
        items = [str(n) for n in rng.sample(range(1, 30), len(items))]
    return items


def reverse(talk: Talk) -> None:
    items = word_list(talk)
    join = ", " if talk.rng.random() < 0.85 else " "
    key = ", ".join(reversed(items))
    talk.add_exact(talk.pick(REVERSE, l=join.join(items)), key, "reverse")


def pick_of_list(talk: Talk) -> None:
    items = word_list(talk)
    end = talk.rng.choice(("first", "last"))
    key = items[0] if end == "first" else items[-1]
    talk.add(
        talk.pick(LAST, e=end, l=", ".join(items)), key + ".", "pick", brief=key + ".", key=key
    )


ADD = Wording(
    "(What is|What's|How much is|Calculate|) {a} (+|plus|and) {b}?",
    "{a}(+| + ){b}(?|=| =|)",
    "(What is|What's) {a}+{b}?",
    LEAD + "add {a} (and|to) {b}.",
    "(What do you get if you|What happens when I) add {a} (and|to) {b}?",
    "(What is|What's) the sum of {a} and {b}?",
    "I have {a} {t} and get {b} more. How many (do I have|are that|is that)( now|)?",
    "(If I have|I have) {a} {t} and you (give me|bring) {b}, how many (do I have|are there)?",
    "{a} {t} and {b} {t}(: how many|, how many are that|, that makes)?",
    "(Do you know|Tell me) (what|how much) {a} (and|plus|+) {b} (is|makes|are)(?|.)",
    "{a} and {b} (is|makes|make|are)?",
    "(Let's do a sum|A sum|Sum|Math|Maths)(: |. ){a} (+|plus|and) {b}.",
    "How (much|many) (is|are|do) {a} (plus|and|+) {b}( together|)?",
    "(What|How much) (do|does|would|will) {a} (and|plus) {b} (give|come to|add up to)?",
    LEAD + "tell me {a} (plus|and) {b}.",
    held=("Can you tell me what {a} plus {b} is?", "How much do {a} and {b} make?"),
)
SUBTRACT = Wording(
    "(What is|What's|How much is|Calculate|) {a} (-|minus) {b}?",
    "{a}(-| - ){b}(?|=| =|)",
    LEAD + "(subtract|take) {b} (from|away from) {a}.",
    "(What is|What's) {a} (take away|less) {b}?",
    (
        "I have {a} {t} and (lose|eat|sell|give away) {b}. How many (are left|do I have|have "
        "I left)( now|)?"
    ),
    "(If there are|There are) {a} {t} and I take {b}, how many are left?",
    "(Do you know|Tell me) (what|how much) {a} (minus|-|less) {b} (is|makes|leaves)(?|.)",
    "{a} (minus|less|take away) {b} (is|makes|leaves)?",
    "(From|Of) {a}, (subtract|take away|remove) {b}. (What|How much) (is left|remains)?",
    "(What is|What's|How much is) left (if I|when you) take {b} from {a}?",
    "{a} without {b}( is| leaves| makes|)?",
    "(How much|What) (remains|stays|is left over) of {a} (after|when I take) {b}?",
    "(What|How much) (do|does|would|will) {a} (minus|less) {b} (give|come to|leave)?",
    LEAD + "tell me {a} minus {b}.",
    held=("Can you tell me what {a} minus {b} is?", "How much is left of {a} without {b}?"),
)


def sums(talk: Talk) -> None:
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
    spell: 4,
    sums: 5,
    count: 3,
    reverse: 2,
    repeat: 2,
    days: 2,
    months: 2,
    extras: 1,
    pick_of_list: 1,
}


def any_skill(talk: Talk) -> None:
    skill = talk.rng.choices(list(SHARES), list(SHARES.values()))[0]
    skill(talk)
