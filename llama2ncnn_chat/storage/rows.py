"""Turns, ledgers and settings to rows and back. Knows SQL; no files, no locks and no timing.

JSON is read leniently: a setting that this version doesn't know, or that is out of its range, is
left out, so that old sessions open.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import suppress
from dataclasses import asdict, fields, replace
from typing import Any, cast, get_args

import numpy as np

from ..conversation.ledger import Ledger, Run, Turn
from ..conversation.recorder import SessionMeta
from ..errors import UsageError
from ..events import FinishReason, Timings
from ..generation.settings import Sampling


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


def meta_of(row: sqlite3.Row) -> SessionMeta:
    """Return what a session is besides its turns."""
    return SessionMeta(
        model=row["model"],
        fingerprint=row["fingerprint"],
        template=_template(row),
        system=row["system"],
        sampling=_sampling(_json(row["sampling"])),
        name=row["name"],
        tokenizer=row["tokenizer"],
        stated=row["stated"],
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


def update_head(
    db: sqlite3.Connection, session: int, head: Turn | None, first_visible: Turn | None
) -> None:
    """Write which turn the path ends with, which way it goes, and from where on it is seen."""
    db.execute(
        "UPDATE session SET head = ?, first_visible = ?, updated = ? WHERE id = ?",
        (head and head.key, first_visible and first_visible.key, time.time(), session),
    )
    steps = []
    while head and head.parent:
        steps.append((head.key, head.parent.key, head.key))
        head = head.parent
    db.executemany("UPDATE turn SET chosen = ? WHERE id = ? AND chosen IS NOT ?", steps)


def ledger_of(rows: list[sqlite3.Row], head: int | None) -> tuple[Ledger, dict[int, Turn]]:
    """Build the tree of a session's rows, which are in order of id; returns turns by key, too."""
    ledger = Ledger()
    turns: dict[int, Turn] = {}
    for row in rows:
        turn = _turn(row)
        turns[row["id"]] = turn
        turn.parent = None if row["parent"] is None else turns[row["parent"]]
        (turn.parent.children if turn.parent else ledger.roots).append(turn)
    for row in rows:
        turns[row["id"]].onward = turns.get(row["chosen"])
    ledger.move(None if head is None else turns[head])
    return ledger, turns


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


def _turn(row: sqlite3.Row) -> Turn:
    return Turn(
        role=row["role"],
        text=row["text"],
        ids=np.frombuffer(row["ids"], "<i4").tolist(),
        finish=row["finish"] if row["finish"] in get_args(FinishReason) else None,
        runs=[_run(run) for run in _json(row["runs"]) or ()],
        timings=_timings(_json(row["timings"])),
        key=row["id"],
    )


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _template(row: sqlite3.Row) -> dict[str, Any]:
    contents = _json(row["template_contents"])
    return {**(contents if isinstance(contents, dict) else {}), "name": row["template"]}


def _sampling(data: Any) -> Sampling:
    sampling = Sampling()
    for name, value in _known(Sampling, data).items():
        with suppress(UsageError, TypeError):
            sampling = replace(sampling, **{name: value})
    return sampling


def _run(data: Any) -> Run:
    known = {"start": 0, "seed": 0, **_known(Run, data)}
    known["sampling"] = _sampling(known.get("sampling"))
    known["stops"] = tuple(known.get("stops") or ())
    return Run(**known)


def _timings(data: Any) -> Timings | None:
    if not isinstance(data, dict):
        return None
    return Timings(**{f.name: 0 for f in fields(Timings)} | _known(Timings, data))


def _known(kind: Any, data: Any) -> dict[str, Any]:
    """Return those of the data's values that the dataclass has a field for."""
    names = {f.name for f in fields(kind)}
    pairs = data.items() if isinstance(data, dict) else ()
    return {name: value for name, value in pairs if name in names}
