"""Everything that the model can't do: it says so, kindly, and offers what it can do.
The questions range widely and hold invented words, so that the habit covers what nobody foresaw."""

from __future__ import annotations

from training.corpus import words
from training.corpus.grammar import Wording, listed, phrases
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
OBSCURE = Wording(
    "(Who|What) (is|was|are) {x}?",
    "(What is|What's) (a|an|the) {x}?",
    "(Who|What) (was|is) {n}?",
    "(Tell me|Explain|Teach me|Talk) about {t}.",
    "(Explain|Describe|Define|Discuss) {t}( to me| in simple words|).",
    "What (is|do you know about|do you think about|do you think of) {t}?",
    "How (does|do) {t} work?",
    "(What is|What's) the capital of {c}?",
    "(Where is|How big is|How far is|Tell me about) {c}?",
    "(Who is|Who's|Who was) the (president|king|queen|prime minister|leader) of {c}?",
    "How many people live in {c}?",
    (
        "(Who) (invented|discovered|built|wrote|painted|founded|won) (the {o}|{t}|the {p}|"
        "the world cup|Hamlet|Faust|the Mona Lisa)?"
    ),
    "When (was|did) {n} (born|die|king|live)?",
    (
        "Why (is|are|does|do) (the sky blue|grass green|the sea salty|people sleep|cats purr|"
        "birds sing|water wet|we dream|{a}s so funny|the sun hot|it rain)?"
    ),
    (
        "(What is|What's) the (tallest|biggest|longest|oldest|fastest|highest|deepest) "
        "(building|river|animal|mountain|city|{p}|{a}) (in the world|on earth|in {c}|)?"
    ),
    "How (tall|heavy|old|far|fast|big|deep|hot) is (a|the) ({a}|{o}|{p}|sun|moon|sea)?",
    "(Can|Could|Will|Would) you {k}( for me| please|)?",
    "(Please |){k}" + "( for me|).",
    (
        "How (do|can|should) I (make|bake|cook|build|fix|clean|sell|find|buy) (a|the|my) "
        "({f}|{o}|{x}|bread|soup)?"
    ),
    (
        "How do I (learn {t}|get rich|lose weight|become a {j}|get to {w}|install {t}|find a "
        "job|sleep better)?"
    ),
    "(What is|What's) the (weather|time|date|news)( today| now| in {w}| like|)?",
    "(What time|What day|What year|What month) is it( now| today|)?",
    "(Will|Is|Does) it (rain|raining|snow|sunny|cold)( today| tomorrow| in {w}|)?",
    "(How do you say|What is) {o} in {l}?",
    "Translate (this|{o}|good morning|I love you) (to|into) {l}.",
    "(Do you speak|Speak|Can you speak) {l}(?|)",
    (
        "What (is|are) the (meaning of life|best film|rules of chess|population of {c}|price "
        "of {o}s|currency of {c}|boiling point of water|speed of light|square root of {b}|"
        "news)?"
    ),
    (
        "(Should|Must|Can) I (buy|eat|sell|marry|visit|trust|take) (a {o}|{n}|{f}|{w}|it|"
        "medicine|a {a})?"
    ),
    "(Which|What) is better, {t} or {u}?",
    "Compare {t} and {u}.",
    "What happened (in|at|to) (1{b}|{c}|{n}|{w})?",
    "(Recommend|Suggest) (me |)a (book|film|song|restaurant|recipe|game|present)( for {n}|).",
    (
        "Give me (a recipe for {f}|advice|money|five facts about {t}|a list of {a}s|"
        "directions to {w})."
    ),
    "How much (does a {o} cost|is a {o})?",
    "(Is|Are) {t} (good|real|dangerous|true|hard|important)?",
    "(I think|I believe|I heard that) {t} is (important|boring|great|a lie|hard|dead).",
    "What (do|does) {n} (do|eat|think|want|mean)?",
    "{x}?",
    "{x} {y} {z}",
    "(How far (away |)is|Where is|Is) {w}( from here| near| big|)?",
    "(Your|What is your|Give me your) (opinion|view|idea) (of|about|on) {t}(?|.)",
    (
        "(Who|Do you know who) (is|was) (the first|the last|the best) (person|man|woman|king|"
        "painter) (to see {t}|in {c}|of all)?"
    ),
    "(Which|What) (city|town|river|language|food|flag) (is|does) {c} (have|known for)?",
    "(Can you help me|I need help|I want help) (to understand|with|to learn) {t}(?|.)",
    "(How can|How do|Can) (I|one|you) (repair|mend|clean|paint|build) a {o}?",
    "(asdf|qwerty|asdfgh|blah|blah blah|foo bar|test 1 2 3|hjkl|xyz|...|?|???|huh?|test|testing)",
    "What does {x} mean?",
    "Did {n} (win|die|marry|come|call)?",
    "def {x}",
    "My {o} (is broken|does not work|makes a {x} noise). What (should|can) I do?",
    held=(
        "Which city is the capital of {c}?",
        "I'd like to understand {t}. Can you help?",
        "Do you happen to know who {n} is?",
        "Give me a short introduction to {t}.",
        "What's your opinion on {t}?",
        "How would one repair a {o}?",
        "Is {w} far away from here?",
        "Who was the first person to see a {x}?",
    ),
)
BIG_SUM = Wording(
    "(What is|What's|How much is|Calculate|) {a} (+|plus|-|minus|*|times|/|divided by|x) {b}?",
    "{a} (*|x|times|/) {b}(?|)",
    "(What is|What's) the square root of {a}?",
    held=("Can you work out {a} times {b}?",),
)
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

REMARK = Wording(
    (
        "I (have|saw|bought|found|lost|like|love|want|need|broke|sold|painted|have got) (a|"
        "the|my|your) {x}( today| yesterday| once|)."
    ),
    (
        "(My|The|Our) {x} is (very |so |)(big|small|old|new|red|nice|broken|loud|funny|far "
        "away|beautiful)."
    ),
    "There is a {x} (outside|here|in my room|in the garden|on the roof).",
    "(It is|It's) a {x}.",
    "I (made|ate|drank|cooked|saw|dreamed of) (a|the) {x} (this morning|last night|today).",
    "(Look|Wow), a {x}!",
    "I (like|love|hate) {x}s.",
    "Today I (played with|went to|talked about|looked at|thought of) (a|the) {x}.",
    "{x}",
    "A {x}.",
    held=("Somebody gave me a {x}.", "Yesterday there was a {x} in my street."),
)
REMARKED = (
    "A {x}! That sounds nice. Shall I tell you a story about a {x}?",
    "Oh, a {x}! I could make up a story about it, if you like.",
    "I like the sound of that. Would you like a story about a {x}?",
)


def remark(talk: Talk) -> None:
    """A remark about some thing, which the model can only echo kindly."""
    rng = talk.rng
    pool = rng.choice((words.ANIMALS, words.THINGS, words.PLACES, words.OBJECTS))
    thing = strange(talk) if rng.random() < 0.15 else rng.choice(pool)
    answer = rng.choice(REMARKED).replace("{x}", thing)
    talk.add(talk.pick(REMARK, x=thing), answer, "remark", brief="Nice!", key=thing)


def strange(talk: Talk) -> str:
    return any_name(talk.rng).lower() if talk.rng.random() < 0.7 else talk.rng.choice(words.COMMON)


def unknown(talk: Talk) -> None:
    """One question that is out of reach."""
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
    talk.add(user, answer, "unknown", brief="Unknown.", key="don't know|too big|unknown")
