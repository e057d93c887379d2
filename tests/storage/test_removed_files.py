"""A sessions' file that is removed, or replaced, while a session is open: it is saved anew."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat import phrases
from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.storage.store import SessionMeta, Store
from tests.storage.stored import META, described, growing, say, session

RENAMED = SessionMeta("other", META.fingerprint, META.template, "", META.sampling, "Bees")


def remove(path: Path, what: str) -> None:
    """Take the whole folder away, or the file, or the file with all beside it, or replace it."""
    if what == "folder":
        shutil.rmtree(path.parent)
        return
    path.unlink()
    if what == "all files":
        for beside in path.parent.glob("sessions.db-*"):
            beside.unlink()
    if what == "emptied":
        path.touch()
    if what == "rubbish":
        path.write_bytes(b"not a database" * 1000)
    if what == "another":  # with a session of its own, under the number that ours had
        other = path.with_name("other.db")
        with closing(Store.open(other)) as store:
            session(store, "not ours", name="another")
        other.rename(path)


WAYS = ["folder", "file", "all files", "emptied", "rubbish", "another"]


def tree(ledger: Ledger, recorder_store: Store) -> None:
    """A conversation with alternatives, whose path doesn't end in the newest of them."""
    recorder = recorder_store.create(META)
    say(ledger, recorder, "one", "first", "two", "second")
    second = ledger.head
    assert second
    for head, texts in ((second.parent, ["another second"]), (None, ["other root", "reply"])):
        ledger.move(head)
        recorder.head_moved(head, None)
        say(ledger, recorder, *texts)
    ledger.move(second)
    recorder.head_moved(second, ledger.path()[1])
    recorder.turn_finished(second)


def stored(path: Path, session_id: int) -> tuple[object, ...]:
    """What another start of the program finds, but for the numbers of the turns."""
    with closing(Store.open(path)) as store:
        loaded = store.resume(session_id)
        assert not loaded.damage
        visible = loaded.first_visible and loaded.first_visible.text
        return (visible, loaded.meta, *described(loaded.ledger))


@pytest.mark.parametrize("what", WAYS)
@pytest.mark.parametrize("step", ["added", "finished", "moved", "renamed", "looked at"])
def test_the_whole_tree_is_saved_anew(path: Path, what: str, step: str) -> None:
    ledger, meta = Ledger(), META
    with closing(Store.open(path)) as store:
        session(store, "an older one")
        tree(ledger, store)
        (recorder,) = [each for each in store._recorders if each.holds_lock]
        assert recorder.session_id == 2
        remove(path, what)
        visible: Turn | None = ledger.path()[1]
        if step == "added":
            say(ledger, recorder, "more", "and more")
        elif step == "finished":
            assert ledger.head
            ledger.head.text = "changed"
            recorder.turn_finished(ledger.head)
        elif step == "moved":
            ledger.move(ledger.roots[1].children[0])
            visible = None
            recorder.head_moved(ledger.head, visible)
        elif step == "renamed":
            recorder.meta_changed(meta := RENAMED)
        else:
            store.look_again()
        expected = 2 if what == "another" else 1
        assert recorder.session_id == expected
        *found, note = store.notes
        saved = f"this session is saved anew, as {expected}"
        assert note == f"{path} was removed, or replaced, while it was open: {saved}"
        assert len(found) == (what == "rubbish")
        say(ledger, recorder, "one", "more thing")  # and so it goes on
        assert len(store.list()) == expected
        said = described(ledger)
    assert stored(path, expected) == (visible and visible.text, meta, *said)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(Store.open(path)) as store:
        assert [info.id for info in store.list("thing")] == [expected]


@pytest.mark.parametrize("what", WAYS)
def test_half_a_reply_is_saved_anew(path: Path, what: str) -> None:
    with closing(Store.open(path)) as store:
        reply, recorder, _ = growing(store)
        for n in range(40):
            if n == 20:
                remove(path, what)
            reply.ids.append(n)
            reply.text += f"{n} "
            recorder.turn_grew(reply)
        recorder.flush()  # and killed
        with closing(Store.open(path)) as other:
            assert recorder.session_id
            path_of_other = other.peek(recorder.session_id)
        assert [turn.text for turn in path_of_other] == ["count", reply.text]
        assert path_of_other[1].ids == list(range(40))
        assert path_of_other[1].finish is None


def test_a_first_message_and_a_removed_one_need_no_file(path: Path) -> None:
    with closing(Store.open(path)) as store:
        ledger, recorder = Ledger(), store.create(META)
        remove(path, "folder")
        (turn,) = say(ledger, recorder, "hello")
        assert recorder.session_id == 1
        remove(path, "folder")
        ledger.remove(turn)
        recorder.turn_removed(turn)
        assert turn.key is None
        assert not recorder.holds_lock
        remove(path, "folder")
        say(ledger, recorder, "hello", "hi")
        assert [info.last_text for info in store.list()] == ["hi"]


def test_what_cannot_be_made_anew_is_refused_until_it_can(path: Path) -> None:
    with closing(Store.open(path)) as store:
        ledger, recorder = Ledger(), store.create(META)
        say(ledger, recorder, "hello", "hi")
        remove(path, "folder")
        path.parent.write_text("in the way")
        for _ in range(2):
            with pytest.raises(ChatError, match=r"can't save.*sessions.db was removed") as caught:
                recorder.meta_changed(META)
            assert "in the way" not in caught.value.message
            assert "/export" in phrases.hint(caught.value)
        path.parent.unlink()
        say(ledger, recorder, "more")
        assert [t.text for t in store.peek(1)] == ["hello", "hi", "more"]


def test_two_programs_save_theirs_in_one_new_file(path: Path) -> None:
    with closing(Store.open(path)) as one, closing(Store.open(path)) as two:
        ledgers, recorders = (Ledger(), Ledger()), [store.create(META) for store in (one, two)]
        for ledger, recorder, text in zip(ledgers, recorders, "ab", strict=True):
            say(ledger, recorder, text, text)
        path.unlink()
        for _ in range(2):
            for ledger, recorder, text in zip(ledgers, recorders, "ab", strict=True):
                say(ledger, recorder, text, text)
        ids = [recorder.session_id for recorder in recorders]
        assert len(set(ids)) == 2
        for store in (one, two):
            assert len(store.list()) == 2
            for session_id, text in zip(ids, "ab", strict=True):
                assert session_id
                assert [turn.text for turn in store.peek(session_id)] == [text] * 6
        assert two.resume(ids[0] or 0).read_only
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
