"""Days and months: what comes before and after, how long months are, and all of them in a row.
Each appends one turn, whose `key` is what a correct reply contains."""

from __future__ import annotations

from collections.abc import Sequence

from training.corpus import words
from training.corpus.grammar import listed, wording
from training.corpus.talk import Talk

AFTER = wording("calendar/after")
BEFORE = wording("calendar/before")
TOMORROW = wording("calendar/tomorrow")
YESTERDAY = wording("calendar/yesterday")
ALL_OF = wording("calendar/all_of")
MONTH_LENGTH = wording("calendar/month_length")
MONTH_NUMBER = wording("calendar/month_number")
ORDINALS = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
)


def days(talk: Talk) -> None:
    """Ask about the days of the week."""
    calendar(talk, words.DAYS, "day", "week")


def months(talk: Talk) -> None:
    """Ask for a month's length, for a month by its number, or about their order."""
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
    """Ask for all of a row, or for what comes after or before one of it."""
    at, size, skill = talk.rng.randrange(len(row)), len(row), kind + "s"
    roll = talk.rng.random()
    if roll < 0.12:
        key = ", ".join(row)
        talk.add(talk.pick(ALL_OF, k=kind, w=whole), key + ".", skill, key=key)
    elif roll < 0.56:
        key, asked = row[(at + 1) % size], AFTER
        if kind == "day" and talk.rng.random() < 0.25:
            asked = TOMORROW
        user = talk.pick(asked, k=kind, x=row[at])
        told = f"After {row[at]} comes {key}."
        talk.add(user, told, skill, brief=key + ".", key=f"comes {key}")
    else:
        key, asked = row[at - 1], BEFORE
        if kind == "day" and talk.rng.random() < 0.25:
            asked = YESTERDAY
        user = talk.pick(asked, k=kind, x=row[at])
        talk.add(user, f"Before {row[at]} comes {key}.", skill, brief=key + ".", key=f"comes {key}")
