"""The conversation as a tree of turns, each with the exact ids that went through the model.

Text is a view of it and is never encoded a second time. Regenerating and editing add siblings, so
nothing is ever lost. Knows no engine, no template and no storage.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..events import Choice, FinishReason, Role, Timings, used_up
from ..generation.settings import Sampling

_ids = itertools.count(1)


@dataclass(frozen=True)
class Run:
    """One generation of a reply, or of a part of it that was added later.

    ``start`` is how many ids the reply had before; with ``seed``, ``sampling`` and the limits it
    is all that is needed to generate the same ids again. ``stop_met`` is the person's stop string
    that ended it, if one did. The first ``n_begun`` ids of the reply were given and not sampled.
    ``schema`` is the text of the JSON schema that it had to fit. ``n_told`` is how many tokens it
    has where its ids are none: as the engine counts, 0 if that doesn't tell.
    """

    start: int
    seed: int
    sampling: Sampling
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    stop_met: str | None = None
    n_begun: int = 0
    schema: str | None = None
    n_told: int | None = None


@dataclass(eq=False)
class Turn:
    """A message or a reply. Compared by identity: two replies may well say the same.

    ``ids`` are a message's as the template renders it, or a reply's as they were sampled, without
    EOS. ``finish`` is None for a message, and for a reply that was never finished (the program was
    killed). ``id`` names it as long as the program runs, ``key`` is the store's number for it.
    ``onward`` is the child that the path last went through, ``depth`` how many turns are above.
    ``choices`` are known of tokens of a reply, by their index, where they were asked for; they
    aren't stored.
    """

    role: Role
    text: str
    ids: list[int]
    parent: Turn | None = field(default=None, repr=False)
    children: list[Turn] = field(default_factory=list, repr=False)
    finish: FinishReason | None = None
    runs: list[Run] = field(default_factory=list)
    timings: Timings | None = None
    key: int | None = None
    onward: Turn | None = field(default=None, repr=False)
    choices: dict[int, Choice] = field(default_factory=dict, repr=False)
    id: int = field(default_factory=_ids.__next__)
    depth: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.depth = self.parent.depth + 1 if self.parent else 0

    @property
    def is_partial(self) -> bool:
        """Whether it is a reply that didn't come to its own end."""
        return self.role == "assistant" and self.finish != "stop"

    @property
    def n_begun(self) -> int:
        """How many of a reply's ids were given to begin it: as words, or as a token picked."""
        return self.runs[0].n_begun if self.runs else 0

    @property
    def max_tokens_reached(self) -> int | None:
        """The limit of its last run, where that was as long as it might be."""
        if not self.runs:
            return None
        run = self.runs[-1]
        n = len(self.ids) - run.start if run.n_told is None else run.n_told
        return run.max_tokens if used_up(run.max_tokens, n) else None

    @property
    def limit_unknown(self) -> bool:
        """Whether nobody can tell if that limit has ended its last run, for nobody has counted."""
        run = self.runs[-1] if self.runs else None
        return run is not None and run.max_tokens is not None and run.n_told == 0


class Ledger:
    """The tree, and the path through it that is the conversation now.

    ``head`` is the last turn of the path, None for an empty conversation. What an undo left ahead
    of it stays in the tree, so that ``redo`` works in a later run of the program as well.
    ``n_runs`` counts the runs that have begun, ``n_replies`` the replies that were added, both less
    those of turns that came to nothing.
    """

    def __init__(self) -> None:
        self.roots: list[Turn] = []
        self.head: Turn | None = None
        self.n_runs = self.n_replies = 0
        self._onward: Turn | None = None  # of the roots

    def path(self) -> list[Turn]:
        """Return the turns from the first to the head."""
        return between(None, self.head)

    def end(self) -> Turn | None:
        """Return what the next message follows: the path's last reply, None if there is none.

        A program killed between a message and its reply leaves the message at the end; what is
        sent then stands beside it, for the template knows no two messages in a row.
        """
        return self.head.parent if self.head and self.head.role == "user" else self.head

    def after(self, turn: Turn) -> Turn | None:
        """Return what follows a turn of the path, on the path; None if it is the last."""
        path = self.path()
        return next(iter(path[path.index(turn) + 1 :]), None)

    def turns(self) -> Iterator[Turn]:
        """Go through every turn of the tree, parents before children."""
        return below(self.roots)

    def turn(self, id: int) -> Turn:
        """Find the turn of that id. Raises ``KeyError``."""
        for turn in self.turns():
            if turn.id == id:
                return turn
        raise KeyError(id)

    def add(self, turn: Turn) -> Turn:
        """Append a new turn to the head and make it the head; returns it."""
        turn.parent = self.head
        turn.depth = self.head.depth + 1 if self.head else 0
        self._siblings(turn).append(turn)
        self.n_replies += turn.role == "assistant"
        self.move(turn)
        return turn

    def begin(self, reply: Turn, run: Run) -> None:
        """Begin a run of a reply, which is unfinished from then on."""
        reply.runs.append(run)
        reply.finish = None
        self.n_runs += 1

    def remove(self, turn: Turn) -> None:
        """Remove a turn that came to nothing; it must be a leaf."""
        assert not turn.children, "only a leaf can be removed"
        self.n_runs -= len(turn.runs)
        self.n_replies -= turn.role == "assistant"
        self._siblings(turn).remove(turn)
        if turn.parent and turn.parent.onward is turn:
            turn.parent.onward = None
        if self._onward is turn:
            self._onward = None
        if self.head is turn:
            self.head = turn.parent

    def move(self, turn: Turn | None) -> None:
        """Make ``turn`` the head; the path to it is what comes back when its ancestors are met."""
        for child in steps(self.head, turn):  # above, all lead to the head already
            if child.parent:
                child.parent.onward = child
            else:
                self._onward = child
        self.head = turn

    def last(self, role: Role) -> Turn | None:
        """Find the path's last turn of that role."""
        return next((turn for turn in _up(self.head) if turn.role == role), None)

    def undo(self, n: int = 1) -> list[Turn]:
        """Step back over the last ``n`` messages and their replies; returns the messages."""
        undone = []
        for _ in range(n):
            message = self.last("user")
            if message is None:
                break
            self.head = message.parent
            undone.append(message)
        return undone

    def redo(self, n: int = 1) -> int:
        """Step forward over ``n`` messages and their replies, where the path last led, as far as
        there are any; returns how many."""
        done = 0
        while done < n and (turn := self._ahead(self.head)):
            self.move((turn.role == "user" and self._ahead(turn)) or turn)
            done += 1
        return done

    def alternatives(self, turn: Turn) -> list[Turn]:
        """List the turn and its siblings, in the order they were made."""
        return list(self._siblings(turn))

    def walk_to(self, turn: Turn) -> None:
        """Make an alternative part of the path, which goes on to where it last ended below it."""
        while ahead := self._ahead(turn):
            turn = ahead
        self.move(turn)

    def _ahead(self, turn: Turn | None) -> Turn | None:
        """Return the child that the path last went through, or else that was made last."""
        onward, children = (turn.onward, turn.children) if turn else (self._onward, self.roots)
        return onward or (children[-1] if children else None)

    def _siblings(self, turn: Turn) -> list[Turn]:
        return turn.parent.children if turn.parent else self.roots


def between(first: Turn | None, last: Turn | None) -> list[Turn]:
    """Return the turns from ``first`` to ``last``, or all above that where ``first`` isn't.

    No more turns are looked at: the path may be very long.
    """
    found = []
    for turn in _up(last):
        found.append(turn)
        if turn is first:
            break
    return found[::-1]


def below(roots: Iterable[Turn]) -> Iterator[Turn]:
    """Go through these turns and all that follow them, parents before children."""
    waiting = list(roots)[::-1]
    while waiting:
        turn = waiting.pop()
        yield turn
        waiting += reversed(turn.children)


def steps(old: Turn | None, new: Turn | None) -> list[Turn]:
    """Return the turns of the path to ``new`` that aren't on the path to ``old``, the last first.

    As many turns are looked at as the two paths have for themselves.
    """
    found = []
    while new is not old:
        if old and (new is None or old.depth > new.depth):
            old = old.parent
        elif new:
            found.append(new)
            new = new.parent
    return found


def _up(turn: Turn | None) -> Iterator[Turn]:
    while turn is not None:
        yield turn
        turn = turn.parent
