"""How many tokens are best fed at once, and which others each of them sees. Knows no ncnn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from convert.shape import ModelShape

Float32 = npt.NDArray[np.float32]

PREFILL_WORK = 2e10  # weights times rows that a chunk of a prefill may come to
PREFILL_BATCH = 128  # rows in one pass: the Gemms gain nothing from more, and memory grows
MASKED = np.float32(-1e9)  # not an infinity: a softmax over nothing else would be NaN


def causal_mask(m: int, p: int, window: int) -> Float32:
    """Return what is added to the scores of ``m`` tokens after ``p`` others, ``(m, p + m)``.

    A token sees itself and those before it, with a ``window`` only that many of them.
    """
    mask = np.zeros((m, p + m), np.float32)
    mask[:, p:][np.triu_indices(m, 1)] = MASKED
    if 0 < window < p + m:
        mask[np.tri(m, p + m, p - window, dtype=bool)] = MASKED
    return mask


def prefill_chunk(s: ModelShape) -> int:
    """Return a power of two, 8 to 128: so few rows that a few cores can stop a prefill at once.

    Fixed by the model alone, never by how fast it went: int8 turns the rounding of another
    chunking into other logits, and the same seed must give the same text.
    """
    per_layer = s.dim * (2 * s.q_dim + 2 * s.kv_dim + 3 * s.hidden_dim)
    rows = int(PREFILL_WORK // (s.n_layers * per_layer))
    return int(max(8, min(PREFILL_BATCH, 1 << max(0, rows.bit_length() - 1))))
