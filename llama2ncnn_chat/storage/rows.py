"""Turns, paths and settings to rows. Knows SQL; no files, no locks and no timing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

import numpy as np

from ..conversation.ledger import Turn
from ..conversation.recorder import SessionMeta


def insert_session(db: sqlite3.Connection, meta: SessionMeta, writer: int | None) -> int:
    """Insert a session that ``writer``, a process, has open; returns its id."""
    now = time.time()
    cursor = db.execute(
        "INSERT INTO session(name, model, fingerprint, system, tokenizer, stated, template,"
        " template_contents, sampling, writer, created, updated)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*_meta_values(meta), writer, now, now),
    )
    return cast(int, cursor.lastrowid)


def update_meta(db: sqlite3.Connection, session: int, meta: SessionMeta) -> None:
    """Write what a session is besides its turns."""
    db.execute(
        "UPDATE session SET name = ?, model = ?, fingerprint = ?, system = ?, tokenizer = ?,"
        " stated = ?, template = ?, template_contents = ?, sampling = ? WHERE id = ?",
        (*_meta_values(meta), session),
    )


def insert_turn(db: sqlite3.Connection, session: int, turn: Turn) -> int:
    """Insert a turn, whose parent must be there; returns its key."""
    parent = turn.parent.key if turn.parent else None
    cursor = db.execute(
        "INSERT INTO turn(session, parent, role, created, text, ids, finish, runs, timings,"
        " indexed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (session, parent, turn.role, time.time(), *_turn_values(turn), not turn.is_partial),
    )
    return cast(int, cursor.lastrowid)


def update_turn(db: sqlite3.Connection, turn: Turn, *, index: bool) -> None:
    """Write all of a turn but its place in the tree; ``index`` makes it searchable as it is."""
    db.execute(
        "UPDATE turn SET text = ?, ids = ?, finish = ?, runs = ?, timings = ?, indexed = ?"
        " WHERE id = ?",
        (*_turn_values(turn), index, turn.key),
    )


def delete_turn(db: sqlite3.Connection, turn: Turn) -> None:
    """Delete a turn, which is a leaf; its parent becomes the head if it was."""
    db.execute(
        "UPDATE session SET head = (SELECT parent FROM turn WHERE id = ?) WHERE head = ?",
        (turn.key, turn.key),
    )
    db.execute("DELETE FROM turn WHERE id = ?", (turn.key,))


def delete_session(db: sqlite3.Connection, session: int) -> None:
    """Delete a session and its turns."""
    db.execute("DELETE FROM turn WHERE session = ?", (session,))
    db.execute("DELETE FROM session WHERE id = ?", (session,))


def update_head(
    db: sqlite3.Connection,
    session: int,
    head: Turn | None,
    first_visible: Turn | None,
    steps: Sequence[Turn],
) -> None:
    """Write which turn the path ends with, and from where on it is seen.

    ``steps`` are those turns of it that the path didn't go through when this was written last.
    """
    db.execute(
        "UPDATE session SET head = ?, first_visible = ?, updated = ? WHERE id = ?",
        (head and head.key, first_visible and first_visible.key, time.time(), session),
    )
    ways = [(turn.key, turn.parent.key) for turn in steps if turn.parent]
    db.executemany("UPDATE turn SET chosen = ? WHERE id = ?", ways)


def storable(text: str) -> str:
    """Return text without lone surrogates (undecodable bytes), for SQLite takes UTF-8 only."""
    return text.encode("utf-8", "replace").decode()


def _meta_values(meta: SessionMeta) -> tuple[str, ...]:
    texts = (meta.name, meta.model, meta.fingerprint, meta.system, meta.tokenizer, meta.stated)
    contents, sampling = json.dumps(dict(meta.template)), json.dumps(asdict(meta.sampling))
    return (*map(storable, (*texts, meta.template["name"])), contents, sampling)


def _turn_values(turn: Turn) -> tuple[str, bytes, str | None, str, str | None]:
    return (
        storable(turn.text),
        np.asarray(turn.ids, "<i4").tobytes(),
        turn.finish,
        json.dumps([asdict(run) for run in turn.runs]),
        json.dumps(asdict(turn.timings)) if turn.timings else None,
    )
