"""Sessions to store: their meta data, what is said in them, and what is found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.conversation.recorder import Recorder
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage.store import SessionMeta, Store

META = SessionMeta(
    "tiny", "f00d", {"name": "llama2"}, "Be brief.", Sampling(temperature=0.5), "Birds"
)


def say(ledger: Ledger, recorder: Recorder, *texts: str) -> list[Turn]:
    """Messages and finished replies, in turn."""
    turns = []
    for text in texts:
        last = ledger.head.role if ledger.head else "assistant"
        turn = ledger.add(Turn("user" if last == "assistant" else "assistant", text, [1, 2]))
        recorder.turn_added(turn)
        if turn.role == "assistant":
            turn.finish = "stop"
            recorder.turn_finished(turn)
        turns.append(turn)
    return turns


def session(store: Store, *texts: str, name: str = "") -> int:
    recorder = store.create(replace(META, name=name))
    say(Ledger(), recorder, *texts)
    recorder.close()
    assert recorder.session_id is not None
    return recorder.session_id


def described(ledger: Ledger) -> tuple[Any, ...]:
    """All that a ledger is, to compare two of them."""
    numbers: dict[Turn | None, int | None] = {turn: i for i, turn in enumerate(ledger.turns())}
    numbers[None] = None
    turns = [
        (
            *(t.role, t.text, t.ids, t.finish, t.runs, t.timings, t.key),
            *(numbers[t.parent], numbers[t.onward], [numbers[child] for child in t.children]),
        )
        for t in ledger.turns()
    ]
    return turns, [numbers[root] for root in ledger.roots], numbers[ledger.head]


def growing(store: Store) -> tuple[Turn, Recorder, Callable[[], int]]:
    ledger, recorder = Ledger(), store.create(META)
    say(ledger, recorder, "count")
    reply = ledger.add(Turn("assistant", "", []))
    recorder.turn_added(reply)
    return reply, recorder, lambda: len(store_rows(store, reply)[0])


def store_rows(store: Store, turn: Turn) -> tuple[list[int], str]:
    """What another program would see of the turn."""
    (row,) = store._db.rows("SELECT ids, text FROM turn WHERE id = ?", turn.key)
    return list(row["ids"][::4]), row["text"]


def names(store: Store, search: str = "") -> list[str]:
    return [info.name for info in store.list(search)]
