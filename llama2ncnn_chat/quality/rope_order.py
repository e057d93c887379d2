"""Which numbers of a head make a pair, where no file says it: as a short text makes sense.

llama2.c rotates neighbours; some exporters left wq and wk as Hugging Face has them, by halves. Both
are tried, and what is usual stands unless the other is clearly better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.rope import ORDERS
from convert.sources import open_source
from convert.sources.source import TensorSource
from convert.stated import Stated
from convert.vocabulary import companions_of

from ..errors import ModelError
from ..text.tokenizers.open import open_tokenizer
from .fidelity import Float64
from .losses import losses

TEXT = (
    "Once upon a time there was a little girl who lived in a small house by the sea. Every day she "
    "liked to play outside with her dog. One day the dog ran away. The girl was very sad and "
    'looked for him everywhere. Then she saw an old man with a big red boat. "Have you seen my '
    'dog?" she asked. "Yes," said the man, "he is asleep in my boat." The girl was happy.'
)
"""So simple that even the smallest models, which know stories alone, make something of it."""

N_IDS = 64
CLEAR = 4.0
"""Standard errors of the mean by which a text must cost less."""
SENSE = 0.75
"""The part of what guessing costs that a text may cost a model to which it makes any sense.

Random weights stay above it, and so does a model that knows nothing of such texts, which may find
either order a little better by chance.
"""


def settled(
    stated: Stated,
    model: Path,
    tokenizer: Path | None = None,
    told: Callable[[int, int], None] = lambda *_: None,
    text: str = TEXT,
) -> Stated:
    """State the order of heads too, where nobody says it and a text is clear that it isn't usual.

    Without a tokenizer that fits, nothing is read of the model but its header. ``told`` is told the
    bytes done, of how many. Raises ``ConvertError``.
    """
    with open_source(model) as source:
        stated.apply_to(source)
        if not stated.leaves_order_open(source):
            return stated
        path = companions_of(source, tokenizer).tokenizer
        if path is None:
            return stated
        with suppress(ModelError):  # it goes along unread
            vocabulary = open_tokenizer(path, source.shape.vocab_size)
            ids = vocabulary.encode(text)[: min(N_IDS, source.shape.context_length)]
            return replace(stated, rope_order=_better(source, ids, told) or stated.rope_order)
    return stated


def _better(source: TensorSource, ids: list[int], told: Callable[[int, int], None]) -> str | None:
    """Name the order that isn't the source's, if under it a text costs clearly less; else None."""
    usual = source.shape.rope
    other = next(name for name in ORDERS if name != usual.order)

    def layers_done(done: int, total: int) -> None:
        told(source.size * done // total, source.size)

    costs, of_other = losses(source, ids, [usual, usual.in_order(other)], layers_done)
    guessing = math.log(source.shape.vocab_size)
    return other if makes_sense_alone(of_other, costs, guessing) else None


def makes_sense_alone(losses: Float64, others: Float64, guessing: float) -> bool:
    """Tell whether ids cost little, and clearly less than the ``others`` beside them, all in nats.

    ``guessing`` is what an id costs whoever knows nothing.
    """
    if len(losses) < 2 or not np.isfinite([losses, others]).all():
        return False
    less = others - losses
    error = less.std(ddof=1) / math.sqrt(len(less))
    return bool(losses.mean() < SENSE * guessing and less.mean() > CLEAR * error)
