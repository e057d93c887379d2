"""The sessions' folder is removed while a chat is open: the chat goes on, and is saved anew."""

from __future__ import annotations

import shutil

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.outcomes import Complain, Done, Say
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.paths import data_dir
from tests.chatting import answering, do, echo, stored_chat, talk_and_close, transcript


def remove() -> None:
    shutil.rmtree(data_dir())


def note(number: int) -> str:
    gone = f"{data_dir() / 'sessions.db'} was removed, or replaced, while it was open"
    return f"{gone}: this session is saved anew, as {number}"


def talking() -> Chat:
    """A chat in session 2, of one message."""
    talk_and_close("an older one")
    chat = stored_chat()
    do(chat, "one")
    assert chat.session_id == 2
    chat.pop_notes()
    return chat


def stored(number: int = 1) -> list[str]:
    chat = stored_chat()
    chat.resume(number)
    chat.close()
    return transcript(chat)


def test_the_next_message_goes_on_and_says_so() -> None:
    chat = talking()
    remove()
    do(chat, "two")
    assert chat.pop_notes() == [note(1)]
    assert chat.session_id == 1
    do(chat, "three")
    assert chat.pop_notes() == []
    said = transcript(chat)
    chat.close()
    assert stored() == said
    assert said[::2] == ["one", "two", "three"]


def test_a_reply_goes_on_over_it() -> None:
    removed: list[str] = []

    def reply(message: str) -> str:
        if message == "two" and len(removed) < 10:  # between two tokens, in the midst of it
            removed.append(message)
            if len(removed) == 8:
                remove()
        return echo(message)

    chat = stored_chat(engine=answering(reply))
    do(chat, "one")
    do(chat, "two")
    assert chat.pop_notes() == [note(1)]
    said = transcript(chat)
    chat.close()
    assert said == ["one", "You said one.", "two", "You said two."]
    assert stored() == said


@pytest.mark.parametrize("line", ["/save birds", "/rename birds", "/list", "/fork", "/delete"])
def test_a_command_on_sessions_finds_it_saved_anew(line: str) -> None:
    chat = talking()
    remove()
    outcomes = do(chat, line)
    assert note(1) in chat.pop_notes()
    if line.endswith("birds"):
        assert outcomes == [Done("saved as session 1, birds")]
    if line == "/list":
        (listed,) = outcomes
        assert isinstance(listed, Say)
        assert "an older one" not in listed.text
    assert chat.session_id == {"/fork": 2, "/delete": None}.get(line, 1)
    do(chat, "more")
    chat.close()
    assert stored(1 if line not in ("/fork", "/delete") else 2)[-2:] == ["more", "You said more."]


def test_another_session_is_gone() -> None:
    chat = talking()
    remove()
    (complaint,) = do(chat, "/load 2")
    assert isinstance(complaint, Complain)
    assert "no session '2'" in complaint.text
    do(chat, "two")
    assert transcript(chat)[::2] == ["one", "two"]
    chat.close()


def test_a_folder_that_cannot_be_made_is_a_refusal_that_changes_nothing() -> None:
    chat = talking()
    remove()
    data_dir().write_text("in the way")
    for _ in range(2):
        with pytest.raises(ChatError, match=r"can't save the session: .* was removed"):
            do(chat, "two")
        assert transcript(chat) == ["one", "You said one."]
        assert chat.pop_notes() == []
    data_dir().unlink()
    do(chat, "two")
    assert chat.pop_notes() == [note(1)]
    said = transcript(chat)
    chat.close()
    assert stored() == said
