"""Rows to turns, ledgers and settings, checked value by value. Knows no files and writes nothing.

Nothing that stands in a row is believed: what is damaged is named, and something plausible takes
its place. JSON is read leniently: a setting that this version doesn't know, or that is out of its
range, is left out, so that old sessions open.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar, get_args

import numpy as np

from ..conversation.ledger import Ledger, Run, Turn
from ..conversation.recorder import SessionMeta
from ..errors import UsageError
from ..events import FinishReason, Role, Timings
from ..generation.settings import Sampling
from .database import DamagedText

LOST = "(lost)"
"""What a message says of which only the reply could be read."""

_OTHER: dict[Role, Role] = {"user": "assistant", "assistant": "user"}
_LATEST = 253402300799.0  # the last second of the year 9999: no calendar goes on
_BEYOND = 1 << 63

T = TypeVar("T")


@dataclass(frozen=True)
class StoredSession:
    """What could be read of a session; ``damage`` names what couldn't."""

    meta: SessionMeta
    ledger: Ledger
    turns: Mapping[int, Turn]
    first_visible: Turn | None
    writer: int | None
    damage: tuple[str, ...]


def read_session(row: sqlite3.Row, turn_rows: list[sqlite3.Row]) -> StoredSession:
    """Read a session and its turns, which are in order of id."""
    reading = _Reading()
    meta = reading.meta(row)
    ledger, turns = reading.ledger(turn_rows)
    head = reading.turn_at(row["head"], turns, "the end of the conversation")
    if head is None and row["head"] is not None:
        head = next(reversed(turns.values()), None)
    ledger.move(head)
    first_visible = reading.turn_at(row["first_visible"], turns, "what the model sees")
    writer = row["writer"] if isinstance(row["writer"], int) else None
    return StoredSession(meta, ledger, turns, first_visible, writer, tuple(reading.damage))


def text_of(value: object) -> str:
    """Return what a column says, whatever it holds."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def time_of(value: object) -> float:
    """Return a time in seconds since 1970; 0 for what is none."""
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= _LATEST else 0.0


class _Reading:
    """Reads the values of one session, and names in ``damage`` which of them are none."""

    def __init__(self) -> None:
        self.damage: list[str] = []

    def meta(self, row: sqlite3.Row) -> SessionMeta:
        names = ("model", "fingerprint", "system", "name", "tokenizer", "stated")
        texts = {name: self._text(row[name], f"its {name}") for name in names}
        contents = self._json(row["template_contents"], dict, "what its template says")
        name = self._text(row["template"], "the name of its template")
        sampling = self._json(row["sampling"], dict, "its sampling")
        return SessionMeta(
            template={**(contents or {}), "name": name}, sampling=_sampling(sampling), **texts
        )

    def ledger(self, rows: list[sqlite3.Row]) -> tuple[Ledger, dict[int, Turn]]:
        ledger, turns = Ledger(), dict[int, Turn]()
        for row in rows:
            turns[row["id"]] = self._placed(ledger, turns, row)
        for row in rows:
            turn, chosen = turns[row["id"]], row["chosen"]
            onward = turns.get(chosen) if isinstance(chosen, int) else None
            if onward and onward.parent is turn:
                turn.onward = onward
            elif chosen is not None:
                self._name(f"the way on from turn {turn.key}")
        return ledger, turns

    def turn_at(self, key: object, turns: dict[int, Turn], what: str) -> Turn | None:
        """Find the turn that a key of the session's row names."""
        turn = turns.get(key) if isinstance(key, int) else None
        if turn is None and key is not None:
            self._name(what)
        return turn

    def _placed(self, ledger: Ledger, turns: dict[int, Turn], row: sqlite3.Row) -> Turn:
        """Read a turn and put it below its parent, or below a stand-in where that is lost."""
        key, what = row["id"], f"turn {row['id']}"
        # A parent is older than its children: none of these is above itself.
        parent = turns.get(row["parent"]) if isinstance(row["parent"], int) else None
        lost = parent is None and row["parent"] is not None
        role: Role = row["role"]
        if role not in get_args(Role):
            self._name(f"the role of {what}")
            role = _OTHER[parent.role] if parent else "user"
        if lost:
            self._name(f"what is before {what}")
        if lost and role == "assistant":  # templates know no reply without a message
            parent = Turn("user", LOST, [])
            ledger.roots.append(parent)
        turn = Turn(role, self._text(row["text"], f"the text of {what}"), [], parent, key=key)
        turn.ids = self._ids(row["ids"], f"the tokens of {what}")
        turn.finish = row["finish"] if row["finish"] in get_args(FinishReason) else None
        turn.runs = self._runs(row["runs"], len(turn.ids), f"the settings of {what}")
        turn.timings = self._timings(row["timings"], f"the timings of {what}")
        (parent.children if parent else ledger.roots).append(turn)
        return turn

    def _ids(self, value: object, what: str) -> list[int]:
        if isinstance(value, bytes) and len(value) % 4 == 0:
            ids = np.frombuffer(value, "<i4")
            if ids.size == 0 or ids.min() >= 0:
                return [int(i) for i in ids]
        self._name(what)
        return []

    def _runs(self, value: object, n_ids: int, what: str) -> list[Run]:
        runs = [_run(data) for data in self._json(value, list, what) or ()]
        starts = [run.start for run in runs if run]
        if None not in runs and starts == sorted(starts) and (not starts or starts[-1] <= n_ids):
            return [run for run in runs if run]
        if n_ids:  # where the tokens are lost, that is said
            self._name(what)
        return []

    def _timings(self, value: object, what: str) -> Timings | None:
        data = self._json(value, dict, what)
        known = _known(Timings, data)
        if not all(_is_number(number) for number in known.values()):
            self._name(what)
            return None
        return None if data is None else Timings(**known)

    def _text(self, value: object, what: str) -> str:
        if not isinstance(value, str) or isinstance(value, DamagedText):
            self._name(what)
        return text_of(value)

    def _json(self, value: object, kind: type[T], what: str) -> T | None:
        """Parse a column; None where there is nothing in it."""
        if value is None or value == "":
            return None
        try:
            if not isinstance(value, str):
                raise ValueError
            data = json.loads(value)
        except (ValueError, RecursionError):  # nested as deep as no writer of ours does
            data = ...
        if data is None or isinstance(data, kind):
            return data
        self._name(what)
        return None

    def _name(self, what: str) -> None:
        if what not in self.damage:
            self.damage.append(what)


def _sampling(data: Any) -> Sampling:
    sampling = Sampling()
    for name, value in _known(Sampling, data).items():
        if _is_number(value) and isinstance(value, (int, type(getattr(sampling, name)))):
            with suppress(UsageError):
                sampling = replace(sampling, **{name: value})
    return sampling


def _run(data: Any) -> Run | None:
    """Read a run; None for what can't be one."""
    known = {"start": 0, "seed": 0, "n_begun": 0, **_known(Run, data)}
    stops, most = known.get("stops"), known.get("max_tokens")
    met, schema, told = known.get("stop_met"), known.get("schema"), known.get("n_told")
    stops = () if stops is None else stops
    fits = (
        isinstance(data, dict)
        and all(_is_count(known[name]) for name in ("start", "seed", "n_begun"))
        and all(n is None or _is_count(n) for n in (most, told))
        and known["n_begun"] <= known["start"]
        and isinstance(stops, (list, tuple))
        and all(isinstance(text, str) for text in (*stops, met or "", schema or ""))
    )
    known.update(sampling=_sampling(known.get("sampling")), stops=tuple(stops) if fits else ())
    return Run(**known) if fits else None


def _known(kind: Any, data: Any) -> dict[str, Any]:
    """Return those of the data's values that the dataclass has a field for."""
    names = {f.name for f in fields(kind)}
    pairs = data.items() if isinstance(data, dict) else ()
    return {name: value for name, value in pairs if name in names}


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _BEYOND


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
