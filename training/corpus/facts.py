"""What a fact is, and the kinds that have many instances: favourites, relatives, numbers, places.
A fact knows how it is told and asked, and how the model states it back; `{v}` is its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from training.corpus import words
from training.corpus.grammar import Wording
from training.corpus.names import PETS, any_name
from training.corpus.talk import Talk


@dataclass(frozen=True)
class Fact:
    """One kind of fact. `said` is how the model states it; `{v}` is the value."""

    key: str
    value: Callable[[Talk], str]
    tell: Wording
    ask: Wording
    said: str
    thing: str
    ack: tuple[str, ...] = ()


def from_list(options: tuple[str, ...] | list[str], strange: float = 0.1) -> Callable[[Talk], str]:
    """Values of a list, and now and then an invented word, so that values are copied."""

    def value(talk: Talk) -> str:
        if talk.rng.random() < strange and not talk.new_names:
            return any_name(talk.rng).lower()
        return talk.typed(talk.rng.choice(options))

    return value


def number(talk: Talk) -> str:
    return str(talk.rng.randint(1, talk.rng.choice((9, 99, 99, 999, 9999))))


def age(talk: Talk) -> str:
    return str(talk.rng.randint(5, 95))


def favourite(key: str, noun: str, options: tuple[str, ...] | list[str]) -> Fact:
    fav = "(favourite|favorite)"
    return Fact(
        key,
        from_list(options),
        Wording(
            f"My {fav} {noun} is {{v}}.",
            f"My {fav} {noun}'s {{v}}.",
            f"{{v}} is my {fav} {noun}.",
            f"I like {{v}} more than (any|all|every) other {noun}(s|).",
            f"(No|There is no) {noun} (is |)better than {{v}}.",
            f"(For me|I think) the best {noun} is {{v}}.",
            f"(If I have to|When I can|When I) choose a {noun}, I (take|choose|say) {{v}}.",
            f"The {noun} (for me|that I love|of my choice|I prefer) is {{v}}.",
            f"I (prefer|always choose) {{v}} (as a {noun}|to all other {noun}s).",
            f"The {noun} I (like|love) (best|most) is {{v}}.",
            f"(Remember|Note) that my {fav} {noun} is {{v}}.",
            held=(
                f"I'd say my {fav} {noun} is {{v}}.",
                f"The {noun} I like more than any other is {{v}}.",
                f"You know, {{v}} is my {fav} {noun}.",
            ),
        ),
        Wording(
            f"(What is|What's|What was) my {fav} {noun}( again|)?",
            f"(Do you (remember|recall|know)|Can you (remember|tell me)) my {fav} {noun}?",
            f"(Which|What) {noun} (do I like|do I love) (best|most)?",
            f"(Tell|Remind) me (what |)my {fav} {noun}( is|).",
            f"(Which|What) {noun} is my {fav}?",
            f"(Which|What) {noun} did I (say|tell you) (I like|I love)( best|)?",
            f"What did I (say|tell you) my {fav} {noun} (is|was)?",
            f"(You know|And|And what is) my {fav} {noun}?",
            f"(Which|What) is the {noun} (that |)I (like|love) (best|most)?",
            f"(Say|Name|Show me) my {fav} {noun}.",
            f"(Can|Could) you (say|name|tell me) (which|what) {noun} (is my {fav}|I love)?",
            f"Do you (know|remember) (which|what) {noun} I (like|love)( best|)?",
            held=(
                f"Do you still know my {fav} {noun}?",
                f"Can you say which {noun} I like best?",
                f"Please tell me my {fav} {noun}.",
                f"So what {noun} do I like the most?",
            ),
        ),
        f"your favourite {noun} is {{v}}",
        f"your favourite {noun}",
    )


def relative(who: str, kind: str = "") -> Fact:
    """The name of a person or pet of the user's."""
    pet = kind != ""
    tells = [
        f"My {who}'s name is {{v}}.",
        f"My {who} is (called|named) {{v}}.",
        f"The name of my {who} is {{v}}.",
        f"I (have|have got|'ve got) a {who} (called|named) {{v}}.".replace("I 've", "I've"),
        f"{{v}} is my {who}.",
        f"My {who} (goes by|answers to|has the name) {{v}}.",
        f"(I live with|There is|Here is) my {who}, {{v}}.",
        f"I have a {who}, {{v}}.",
        f"(This is|Meet) {{v}}, my {who}.",
        f"My {who} {{v}} (says hello|is here too|is sleeping|makes me laugh|is very funny).",
    ]
    asks = [
        f"(What is|What's|What was) my {who}'s name( again|)?",
        f"(What is|What's) the name of my {who}?",
        f"(What is|What's) my {who} called?",
        (
            f"(Do you (remember|recall|know)|Can you (remember|tell me)) (my {who}'s name|the "
            f"name of my {who})?"
        ),
        f"(Tell|Remind) me my {who}'s name.",
        f"How is my {who} called?",
        f"(Which|What) name (did I give you for|belongs to) my {who}?",
        f"(You know|And|And what is) my {who}'s name?",
        (f"(Do you (know|remember)|Can you tell me) (what my {who} is called|my {who}'s name)?"),
        f"What did I (say|tell you) my {who}'s name (is|was)?",
    ]
    return Fact(
        who,
        (lambda talk: talk.typed(talk.rng.choice(PETS)) if talk.rng.random() < 0.5 else talk.name())
        if pet
        else Talk.name,
        Wording(
            *tells, held=(f"By the way, my {who} is called {{v}}.", f"I have one {who}, {{v}}.")
        ),
        Wording(
            *asks,
            held=(
                f"Do you still know my {who}'s name?",
                f"Can you say what my {who} is called?",
                f"Which name does my {who} have?",
            ),
        ),
        f"your {who} is called {{v}}",
        f"the name of your {who}",
    )


def numeric(key: str, noun: str) -> Fact:
    return Fact(
        key,
        number,
        Wording(
            f"(My|The) {noun} is {{v}}.",
            f"(Remember|Keep in mind|Note) (that |)my {noun} is {{v}}.",
            f"{{v}} is my {noun}.",
            f"I have a {noun}: {{v}}.",
            held=(f"Don't forget that my {noun} is {{v}}.", f"Here is my {noun}: {{v}}."),
        ),
        Wording(
            f"(What is|What's|What was) (my|the) {noun}( again|)?",
            f"(Do you (remember|recall|know)|Can you (remember|tell me)) my {noun}?",
            f"(Tell|Remind) me( of|) my {noun}.",
            f"Which {noun} did I (tell you|give you|say)?",
            held=(f"Do you still know my {noun}?", f"Please say my {noun}."),
        ),
        f"your {noun} is {{v}}",
        f"your {noun}",
    )


def located(thing: str) -> Fact:
    return Fact(
        f"where {thing}",
        from_list(words.SPOTS, 0.0),
        Wording(
            f"(My|The) {thing} is {{v}}.",
            f"I (put|left|hid|keep) (my|the) {thing} {{v}}.",
            f"(Remember|Note) that (my|the) {thing} is {{v}}.",
            held=(f"I have just put my {thing} {{v}}.", f"You'll find the {thing} {{v}}."),
        ),
        Wording(
            f"Where (is|did I put|did I leave|did I hide) (my|the) {thing}?",
            f"Where's (my|the) {thing}?",
            f"(Do you (remember|know)|Can you tell me) where (my|the) {thing} is?",
            f"I can't find (my|the) {thing}. Where is it?",
            f"(Tell|Remind) me where (my|the) {thing} is.",
            held=(f"Where should I look for my {thing}?", f"Where can I find the {thing}?"),
        ),
        f"your {thing} is {{v}}",
        f"where your {thing} is",
    )


def counted(thing: str) -> Fact:
    """How many of something the person has."""
    return Fact(
        f"many {thing}",
        lambda talk: str(talk.rng.randint(2, 60)),
        Wording(
            f"I (have|own|have got) {{v}} {thing}s.",
            f"(At home|In my house) I have {{v}} {thing}s.",
            f"There are {{v}} {thing}s in my (room|house|garden|bag).",
            held=(f"I am the proud owner of {{v}} {thing}s.", f"Right now I have {{v}} {thing}s."),
        ),
        Wording(
            f"How many {thing}s (do I have|have I got|do I own|are there)?",
            f"(Do you remember|Can you tell me|Do you know) how many {thing}s I have?",
            f"What (is|was) the number of my {thing}s?",
            held=(f"How many {thing}s did I say I have?", f"Tell me how many {thing}s I have."),
        ),
        f"you have {{v}} {thing}s",
        f"how many {thing}s you have",
    )


def coloured(thing: str) -> Fact:
    """What colour something of the person's has."""
    return Fact(
        f"colour {thing}",
        from_list(words.COLOURS, 0.0),
        Wording(
            f"My {thing} is {{v}}.",
            f"I have a {{v}} {thing}.",
            f"(I bought|I have|I got) a new {thing}, (and it is|it's) {{v}}.",
            f"The colour of my {thing} is {{v}}.",
            held=(f"I painted my {thing} {{v}}.", f"I own a {{v}} {thing}."),
        ),
        Wording(
            f"(What|Which) (colour|color) is my {thing}?",
            f"What is the (colour|color) of my {thing}?",
            (
                f"(Do you remember|Can you tell me|Do you know) (what|which) (colour|color) "
                f"my {thing} is?"
            ),
            held=(f"In which colour is my {thing}?", f"Tell me the colour of my {thing}."),
        ),
        f"your {thing} is {{v}}",
        f"the colour of your {thing}",
    )


def liking(person: str) -> Fact:
    """What somebody with a name likes."""
    return Fact(
        f"likes {person}",
        from_list(words.FOODS + words.HOBBIES, 0.0),
        Wording(
            f"{person} (likes|loves) {{v}}.",
            f"(My friend|A man called|My colleague) {person} (likes|loves) {{v}}.",
            held=(f"The thing that {person} likes is {{v}}.",),
        ),
        Wording(
            f"What does {person} (like|love)?",
            f"(Do you remember|Can you tell me|Do you know) what {person} likes?",
            held=(f"What was it that {person} likes?",),
        ),
        f"{person} likes {{v}}",
        f"what {person} likes",
    )
