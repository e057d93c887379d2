"""The facts that a person tells: a name, favourites, relatives, numbers, places, and more.
`FACTS` lists those with a fixed key; places, counts, colours and likings are made as needed."""

from __future__ import annotations

from collections.abc import Callable

from training.corpus import words
from training.corpus.grammar import listed, wording
from training.corpus.names import PETS, any_name
from training.corpus.talk import Fact, Talk


def fact(
    key: str,
    kind: str,
    value: Callable[[Talk], str],
    said: str,
    asked: str,
    /,
    *,
    ack: tuple[str, ...] = (),
    **parts: str,
) -> Fact:
    """Make a fact whose wordings stand in `facts/KIND_tell.txt` and `facts/KIND_ask.txt`."""
    tell, ask = (wording(f"facts/{kind}_{act}", **parts) for act in ("tell", "ask"))
    return Fact(key, value, tell, ask, said, asked, ack)


def from_list(options: tuple[str, ...] | list[str], strange: float = 0.1) -> Callable[[Talk], str]:
    """Draw values of a list, and now and then an invented word, so that values are copied."""

    def value(talk: Talk) -> str:
        if talk.rng.random() < strange and not talk.new_names:
            return any_name(talk.rng).lower()
        return talk.typed(talk.rng.choice(options))

    return value


def number(talk: Talk) -> str:
    """Draw a number of one to four digits, small ones more often."""
    return str(talk.rng.randint(1, talk.rng.choice((9, 99, 99, 999, 9999))))


def birthday(talk: Talk) -> str:
    """Draw a month and a day."""
    return f"{talk.typed(talk.rng.choice(words.MONTHS))} {talk.rng.randint(1, 28)}"


def home(talk: Talk) -> str:
    """Draw a town, or a name that serves as one."""
    return talk.typed(talk.rng.choice(words.TOWNS)) if talk.rng.random() < 0.6 else talk.name()


def pet_name(talk: Talk) -> str:
    """Draw a pet's name, or a person's."""
    return talk.typed(talk.rng.choice(PETS)) if talk.rng.random() < 0.5 else talk.name()


def favourite(noun: str, options: tuple[str, ...] | list[str]) -> Fact:
    """Make the fact of a favourite among the options."""
    thing = f"your favourite {noun}"
    spelt = "(colour|color)" if noun == "colour" else noun
    return fact(noun, "favourite", from_list(options), thing + " is {v}", thing, noun=spelt)


def relative(who: str, value: Callable[[Talk], str] = Talk.name) -> Fact:
    """Make the fact of the name of a relative or a pet of the person's."""
    return fact(
        who, "relative", value, f"your {who} is called {{v}}", f"the name of your {who}", who=who
    )


def numeric(noun: str) -> Fact:
    """Make the fact of a number of the person's."""
    return fact(f"n {noun}", "number", number, f"your {noun} is {{v}}", f"your {noun}", noun=noun)


def located(thing: str) -> Fact:
    """Make the fact of where a thing is."""
    value, said = from_list(words.SPOTS, 0.0), f"your {thing} is {{v}}"
    return fact(f"where {thing}", "place", value, said, f"where your {thing} is", thing=thing)


def counted(thing: str) -> Fact:
    """Make the fact of how many of something the person has."""

    def value(talk: Talk) -> str:
        return str(talk.rng.randint(2, 60))

    said, asked = f"you have {{v}} {thing}s", f"how many {thing}s you have"
    return fact(f"many {thing}", "many", value, said, asked, thing=thing)


def coloured(thing: str) -> Fact:
    """Make the fact of the colour of a thing of the person's."""
    value, said = from_list(words.COLOURS, 0.0), f"your {thing} is {{v}}"
    return fact(
        f"colour {thing}", "colour", value, said, f"the colour of your {thing}", thing=thing
    )


def liking(person: str) -> Fact:
    """Make the fact of what somebody with a name likes."""
    value = from_list(words.FOODS + words.HOBBIES, 0.0)
    said, asked = f"{person} likes {{v}}", f"what {person} likes"
    return fact(f"likes {person}", "likes", value, said, asked, person=person)


NAME = fact(
    "name",
    "name",
    Talk.name,
    "your name is {v}",
    "your name",
    ack=(
        "Hello, {v}! (Nice to meet you.|It is nice to meet you.|I'm glad to meet you.)",
        "Nice to meet you, {v}! (What shall we talk about?|Would you like a story?|)",
        "Hi, {v}! I will remember that.",
    ),
)
AGE = fact(
    "age", "age", lambda talk: str(talk.rng.randint(5, 95)), "you are {v}", "how old you are"
)
JOB = fact("job", "job", from_list(words.JOBS, 0.0), "you are a {v}", "what your job is")

RELATIVES: tuple[Fact, ...] = (
    *(
        relative(who)
        for who in listed("sister brother friend mother father teacher boss neighbour")
    ),
    *(relative(who, pet_name) for who in listed("dog cat horse rabbit hamster parrot goldfish")),
)
FACTS: tuple[Fact, ...] = (
    favourite("colour", words.COLOURS),
    favourite("food", words.FOODS),
    favourite("drink", words.DRINKS),
    favourite("fruit", words.FRUITS),
    favourite("animal", words.ANIMALS),
    favourite("hobby", words.HOBBIES),
    favourite("season", words.SEASONS),
    favourite("instrument", words.INSTRUMENTS),
    favourite("day", words.DAYS),
    *RELATIVES,
    *(numeric(noun) for noun in ("lucky number", "favourite number", "code", "number")),
    *(numeric(noun) for noun in ("room number", "secret number")),
    fact("birthday", "birthday", birthday, "your birthday is {v}", "when your birthday is"),
    fact("home", "home", home, "you live in {v}", "where you live"),
    AGE,
    JOB,
)
COUNTABLE = listed("book apple plant cat dog chair car hat stamp coin cousin toy plate lamp shoe")
COLOURABLE = listed("car bike house hat coat boat sofa door bag shirt guitar umbrella kitchen")
