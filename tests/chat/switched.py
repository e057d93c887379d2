"""A chat that has said hello and may go on with another model, and what is asked of it then."""

from __future__ import annotations

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.chat_model import ChatModel
from llama2ncnn_chat.events import Report
from tests.chatting import LONG, do, make_chat, stored_chat
from tests.switching import NamedModels


def loud(message: str) -> str:
    """What a model says that isn't the first one."""
    return f"{message.upper()}!"


def with_model(model: ChatModel, chat: Chat | None = None, *, saved: bool = False) -> Chat:
    """A chat that has said hello, and can go on with the model "other" or be back at "tiny"."""
    chat = chat or (stored_chat() if saved else make_chat())
    chat.models = NamedModels({"other": model, "tiny": chat.chat_model})
    do(chat, LONG)
    return chat


def ids_of(chat: Chat) -> list[list[int]]:
    """The ids of all turns."""
    return [turn.ids for turn in chat.session.ledger.turns()]


def window_of(chat: Chat) -> list[int]:
    """The ids that stand before the model."""
    return chat.session.window(chat.session.sight(chat.session.ledger.head))


def no_step(_what: str) -> Report:
    """Where nobody wants to know how far it is."""
    return lambda _done, _total: None
