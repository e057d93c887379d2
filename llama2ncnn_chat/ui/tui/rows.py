"""The session's path as rows for the transcript. Pure functions; knows no widget's insides."""

from __future__ import annotations

from collections.abc import Sequence

from ...conversation.ledger import Turn
from ...conversation.renderer import n_hidden
from ...conversation.session import Session
from .turn_view import Row


def rows_of(session: Session) -> list[Row]:
    """Every turn of the path, with its place among its alternatives and whether it is seen."""
    path = session.ledger.path()
    start = n_hidden(path, session.first_visible)
    rows = []
    for i, turn in enumerate(path):
        alternatives = session.ledger.alternatives(turn)
        position = alternatives.index(turn) + 1
        rows.append(Row(turn, position, len(alternatives), i < start, 0 < i == start))
    return rows


def rows_to_come(rows: Sequence[Row], message: str, edits: Turn | None) -> list[Row]:
    """The rows as they will be: a message (empty: the last one again) and a reply to it."""
    kept = list(rows)
    if edits:
        kept = kept[: next((i for i, row in enumerate(rows) if row.turn is edits), len(rows))]
    elif not message:
        at = max((i for i, row in enumerate(rows) if row.turn.role == "user"), default=-1)
        kept = kept[: at + 1]
    if message:
        kept.append(Row(Turn("user", message.strip(), []), expected=True))
    return [*kept, Row(Turn("assistant", "", []), expected=True)]
