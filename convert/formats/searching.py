"""Floats to blocks of 32 with steps (and offsets) in float16: absolute maxima, and a search.

Arithmetic alone. In 4 bits the range of a block is tried a little narrower at either end: what is
cut off loses a little, and all the others get a finer step.
"""

from __future__ import annotations

import numpy as np

from .codec import Float32, QuantisedRows, finite_absmax, to_half

BLOCK = 32
TINY = np.float32(1e-30)  # far below any float16, far above what has no inverse
LEVELS = 15  # steps from the lowest of 4 bits to the highest

SHRINKS = ((1.0, 1.0), (0.9, 0.9), (0.8, 0.9), (0.9, 0.8), (0.8, 0.8), (1.0, 0.85), (0.85, 1.0))
"""The parts of the range that are tried, below the mean and above it."""


def eight_bit_blocks(rows: Float32) -> QuantisedRows:
    """Quantise ``(n, cols)`` to -127..127, by the largest magnitude of every block.

    Raises ``NonFiniteError``.
    """
    n, cols = rows.shape
    grouped = _padded(rows, "constant").reshape(-1, BLOCK)
    step = _half(finite_absmax(grouped) / np.float32(127))
    scaled = grouped * _inverse(step)[:, None]
    np.rint(scaled, out=scaled)
    # A step that was rounded down has the largest value beyond 127.
    np.clip(scaled, -127, 127, out=scaled)
    values = scaled.astype(np.int8).reshape(n, -1)[:, :cols]
    return QuantisedRows(values, step.reshape(n, -1))


def four_bit_blocks(rows: Float32) -> QuantisedRows:
    """Quantise ``(n, cols)`` to 0..15 with a step and an offset for every block.

    Of the ranges that are tried, the one wins whose best step and offset have the least squared
    error. Raises ``NonFiniteError``.
    """
    n, cols = rows.shape
    # A block is a column: sums over blocks are sums of rows, and steps stand under their blocks.
    w = np.ascontiguousarray(_padded(rows, "edge").reshape(-1, BLOCK).T)
    low, high = w.min(axis=0), w.max(axis=0)
    to_half(finite_absmax(np.stack([low, high], axis=1)))  # refuses what no offset could be
    mean = w.mean(axis=0)
    w -= mean
    low -= mean
    high -= mean
    step, offset = _search(w, low, high)
    offset += mean
    w += mean
    step = _half(step)
    q = _integers(w, step, offset)
    # The offset that is best for the step as it was rounded, and the values for both.
    offset = _half((w.sum(axis=0) - step * q.sum(axis=0)) / np.float32(BLOCK))
    q = _integers(w, step, offset)
    values = q.astype(np.int8).T.reshape(n, -1)[:, :cols]
    return QuantisedRows(values, step.reshape(n, -1), offset.reshape(n, -1))


def _search(w: Float32, low: Float32, high: Float32) -> tuple[Float32, Float32]:
    """The steps and offsets of blocks of mean 0, ``(32, n)``, whose ends are given."""
    best = np.full(w.shape[1], -1, np.float32)
    step, offset = np.zeros_like(best), np.zeros_like(best)
    for below, above in SHRINKS:
        start = low * np.float32(below)
        width: Float32 = high * np.float32(above) - start
        q = _integers(w, width / np.float32(LEVELS), start)
        # Least squares: w is step * q + offset, and the sum of w is 0.
        mean_q = q.mean(axis=0)
        covariance = np.einsum("ij,ij->j", w, q)
        variance = np.einsum("ij,ij->j", q, q) - np.float32(BLOCK) * mean_q * mean_q
        # Integers that aren't all the same have one of 31/32 or more.
        slope = np.divide(covariance, variance, out=np.zeros_like(best), where=variance > 0.5)
        gain = slope * covariance  # what the squares of w fall by
        better = gain > best
        np.copyto(best, gain, where=better)
        np.copyto(step, slope, where=better)
        np.copyto(offset, -slope * mean_q, where=better)
    return step, offset


def _integers(w: Float32, step: Float32, offset: Float32) -> Float32:
    """The nearest of 0..15 for every value of blocks ``(32, n)``, as float32."""
    q = w - offset
    q *= _inverse(step)
    np.rint(q, out=q)
    np.clip(q, 0, LEVELS, out=q)
    return q


def _padded(rows: Float32, mode: str) -> Float32:
    short = -rows.shape[1] % BLOCK
    if not short:
        return rows
    return np.pad(rows, ((0, 0), (0, short)), mode=mode)  # type: ignore[call-overload, no-any-return]


def _inverse(step: Float32) -> Float32:
    """One over every step; 0 for a step of about 0, whose values are all 0."""
    inverse: Float32 = np.divide(1, step, out=np.zeros_like(step), where=np.abs(step) > TINY)
    return inverse


def _half(x: Float32) -> Float32:
    """Round to what float16 can hold. Raises ``NonFiniteError``."""
    return to_half(x).astype(np.float32)
