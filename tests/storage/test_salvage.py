"""What is read of a file with broken pages, against asking for every single row."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from llama2ncnn_chat.storage.salvage import salvage
from llama2ncnn_chat.storage.schema import bring_up_to_date

N_TURNS = 300
PAGE = 4096


def made(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    bring_up_to_date(db)
    return db


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database of turns that are short, as long as a page, and longer, with gaps between them."""
    path, rng = tmp_path_factory.mktemp("whole") / "sessions.db", random.Random(1)
    with closing(made(path)) as db:
        db.execute(
            "INSERT INTO session(id, name, model, fingerprint, template, system, sampling, created,"
            " updated) VALUES (1, 'one', '', '', '', '', '{}', 0, 0)"
        )
        key = 0
        for _ in range(N_TURNS):
            key += rng.choice((1, 1, 9))
            row = (key, b"four" * rng.choice((3, 50, 3000)), "word")
            db.execute(
                "INSERT INTO turn(id, session, role, ids, text, created, runs,"
                " indexed) VALUES (?, 1, 'user', ?, ?, 0, '[]', 1)",
                row,
            )
    return path.read_bytes()


def single_rows(db: sqlite3.Connection) -> Iterator[int]:
    """The ids that answer if they are asked for alone."""
    for key in range(9 * N_TURNS + 1):
        with suppress(sqlite3.Error):
            yield from (row[0] for row in db.execute("SELECT * FROM turn WHERE id = ?", (key,)))


@pytest.mark.parametrize("seed", range(25))
def test_no_row_that_opens_is_left(whole: bytes, tmp_path: Path, seed: int) -> None:
    rng, data = random.Random(seed), bytearray(whole)
    for page in rng.sample(range(5, len(data) // PAGE), rng.choice((1, 2, 4))):
        data[page * PAGE : page * PAGE + 8] = rng.randbytes(8)
    path = tmp_path / "damaged.db"
    path.write_bytes(data)
    with closing(sqlite3.connect(path)) as damaged, closing(made(":memory:")) as new:
        salvage(damaged, new)
        rescued = {i for (i,) in new.execute("SELECT id FROM turn")}
        assert len(rescued) > 10
        assert rescued >= set(single_rows(damaged))


def test_a_table_that_opens_nowhere_is_soon_given_up(tmp_path: Path, whole: bytes) -> None:
    """Where nothing says how many ids there may be, not all that there may be are asked for."""
    path, asked = tmp_path / "damaged.db", list[str]()
    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as damaged, closing(made(":memory:")) as new:
        sql = "SELECT rootpage FROM sqlite_master WHERE name IN ('turn', 'sqlite_sequence')"
        for (root,) in damaged.execute(sql).fetchall():
            with path.open("r+b") as file:
                file.seek((root - 1) * PAGE)
                file.write(b"\x77" * 8)
        damaged.set_trace_callback(asked.append)
        assert salvage(damaged, new) == 0
    assert 100 < len(asked) < 50_000
