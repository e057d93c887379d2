"""A chat that is opened when a test wants it, and models to choose from."""

from __future__ import annotations

import threading

from llama2ncnn_chat.catalogue.listing import ListedModel
from llama2ncnn_chat.chat.chat import Chat
from tests.ui.tui.scripted import Script, make_chat
from tests.ui.tui.stage import PATIENCE

MODELS = [
    ListedModel("/models/a.bin", "a.bin", "llama2.c v2 (Q8_0)", 15_000_000, "used lately"),
    ListedModel("/models/b.ncnn", "b.ncnn", "ncnn int8", 110_000_000, "here"),
    ListedModel("demo", "demo", "llama2.c v2 (Q8_0)", 2_500_000, "bundled"),
]


class Opened:
    """Chats by the model that was asked for, closed in the end."""

    def __init__(self) -> None:
        self.models: list[str | None] = []
        self.chats: list[Chat] = []

    def __call__(self, _step: object, model: ListedModel | None) -> Chat:
        name = model.model if model else None
        self.models.append(name)
        self.chats.append(make_chat(Script([f"I am {name}."]), saved=True))
        return self.chats[-1]


class OpenedLate(Opened):
    """Opens none before it is told to, by ``opens``."""

    def __init__(self) -> None:
        super().__init__()
        self.opens = threading.Event()

    def __call__(self, step: object, model: ListedModel | None) -> Chat:
        self.opens.wait(PATIENCE)
        return super().__call__(step, model)
