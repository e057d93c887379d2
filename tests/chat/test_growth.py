"""A turn costs the same however many there were before: what is done is counted, not timed."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.storage.store import Store
from tests.chatting import LLAMA2, answering, make_chat

ROOMS = tuple(f"llama2ncnn_chat/{room}/" for room in ("conversation", "storage", "chat"))


class Work:
    """Lines that were run in the rooms of a conversation, and statements of SQL."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db, self.counts = db, Counter[str]()

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        self.counts.clear()
        self._db.set_trace_callback(self._statement)
        before = sys.gettrace()
        sys.settrace(self._call)
        try:
            yield self.counts
        finally:
            sys.settrace(before)
            self._db.set_trace_callback(None)

    def _statement(self, sql: str) -> None:
        # The search merges its index now and then, as its tables' own affair.
        self.counts["sql"] += not sql.startswith("--") and "turn_index" not in sql

    def _call(self, frame: FrameType, _event: str, _arg: object) -> Any:
        return self._line if any(room in frame.f_code.co_filename for room in ROOMS) else None

    def _line(self, _frame: FrameType, event: str, _arg: object) -> Any:
        self.counts["lines"] += event == "line"
        return self._line


def turn(chat: Chat, text: str) -> None:
    for _ in chat.send(text):
        pass
    chat.view.n_used()


def costliest(chat: Chat, work: Work, numbers: range) -> Counter[str]:
    """The most that one of some turns takes, which are of one length."""
    most = Counter[str]()
    for number in numbers:
        with work.counted() as counts:
            turn(chat, f"message {number:04}")
        most |= counts
    return most


@pytest.mark.parametrize("seed", [None, 7])
def test_a_turn_costs_the_same_however_many_there_were(tmp_path: Path, seed: int | None) -> None:
    """The context is full from the tenth turn or so on, and the oldest go with every other one."""
    store = Store.open(tmp_path / "sessions.db", clock=lambda: 0.0)
    engine = answering(lambda message: f"You said {message}.", context_length=700)
    chat = make_chat(engine, settings=replace(LLAMA2, seed=seed), store=store)
    work = Work(store._db._connection)
    for number in range(30):
        turn(chat, f"message {number:04}")
    early = costliest(chat, work, range(30, 40))
    for number in range(40, 150):
        turn(chat, f"message {number:04}")
    late = costliest(chat, work, range(150, 160))
    assert chat.session.first_visible
    assert early["sql"] > 5
    assert early["lines"] > 500
    assert late == early
    with work.counted() as counts:  # and so it is where the path goes another way
        chat.session.undo(2)
        turn(chat, "another way  ")
    assert counts["lines"] < 3 * early["lines"]
    assert counts["sql"] <= early["sql"] + 5
    chat.close()


def test_what_was_written_step_by_step_is_the_path(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "sessions.db")) as store:
        chat = make_chat(store=store)
        for text in ("a", "b", "c"):
            turn(chat, text)
        chat.session.undo(3)
        turn(chat, "d")
        chat.session.walk_to(chat.session.ledger.roots[0])
        chat.session.undo(1)
        chat.session.redo(1)
        path = [t.key for t in chat.session.ledger.path()]
        assert chat.session_id
        loaded = store.resume(chat.session_id).ledger
        assert [t.key for t in loaded.path()] == path
        assert [t.onward and t.onward.key for t in loaded.turns()] == [
            t.onward and t.onward.key for t in chat.session.ledger.turns()
        ]
