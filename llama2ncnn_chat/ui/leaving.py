"""Says on the way out how to go on with the conversation. Knows the chat, and no face."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import ChatError

if TYPE_CHECKING:  # the screen waits for no model
    from ..chat.chat import Chat


def how_to_go_on(chat: Chat) -> str:
    """Say what opens the session again; nothing where it isn't kept or can't be read."""
    with suppress(ChatError):
        latest, number = chat.stored().latest(), chat.session_id
        if number is not None:
            how = "-c" if latest and latest.id == number else f"--resume {number}"
            name = f", {chat.name}" if chat.name else ""
            return f"saved as {number}{name}: llama2ncnn-chat {how} goes on"
    return ""
