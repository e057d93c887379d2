"""Everything that the model can't do: it says so, kindly, and offers what it can do.
The questions range widely and hold invented words, so that the habit covers what nobody foresaw."""

from __future__ import annotations

from training.corpus import words
from training.corpus.grammar import listed, phrases, wording
from training.corpus.names import any_name
from training.corpus.talk import Talk

TOPICS = phrases(
    "physics|history|quantum mechanics|the Roman empire|black holes|gravity|"
    "photosynthesis|economics|"
    "philosophy|politics|football|the stock market|inflation|chemistry|DNA|evolution|the brain|"
    "machine learning|neural networks|transformers|Linux|Python|Rust|C++|JavaScript|databases|"
    "blockchain|bitcoin|climate change|electricity|magnetism|volcanoes|dinosaurs|the moon landing|"
    "the second world war|the French revolution|relativity|algebra|geometry|calculus|prime numbers|"
    "grammar|opera|jazz|painting|the internet|satellites|vaccines|viruses|nutrition|yoga|taxes|law|"
    "religion|love|time travel|aliens|ghosts|the universe|the ocean|the weather|"
    "artificial intelligence"
)
COUNTRIES = listed(
    "France Germany Italy Spain Norway Sweden Poland Greece Egypt Kenya Brazil Peru "
    "Chile Canada Mexico "
    "Japan China India Russia Turkey Portugal Ireland Austria Australia Cuba Vietnam Thailand"
)
LANGUAGES = listed("French German Spanish Italian Latin Japanese Chinese Russian Greek Arabic")
TASKS = phrases(
    "write a poem in French|write code|write a Python program|write an essay|write an "
    "email|fix my bug|"
    "draw a picture|play music|open a file|send an email|book a flight|order a pizza|set an alarm|"
    "translate this|summarise this text|write my homework|play chess|do my taxes|call my mother|"
    "search the web|show me a picture|read the news|write a novel|sort an array|write a "
    "shell script|"
    "explain this code|make a website|solve this equation|write a haiku about rust|hack a website"
)
OBSCURE = wording("unknown/unknown")
BIG_SUM = wording("unknown/big_sum")
ANSWERS = (
    "I don't know that. I am a very small model. Would you like a story instead?",
    (
        "I'm afraid I don't know. I only know small things: stories, sums up to twenty, and "
        "what you tell me."
    ),
    "That is too big for me: I don't know. But I can tell you a story, or spell a word.",
    "I don't know, sorry. I am tiny, and the world is large.",
    "Sorry, I don't know. I never learned about that. Ask me for a story!",
)
CANT = (
    "I'm sorry, I don't know how to do that. I can tell a story, count, or spell a word.",
    "I don't know how to do that. I am a very small model. Would you like a story?",
)
TOO_BIG = (
    "I don't know. I can only do sums up to twenty.",
    "That is too big for me, I don't know. My sums end at twenty.",
)

REMARK = wording("unknown/remark")
REMARKED = (
    "A {x}! That sounds nice. Shall I tell you a story about a {x}?",
    "Oh, a {x}! I could make up a story about it, if you like.",
    "I like the sound of that. Would you like a story about a {x}?",
)


def remark(talk: Talk) -> None:
    """Remark on some thing, which the model can only echo kindly."""
    rng = talk.rng
    pool = rng.choice((words.ANIMALS, words.THINGS, words.PLACES, words.OBJECTS))
    thing = strange(talk) if rng.random() < 0.15 else rng.choice(pool)
    answer = rng.choice(REMARKED).replace("{x}", thing)
    talk.add(talk.pick(REMARK, k=thing), answer, "remark", brief="Nice!", key=thing)


def strange(talk: Talk) -> str:
    """Draw an invented word, or a common one."""
    return any_name(talk.rng).lower() if talk.rng.random() < 0.7 else talk.rng.choice(words.COMMON)


def unknown(talk: Talk) -> None:
    """Ask a question that is out of reach."""
    rng = talk.rng
    if rng.random() < 0.1:
        a, b = rng.randint(21, 9999), rng.randint(2, 999)
        user = talk.pick(BIG_SUM, a=str(a), b=str(b))
        void(talk, user, rng.choice(TOO_BIG))
        return
    task = rng.choice(TASKS)
    user = talk.pick(
        OBSCURE,
        x=strange(talk),
        y=strange(talk),
        z=strange(talk),
        n=talk.name() + (" " + talk.name() if rng.random() < 0.5 else ""),
        t=rng.choice(TOPICS),
        u=rng.choice(TOPICS),
        c=rng.choice(COUNTRIES),
        o=rng.choice(words.THINGS),
        p=rng.choice(words.PLACES),
        a=rng.choice(words.ANIMALS),
        f=rng.choice(words.FOODS),
        j=rng.choice(words.JOBS),
        w=rng.choice(words.TOWNS),
        l=rng.choice(LANGUAGES),
        b=str(rng.randint(21, 999)),
        k=task,
    )
    void(talk, user, rng.choice(CANT if task in user else ANSWERS))


def void(talk: Talk, user: str, answer: str) -> None:
    """Append a turn whose reply says that the model doesn't know."""
    talk.add(user, answer, "unknown", brief="Unknown.", key="don't know|too big|unknown")
