"""A decoder layer of random weights with a cache, for kernels to run, and what it means."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import Structure
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from llama2ncnn_chat.model.kernels.build import Kernels
from llama2ncnn_chat.model.kernels.cpus import Cpu
from llama2ncnn_chat.model.kernels.tables import (
    Attention,
    Cache,
    DecoderLayer,
    Layers,
    Matrix,
    NormProducts,
    OutMlp,
    Scratch,
)
from tests.model.kernels.matrices import (
    Exact,
    Floats,
    RandomMatrix,
    address_of,
    aligned,
    random_matrix,
)
from tests.model.kernels.reference import EPSILON, attended, in_bytes, normed, turned

Array = npt.NDArray[Any]

MOST = 300
"""Tokens that there is room for."""


@dataclass(frozen=True)
class Heads:
    """The attention's shape, and what is special about it."""

    n_heads: int = 4
    n_kv_heads: int = 2
    head_dim: int = 16
    interleaved: bool = True
    turns: bool = True
    normed: bool = False
    window: int = 0


class RandomLayer:
    """The weights of a layer, and a cache in the order that ``kernels.heads`` tells of."""

    def __init__(self, seed: int, heads: Heads, cpu: Cpu) -> None:
        self.heads, self.queries, lanes = heads, cpu.queries[0], cpu.lanes
        self.rng = rng = np.random.default_rng(seed)
        self.dim, self.hidden_dim = (int(n) for n in rng.integers(20, 90, 2))
        h, kv_dim = heads, heads.n_kv_heads * heads.head_dim
        self.q_dim = h.n_heads * h.head_dim
        rows = {"q": self.q_dim, "k": kv_dim, "v": kv_dim}
        shapes = {name: (n, self.dim) for name, n in rows.items()} | {
            "o": (self.dim, self.q_dim),
            "gate": (self.hidden_dim, self.dim),
            "up": (self.hidden_dim, self.dim),
            "down": (self.dim, self.hidden_dim),
        }
        self.matrices = {
            name: random_matrix(rng, *shape, int(rng.choice([4, 8])), biased=seed % 2 == 0)
            for name, shape in shapes.items()
        }
        self.gains = [rng.uniform(0.5, 3, self.dim).astype(np.float32) for _ in range(2)]
        self.head_gains = [rng.uniform(0.5, 2, h.head_dim).astype(np.float32) for _ in range(2)]
        self.capacity = -(-MOST // lanes) * lanes
        width = -(-h.head_dim // lanes) * lanes
        self.keys = _halves(h.n_kv_heads, self.capacity // lanes, h.head_dim, lanes)
        self.values = _halves(h.n_kv_heads, self.capacity, width)
        self.position = 0

    def inputs(self, m: int) -> tuple[Floats, Floats, Floats]:
        """Make up the input of ``m`` tokens, and the cosines and sines of their positions."""
        x = self.rng.standard_normal((m, self.dim), np.float32)
        angles = self.rng.uniform(0, 7, (m, self.heads.head_dim // 2))
        return x, np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def run(
        self, kernels: Kernels, x: Floats, cos: Floats, sin: Floats, threads: int = 2
    ) -> tuple[Floats, Floats]:
        """Compute the layer; returns what attention and what the whole layer came to."""
        kept: list[Array] = []

        def place(array: Array) -> int:
            kept.append(array)
            return array.ctypes.data

        att, out = (np.zeros((len(x), n), np.float32) for n in (self.q_dim, self.dim))
        layers, _ = self.tables(place, (x, cos, sin), (att, out), threads)
        kernels.layers(address_of(layers), threads)
        self.position += len(x)
        return att, out

    def tables(
        self,
        place: Callable[[Array], int],
        inputs: tuple[Floats, Floats, Floats],
        outputs: tuple[Floats, Floats],
        threads: int = 1,
    ) -> tuple[Layers, DecoderLayer]:
        """Fill the kernel's tables; ``place`` says where an array stands for the kernel."""
        x, cos, sin = map(place, inputs)
        att, out = map(place, outputs)
        m, h = len(inputs[0]), self.heads
        n_blocks = m * -(-max(self.q_dim, self.dim, self.hidden_dim) // 32)
        scratch = Scratch(*(place(aligned(n_blocks * n)) for n in (32, 4, 4)))
        width = self.q_dim + 2 * h.n_kv_heads * h.head_dim
        qkv, hidden = (place(np.zeros((m, n), np.float32)) for n in (width, self.hidden_dim))
        scores_size = self.queries * self.capacity * 4
        scores = place(np.zeros(threads * scores_size, np.uint8))
        cache = Cache(self.position, self.capacity, scores, scores_size)
        tables = {name: _placed(matrix, place) for name, matrix in self.matrices.items()}
        listed = (Matrix * 3)(*(tables[name] for name in "qkv"))
        norms = (place(a) if h.normed else 0 for a in self.head_gains)
        gains = [place(a) for a in self.gains]
        layer = DecoderLayer(
            NormProducts(
                *(self.dim, width, gains[0], 3, place(_bytes_of(listed)), EPSILON, scratch)
            ),
            Attention(
                *(qkv, att, h.n_heads, h.n_kv_heads, h.head_dim, h.turns, h.interleaved),
                *(*norms, h.window, place(self.keys), place(self.values)),
                *(place(_bytes_of(cache)), EPSILON, h.head_dim**-0.5),
            ),
            OutMlp(
                *(att, self.q_dim, self.dim, self.hidden_dim, gains[1], hidden),
                *(EPSILON, scratch, *(tables[name] for name in ("o", "gate", "up", "down"))),
            ),
        )
        return Layers(x, out, m, cos, sin, place(_bytes_of(layer)), 1), layer

    def cached(self) -> tuple[Exact, Exact]:
        """Read the cache, keys and values, each ``(position, n_kv_heads, head_dim)``."""
        h = self.heads
        keys = self.keys.swapaxes(2, 3).reshape(h.n_kv_heads, self.capacity, h.head_dim)
        values = self.values[..., : h.head_dim]
        first, second = (a.swapaxes(0, 1)[: self.position] for a in (keys, values))
        return first.astype(np.float64), second.astype(np.float64)

    def projected(self, x: Floats, cos: Floats, sin: Floats) -> list[Exact]:
        """Compute queries, keys and values in float64, each ``(m, heads, head_dim)``."""
        h, row = self.heads, in_bytes(normed(x, self.gains[0]))
        made = [self.matrices[n].times(row).reshape(len(x), -1, h.head_dim) for n in "qkv"]
        for i, gain in enumerate(self.head_gains):
            if h.normed:
                made[i] = normed(made[i].reshape(-1, h.head_dim), gain).reshape(made[i].shape)
            if h.turns:
                made[i] = turned(made[i], cos, sin, interleaved=h.interleaved)
        return made

    def attention(self, queries: Exact) -> Exact:
        """Attend to what the cache holds in float64, ``(m, q_dim)``."""
        found = attended(queries, *self.cached(), self.heads.window)
        return found.reshape(len(queries), -1)

    def rest(self, att: Floats, x: Floats) -> Exact:
        """Compute in float64 what follows attention."""
        of = self.matrices
        y = x + of["o"].times(in_bytes(att.astype(np.float64)))
        h = in_bytes(normed(y, self.gains[1]))
        gate = of["gate"].times(h)
        return y + of["down"].times(in_bytes(gate / (1 + np.exp(-gate)) * of["up"].times(h)))


def _placed(matrix: RandomMatrix, place: Callable[[Array], int]) -> Matrix:
    table = Matrix.from_buffer_copy(matrix.table)
    table.panels = place(matrix.memory)
    table.bias = 0 if matrix.bias is None else place(matrix.bias)
    return table


def _bytes_of(table: Structure | ctypes.Array[Matrix]) -> Array:
    """View a table's own memory."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * ctypes.sizeof(table)).from_buffer(table))


def _halves(*shape: int) -> npt.NDArray[np.float16]:
    return aligned(2 * int(np.prod(shape))).view(np.float16).reshape(shape)
