"""A damaged session in a chat: named, shown, exported, and gone on with in a copy."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.export import FORMATS, export
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.paths import data_dir
from tests.chatting import do, stored_chat, talk_and_close, transcript
from tests.storage.test_damaged_rows import COLUMNS, VALUES

SAID = ["one", "You said one.", "two", "You said two."]


def damage(*statements: str) -> None:
    with closing(sqlite3.connect(data_dir() / "sessions.db")) as db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            db.execute(statement)
        db.commit()


@pytest.mark.parametrize(
    ("statement", "note"),
    [
        (
            "UPDATE turn SET ids = x'01' WHERE id = 2",
            "it is damaged, and stays as it is (the tokens of turn 2)",
        ),
        ("UPDATE turn SET ids = x'2c010000' WHERE id = 2", "tokens that this model doesn't know"),
        ("UPDATE turn SET ids = x'2c010000' WHERE id = 3", "tokens that this model doesn't know"),
        ("UPDATE turn SET ids = x'' WHERE id = 3", "tokens that this model doesn't know"),
        (
            "UPDATE session SET template = '', template_contents = '}'",
            "it is damaged, and stays as it is (what its template says)",
        ),
        ("UPDATE session SET head = 77", "it is damaged, and stays as it is (the end of the conv"),
    ],
)
def test_it_is_shown_and_exported_and_goes_on_in_a_copy(
    tmp_path: Path, statement: str, note: str
) -> None:
    talk_and_close("one", "two")
    damage(statement)
    chat = stored_chat()
    chat.resume(1)
    (said,) = [n for n in chat.pop_notes() if "copy" in n]
    assert note in said
    assert transcript(chat) == SAID
    assert export(chat, tmp_path / "chat.md") == len((tmp_path / "chat.md").read_bytes())
    assert "You said two." in (tmp_path / "chat.md").read_text()
    do(chat, "three")
    assert transcript(chat) == [*SAID, "three", "You said three."]
    assert chat.session_id == 2
    assert all(turn.ids for turn in chat.session.ledger.path())
    assert max(max(turn.ids) for turn in chat.session.ledger.path()) < chat.vocabulary.vocab_size
    chat.close()
    again = stored_chat()
    again.resume(2)
    assert [n for n in again.pop_notes() if "copy" in n] == []
    assert transcript(again) == [*SAID, "three", "You said three."]
    again.close()


def test_whatever_its_rows_say_nothing_but_words_come_of_it(tmp_path: Path) -> None:
    talk_and_close("one", "two", "three")
    talk_and_close("a good one")
    whole = (path := data_dir() / "sessions.db").read_bytes()
    for seed in range(40):
        chance = random.Random(seed)
        for file in path.parent.glob("sessions.db*"):
            file.unlink()
        path.write_bytes(whole)
        table = chance.choice(["turn", "turn", "session"])
        place = f"id = {chance.randint(1, 6)}" if table == "turn" else "id = 1"
        with suppress(sqlite3.IntegrityError):  # it must not be null
            column, value = chance.choice(COLUMNS[table]), chance.choice(VALUES)
            damage(f"UPDATE {table} SET {column} = {value} WHERE {place}")
        chat = stored_chat()
        do(chat, "/list")
        with suppress(ChatError):
            chat.resume(1)
            for suffix in FORMATS:
                export(chat, tmp_path / f"chat{suffix}")
            do(chat, "/undo 9")
            do(chat, "/redo 9")
            do(chat, "more")
        chat.resume(2)
        assert transcript(chat) == ["a good one", "You said a good one."], seed
        do(chat, "more")
        chat.close()
