"""``kill -9`` at random moments, again and again: every session is whole, with what was shown.

A nursery process imports the program once and forks; each child opens the store, talks and is
killed. What the reply to a message is follows from the message, so the test can tell a right one.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.storage.recorder import FLUSH_SECONDS, FLUSH_TOKENS
from llama2ncnn_chat.storage.store import Store

KILLS = 60

NURSERY = """
import os, random, sys, time
from pathlib import Path
from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.storage.store import SessionMeta, Store
from llama2ncnn_chat.generation.settings import Sampling

def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def reply_to(ledger, recorder, rng, seed):
    reply = ledger.add(Turn("assistant", "", []))
    recorder.turn_added(reply)
    pause = rng.choice([0.0, 0.0005, 0.002, 0.02, 0.3])
    grow(recorder, reply, seed, rng.randrange(1, 60), pause)

def grow(recorder, reply, seed, n, pause):
    reply.finish = None
    for i in range(len(reply.ids), len(reply.ids) + n):
        reply.ids.append((seed + i) % 32000)
        reply.text += f"w{(seed + i) % 32000} "
        recorder.turn_grew(reply)
        tell("shown", reply.key, len(reply.ids), time.monotonic())
        time.sleep(pause)
    reply.finish = "stop"
    recorder.turn_finished(reply)
    tell("finished", reply.key, len(reply.ids), time.monotonic())

def talk(path, number):
    rng = random.Random(number)
    store = Store.open(Path(path))
    tell("opened")
    latest = store.latest() if rng.random() < 0.6 else None
    if latest:
        loaded = store.resume(latest.id)
        assert not loaded.read_only, "the lock of a dead process holds"
        ledger, recorder = loaded.ledger, loaded.recorder
    else:
        meta = SessionMeta("m", "f", {"name": "t"}, "s", Sampling(), f"session {number}")
        ledger, recorder = Ledger(), store.create(meta)
    while True:
        last = ledger.last("assistant")
        if last and last.is_partial and ledger.head is last and rng.random() < 0.5:
            grow(recorder, last, int(last.parent.text.split()[1]), rng.randrange(1, 60), 0.001)
        seed = rng.randrange(32000)
        message = ledger.add(Turn("user", f"seed {seed}", [seed]))
        recorder.turn_added(message)
        tell("message", message.key, 1, time.monotonic())
        reply_to(ledger, recorder, rng, seed)
        if rng.random() < 0.4:
            ledger.move(message)
            reply_to(ledger, recorder, rng, seed)
        if rng.random() < 0.3:
            ledger.undo(2)
            recorder.head_moved(ledger.head, None)
        if rng.random() < 0.1:
            doomed = ledger.add(Turn("user", "seed 1", [1]))
            recorder.turn_added(doomed)
            ledger.remove(doomed)
            recorder.turn_removed(doomed)

for line in sys.stdin:
    path, number = line.split()
    child = os.fork()
    if child == 0:
        try:
            talk(path, int(number))
        finally:
            os._exit(1)
    tell("pid", child)
    tell("died", os.waitpid(child, 0)[1])
"""


@dataclass
class Told:
    """What a child said of one turn: tokens shown, and when."""

    shown: list[tuple[int, float]] = field(default_factory=list)
    finished: bool = False


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    yield process
    process.kill()
    process.communicate()


def live_and_die(
    nursery: subprocess.Popen[str], path: Path, number: int, seconds: float
) -> dict[int, Told]:
    """One child that is killed after ``seconds``; what it had said by then."""
    assert nursery.stdin
    assert nursery.stdout
    nursery.stdin.write(f"{path} {number}\n")
    nursery.stdin.flush()
    # The first line is the pid, or what a hasty child says before its parent gets to speak.
    lines: list[list[str]] = []
    while not lines or lines[-1][0] != "pid":
        lines.append(nursery.stdout.readline().split())
    time.sleep(seconds)
    os.kill(int(lines[-1][1]), signal.SIGKILL)
    while lines[-1][0] != "died":
        lines.append(nursery.stdout.readline().split())
    assert int(lines[-1][1]) == signal.SIGKILL, "the child fell over by itself"
    told: dict[int, Told] = {}
    for what, *numbers in lines:
        if what in ("shown", "finished", "message"):
            turn = told.setdefault(int(numbers[0]), Told())
            turn.shown.append((int(numbers[1]), float(numbers[2])))
            turn.finished = what != "shown"
    return told


def check_turn(turn: Turn, told: Told | None) -> None:
    """The turn is right as far as it goes, and goes as far as was promised."""
    if turn.role == "user":
        assert turn.text == f"seed {turn.ids[0]}"
        return
    assert turn.parent
    seed = turn.parent.ids[0]
    assert turn.ids == [(seed + i) % 32000 for i in range(len(turn.ids))]
    assert turn.text == "".join(f"w{i} " for i in turn.ids)
    if told is None:
        return
    last, when = told.shown[-1]
    if told.finished:
        assert len(turn.ids) >= last
        return
    assert last - FLUSH_TOKENS < len(turn.ids) <= last + 1 or turn.finish == "stop"
    assert len(turn.ids) >= max((n for n, t in told.shown if t < when - FLUSH_SECONDS), default=1)


def check_database(path: Path, told: dict[int, Told]) -> int:
    """Everything that was told is in some session; returns how many turns there are in all."""
    with closing(Store.open(path)) as store:
        assert store.notes == []
        turns: dict[int | None, Turn] = {}
        for info in store.list(limit=-1):
            loaded = store.resume(info.id)
            assert not loaded.read_only
            mine = list(loaded.ledger.turns())
            assert sum(turn.role == "user" for turn in mine) == info.n_exchanges
            assert loaded.ledger.head is None or loaded.ledger.head in mine
            turns |= {turn.key: turn for turn in mine}
            for turn in mine:
                check_turn(turn, told.get(turn.key or 0))
                assert turn.onward is None or turn.onward in turn.children
        assert told.keys() <= turns.keys()
        growing = [key for key, t in told.items() if not t.finished and turns[key].ids]
        for key in growing:  # cut short, and in the index all the same
            assert store.list(" ".join(reversed(turns[key].text.split()[-2:])))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.execute("INSERT INTO turn_index(turn_index) VALUES ('integrity-check')")
    return len(turns)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
def test_every_session_is_whole_after_kill_9(
    nursery: subprocess.Popen[str], tmp_path: Path
) -> None:
    rng = random.Random(20)
    killed_while_growing = 0
    for number in range(KILLS):
        # Most share a database that has been killed before; every fourth starts a fresh one,
        # often killed while it is being made.
        fresh = number % 4 == 0
        path = tmp_path / (f"{number}.db" if fresh else "shared.db")
        seconds = rng.uniform(0, 0.05) if fresh else rng.uniform(0, 0.35)
        told = live_and_die(nursery, path, number, seconds)
        check_database(path, told)
        killed_while_growing += any(not turn.finished for turn in told.values())
    assert killed_while_growing > KILLS // 3, "the kills came at the wrong moments"
    assert check_database(tmp_path / "shared.db", {}) > KILLS
