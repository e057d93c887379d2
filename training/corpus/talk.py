"""A `Talk` is one conversation while it is being written: what was said and told so far.
Generators append turns to it; each turn may carry the `key` that a correct reply must contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from training.corpus import names
from training.corpus.grammar import Wording, articles, capital, sloppy
from training.corpus.tales import Tale


@dataclass
class Turn:
    """One exchange; `brief` is the answer in one word, `key` what the evaluation looks for."""

    user: str
    answer: str
    brief: str
    key: str
    skill: str
    styled: bool = True


Style = Callable[[Turn, Random], str]


@dataclass(frozen=True)
class Fact:
    """One kind of fact: how it is told and asked. `said` is how the model states it, `{v}` the
    value; `ack` are answers of its own to being told."""

    key: str
    value: Callable[[Talk], str]
    tell: Wording
    ask: Wording
    said: str
    thing: str
    ack: tuple[str, ...] = ()


@dataclass
class Talk:
    """The conversation so far. `held` uses the wordings and `new_names` the names kept aside."""

    rng: Random
    held: bool = False
    new_names: bool = False
    system: str | None = None
    style: Style | None = None
    bot_name: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    known: dict[str, Fact] = field(default_factory=dict)
    told_at: dict[str, int] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    quoted: set[str] = field(default_factory=set)
    tale: Tale | None = None

    def __post_init__(self) -> None:
        self.lower = self.rng.random() < 0.3
        self.bare = self.rng.random() < 0.35

    def name(self) -> str:
        """Draw a name as this person types it; an answer that begins with it keeps its letters."""
        name = self.typed(self.some_name())
        self.quoted.add(name)
        return name

    def some_name(self) -> str:
        """Draw a name of the side that this conversation draws from."""
        if self.new_names:
            return names.unseen_name(self.rng)
        if self.held:
            return self.rng.choice(names.KNOWN)
        return names.maybe_full(self.rng, names.any_name(self.rng))

    def typed(self, text: str) -> str:
        """Write a value as this person types it: answers echo it in the same letters."""
        return text.lower() if self.lower else text

    def offered(self) -> bool:
        """Tell whether the last reply offered a story."""
        last = self.turns[-1].answer if self.turns else ""
        return last.endswith("?") and "story" in last

    def pick(self, wording: Wording, **slots: str) -> str:
        """Pick a wording of the side that this conversation draws from."""
        return wording.pick(self.rng, self.held, **slots)

    def add(
        self,
        user: str,
        answer: str,
        skill: str,
        brief: str = "",
        key: str = "",
        styled: bool = True,
    ) -> Turn:
        """Append a turn: the user's words made sloppy, the answer in the talk's style."""
        user = sloppy(self.rng, capital(articles(user)), self.lower, self.bare)
        answer = articles(answer).strip()
        if not any(answer.startswith(name) for name in self.quoted):
            answer = capital(answer)
        turn = Turn(user, answer, brief, key or brief, skill, styled)
        if self.style is not None:
            turn.answer = self.style(turn, self.rng)
        self.turns.append(turn)
        return turn

    def add_exact(self, user: str, key: str, skill: str) -> Turn:
        """Append a turn whose answer is the key itself, letter for letter."""
        turn = self.add(user, key + ".", skill, key=key)
        turn.answer = turn.answer.replace(capital(key), key)
        return turn
