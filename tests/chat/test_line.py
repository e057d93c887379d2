"""What a typed line is, and that what is put back into a prompt means the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.chat.line import Command, Message, parse


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("hello", Message("hello")),
        ("  hello \n", Message("hello")),
        ("/set temp 0.5", Command("set", "temp 0.5")),
        ("/undo", Command("undo")),
        ("/", Command("")),
        ("//etc is a folder", Message("/etc is a folder")),
        ("///", Message("//")),
        ("a / b", Message("a / b")),
        ("/edit two\nlines", Command("edit", "two\nlines")),
        ("", Message("")),
    ],
)
def test_one_slash_is_a_command_and_two_are_a_message(typed: str, line: Command | Message) -> None:
    assert parse(typed) == line


@given(st.text())
def test_what_is_put_into_a_prompt_is_read_out_of_it_again(text: str) -> None:
    message = Message(text.strip())
    assert parse(str(message)) == message
