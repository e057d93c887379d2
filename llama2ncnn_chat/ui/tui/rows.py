"""The session's path as rows for the transcript. Pure functions; knows no widget's insides."""

from __future__ import annotations

from collections.abc import Sequence

from ...conversation.ledger import Turn
from ...conversation.session import Session
from .turn_view import Row


def rows_of(session: Session) -> list[Row]:
    """Every turn of the path, with its place among its alternatives and whether it is seen."""
    path = session.ledger.path()
    start = path.index(session.first_visible) if session.first_visible in path else 0
    rows = []
    for i, turn in enumerate(path):
        alternatives = session.ledger.alternatives(turn)
        position = alternatives.index(turn) + 1
        rows.append(Row(turn, position, len(alternatives), i < start, 0 < i == start))
    return rows


def rows_to_come(rows: Sequence[Row], message: str, *, edits: bool) -> list[Row]:
    """The rows as they will be: a message (empty: the last one again) and a reply to it."""
    at = max((i for i, row in enumerate(rows) if row.turn.role == "user"), default=-1)
    kept = list(rows)
    if edits:
        kept = kept[:at]
    elif not message:
        kept = kept[: at + 1]
    if message:
        kept.append(Row(Turn("user", message.strip(), []), expected=True))
    return [*kept, Row(Turn("assistant", "", []), expected=True)]


def messages_after(path: Sequence[Turn], turn: Turn) -> int:
    """How many messages have to be undone so that the turn's own one is the last."""
    return sum(1 for each in path[path.index(turn) + 1 :] if each.role == "user")
