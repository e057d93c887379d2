"""What a conversation costs: the tokens that each operation feeds, held against the law.

    python -m benchmarks.ledger [MODEL] [--tokenizer FILE] [--weights FORMAT]

Ten turns with edits, undo, redo, regenerate and continue on a real engine that counts. The law: fed
is that part of the new path which the cache didn't hold, and then the reply, token by token. Exits
with 1 where it doesn't hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from convert.format_names import FORMAT_NAMES
from llama2ncnn_chat.catalogue.bundled import DEMO
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import FoundModel, find_model
from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.conversation.session import Session
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.events import Events
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.model.engine import Cancelled
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer

MAX_TOKENS = 12
"""Of a reply: ten of them have to fit into the smallest context."""

SCENARIO = (
    ("send", "Hello! I am Ann."),
    ("send", "I like green."),
    ("regenerate", ""),
    ("send", "Tell me a story."),
    ("continue", ""),
    ("send", "And then?"),
    ("edit", "And what then?"),
    ("send", "What is my name?"),
    ("undo", "2"),
    ("redo", "1"),
    ("regenerate", ""),
    ("send", "Thank you."),
    ("edit", "Thanks a lot."),
    ("choose", ""),
    ("continue", ""),
    ("send", "What is a fox?"),
    ("undo", "3"),
    ("redo", "3"),
    ("send", "Is it big?"),
    ("undo", "1"),
    ("edit", "What is a dog?"),
    ("send", "Is it small?"),
    ("continue", ""),
    ("send", "Goodbye."),
)


SETTINGS = Settings(sampling=GREEDY, max_tokens=MAX_TOKENS, on_full="stop")
"""Greedy, with short replies; where the context is too short it stops rather than shifts."""


class CountingEngine(NcnnEngine):
    """An engine that knows which tokens its cache holds, and how many it was fed in all."""

    def __init__(self, stem: Path) -> None:
        super().__init__(stem)
        self.fed = 0
        self._ids: list[int] = []

    @property
    def ids(self) -> list[int]:
        """Give the ids in the cache, in order."""
        return self._ids[: self.position]

    def forward(
        self, ids: Sequence[int], cancelled: Cancelled | None = None
    ) -> npt.NDArray[np.float32]:
        """Note the ids and feed them."""
        self._ids[self.position :] = ids
        self.fed += len(ids)
        return super().forward(ids, cancelled)


@dataclass(frozen=True)
class Row:
    """One operation: the ids before the reply, how many of them the cache held, and the reply."""

    operation: str
    path: list[int]
    common: int
    reply: list[int]
    fed: int
    law: int


def session_of(engine: NcnnEngine, model: FoundModel) -> Session:
    """Make an empty session."""
    tokenizer = open_tokenizer(model.tokenizer, model.desc.shape.vocab_size)
    renderer = Renderer(template_of("llama2"), tokenizer, "Be brief.")
    return Session(LocalCompleter(engine, tokenizer), renderer)


def rows(engine: CountingEngine, session: Session) -> Iterator[Row]:
    """Play the scenario; yields a row for each operation."""
    answered: list[int] = []  # what the last new reply was to: the logits after it are kept
    for operation, argument in SCENARIO:
        held, fed, head = engine.ids, engine.fed, session.ledger.head
        generated = operate(session, operation, argument)
        path, reply, steps = session.window(session.ledger.path()), list[int](), 0
        if generated:
            reply = generated.ids[generated.runs[-1].start :]
            path = path[: len(path) - len(reply)]
            # The last token is fed only where it was EOS that came of it.
            steps = len(reply) if generated.finish == "stop" else len(reply) - 1
        common = shared(held, path)
        law = 0
        if generated:
            law = (len(path) - common or int(path != answered)) + steps
            answered = path if generated is not head else answered
        name = f"{operation} {argument}".rstrip()
        yield Row(name, path, common, reply, engine.fed - fed, law)


def operate(session: Session, operation: str, argument: str) -> Turn | None:
    """Carry out one operation; returns the reply that was generated, if one was."""
    if operation == "undo":
        session.undo(int(argument))
    elif operation == "redo":
        session.redo(int(argument))
    elif operation == "choose":
        message = session.ledger.path()[-2]
        session.walk_to(session.ledger.alternatives(message)[0])
    else:
        generations: dict[str, Callable[[], Events]] = {
            "send": lambda: session.send(argument, SETTINGS),
            "edit": lambda: session.edit(argument, session.ledger.path()[-2], SETTINGS),
            "regenerate": lambda: session.regenerate(SETTINGS),
            "continue": lambda: session.proceed(SETTINGS),
        }
        for _ in generations[operation]():
            pass
        return session.ledger.head
    return None


def shared(a: list[int], b: list[int]) -> int:
    """Count the ids that both begin with."""
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n]:
        n += 1
    return n


def main() -> int:
    """Play the scenario and print the table; returns 1 if the law is broken anywhere, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", nargs="?", default=DEMO)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--weights", choices=FORMAT_NAMES)
    args = parser.parse_args()
    model = find_model(args.model, Conversion(args.weights), args.tokenizer)
    engine = CountingEngine(model.stem)
    table = Table("operation", title=f"{model.name}, {model.desc.weights}")
    for name in ("path", "in the cache", "reply", "fed", "law", "equal"):
        table.add_column(name, justify="right")
    holds = True
    for row in rows(engine, session_of(engine, model)):
        counts = (len(row.path), row.common, len(row.reply), row.fed, row.law)
        table.add_row(row.operation, *map(str, counts), "yes" if row.fed == row.law else "NO")
        holds &= row.fed == row.law
    Console().print(table)
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
