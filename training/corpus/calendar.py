"""Days and months: what comes before and after, how long months are, and all of them in a row.
Each function appends one turn, whose `key` is what a correct reply contains."""

from __future__ import annotations

from collections.abc import Sequence

from training.corpus import words
from training.corpus.grammar import Wording, listed
from training.corpus.talk import Talk

LEAD = (
    "(Can you |Could you |Please |Will you |I want you to |Would you please |Would you kindly |"
    "Can you please |Could you please |I would like you to |)"
)
AFTER = Wording(
    "(What|Which) {k} (comes|is|follows) after {x}?",
    "(What is|What's) the {k} after {x}?",
    "(Tell me|Name) the {k} (after|that comes after|following) {x}.",
    "(What|Which) {k} (follows|comes right after) {x}?",
    "What comes after {x}?",
    "(What|Which) next {k} after {x}?",
    "(Next {k}|The {k}) after {x}?",
    "{x} is followed by (which|what) {k}?",
    "{x}, (and then|then what|and what then)?",
    "If the {k} is {x}, (which|what) (one|{k}) (follows|comes then)?",
    "After {x}, (what comes|what|which {k} follows|what follows)?",
    "(What's|What is|Which is) next after {x}?",
    "It is {x} now. (What|Which) {k} comes next?",
    "When it is {x}, which {k} (is|comes) (after|after that)?",
    "The next {k}, (if it's|after) {x}?",
    "(The|Which) {k} (after|following) {x}(, please|?)",
    "(Do you know|Can you tell me) (what|which) {k} (comes|is|follows) after {x}?",
    held=("After {x}, which {k} is next?", "If it is {x}, what's the next {k}?"),
)
BEFORE = Wording(
    "(What|Which) {k} (comes|is) before {x}?",
    "(What is|What's) the {k} before {x}?",
    "(Tell me|Name) the {k} (before|that comes before) {x}.",
    "What comes before {x}?",
    "(The {k}|Which {k}|What {k}|What) (right |just |)before {x}?",
    "(What|Which) {k} (goes|stands) before {x}?",
    "{x} (comes after|follows) (which|what) {k}?",
    "Before {x}, (what comes|what|which {k} comes)?",
    "It is {x} now. (What|Which) {k} (was|came) before?",
    LEAD + "name the {k} before {x}.",
    "One {k} before {x} is what?",
    "(Do you know|Tell me) (what|which) {k} (comes|is) before {x}(?|.)",
    held=("Just before {x}, which {k} is it?", "Can you tell me the {k} before {x}?"),
)
TOMORROW = Wording(
    "(If |)today is {x}(. What| what|, what) (is|day is) tomorrow?",
    "(It is|It's) {x}( today|). What (day |)(is|will be|comes) tomorrow?",
    "Tomorrow is (what|which day), if (today is|it is) {x}?",
    "Yesterday was {x}. What (day |)is (it |)today?",
    held=("Today is {x}, so what is tomorrow?",),
)
ALL_OF = Wording(
    LEAD + "(list|name|say|tell me) (all |)the {k}s( of the {w}|).",
    "What are the {k}s of the {w}?",
    "All (the |){k}s of the {w}(, please|).",
    "Do you know (all |)the {k}s of the {w}?",
    "Which {k}s are (there|in a {w})?",
    held=("Would you list the {k}s of the {w} for me?",),
)
MONTH_LENGTH = Wording(
    "How many days (are there in|are in|does|has) {x}( have|)?",
    "How (long is|many days are there in) {x}?",
    "(Tell me |)the number of days in {x}.",
    "(How many days has|Days in|How long is the month of|The days in) {x}?",
    "(Do you know|Tell me|Can you tell me) how many days {x} has.",
    "(What is|Give me) the (length|number of days) of {x}.",
    "(Is|Has) {x} (30 or 31 days long|30 days or 31)?",
    held=("How many days are there in the month of {x}?", "Can you say how many days {x} has?"),
)
MONTH_NUMBER = Wording(
    "(What|Which) is (the|) {n} month( of the year|)?",
    "(Name|Tell me) the {n} month.",
    "The {n} month (is|is which one|of the year)?",
    "Which month (comes|stands) {n}( in the year|)?",
    "The {n} one of the months(, please|?)",
    "(What is|What's) the name of the {n} month?",
    "(Do you know|Can you tell me) the {n} month( of the year|)?",
    held=("Which month is the {n} one?",),
)
ORDINALS = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)


def days(talk: Talk) -> None:
    calendar(talk, words.DAYS, "day", "week")


def months(talk: Talk) -> None:
    if talk.rng.random() < 0.4:
        at = talk.rng.randrange(12)
        month = words.MONTHS[at]
        if talk.rng.random() < 0.75:
            user, key = talk.pick(MONTH_LENGTH, x=month), str(words.MONTH_DAYS[at])
            tail = " (29 in a leap year)" if at == 1 else ""
            talk.add(user, f"{month} has {key} days{tail}.", "months", brief=key + ".", key=key)
        else:
            user = talk.pick(MONTH_NUMBER, n=ORDINALS[at])
            answer = f"The {ORDINALS[at]} month is {month}."
            talk.add(user, answer, "months", brief=month + ".", key=month)
        return
    calendar(talk, words.MONTHS, "month", "year")


def calendar(talk: Talk, row: Sequence[str], kind: str, whole: str) -> None:
    at, size, skill = talk.rng.randrange(len(row)), len(row), kind + "s"
    roll = talk.rng.random()
    if roll < 0.12:
        key = ", ".join(row)
        talk.add(talk.pick(ALL_OF, k=kind, w=whole), key + ".", skill, key=key)
    elif roll < 0.56:
        key, asked = row[(at + 1) % size], AFTER
        if kind == "day" and talk.rng.random() < 0.2:
            asked = TOMORROW
        user = talk.pick(asked, k=kind, x=row[at])
        told = f"After {row[at]} comes {key}."
        talk.add(user, told, skill, brief=key + ".", key=f"comes {key}")
    else:
        key = row[at - 1]
        user = talk.pick(BEFORE, k=kind, x=row[at])
        talk.add(user, f"Before {row[at]} comes {key}.", skill, brief=key + ".", key=f"comes {key}")
