"""Lists sessions and finds one by what a person calls it. Knows the tables, and reads no turns."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from ..errors import Advice, ChatError
from .database import Database
from .reading import text_of, time_of
from .search import search_sessions

_INFO = """
SELECT id, name, model, tokenizer, stated, updated,
    (SELECT count(*) FROM turn WHERE turn.session = session.id AND role = 'user') AS n_exchanges,
    (SELECT substr(text, 1, 500) FROM turn
     WHERE turn.session = session.id AND role = 'user' ORDER BY id LIMIT 1) AS first_text,
    (SELECT substr(text, -500) FROM turn WHERE turn.id = session.head) AS last_text
FROM session
WHERE deleted_at IS NULL AND EXISTS (SELECT 1 FROM turn WHERE turn.session = session.id)
{}ORDER BY updated DESC, id DESC
"""

_NO_ONE_SHOTS = "AND NOT (one_shot = 1 AND name = '' AND n_exchanges <= 1)\n"
"""Leaves out what was asked once from the command line; what got a name or went on is a chat."""

_INFO_TEXTS = ("name", "model", "tokenizer", "stated", "first_text", "last_text")


@dataclass(frozen=True)
class SessionInfo:
    """A row of the list. An exchange is a message with its replies. ``first_text`` is the
    first message, for those without a name; ``last_text`` the end of what was said last;
    ``snippet`` where a search hit, the words between the two marks of ``HIT``."""

    id: int
    name: str
    model: str
    tokenizer: str
    stated: str
    updated: float
    n_exchanges: int
    first_text: str
    last_text: str
    snippet: str = ""


def list_sessions(
    db: Database, search: str = "", limit: int = -1, *, one_shots: bool = True
) -> list[SessionInfo]:
    """List sessions, newest first; with ``search``, those that have its words. -1 is no limit.

    Without ``one_shots``, those are left out that are one answer on the command line, unless it is
    words that are looked for.
    """
    if not search.strip():
        query = _INFO.format("" if one_shots else _NO_ONE_SHOTS)
        return [_info(row) for row in db.rows(f"{query} LIMIT ?", limit)]
    hits = search_sessions(db, search)
    rows = db.rows(_INFO.format(""))
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


def fork_name(db: Database, name: str) -> str:
    """Return a name for a copy of the session of that name which no other has."""
    base = re.sub(r" \(fork( \d+)?\)$", "", name)
    taken = {text_of(row["name"]) for row in db.rows("SELECT name FROM session")}
    fork, n = f"{base} (fork)", 1
    while fork in taken:
        n += 1
        fork = f"{base} (fork {n})"
    return fork


def _info(row: sqlite3.Row, snippet: str = "") -> SessionInfo:
    """Return a row of the list, whatever stands in it."""
    texts = {name: text_of(row[name]) for name in _INFO_TEXTS}
    return SessionInfo(
        id=row["id"],
        updated=time_of(row["updated"]),
        n_exchanges=row["n_exchanges"],
        snippet=snippet,
        **texts,
    )
