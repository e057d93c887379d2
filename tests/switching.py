"""Models for a chat to go on with, by their names, none of them on a disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llama2ncnn_chat.chat.chat_model import ChatModel, ListedModel
from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.events import Step
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.templates.template import Template
from llama2ncnn_chat.text.vocabulary import Vocabulary
from tests.fakes import EOS, ByteTokenizer, ScriptedEngine


def model_of(
    engine: Engine,
    facts: ModelFacts | None = None,
    vocabulary: Vocabulary | None = None,
    *,
    template: Template | None = None,
    load: Callable[[Step], Engine] | None = None,
    **more: Any,
) -> ChatModel:
    """What has that engine loaded, unless ``load`` does something else."""
    words = vocabulary or ByteTokenizer()
    return ChatModel(
        facts or ModelFacts("/models/other", "f2", "q8", 2000),
        words,
        template or template_of("llama2"),
        engine.context_length,
        lambda step: LocalCompleter(load(step) if load else engine, words),
        **more,
    )


def saying(letter: int, *, context_length: int = 2000) -> ScriptedEngine:
    """An engine whose every reply is one token."""
    return ScriptedEngine(
        lambda ids: EOS if ids[-1] == letter else letter, context_length=context_length
    )


@dataclass(frozen=True)
class Named:
    """Implements ``ListedModel``."""

    model: str
    name: str
    about: str = "q8  ·  2 MB  ·  here"


@dataclass
class NamedModels:
    """Implements ``Models``; counts how often somebody looked."""

    named: dict[str, ChatModel]
    looks: int = field(default=0, init=False)

    def at_hand(self) -> Sequence[ListedModel]:
        self.looks += 1
        return self.listed()

    def listed(self) -> Sequence[ListedModel]:
        return [Named(model.facts.name, name) for name, model in self.named.items()]

    def find(self, name: str, template: Template | None, step: Step) -> ChatModel:
        step(f"reading {name}")(1, 2)
        if name not in self.named:
            raise ModelError(f"{name}: no such model", "name another")
        found = self.named[name]
        return replace(found, template=template or found.template)
