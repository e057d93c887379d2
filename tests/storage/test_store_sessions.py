"""The list of sessions: searched, renamed, forked, deleted, and held by one program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llama2ncnn_chat.conversation.ledger import Ledger
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.storage.search import places_of
from llama2ncnn_chat.storage.store import HIT, Store
from tests.storage.stored import META, described, growing, names, say, session


def test_the_list_is_newest_first(store: Store) -> None:
    first = session(store, "one", name="A")
    session(store, "two", name="B")
    assert names(store) == ["B", "A"]
    loaded = store.resume(first)
    say(loaded.ledger, loaded.recorder, "more")
    assert names(store) == ["A", "B"]
    assert [info.name for info in store.list(limit=1)] == ["A"]


def test_one_answer_is_no_conversation_until_it_has_a_name_or_goes_on(store: Store) -> None:
    talk = session(store, "hello", "hi")
    asked = session(store, "what is 2+2?", "It is\n\n**4**\n```")
    store.mark_one_shot(asked)
    assert [info.id for info in store.list()] == [talk]
    assert [info.id for info in store.list(one_shots=True)] == [asked, talk]
    assert [info.id for info in store.list("what is")] == [asked]
    assert store.find(str(asked)) == store.latest() == store.list(one_shots=True)[0]
    store.rename(asked, "Sum")
    assert names(store) == ["Sum", ""]
    store.rename(asked, "")
    loaded = store.resume(asked)
    say(loaded.ledger, loaded.recorder, "and 2+3?")
    assert [info.id for info in store.list()] == [asked, talk]


def test_a_message_and_its_replies_are_one_turn(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    _, first = say(ledger, recorder, "hello", "hi")
    ledger.move(first.parent)
    say(ledger, recorder, "hi again", "how are you?", "well\nand you?\n")
    info = store.list()[0]
    assert (info.n_exchanges, info.last_text) == (2, "well\nand you?\n")


@pytest.mark.parametrize(
    ("search", "text", "found"),
    [
        ("birds sing", "Why do birds sing? Singing birds.", ["birds", "sing", "Sing", "birds"]),
        ("sing birds", "Singing birds sing", ["birds", "sing"]),
        ("CAFE", "Un café, des cafés", ["café", "café"]),
        ("なぜ", "鳥はなぜ歌う", ["なぜ"]),
        ("-> f", "C++ -> fast", ["->", "f"]),
        ("owls", "birds", []),
        (" ", "birds", []),
    ],
)
def test_what_is_found_is_marked_where_it_stands(search: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in places_of(search, text)] == found


def test_search_finds_words_prefixes_and_names(store: Store) -> None:
    session(store, "Why do birds sing?", "To find each other.", name="Nature")
    session(store, "Cook me a soup", "Boil some water.", name="Kitchen talk")
    session(store, "鳥はなぜ歌うのですか", "C++ -> fast", name="100%")
    assert names(store, "birds") == ["Nature"]
    assert names(store, "wat") == ["Kitchen talk"]
    assert names(store, "BOIL wat") == ["Kitchen talk"]
    assert names(store, "wat boil") == []
    assert names(store, "kitch") == ["Kitchen talk"]
    assert names(store, "birds soup") == []
    assert names(store, "なぜ") == ["100%"]  # no spaces around it
    assert names(store, "->") == ["100%"]
    assert names(store, "0%") == ["100%"]
    assert names(store, "   ") == names(store)
    start, end = HIT
    assert store.list("sing")[0].snippet == f"Why do birds {start}sing{end}?"
    assert store.list("kitchen")[0].snippet == f"{start}Kitchen{end} talk"
    assert f"{start}なぜ{end}" in store.list("なぜ")[0].snippet


@pytest.mark.parametrize(
    "typed",
    ['"', '""', "'", "*", "-", "birds -sing", "(", "a AND", "NOT", "a OR (b", "text:birds", "^a",
     "a*b", "\0", "a\0b", "\udcff", "%", "_", "\\", "NEAR(a b", "{a}", "+", "😀"],
)  # fmt: skip
def test_whatever_is_typed_is_only_words(store: Store, typed: str) -> None:
    session(store, "Why do birds sing?", name="Nature")
    assert all(info.name == "Nature" for info in store.list(typed))


def test_no_search_ever_fails(store: Store) -> None:
    session(store, "Why do birds sing?")

    @settings(max_examples=200)
    @given(st.text(st.characters(), max_size=12))
    def search(typed: str) -> None:
        store.list(typed)

    search()


def test_removed_and_changed_texts_are_not_found(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    _, reply = say(ledger, recorder, "hello", "walrus")
    reply.text = "seal"
    recorder.turn_finished(reply)
    assert names(store, "walrus") == []
    assert names(store, "seal") == ["Birds"]
    ledger.remove(reply)
    recorder.turn_removed(reply)
    assert names(store, "seal") == []


def test_a_reply_that_never_finished_is_found_after_the_next_start(path: Path) -> None:
    with closing(Store.open(path)) as store:
        reply, recorder, _ = growing(store)
        reply.ids, reply.text = [7], "walrus sings"
        recorder.turn_grew(reply)
    with closing(Store.open(path)) as store:
        assert names(store, "sings walrus") == ["Birds"]  # by the index: it has no such text


def test_sessions_are_found_by_number_name_and_beginning(store: Store) -> None:
    birds, bees = session(store, "x", name="Birds"), session(store, "x", name="Bees")
    session(store, "x")
    assert store.find(str(birds)).id == birds
    assert store.find(" birds ").id == birds
    assert store.find("bee").id == bees
    with pytest.raises(ChatError, match=r"2 \(Bees\), 1 \(Birds\)"):
        store.find("b")
    for missing in ("fish", "", "99"):
        with pytest.raises(ChatError, match="no session"):
            store.find(missing)
    session(store, "x", name="bee")
    assert store.find("bee").name == "bee"  # a whole name before a beginning


def test_rename_delete_and_purge(store: Store) -> None:
    old = session(store, "walrus", name="Old")
    store.rename(old, "New")
    assert names(store, "new") == ["New"]
    assert names(store, "old") == []
    store.delete(old)
    assert names(store) == names(store, "walrus") == []
    for action in (store.resume, store.delete, store.fork):
        with pytest.raises(ChatError, match="no session"):
            action(old)
    assert store.undelete_last() == old
    assert names(store) == ["New"]
    store.delete(old)
    assert store.purge_deleted(older_than=60) == []
    assert store.purge_deleted(older_than=0) == [old]
    assert store._db.rows("SELECT * FROM turn") == store._db.rows("SELECT * FROM turn_index") == []
    with pytest.raises(ChatError, match="no deleted session"):
        store.undelete_last()
    assert session(store, "next") > old


def test_a_fork_has_the_path_and_nothing_else(store: Store) -> None:
    ledger, recorder = Ledger(), store.create(META)
    say(ledger, recorder, "hello", "hi")
    ledger.move(ledger.path()[0])
    _, question, answer = say(ledger, recorder, "hey there", "how are you?", "well, walrus")
    recorder.head_moved(ledger.head, question)
    assert recorder.session_id
    before = described(ledger)
    fork = store.resume(store.fork(recorder.session_id))
    assert fork.meta == replace(META, name="Birds (fork)")
    assert [t.text for t in fork.ledger.turns()] == [t.text for t in ledger.path()]
    assert fork.ledger.path()[-1].ids == answer.ids
    assert fork.first_visible is fork.ledger.path()[2]
    assert names(store, "walrus") == ["Birds (fork)", "Birds"]
    assert described(store.resume(recorder.session_id).ledger) == before
    shorter = store.resume(store.fork(fork.id, fork.ledger.path()[1]))
    assert shorter.meta.name == "Birds (fork 2)"
    assert [t.text for t in shorter.ledger.path()] == ["hello", "hey there"]


HOLD = """
import sys
from pathlib import Path
from llama2ncnn_chat.storage.store import Store
store = Store.open(Path(sys.argv[1]))
print(store.resume(int(sys.argv[2])).read_only, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_program() -> Iterator[Callable[[Path, int], subprocess.Popen[str]]]:
    """Another process that resumes a session and keeps it until it is told or killed."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, session_id: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(path), str(session_id)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        started.append(process)
        assert process.stdout
        assert process.stdout.readline() == "False\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_session_that_another_program_has_is_read_only(
    store: Store, path: Path, other_program: Callable[[Path, int], subprocess.Popen[str]]
) -> None:
    mine = session(store, "hello", "hi", name="Birds")
    process = other_program(path, mine)
    loaded = store.resume(mine)
    assert loaded.read_only
    assert loaded.holder == process.pid
    assert [turn.text for turn in loaded.ledger.path()] == ["hello", "hi"]
    say(loaded.ledger, loaded.recorder, "unheard")
    with pytest.raises(ChatError, match=f"process {process.pid}"):
        store.rename(mine, "X")
    with pytest.raises(ChatError, match=f"process {process.pid}"):
        store.delete(mine)
    fork = store.resume(store.fork(mine))
    assert not fork.read_only
    assert [turn.text for turn in fork.ledger.path()] == ["hello", "hi"]
    process.kill()
    process.wait()
    assert not store.resume(mine).read_only


def test_closing_lets_others_have_the_session(path: Path) -> None:
    with closing(Store.open(path)) as one, closing(Store.open(path)) as two:
        recorder = one.create(META)
        say(Ledger(), recorder, "hello")
        assert recorder.session_id
        assert two.resume(recorder.session_id).read_only
        again = one.resume(recorder.session_id)  # in one program it may be resumed any time
        assert not again.read_only
        again.recorder.close()
        assert not two.resume(recorder.session_id).read_only
