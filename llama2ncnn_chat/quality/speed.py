"""How fast an engine is: tokens per second of a prefill and of a decode, run after run.

The tokens are random, for it makes no difference which they are. Says nothing of what limits it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from numpy.random import default_rng

from ..model.engine import Engine

WARM = 16


def warm_up(engine: Engine) -> None:
    """Feed some tokens first, after which nothing is done for the first time."""
    engine.rewind(0)
    engine.forward(_tokens(engine, min(WARM, engine.context_length)))


def prefill_rates(
    engine: Engine, n_tokens: int, repeats: int, patience: float = inf
) -> tuple[float, ...]:
    """Feed ``n_tokens`` at once to an empty cache; returns tokens per second, once per run.

    After ``patience`` seconds no further run begins.
    """

    def run() -> None:
        engine.forward(_tokens(engine, n_tokens))

    return _rates(engine, 0, n_tokens, run, repeats, patience)


def decode_rates(
    engine: Engine, n_tokens: int, repeats: int, depth: int = 0, patience: float = inf
) -> tuple[float, ...]:
    """Feed ``n_tokens`` one by one behind ``depth`` others; as ``prefill_rates`` otherwise."""

    def run() -> None:
        for token in _tokens(engine, n_tokens):
            engine.forward([token])

    return _rates(engine, depth, n_tokens, run, repeats, patience)


def _rates(
    engine: Engine,
    depth: int,
    n_tokens: int,
    run: Callable[[], None],
    repeats: int,
    patience: float,
) -> tuple[float, ...]:
    rates: list[float] = []
    begun = time.perf_counter()
    while len(rates) < repeats and (not rates or time.perf_counter() - begun < patience):
        _fill(engine, depth)
        start = time.perf_counter()
        run()
        rates.append(n_tokens / (time.perf_counter() - start))
    return tuple(rates)


def _fill(engine: Engine, n: int) -> None:
    if engine.position > n:
        engine.rewind(n)
    if engine.position < n:
        engine.forward(_tokens(engine, n - engine.position))


def _tokens(engine: Engine, n: int) -> list[int]:
    return [int(token) for token in default_rng(n).integers(0, engine.vocab_size, n)]
