"""Lists sessions and finds one by what a person calls it. Knows the tables, and reads no turns."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from ..errors import Advice, ChatError
from .database import Database
from .reading import text_of, time_of
from .search import search_sessions

_INFO = """
SELECT id, name, model, tokenizer, stated, updated,
    (SELECT count(*) FROM turn WHERE turn.session = session.id) AS n_turns,
    (SELECT substr(text, 1, 500) FROM turn
     WHERE turn.session = session.id AND role = 'user' ORDER BY id LIMIT 1) AS first_text
FROM session
WHERE deleted_at IS NULL AND EXISTS (SELECT 1 FROM turn WHERE turn.session = session.id)
ORDER BY updated DESC, id DESC
"""

_INFO_TEXTS = ("name", "model", "tokenizer", "stated", "first_text")


@dataclass(frozen=True)
class SessionInfo:
    """A row of the list. ``first_text`` is the first message, for those without a name;
    ``snippet`` where a search hit, the words between the two marks of ``HIT``."""

    id: int
    name: str
    model: str
    tokenizer: str
    stated: str
    updated: float
    n_turns: int
    first_text: str
    snippet: str = ""


def list_sessions(db: Database, search: str = "", limit: int = -1) -> list[SessionInfo]:
    """List sessions, newest first; with ``search``, those that have its words. -1 is no limit."""
    if not search.strip():
        return [_info(row) for row in db.rows(f"{_INFO} LIMIT ?", limit)]
    hits = search_sessions(db, search)
    rows = db.rows(_INFO)
    found = [_info(row, hits[row["id"]]) for row in rows if row["id"] in hits]
    return found[:limit] if limit >= 0 else found


def find_session(db: Database, what: str) -> SessionInfo:
    """Find a session by id, by name, or by what only one name begins with.

    Raises ``ChatError`` for none and for several.
    """
    wanted = what.strip().casefold()
    infos = list_sessions(db)
    found = (
        [info for info in infos if str(info.id) == wanted]
        or [info for info in infos if info.name.casefold() == wanted != ""]
        or [info for info in infos if info.name.casefold().startswith(wanted) and wanted]
    )
    if len(found) == 1:
        return found[0]
    if not found:
        raise ChatError(f"no session {what.strip()!r}", Advice.LIST_SESSIONS)
    names = ", ".join(f"{info.id} ({info.name})" for info in found[:10])
    raise ChatError(f"{what.strip()!r} may be {len(found)} sessions: {names}", "give its number")


def _info(row: sqlite3.Row, snippet: str = "") -> SessionInfo:
    """Return a row of the list, whatever stands in it."""
    texts = {name: text_of(row[name]) for name in _INFO_TEXTS}
    return SessionInfo(
        id=row["id"],
        updated=time_of(row["updated"]),
        n_turns=row["n_turns"],
        snippet=snippet,
        **texts,
    )
