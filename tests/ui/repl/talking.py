"""Lines that are typed into the line editor by no person, and what it makes of them."""

from __future__ import annotations

import io

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.ui.repl.lines import LinePrompt
from llama2ncnn_chat.ui.repl.loop import Repl
from llama2ncnn_chat.ui.repl.screen import Screen


def talk(
    chat: Chat,
    typed: str,
    *,
    label: str = "",
    roles: bool = False,
    live: bool = False,
    colour: bool = False,
) -> None:
    screen = Screen(live=live, colour=colour, roles=roles, errors_apart=not label)
    Repl(chat, screen).run(LinePrompt(label, stdin=io.StringIO(typed)))
