"""Sessions over a scripted engine, and what can be seen of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from llama2ncnn_chat.conversation.ledger import Ledger, Turn
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.conversation.session import Session
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.events import Event, Events
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.templates.template import Template
from tests.fakes import EOS, ByteTokenizer, ScriptedEngine

TOKENIZER = ByteTokenizer()


def muddled(ids: Sequence[int]) -> int:
    """A next token that depends on every id before it, in order; now and then EOS."""
    mixed = zlib.crc32(np.asarray(ids, np.int32).tobytes())
    return EOS if mixed % 7 == 0 else 3 + 97 + mixed % 26


class Talk:
    """A session, its engine, and the settings that go along with every operation."""

    def __init__(self, engine: ScriptedEngine, renderer: Renderer, settings: Settings, **kw: Any):
        self.engine, self.settings = engine, settings
        self.completer = LocalCompleter(engine, TOKENIZER)
        self.session = Session(self.completer, renderer, **kw)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def send(self, text: str, **kw: Any) -> Events:
        return self.session.send(text, self.settings, **kw)

    def edit(self, text: str, message: Turn) -> Events:
        return self.session.edit(text, message, self.settings)

    def regenerate(self) -> Events:
        return self.session.regenerate(self.settings)

    def proceed(self, **kw: Any) -> Events:
        return self.session.proceed(self.settings, **kw)


def session(
    engine: ScriptedEngine | None = None,
    *,
    system: str = "",
    template: str | Template = "llama2",
    ledger: Ledger | None = None,
    **kw: Any,
) -> Talk:
    engine = engine or ScriptedEngine(muddled, context_length=2000)
    settings = Settings(**{"sampling": GREEDY, "max_tokens": 9, **kw})
    known = template_of(template) if isinstance(template, str) else template
    renderer = Renderer(known, TOKENIZER, system)
    return Talk(engine, renderer, settings, ledger=ledger)


def pause(s: Talk, draft: str) -> None:
    """Have been typing a message so far, until all of it is read ahead that can be."""
    s.session.ahead.prefill(s.session.sight(s.session.ledger.end()), draft)
    finish(s.completer)


def finish(completer: LocalCompleter) -> None:
    """Wait until all that was asked for is read ahead."""
    if thread := completer._background._thread:
        thread.join(10)
        assert not thread.is_alive()


def fed(s: Talk) -> list[int]:
    return s.engine.fed


def in_cache(s: Talk) -> list[int]:
    return s.engine.ids


def last_text(s: Talk) -> str:
    reply = s.session.ledger.last("assistant")
    assert reply
    return reply.text


def run(events: Events) -> list[Event]:
    return list(events)


def encode(text: str) -> list[int]:
    return TOKENIZER.encode(text, bos=False)


def saying(*replies: str, context_length: int = 2000) -> ScriptedEngine:
    """An engine that answers every ``[/INST]`` with the next of these texts and EOS."""
    ids = [encode(reply) for reply in replies]

    def next_token(cache: Sequence[int]) -> int:
        mark = encode("[/INST]")
        cache = list(cache)
        starts = [i + len(mark) for i in range(len(cache)) if cache[i : i + len(mark)] == mark]
        if not starts:
            return EOS
        reply = ids[min(len(starts), len(ids)) - 1]
        done = len(cache) - starts[-1]
        return reply[done] if done < len(reply) else EOS

    return ScriptedEngine(next_token, context_length=context_length)
