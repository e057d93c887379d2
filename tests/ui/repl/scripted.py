"""The line-by-line face with a scripted model, as a program of its own for a pseudo-terminal."""

from __future__ import annotations

import sys
import time

from llama2ncnn_chat import arguments
from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.cli import _end_like_an_interrupt
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import Step
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.ui.repl.face import run
from tests.chatting import answering, make_chat
from tests.switching import NamedModels, model_of

asked: list[str] = []
"""A message whose reply breaks off, once for each token that has been read or said."""


def reply(message: str) -> str:
    """Something slow where the message says so."""
    if "slow" in message:
        time.sleep(0.02)
        return "tick " * 200
    if "steady" in message:
        time.sleep(0.02)
        return "tick " * 20
    if "break" in message:
        asked.append(message)
        if len(asked) > 100:
            raise ChatError("it broke off")
        return "tick " * 200
    if "code" in message:
        return "Try:\n```py\nx = **1**\n```\nIt is **bold**."
    return f"You said {message}."


def loud(message: str) -> str:
    return f"{message.upper()}!"


def never_loaded(step: Step) -> Engine:
    report = step("loading stuck")
    while True:
        report(1, 2)
        time.sleep(0.02)


def others() -> NamedModels:
    facts = ModelFacts("/models/loud", "f2", "q8", 1000)
    return NamedModels(
        {
            "loud": model_of(answering(loud), facts),
            "stuck": model_of(answering(loud), load=never_loaded),
        }
    )


if __name__ == "__main__":
    options = options_of(arguments.parse("chat", sys.argv[1:]))
    _end_like_an_interrupt()
    chat = make_chat(answering(reply), settings=Settings(), store=Store.open(), models=others())
    try:
        if options.latest and (info := chat.stored().latest()):
            chat.resume(info.id)
        sys.exit(run(chat, options))
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        chat.close()
