"""Makes rows of the ledger's path: values of one moment, for whoever draws while a reply grows.

Pure functions; knows no engine and no template.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..events import Row, Tokens
from ..generation.grammar import is_json
from .ledger import Ledger, Turn, between
from .reasoning import Reasoning


def tokens_of(turn: Turn) -> Tokens:
    """Return the tokens of a turn; those of a message have no choices."""
    return Tokens(tuple(turn.ids), dict(turn.choices))


def rows_of(
    ledger: Ledger, path: Sequence[Turn], first_visible: Turn | None, reasoning: Reasoning
) -> list[Row]:
    """Return a row for each of these turns of the path, which end it."""
    start = n_hidden(path, first_visible)
    return [_row(ledger, turn, start, reasoning) for turn in path]


def row_of(ledger: Ledger, turn: Turn, first_visible: Turn | None, reasoning: Reasoning) -> Row:
    """Return the row of a turn of the path."""
    start = n_hidden(between(first_visible, ledger.head), first_visible)
    return _row(ledger, turn, start, reasoning)


def place_of(first_visible: Turn | None, path: Sequence[Turn]) -> int:
    """Return the place in a path from which on the model sees it."""
    return path.index(first_visible) if first_visible in path else 0


def n_hidden(path: Sequence[Turn], first_visible: Turn | None) -> int:
    """Count the turns out of the model's sight, those before the path's first one, too."""
    return path[place_of(first_visible, path)].depth if path else 0


def _row(ledger: Ledger, turn: Turn, start: int, reasoning: Reasoning) -> Row:
    alternatives, is_reply = ledger.alternatives(turn), turn.role == "assistant"
    fits = not turn.runs or turn.runs[-1].schema is None or is_json(reasoning.answer(turn.text))
    return Row(
        turn.id,
        turn.role,
        turn.text,
        turn.depth,
        alternatives.index(turn) + 1,
        len(alternatives),
        hidden=turn.depth < start,
        begins=0 < turn.depth == start,
        finish=turn.finish,
        max_tokens_reached=turn.max_tokens_reached,
        limit_unknown=turn.limit_unknown,
        stop_met=turn.runs[-1].stop_met if turn.runs else None,
        json_cut=not fits,
        reasoning_begun=is_reply and reasoning.begun,
        n_reasoning=reasoning.count(turn) if is_reply else 0,
        are_tokens=reasoning.vocabulary.ids_are_tokens,
    )
