"""Floats to blocks of 32 with steps (and offsets) in float16: absolute maxima, and a search.

Arithmetic alone. In 4 bits the range of a block is tried narrower at either end: what is cut off
loses a little, and all the others get a finer step.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from .codec import Float32, QuantisedRows, finite_absmax, to_half

BLOCK = 32
LEVELS = 15  # steps from the lowest of 4 bits to the highest
TINY = np.float32(1e-30)  # far below any float16, far above what has no inverse
CHUNK = 2048  # blocks whose arrays stay in a core's cache
FLOOR = np.float32(0.01)  # the least that a column counts for, the mean being 1

_PARTS = (0.7, 0.81, 0.92, 1.03)
COARSE = tuple(product(_PARTS, _PARTS))
"""What is made of the range below the mean of a block, and above it: tried everywhere."""
FINE = tuple(product((-0.05, 0.0, 0.05), repeat=2))
"""What is tried around the best of those."""


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


def four_bit_blocks(rows: Float32, importance: Float32 | None = None) -> QuantisedRows:
    """Quantise ``(n, cols)`` to 0..15 with a step and an offset for every block.

    Of the ranges that are tried, the one wins whose best step and offset have the least squared
    error, columns counting by their ``importance`` ``(cols,)``, if there is one. Raises
    ``NonFiniteError``.
    """
    n, cols = rows.shape
    blocks = _padded(rows, "edge").reshape(-1, BLOCK)
    to_half(finite_absmax(blocks))  # refuses what no offset could be
    counts = _counts(importance, cols)
    values = np.empty(blocks.shape, np.int8)
    scales = np.empty((2, len(blocks)), np.float32)
    for at in range(0, len(blocks), CHUNK):
        chunk = slice(at, min(at + CHUNK, len(blocks)))
        # A block is a column: sums over blocks are sums of rows, and steps stand under theirs.
        w = np.ascontiguousarray(blocks[chunk].T)
        v = counts.take(np.arange(chunk.start, chunk.stop) % counts.shape[1], axis=1)
        q, *scales[:, chunk] = _quantised(w, v)
        values[chunk] = q.T
    step, offset = scales.reshape(2, n, -1)
    return QuantisedRows(values.reshape(n, -1)[:, :cols], step, offset)


def _counts(importance: Float32 | None, cols: int) -> Float32:
    """What the columns of a row's blocks count for, ``(32, blocks)``, 1 on average."""
    if importance is None:
        importance = np.ones(cols, np.float32)
    counts = importance / max(importance.mean(), TINY) + FLOOR
    return np.ascontiguousarray(_padded(counts[None], "edge").reshape(-1, BLOCK).T)


def _quantised(w: Float32, v: Float32) -> tuple[Float32, Float32, Float32]:
    """The integers of blocks ``(32, n)``, and the steps and offsets in float16's numbers."""
    total = v.sum(axis=0)
    mean = np.einsum("ij,ij->j", v, w) / total
    w -= mean
    step, offset = _Search(w, v, total).run()
    w += mean
    step = _half(step)
    q = _integers(w, step, offset + mean)
    # The offset that is best for the step as it was rounded, and the values for both.
    offset = _half(mean - step * np.einsum("ij,ij->j", v, q) / total)
    return _integers(w, step, offset), step, offset


class _Search:
    """Steps and offsets of blocks of mean 0, ``(32, n)``, whose values count for ``v``."""

    def __init__(self, w: Float32, v: Float32, total: Float32) -> None:
        self._w, self._v, self._vw, self._total = w, v, v * w, total
        self._low, self._high = w.min(axis=0), w.max(axis=0)
        self._q, self._vq = np.empty_like(w), np.empty_like(w)
        # The best so far: what the squared error falls by, of which parts, step and offset.
        self._gain = np.full(w.shape[1], -1, np.float32)
        self._parts = np.zeros((2, w.shape[1]), np.float32)
        self._step, self._offset = np.zeros((2, w.shape[1]), np.float32)

    def run(self) -> tuple[Float32, Float32]:
        for tried in (COARSE, FINE):
            below, above = self._parts.copy()
            for more_below, more_above in tried:
                self._try(below + np.float32(more_below), above + np.float32(more_above))
        return self._step, self._offset

    def _try(self, below: Float32, above: Float32) -> None:
        start = self._low * below
        width = self._high * above - start
        q = _integers(self._w, width / np.float32(LEVELS), start, self._q)
        # Least squares: w is step * q + offset, and the sum of v * w is 0.
        vq = np.multiply(self._v, q, out=self._vq)
        mean = vq.sum(axis=0) / self._total
        covariance = np.einsum("ij,ij->j", self._vw, q)
        variance = np.einsum("ij,ij->j", vq, q) - self._total * mean * mean
        known = variance > np.float32(1e-4) * self._total  # not all the same integer
        step = np.divide(covariance, variance, out=np.zeros_like(mean), where=known)
        gain = step * covariance
        better = gain > self._gain
        for best, value in (
            *((self._gain, gain), (self._step, step), (self._offset, -step * mean)),
            *((self._parts[0], below), (self._parts[1], above)),
        ):
            np.copyto(best, value, where=better)


def _integers(w: Float32, step: Float32, offset: Float32, out: Float32 | None = None) -> Float32:
    """The nearest of 0..15 for every value of blocks ``(32, n)``, as float32."""
    inverse = _inverse(step)
    q = np.multiply(w, inverse, out=out)
    q -= offset * inverse
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
