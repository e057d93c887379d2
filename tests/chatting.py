"""A chat with a scripted model, for the tests of commands and faces."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.commands.table import interpret
from llama2ncnn_chat.chat.line import parse
from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.chat.outcomes import Ask, Generate, Outcome
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.events import Event
from llama2ncnn_chat.generation.completer import never
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.storage.snapshots import SnapshotStore
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.marked import template_of
from tests.fakes import EOS, ByteTokenizer, ScriptedEngine
from tests.switching import model_of

TOKENIZER = ByteTokenizer()
LLAMA2 = Settings(template=template_of("llama2"))
OPEN, CLOSE = b"[INST]", b"[/INST]"
WILD = {"temp": "50", "min-p": "0", "top-k": "0", "top-p": "1", "seed": "1"}
"""Settings under which the bundled model finds no end, so that there is time to stop it."""
WILD_FLAGS = tuple(f"--{key}={value}" for key, value in WILD.items())
LONG = "a message of more than thirty-two letters"


def bytes_of(ids: Sequence[int]) -> bytes:
    return b"".join(TOKENIZER.piece(i) for i in ids)


def answering(
    reply: Callable[[str], str], *, context_length: int = 2000, pause: float = 0.0
) -> ScriptedEngine:
    """An engine of the llama2 template that says ``reply(message)``, a byte a token."""

    def next_token(ids: Sequence[int]) -> int:
        time.sleep(pause)
        message, _, said = bytes_of(ids).rpartition(OPEN)[2].partition(CLOSE)
        text = message.rpartition(b"<</SYS>>")[2].decode().strip()
        wanted = f" {reply(text)}".encode()[said[:1] not in (b"", b" ") :]  # as it was begun
        return wanted[len(said)] + 3 if len(said) < len(wanted) else EOS

    return ScriptedEngine(next_token, context_length=context_length)


def echo(message: str) -> str:
    return f"You said {message}."


def make_chat(
    engine: ScriptedEngine | None = None,
    *,
    fingerprint: str = "f1",
    settings: Settings = LLAMA2,
    **kw: Any,
) -> Chat:
    settings = replace(settings, template=settings.template or LLAMA2.template)
    facts = ModelFacts("/models/tiny", fingerprint, "fp32", 1000)
    engine = engine or answering(echo)
    model = model_of(engine, facts, TOKENIZER, template=settings.template)
    return Chat(LocalCompleter(engine, TOKENIZER), model, settings, **kw)


def carry_out(outcomes: Iterable[Outcome], *, yes: bool = True) -> list[Outcome | Event]:
    """All that comes of it: generations run to their end, questions answered."""
    seen: list[Outcome | Event] = []
    for outcome in outcomes:
        seen.append(outcome)
        if isinstance(outcome, Generate):
            seen += outcome.start(cancelled=never)
        elif isinstance(outcome, Ask):
            seen += carry_out(outcome.yes if yes else outcome.no)
    return seen


def do(
    chat: Chat, line: str, *, yes: bool = True, edits: int | None = None
) -> list[Outcome | Event]:
    """Type a line."""
    return carry_out(interpret(chat, parse(line), edits=edits), yes=yes)


def transcript(chat: Chat) -> list[str]:
    return [turn.text for turn in chat.session.ledger.path()]


def stored_chat(**kw: object) -> Chat:
    return make_chat(store=Store.open(), snapshots=SnapshotStore(), **kw)  # type: ignore[arg-type]


def talk_and_close(*messages: str) -> None:
    chat = stored_chat()
    for message in messages:
        do(chat, message)
    chat.close()
