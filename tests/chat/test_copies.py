"""A session that can only be read, and one of another model: what is sent goes into a copy."""

from __future__ import annotations

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.storage.store import Store
from tests.chatting import LLAMA2, LONG, do, stored_chat, talk_and_close, transcript
from tests.fakes import ScriptedEngine, ShiftedTokenizer
from tests.switching import model_of


def test_an_edit_in_a_session_that_is_only_read_takes_its_place_in_the_copy() -> None:
    first = stored_chat()
    for text in ("hello", "again"):
        do(first, text)
    second = stored_chat()
    second.resume(1)
    do(second, "other", edits=second.session.ledger.path()[2].id)
    assert not second.read_only
    assert transcript(second) == ["hello", "You said hello.", "other", "You said other."]
    (root,) = second.session.ledger.roots
    assert [turn.text for turn in root.children[0].children] == ["again", "other"]
    assert transcript(first)[2] == "again"
    second.close()
    first.close()


def test_a_session_that_another_program_has_is_copied_with_the_first_message() -> None:
    first = stored_chat()
    do(first, "hello")
    second = stored_chat()
    second.resume(1)
    assert second.read_only
    assert second.session_id is None
    assert "another program has it open" in second.pop_notes()[0]
    do(second, "mine")
    assert not second.read_only
    assert second.session_id == 2
    assert "this is session 2 now" in second.pop_notes()[0]
    assert transcript(second)[2:] == ["mine", "You said mine."]
    do(first, "theirs")
    assert transcript(first)[2:] == ["theirs", "You said theirs."]
    second.close()
    first.close()
    again = stored_chat()
    for number, text in ((1, "theirs"), (2, "mine")):
        again.resume(number)
        assert transcript(again)[2] == text
    again.close()


def test_a_copy_begins_where_the_reader_stands() -> None:
    first = stored_chat()
    do(first, "one")
    do(first, "two")
    second = stored_chat()
    second.resume(1)
    do(second, "/undo")
    do(second, "three")
    assert transcript(second) == ["one", "You said one.", "three", "You said three."]
    second.close()
    first.close()


def test_another_quantisation_of_the_model_goes_on_with_the_same_tokens() -> None:
    talk_and_close(LONG)
    chat = stored_chat(fingerprint="f2")
    ids = None
    chat.resume(1)
    notes = chat.pop_notes()
    assert notes[0] == "it was written with tiny"
    assert "(the model or the CPU differs)" in notes[1]
    ids = chat.session.ledger.path()[1].ids
    do(chat, "two")
    assert chat.session_id == 1
    assert chat.session.ledger.path()[1].ids == ids
    chat.close()


def test_another_tokenizer_gets_a_copy_that_is_encoded_anew() -> None:
    talk_and_close(LONG)
    engine = ScriptedEngine(lambda _: 2, context_length=2000)
    model = model_of(engine, vocabulary=ShiftedTokenizer())
    chat = Chat(LocalCompleter(engine, model.vocabulary), model, LLAMA2, store=Store.open())
    chat.resume(1)
    assert "other tokens" in chat.pop_notes()[0]
    path = chat.session.ledger.path()
    assert path[0].ids == chat.session.renderer.message(LONG, first=True)
    assert path[1].ids == ShiftedTokenizer().encode(path[1].text, bos=False)
    do(chat, "two")
    assert chat.session_id == 2
    chat.close()
    chat = stored_chat()
    chat.resume(1)  # the old one is as it was
    assert chat.session.ledger.path()[1].text == f"You said {LONG}."
    do(chat, "/continue")
    chat.resume(2)
    assert "other tokens" in chat.pop_notes()[0]
    assert transcript(chat)[:2] == [LONG, f"You said {LONG}."]
    chat.close()
