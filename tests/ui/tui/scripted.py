"""A chat whose model says what a test wrote down, a byte a token, as fast as it likes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from llama2ncnn_chat.catalogue.bundled import ABOUT, DEMO, STARTERS
from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.chat_model import ChatModel
from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.sampling import Float32
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.model.engine import Cancelled
from llama2ncnn_chat.storage.snapshots import SnapshotStore
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.marked import template_of
from tests.fakes import ByteTokenizer, ScriptedEngine
from tests.switching import NamedModels, model_of

FACTS = ModelFacts("/models/stories15M", "f" * 64, "q8", 16_400_000)
DEMO_FACTS = ModelFacts(DEMO, "d" * 64, "q8", 2_600_000, about=ABOUT, starters=STARTERS)


@dataclass
class Script:
    """``replies`` in the order they are asked for, then the last one again.

    ``gate``, where given, lets tokens through one ``release`` at a time, and ``reading`` chunks
    that are read; ``failure`` is raised by the next token.
    """

    replies: Sequence[str]
    context_length: int = 4096
    seconds: float = 0.0
    gate: threading.Semaphore | None = None
    reading: threading.Semaphore | None = None
    failure: Exception | None = None
    asked: int = field(default=-1, init=False)

    def engine(self) -> ScriptedEngine:
        return _Engine(self)


class _Engine(ScriptedEngine):
    """Tells a new reply from the next token of one by where messages have ended before.

    Another reply to the same message must begin with the same letter: the session still has the
    logits for that one.
    """

    def __init__(self, script: Script) -> None:
        super().__init__(lambda ids: 2, context_length=script.context_length)
        self._script = script
        self._ends: set[tuple[int, ...]] = set()
        self._reply, self._said = b"", 0

    def forward(self, ids: Sequence[int], cancelled: Cancelled | None = None) -> Float32:
        script, before = self._script, tuple(self.ids)
        if len(ids) == 1 and script.gate:
            script.gate.acquire(timeout=5)
        if script.seconds:
            time.sleep(script.seconds)
        if script.failure:
            failure, script.failure = script.failure, None
            raise failure
        super().forward(ids, cancelled)
        if len(ids) > 1 or tuple(self.ids) in self._ends:
            self._ends.add(tuple(self.ids))
            self._begin(0)
        elif before in self._ends:
            if self._said > 0:
                self._begin(0)
            self._said = 1
        else:
            self._said += 1
        logits = np.zeros(self.vocab_size, np.float32)
        logits[self._reply[self._said] + 3 if self._said < len(self._reply) else 2] = 20
        return logits

    def forward_all(self, ids: Sequence[int]) -> Float32:
        if self._script.reading:
            self._script.reading.acquire(timeout=5)
        return super().forward_all(ids)

    def _begin(self, said: int) -> None:
        script = self._script
        script.asked += 1
        self._reply = script.replies[min(script.asked, len(script.replies) - 1)].encode()
        self._said = said


PLAIN = Settings(template=template_of("plain"), sampling=GREEDY, prefill_ahead=False)


def make_chat(
    script: Script,
    settings: Settings = PLAIN,
    *,
    saved: bool = False,
    facts: ModelFacts = FACTS,
    models: dict[str, ChatModel] | None = None,
) -> Chat:
    """A chat with the script's engine; ``saved`` in the test's own home."""
    engine = script.engine()
    return Chat(
        LocalCompleter(engine, ByteTokenizer()),
        model_of(engine, facts, ByteTokenizer(), template=settings.template),
        settings,
        store=Store.open() if saved else None,
        snapshots=SnapshotStore() if saved else None,
        models=NamedModels(models) if models else None,
    )
