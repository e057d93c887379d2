"""Finds sessions by words of their turns and names. Knows the database's tables and no ledger.

Whatever a person types is words to look for, never a query language.
"""

from __future__ import annotations

import re
import unicodedata

from ..errors import ChatError
from .database import Database
from .reading import text_of
from .rows import storable

HIT = ("\x02", "\x03")
"""What stands around a found word in a snippet, for a face to make into its own."""

_AROUND = 40


def places_of(search: str, text: str) -> list[tuple[int, int]]:
    """List beginning and end of the words in a text for which a search finds it, in order."""
    words, plain = search.split(), _plain(text)
    if not words:
        return []
    ends = [r"(?!\w)"] * (len(words) - 1) + [""]  # the last word may be the beginning of one
    patterns = [rf"(?<!\w){re.escape(_plain(w))}{end}" for w, end in zip(words, ends, strict=True)]
    found = [m.span() for p in patterns for m in re.finditer(p, plain)]
    if not found:
        found = [m.span() for m in re.finditer(re.escape(_plain(" ".join(words))), plain)]
    return sorted(found)


def search_sessions(db: Database, text: str) -> dict[int, str]:
    """Return a snippet by id of each session that has all the words in one turn or in its name.

    The last word may be the beginning of one. Where no such words are found, the text is looked
    for as it stands, inside of words too: punctuation, and scripts that put no spaces.
    """
    words = storable(text).replace("\0", " ").split()
    if not words:
        return {}
    query = " ".join('"' + word.replace('"', '""') + '"' for word in words) + "*"
    try:
        found = _by_words(db, query)
    except ChatError:  # the query is right: it is the index
        if not db.make_indexes_anew():
            raise
        found = _by_words(db, query)
    return found or _by_substring(db, " ".join(words))


def _by_words(db: Database, query: str) -> dict[int, str]:
    # snippet() can't be had together with GROUP BY.
    turns = db.rows(
        "SELECT t.session, snippet(turn_index, 0, ?, ?, '…', 12) FROM turn_index"
        " JOIN turn t ON t.id = turn_index.rowid WHERE turn_index MATCH ? AND turn_index.rowid IN"
        " (SELECT max(t.id) FROM turn_index i JOIN turn t ON t.id = i.rowid"
        "  WHERE i.turn_index MATCH ? GROUP BY t.session)",
        *HIT,
        query,
        query,
    )
    names = db.rows(
        "SELECT rowid, highlight(name_index, 0, ?, ?) FROM name_index WHERE name_index MATCH ?",
        *HIT,
        query,
    )
    return {row[0]: text_of(row[1]) for row in [*names, *turns]}


def _by_substring(db: Database, text: str) -> dict[int, str]:
    pattern = "%" + "".join(f"\\{c}" if c in "%_\\" else c for c in text) + "%"
    rows = db.rows(
        "SELECT id, name FROM session WHERE name LIKE ? ESCAPE '\\'"
        " UNION ALL SELECT session, text FROM turn WHERE text LIKE ? ESCAPE '\\'",
        pattern,
        pattern,
    )
    return {row[0]: _snippet(text_of(row[1]), text) for row in rows}


def _plain(text: str) -> str:
    """Return a text without accents and capitals, each character at its place."""
    return "".join(unicodedata.normalize("NFD", sign)[0].lower()[0] for sign in text)


def _snippet(text: str, found: str) -> str:
    at = max(0, text.lower().find(found.lower()))
    end = at + len(found)
    before, after = text[max(0, at - _AROUND) : at], text[end : end + _AROUND]
    start = "…" if at > _AROUND else ""
    stop = "…" if end + _AROUND < len(text) else ""
    return f"{start}{before}{HIT[0]}{text[at:end]}{HIT[1]}{after}{stop}"
