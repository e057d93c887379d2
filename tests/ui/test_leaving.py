"""The line on leaving names what opens the session that was open: the last one, or another."""

from __future__ import annotations

from llama2ncnn_chat.paths import data_dir
from llama2ncnn_chat.ui.leaving import how_to_go_on
from tests.chatting import do, make_chat, stored_chat, talk_and_close


def test_the_last_session_is_gone_on_with_by_c() -> None:
    chat = stored_chat()
    assert how_to_go_on(chat) == ""  # nothing was said
    do(chat, "hello")
    assert how_to_go_on(chat) == "saved as 1: llama2ncnn-chat -c goes on"
    do(chat, "/save fruit")
    assert how_to_go_on(chat) == "saved as 1, fruit: llama2ncnn-chat -c goes on"
    chat.close()


def test_where_another_was_changed_since_its_number_is_named() -> None:
    chat = stored_chat()
    do(chat, "hello")
    talk_and_close("later")
    assert how_to_go_on(chat) == "saved as 1: llama2ncnn-chat --resume 1 goes on"
    chat.close()


def test_nothing_is_said_of_what_is_not_kept() -> None:
    chat = make_chat()
    do(chat, "hello")
    assert how_to_go_on(chat) == ""


def test_sessions_that_were_removed_meanwhile_are_there_again_before_it_is_said() -> None:
    chat = stored_chat()
    do(chat, "hello")
    for path in data_dir().glob("sessions.db*"):
        path.unlink()
    assert how_to_go_on(chat) == "saved as 1: llama2ncnn-chat -c goes on"
    assert (data_dir() / "sessions.db").exists()
    chat.close()
