"""How a conversation is rendered and how its replies are made, as one value.

Knows neither how a setting is typed nor who sets it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..generation.settings import Sampling, Schema
from ..text.templates.template import Template

OnFull = Literal["shift", "reprefill", "stop", "ask"]


@dataclass(frozen=True)
class Settings:
    """Passed along with each operation; ``template`` None is the model's own, ``seed`` None is
    random, ``max_tokens`` None is the context, ``schema`` None is any text.

    ``on_full`` says what happens when the context is full: the oldest turns go ("shift" moves what
    stays up in the cache, "reprefill" reads it again), or the reply ends there ("stop", and "ask",
    before which a face asks). ``logprobs`` is how many likeliest tokens are told beside each token
    of a reply, None if that isn't asked for; ``records_choices`` keeps them for a face to draw.
    ``beginning`` are the words that a new reply begins with; with none ("") that is left to the
    model, and with None another reply to the same message begins as the last one was begun.
    ``prefill_ahead`` has messages read while they are typed.
    """

    template: Template | None = None
    system: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    schema: Schema | None = None
    seed: int | None = None
    on_full: OnFull = "shift"
    logprobs: int | None = None
    records_choices: bool = False
    beginning: str | None = None
    prefill_ahead: bool = True

    @property
    def wants_choices(self) -> bool:
        """Whether the ``Choice`` of each token is wanted."""
        return self.records_choices or self.logprobs is not None
