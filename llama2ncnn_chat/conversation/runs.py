"""Where the chance in a reply comes from: seeds, one per run, and the sampler of a run.

The same run gives the same sampler again; knows no session.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator

import numpy as np

from ..generation.sampling import Sampler, make_sampler
from .ledger import Run


def seeds(seed: int | None) -> Iterator[int]:
    """A seed per reply: random ones, or ``seed`` and those after it."""
    if seed is not None:
        yield from itertools.count(seed)
    while True:
        yield secrets.randbits(32)


def sampler_of(run: Run) -> Sampler:
    """The sampler that the run has, from its first token on."""
    return make_sampler(run.sampling, np.random.default_rng(run.seed))
