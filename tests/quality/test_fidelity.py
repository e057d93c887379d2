"""Distances between models, held against sums written out and the float64 forward pass."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.quality.fidelity import compare, log_probabilities, logits_of
from tests.model.tiny_engine import ids_of, make
from tests.tiny_model import forward, random_weights, tiny_config


def chances(logits: np.ndarray) -> list[list[float]]:
    """Probabilities, sum by sum."""
    rows = [[math.exp(float(x)) for x in row] for row in logits]
    return [[x / sum(row) for x in row] for row in rows]


def test_a_comparison_is_what_the_sums_say() -> None:
    rng = np.random.default_rng(0)
    texts = [[3, 1, 4, 1, 5], [2, 7] * 50]  # the second is longer than what is taken at once
    ours, theirs = ([rng.standard_normal((len(ids), 8)) for ids in texts] for _ in range(2))
    kls, losses, same = [], [], []
    for x, y, ids in zip(ours, theirs, texts, strict=True):
        p, q = chances(x), chances(y)
        rows = list(zip(p, q, strict=True))
        kls += [sum(a * math.log(a / b) for a, b in zip(*row, strict=True)) for row in rows]
        losses += [-math.log(row[after]) for row, after in zip(q[:-1], ids[1:], strict=True)]
        same += [a.index(max(a)) == b.index(max(b)) for a, b in rows]
    found = compare(ours, theirs, texts)
    assert found.mean_kl == pytest.approx(sum(kls) / len(kls))
    assert found.largest_kl == pytest.approx(max(kls))
    kls.sort()
    at = 0.99 * (len(kls) - 1)
    below, above = kls[int(at)], kls[int(at) + 1]
    assert found.kl_99 == pytest.approx(below + (at - int(at)) * (above - below))
    assert found.perplexity == pytest.approx(math.exp(sum(losses) / len(losses)))
    assert found.same_top == pytest.approx(sum(same) / len(same))


def test_an_engine_is_compared_with_float64(tmp_path: Path) -> None:
    config = tiny_config()
    ids = ids_of(config)
    exact = forward(config, random_weights(config, 1), ids)
    engine = NcnnEngine(make(tmp_path, config, "q4"), threads=2)
    logits = logits_of(engine, ids)
    found = compare([exact], [logits], [ids])
    p, q = (np.array(chances(x)) for x in (exact, logits))
    assert found.mean_kl == pytest.approx(float((p * np.log(p / q)).sum(axis=1).mean()))
    assert 1e-4 < found.mean_kl < found.kl_99 < 0.5
    # Once more: it begins anew, and what is kept as log-probabilities says the same.
    kept = log_probabilities(logits_of(engine, ids))
    np.testing.assert_allclose(np.exp(kept).sum(axis=1), 1, rtol=1e-5)
    assert compare([exact], [kept], [ids]).mean_kl == pytest.approx(found.mean_kl, rel=1e-3)
    assert compare([kept], [kept], [ids]).mean_kl == 0
