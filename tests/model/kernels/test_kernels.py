"""Kernels of every kind that this CPU can run, against float64 on the dequantised weights."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
import pytest

from llama2ncnn_chat.model.kernels.build import KINDS, Kernels, build, kinds_here, write
from llama2ncnn_chat.model.kernels.tables import Matrix, NormProducts, OutMlp
from llama2ncnn_chat.model.kernels.team import find_pool
from llama2ncnn_chat.model.ncnn_memory import ncnn
from tests.model.kernels.matrices import Memory, address_of, random_matrix
from tests.model.kernels.reference import EPSILON, close, in_bytes, normed

ROWS = (1, 2, 3, 4, 5, 8, 9, 13, 32, 129)
"""Numbers of rows around the sizes of tiles."""


@pytest.fixture(scope="module", params=KINDS)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    if request.param not in kinds_here():
        pytest.skip(f"this CPU has no {request.param}")
    return build(request.param, alone=not find_pool(ncnn.__file__))


@pytest.mark.parametrize("m", ROWS)
def test_norm_and_products(kernels: Kernels, m: int) -> None:
    rng = np.random.default_rng(m)
    dim, rows = int(rng.integers(1, 200)), [int(n) for n in rng.integers(1, 60, 3)]
    matrices = [
        random_matrix(rng, n, dim, bits, biased=biased)
        for n, bits, biased in zip(rows, (4, 8, 4), (False, True, True), strict=True)
    ]
    x, gain = rng.standard_normal((m, dim), np.float32), rng.random(dim, np.float32)
    out, scratch = np.zeros((m, sum(rows)), np.float32), Memory(m, dim)
    listed = (Matrix * 3)(*(matrix.table for matrix in matrices))
    table = NormProducts(
        *(x.ctypes.data, out.ctypes.data, m, dim, sum(rows), gain.ctypes.data),
        *(3, address_of(listed), EPSILON, scratch.table),
    )
    kernels.norm_products(address_of(table), 2)
    h = in_bytes(normed(x, gain))
    close(out, np.concatenate([matrix.times(h) for matrix in matrices], axis=1))


@pytest.mark.parametrize("m", ROWS)
def test_what_follows_attention(kernels: Kernels, m: int) -> None:
    rng = np.random.default_rng(m)
    q_dim, dim, hidden = (int(n) for n in rng.integers(1, 90, 3))
    bits = [int(n) for n in rng.choice([4, 8], 4)]
    shapes = ((dim, q_dim), (hidden, dim), (hidden, dim), (dim, hidden))
    o, gate, up, down = (
        random_matrix(rng, *shape, b, biased=m % 2 == 0)
        for shape, b in zip(shapes, bits, strict=True)
    )
    att, x = (rng.standard_normal((m, n), np.float32) for n in (q_dim, dim))
    gain, scratch = rng.random(dim, np.float32), Memory(m, max(q_dim, dim, hidden))
    out, kept = np.zeros((m, dim), np.float32), np.zeros((m, hidden), np.float32)
    table = OutMlp(
        *(a.ctypes.data for a in (att, x, out)),
        *(m, q_dim, dim, hidden, gain.ctypes.data, kept.ctypes.data, EPSILON, scratch.table),
        *(matrix.table for matrix in (o, gate, up, down)),
    )
    kernels.out_mlp(address_of(table), 2)
    y = x + o.times(in_bytes(att.astype(np.float64)))
    h = in_bytes(normed(y, gain))
    g = gate.times(h)
    close(out, y + down.times(in_bytes(g / (1 + np.exp(-g)) * up.times(h))))


def test_zeros_and_rows_beside_them_stay_apart(kernels: Kernels) -> None:
    rng = np.random.default_rng(0)
    matrix = random_matrix(rng, 24, 64, 4)
    x = np.zeros((3, 64), np.float32)
    x[1] = 1e-3
    out, scratch, gain = np.ones((3, 24), np.float32), Memory(3, 64), np.ones(64, np.float32)
    table = NormProducts(
        *(x.ctypes.data, out.ctypes.data, 3, 64, 24, gain.ctypes.data),
        *(1, address_of(matrix.table), EPSILON, scratch.table),
    )
    kernels.norm_products(address_of(table), 2)
    assert not out[[0, 2]].any()
    assert out[1].any()


def test_as_many_threads_as_there_are_panels_or_more(kernels: Kernels) -> None:
    rng = np.random.default_rng(0)
    matrix, scratch = random_matrix(rng, 20, 70, 8), Memory(2, 70)
    x, gain = rng.standard_normal((2, 70), np.float32), np.ones(70, np.float32)
    outs = [np.zeros((2, 20), np.float32) for _ in range(5)]
    for threads, out in enumerate(outs, 1):
        table = NormProducts(
            *(x.ctypes.data, out.ctypes.data, 2, 70, 20, gain.ctypes.data),
            *(1, address_of(matrix.table), EPSILON, scratch.table),
        )
        kernels.norm_products(address_of(table), threads)
        np.testing.assert_array_equal(out, outs[0])


def test_without_a_pool_the_same() -> None:
    rng = np.random.default_rng(0)
    matrix, scratch = random_matrix(rng, 20, 70, 8), Memory(2, 70)
    x, gain = rng.standard_normal((2, 70), np.float32), np.ones(70, np.float32)
    outs = []
    for alone in (True, False):
        out = np.zeros((2, 20), np.float32)
        table = NormProducts(
            *(x.ctypes.data, out.ctypes.data, 2, 70, 20, gain.ctypes.data),
            *(1, address_of(matrix.table), EPSILON, scratch.table),
        )
        build(kinds_here()[0], alone=alone).norm_products(address_of(table), 3)
        outs.append(out)
    np.testing.assert_array_equal(outs[0], outs[1])


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"])
def test_the_portable_kind_needs_no_instruction_of_one_cpu(triple: str) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = write(KINDS["portable"][0], alone=True)
    module.triple = triple
    target = llvm.Target.from_triple(triple).create_target_machine()
    code = target.emit_assembly(llvm.parse_assembly(str(module)))
    assert "out_mlp" in code
    # Neither a library that converts halves nor one that multiplies and adds.
    assert "__extendhfsf2" not in code
    assert "fmaf" not in code
