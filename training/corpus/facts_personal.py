"""The facts of a person: name, birthday, age, home, job, favourites, relatives, pets and numbers.
`FACTS` lists those with a fixed key; places, counts and colours of things are made as needed."""

from __future__ import annotations

from training.corpus import words
from training.corpus.facts import Fact, age, favourite, from_list, numeric, relative
from training.corpus.grammar import Wording, listed
from training.corpus.talk import Talk

NAME = Fact(
    "name",
    Talk.name,
    Wording(
        "(My|my) name is {v}.",
        "(Hi|Hello|Hey)(,|!) (my name is|I'm|I am|my name's) {v}.",
        "I'm {v}.",
        "I am (called|named) {v}.",
        "(You can |Please |)call me {v}.",
        "(People|My friends|They|Everyone) call(s|) me {v}.",
        "My (first |)name's {v}.",
        "(It's|This is) {v} (here|speaking).",
        "The name is {v}.",
        "Remember that my name is {v}.",
        "{v} is my name.",
        "I go by {v}.",
        "Let me introduce myself: I'm {v}.",
        "(I am|I'm) {v}, (nice|good|pleased) to meet you.",
        "(Please |)(remember|note) my name: {v}.",
        "(The people|Folks|Friends|All my friends) (here |)call me {v}.",
        "(Everyone|Everybody here|Each of my friends) (knows|calls) me (as |){v}.",
        "(You may|You should|You must) call me {v}.",
        "My name (would be|happens to be|was always) {v}.",
        "(Know that|By the way,|Oh,) I'm {v}.",
        held=(
            "Good to meet you, I'm {v}.",
            "Just so you know, my name is {v}.",
            "Everybody calls me {v}.",
            "Hi there! {v} is my name.",
            "You should know that I'm called {v}.",
        ),
    ),
    Wording(
        "(What is|What's) my name?",
        "(What is|What's) my name( again|, please|)?",
        "(Do you (remember|recall|know)|Can you (remember|tell me)) my name?",
        "Who am I?",
        "(Tell|Remind) me( again|) (my name|what my name is|who I am).",
        "(What did I say|What did I tell you) my name (is|was)?",
        "What am I called?",
        "What do (people|my friends|they) call me?",
        "(Do you (know|remember)|Can you tell me|Say) (who I am|what I'm called|what my name is)?",
        "(Did you forget|Have you forgotten) my name?",
        "(Say|Repeat) my name.",
        "My name is?",
        "(You know|Guess|And what is|And) my name?",
        "(Which|What) name (do I have|have I got|did I tell you|did I say)?",
        "(Can|Could) you (tell me|repeat|give me) my name( again|, please|)?",
        "(Say|Tell me|Name me|Repeat) who I am.",
        "(Who|What) did I say I (am|was)?",
        "(What|Which) name (am I called by|goes with me|is it that I have)?",
        "By what name (do you know|should you call) me?",
        "(Do you (have|know)|Are you sure of) my name?",
        "What (do you call me|will you call me|name is mine)?",
        "Who (are you talking to|is talking to you|is speaking)?",
        "How am I called?",
        "I forgot my name. What is it?",
        "What was my name( again|)?",
        held=(
            "Do you still know my name?",
            "Do you still remember who I am?",
            "Can you say my name?",
            "Please tell me what I am called.",
            "What name did I give you?",
            "So, what's my name then?",
        ),
    ),
    "your name is {v}",
    "your name",
    (
        "Hello, {v}! (Nice to meet you.|It is nice to meet you.|I'm glad to meet you.)",
        "Nice to meet you, {v}! (What shall we talk about?|Would you like a story?|)",
        "Hi, {v}! I will remember that.",
    ),
)


BIRTHDAY = Fact(
    "birthday",
    lambda talk: f"{talk.typed(talk.rng.choice(words.MONTHS))} {talk.rng.randint(1, 28)}",
    Wording(
        "My birthday is (on |){v}.",
        "I was born on {v}.",
        "(We celebrate|I have|They celebrate) my birthday (on|every) {v}.",
        "{v} is (my birthday|the day I was born).",
        "I have my birthday on {v}.",
        held=("I celebrate my birthday on {v}.",),
    ),
    Wording(
        "When is my birthday?",
        "When was I born?",
        "(What|Which) (day|date) (is my birthday|was I born)( on|)?",
        "(On which date|What date) is my birthday?",
        "(Do you remember|Can you tell me|Do you know) (when my birthday is|my birthday)?",
        held=("On which day is my birthday?", "Do you still know my birthday?"),
    ),
    "your birthday is {v}",
    "when your birthday is",
)
AGE = Fact(
    "age",
    age,
    Wording(
        "I am {v}( years old|).",
        "I'm {v}( years old|).",
        "My age is {v}.",
        "I (just turned|turned) {v}.",
        held=("I've just had my birthday and now I'm {v}.", "I am already {v} years old."),
    ),
    Wording(
        "How old am I?",
        "(What is|What's) my age?",
        "(Do you (remember|know)|Can you tell me) (how old I am|my age)?",
        "(Tell|Remind) me (how old I am|my age).",
        held=("How many years old am I?", "Do you still know how old I am?"),
    ),
    "you are {v}",
    "how old you are",
)
HOME = Fact(
    "home",
    lambda talk: (
        talk.typed(talk.rng.choice(words.TOWNS)) if talk.rng.random() < 0.6 else talk.name()
    ),
    Wording(
        "I (live|am living) in {v}.",
        "I'm from {v}.",
        "I come from {v}.",
        "(My home is|My home town is) {v}.",
        "I (just |)moved to {v}.",
        held=("These days I live in {v}.", "The town I live in is {v}."),
    ),
    Wording(
        "Where do I live?",
        "Where (am I|do I come) from?",
        "(Do you (remember|know)|Can you tell me) where I live?",
        "(Which|What) (town|city|place) do I live in?",
        "(Tell|Remind) me where I live.",
        "Where did I (say|tell you) I live?",
        held=("Do you still know where I live?", "In which town do I live?"),
    ),
    "you live in {v}",
    "where you live",
)
JOB = Fact(
    "job",
    from_list(words.JOBS, 0.0),
    Wording(
        "I (work as|am) a {v}.",
        "I'm a {v}.",
        "My job is {v}.",
        "I earn my living as a {v}.",
        held=("At work I am a {v}.", "I have a job as a {v}."),
    ),
    Wording(
        "What is my job?",
        "What('s| is) my (job|work|profession)?",
        "What do I do (for a living|for work)?",
        "(Do you (remember|know)|Can you tell me) (what my job is|my job|what I do)?",
        "(Tell|Remind) me what my job is.",
        held=("Do you still know my job?", "What do I work as?"),
    ),
    "you are a {v}",
    "what your job is",
)

FACTS: tuple[Fact, ...] = (
    favourite("colour", "(colour|color)", words.COLOURS),
    favourite("food", "food", words.FOODS),
    favourite("drink", "drink", words.DRINKS),
    favourite("fruit", "fruit", words.FRUITS),
    favourite("animal", "animal", words.ANIMALS),
    favourite("hobby", "hobby", words.HOBBIES),
    favourite("season", "season", words.SEASONS),
    favourite("instrument", "instrument", words.INSTRUMENTS),
    favourite("day", "day", words.DAYS),
    *(
        relative(who)
        for who in listed("sister brother friend mother father teacher boss neighbour")
    ),
    *(relative(who, "pet") for who in listed("dog cat horse rabbit hamster parrot goldfish")),
    *(numeric(f"n {n}", n) for n in ("lucky number", "favourite number", "code", "number")),
    *(numeric(f"n {n}", n) for n in ("room number", "secret number")),
    BIRTHDAY,
    AGE,
    HOME,
    JOB,
)
COUNTABLE = listed("book apple plant cat dog chair car hat stamp coin cousin toy plate lamp shoe")
COLOURABLE = listed("car bike house hat coat boat sofa door bag shirt guitar umbrella kitchen")
