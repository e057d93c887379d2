"""Turns about stories: asking for one, going on, shortening, a happier ending, questions on it.
The hero is of the person's choice: a name, an animal, a thing, a place, or all at once."""

from __future__ import annotations

from training.corpus import plots, words
from training.corpus.grammar import Wording, articles
from training.corpus.names import any_name
from training.corpus.tales import Tale, lives, new_tale, shorter, tell
from training.corpus.talk import Talk

LEAD = (
    "(Tell me|Write|Tell|Make up|Write me|Can you tell me|Could you write|I want|I would "
    "like|I'd like|"
    "Please tell me|Give me|Can I have|Invent) (a|a short|another|a little|a nice|a new|"
    "one more) (story|tale)"
)
ABOUT = Wording(
    LEAD + " about {x}.",
    LEAD + " about {x}, please.",
    LEAD + " with {x}( in it|).",
    "(Story|A story|A short story|Tale) about {x}( please|).",
    "(Do you know|Have you got) (a story|any stories) about {x}?",
    "Tell me about {x}, as a story.",
    LEAD + ". (It should be|Make it) about {x}.",
    LEAD + " where {x} is the hero.",
    held=(
        "I'd love to hear a story about {x}.",
        "How about a story with {x} as the hero?",
        "Let me hear a tale about {x}.",
        "Would you tell me a story about {x}?",
    ),
)
PLAIN = Wording(
    LEAD + ".",
    LEAD + ", please.",
    (
        "(Story|A story|Story please|Another story|Another one|Tell me another one|One more "
        "story)(!|.|)"
    ),
    "Do you know (a story|any stories|a tale)?",
    "I'm bored, tell me a story.",
    "(Can you|Could you) tell (me |)(stories|a story)?",
    held=("I'd love to hear a story.", "How about a story?"),
)
ME = Wording(
    LEAD + " about me.",
    LEAD + " (with me in it|where I am the hero).",
    held=("I'd love to hear a story about myself.",),
)
ON = Wording(
    (
        "(Go on|Continue|More|Keep going|And then|What happens next|What happened next|Tell "
        "me more|Please continue|Go on please)(.|!|?|)"
    ),
    "(What|And what) happened (then|after that)?",
    "(Can you|Could you|Please) (continue|go on with|keep telling) the story.",
    "(And|So) (then what|what then)?",
    "(Don't stop|Next|Make it longer|A bit more)(.|!|)",
    "(What|How) (does the story go on|happens after that)?",
    "(I want|I'd like|Give me|Let me hear) (more|the rest|some more)( of the story|).",
    "(Tell me|Say) (how it goes on|what comes next|what happened then|what happens then).",
    "(Is there more|Any more|And after that|Then|And)?",
    held=("Please go on with that.", "How does it go on?", "I want to hear more of it."),
)
SHORT = Wording(
    "(Make|Can you make|Could you make|Please make) (it|the story|that|this) shorter.",
    (
        "(Shorter|Make it short|Shorter please|Too long|In short|Sum it up|Summarise it|"
        "Summarize it|TLDR)(.|!|)"
    ),
    "(Tell|Say) (it|that|the story) (in one sentence|in short|shorter|again but shorter).",
    "(Can you|Could you|Please) (shorten|summarise|summarize|sum up) (it|the story|that).",
    "(Give me|I want) a (shorter|short) version.",
    (
        "(That|It|This) (is|was) too long( for me|). (Make it shorter|Shorter, please|In "
        "short|Cut it down)."
    ),
    (
        "(I want|Can I have|Let me have) (it|that|the story) (shorter|in short|in a few "
        "words|in two sentences)."
    ),
    "(The short version|A short version|In a few words|In few words|Cut it)(, please|.|)",
    "(Tell|Say) (it|that|the story) again, (but shorter|but short|with less words|with few words).",
    (
        "(The same|The same story|Again|Once more), (but |)(shorter|short|in less words|in a "
        "few words)(, please|.|)"
    ),
    "(Use|With) (less|fewer|not so many) words(, please|.|)",
    held=("That was too long for me, can I have it shorter?", "Tell me the same in fewer words."),
)
HAPPY = Wording(
    (
        "(A|With a|Give it a|Give me a|I want a|Can you give it a|Make a|Write a) (happier|"
        "happy|nicer|better) ending(, please|)."
    ),
    "(Make|Can you make) (it|the ending|the story) (happier|happy|nicer|less sad|end well).",
    "(Can|Could) (it|the story) end (happily|better|well)?",
    (
        "(That's sad|That was sad|I don't like the ending)(. A happier ending please|. Make "
        "it happier|. Give it a happy ending)."
    ),
    (
        "(Please|Can you) (change|improve|rewrite) (it|the ending|the end)( so that it ends "
        "well| to a happy one|)."
    ),
    "(I wish|I'd like it if) it (ended|had ended) (well|better|happily).",
    "(Now|Again,|The same,) (but |)with a (happy|happier|better) (ending|end).",
    held=("I'd prefer it to end more happily.", "Could you change the ending to a happier one?"),
)
WHO = Wording(
    "(Who|What) (was|is) (the story|it|that|your story) about?",
    "(Who is|Who was|Who's) the hero( of the story|)?",
    "What was the hero called?",
    held=("About whom was the story?", "Tell me who the hero was."),
)
WHO_HELPED = Wording(
    "Who helped( the hero| {n}|)?",
    "(Who was|Who's|Who is) the helper?",
    "By whom was {n} helped?",
    held=("Who gave {n} some help?",),
)
WANTED = Wording(
    "What did {n} want?",
    "What was {n}'s wish?",
    "What did {n} wish for?",
    held=("What was it that {n} wanted?",),
)
LIVED = Wording(
    "Where did {n} live?",
    "Where (was|is) {n}'s home?",
    held=("In which place did {n} live?",),
)
POEM = Wording(
    (
        "(Write|Tell me|Make|Write me|Can you write|Make up|I want) (a|a short|a little) "
        "(poem|rhyme|verse)( about {x}|)."
    ),
    "(A poem|Poem) about {x}.",
    held=("Would you write a poem about {x}?",),
)
NO_STORY = (
    "There is no story yet. Shall I tell you one?",
    "I haven't told a story yet. Would you like one?",
)


def subject(talk: Talk) -> tuple[str, Tale]:
    """What the person asks for, and the tale it leads to."""
    rng = talk.rng
    roll = rng.random()
    if roll < 0.36:
        name = talk.name()
        kind = rng.choice(words.ANIMALS) if rng.random() < 0.5 else rng.choice(plots.ROLES)
        if rng.random() < 0.5:
            asked = rng.choice(("a {k} (called|named) {n}", "{n} the {k}", "{n}, a {k}"))
            asked = Wording(asked).pick(rng, k=kind, n=name)
            return asked, new_tale(rng, name, kind, still=False)
        return name, new_tale(rng, name, "", still=False)
    if roll < 0.43:
        kind, other = rng.sample(words.ANIMALS, 2)
        tale = new_tale(rng, "", kind, still=False)
        tale.helper = articles(f"a {other}")
        return f"a {kind} and a {other}", tale
    if roll < 0.62:
        kind = animal_or_role(talk)
        name = any_name(rng) if rng.random() < 0.5 else ""
        trait = rng.choice(plots.TRAITS) if rng.random() < 0.25 else ""
        asked = f"a {trait} {kind}" if trait else f"a {kind}"
        return asked, new_tale(rng, name, kind, still=False, trait=trait)
    kind = rng.choice(words.THINGS if rng.random() < 0.65 else words.PLACES)
    if rng.random() < 0.15:
        kind = rng.choice(words.COLOURS) + " " + kind
    if rng.random() < 0.2:
        name = talk.name()
        return f"a {kind} called {name}", new_tale(rng, name, kind, still=True, he="it")
    article = rng.choice(("a ", "a ", "the "))
    return article + kind, new_tale(rng, "", kind, still=True)


def animal_or_role(talk: Talk) -> str:
    rng = talk.rng
    if rng.random() < 0.12 and not talk.held:
        return any_name(rng).lower()
    return (
        rng.choice(words.ANIMALS) if rng.random() < 0.75 else rng.choice(plots.ROLES + words.JOBS)
    )


def story(talk: Talk) -> None:
    """Ask for a story and get one."""
    rng = talk.rng
    roll = rng.random()
    if roll < 0.08 and "name" in talk.values:
        tale = new_tale(rng, talk.values["name"], "", still=False)
        user = talk.pick(ME)
    elif roll < 0.25:
        tale = new_tale(rng, any_name(rng), rng.choice((*words.ANIMALS, "")), still=False)
        user = talk.pick(PLAIN)
    else:
        asked, tale = subject(talk)
        if rng.random() < 0.1:
            asked += " " + tale.home
        user = talk.pick(ABOUT, x=asked)
    talk.tale = tale
    talk.add(user, tell(rng, tale), "story", brief="Once.", key=tale.name or tale.kind)


def accept(talk: Talk, yes: Wording) -> None:
    """`Yes` to a story that was offered, about the thing that was talked of, if there was one."""
    rng, last = talk.rng, talk.turns[-1]
    kind = last.key if last.skill == "remark" else ""
    if kind:
        still = kind not in words.ANIMALS
        tale = new_tale(rng, "", kind, still, trait=rng.choice(plots.TRAITS))
    else:
        tale = new_tale(rng, any_name(rng), rng.choice((*words.ANIMALS, "")), still=False)
    talk.tale = tale
    talk.add(talk.pick(yes), tell(rng, tale), "story", "Once.", tale.name or tale.kind)


def follow_up(talk: Talk) -> None:
    """Go on, shorten, brighten, or ask about the last story."""
    rng, tale = talk.rng, talk.tale
    roll = rng.random()
    if tale is None:
        user = talk.pick(rng.choice((ON, SHORT, HAPPY, WHO)))
        void(talk, user)
        return
    if roll < 0.28:
        text = f"{rng.choice(plots.EVENTS)} {rng.choice(plots.AFTERS)}"
        add(talk, talk.pick(ON), tale.fill(text), "go on", tale.name or tale.kind)
    elif roll < 0.48:
        add(talk, talk.pick(SHORT), shorter(tale), "shorter", tale.name or tale.kind)
    elif roll < 0.66:
        tale.sad = False
        text = tale.fill(rng.choice(plots.HAPPIER))
        add(talk, talk.pick(HAPPY), text, "happier", tale.name or tale.kind)
    else:
        question(talk, tale)


def question(talk: Talk, tale: Tale) -> None:
    """Something that the story itself answers."""
    rng = talk.rng
    kind = rng.randrange(4)
    if kind == 0:
        who = f"{tale.name}, a {tale.kind}" if tale.name else f"a {tale.kind}"
        add(talk, talk.pick(WHO), f"It was about {who}.", "story fact", tale.name or tale.kind)
    elif kind == 1:
        helper = tale.helper
        add(
            talk,
            talk.pick(WHO_HELPED, n=talk.typed(tale.label)),
            f"{helper} helped.",
            "story fact",
            helper,
        )
    elif kind == 2:
        wish = tale.plot.wish.format(x=tale.treasure)
        user = talk.pick(WANTED, n=talk.typed(tale.label))
        add(talk, user, tale.fill("{n} wanted " + wish + "."), "story fact", wish)
    else:
        live = lives(tale)
        user = talk.pick(LIVED, n=talk.typed(tale.label))
        add(talk, user, tale.fill("{n} " + live + " {home}."), "story fact", tale.home)


def add(talk: Talk, user: str, answer: str, skill: str, key: str) -> None:
    talk.add(user, answer, "story" if skill in ("go on", "happier") else skill, "Once.", key)


def void(talk: Talk, user: str) -> None:
    talk.add(user, talk.rng.choice(NO_STORY), "no story", brief="None.", key="story")


def poem(talk: Talk) -> None:
    kind = talk.rng.choice(words.ANIMALS + words.THINGS)
    user = talk.pick(POEM, x=f"a {kind}")
    if kind not in user:
        kind = "moth"
    talk.add(user, talk.rng.choice(plots.POEMS).format(k=kind), "story", brief="Moon.", key=kind)
