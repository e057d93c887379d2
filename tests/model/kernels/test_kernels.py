"""Kernels of every kind that this CPU can run, against float64 on the dequantised weights."""

from __future__ import annotations

import llvmlite.binding as llvm
import numpy as np
import pytest

from llama2ncnn_chat.model.kernels.build import KINDS, Kernels, build, kinds_here, write
from llama2ncnn_chat.model.kernels.tables import Head, Matrix, NormProducts
from tests.model.kernels.matrices import Memory, address_of, random_matrix
from tests.model.kernels.reference import EPSILON, ROWS, close, in_bytes, normed


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
    products = NormProducts(
        *(dim, sum(rows), gain.ctypes.data, 3, address_of(listed)),
        *(EPSILON, scratch.table),
    )
    table = Head(x.ctypes.data, out.ctypes.data, m, products)
    kernels.head(address_of(table), 2)
    h = in_bytes(normed(x, gain))
    close(out, np.concatenate([matrix.times(h) for matrix in matrices], axis=1))


@pytest.mark.parametrize(("bits", "least"), [(4, 15), (8, 255)])
@pytest.mark.parametrize("m", [1, 9])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_greatest_weights_and_activations(
    kernels: Kernels, m: int, bits: int, least: int, sign: int
) -> None:
    matrix = random_matrix(np.random.default_rng(0), 24, 64, bits, least=least)
    x, gain = np.full((m, 64), sign, np.float32), np.ones(64, np.float32)
    out, scratch = np.zeros((m, 24), np.float32), Memory(m, 64)
    products = NormProducts(
        *(64, 24, gain.ctypes.data, 1, address_of(matrix.table)),
        *(EPSILON, scratch.table),
    )
    table = Head(x.ctypes.data, out.ctypes.data, m, products)
    kernels.head(address_of(table), 2)
    close(out, matrix.times(in_bytes(normed(x, gain))))


def test_zeros_and_rows_beside_them_stay_apart(kernels: Kernels) -> None:
    rng = np.random.default_rng(0)
    matrix = random_matrix(rng, 24, 64, 4)
    x = np.zeros((3, 64), np.float32)
    x[1] = 1e-3
    out, scratch, gain = np.ones((3, 24), np.float32), Memory(3, 64), np.ones(64, np.float32)
    products = NormProducts(
        *(64, 24, gain.ctypes.data, 1, address_of(matrix.table)),
        *(EPSILON, scratch.table),
    )
    table = Head(x.ctypes.data, out.ctypes.data, 3, products)
    kernels.head(address_of(table), 2)
    assert not out[[0, 2]].any()
    assert out[1].any()


def test_as_many_threads_as_there_are_panels_or_more(kernels: Kernels) -> None:
    rng = np.random.default_rng(0)
    matrix, scratch = random_matrix(rng, 20, 70, 8), Memory(2, 70)
    x, gain = rng.standard_normal((2, 70), np.float32), np.ones(70, np.float32)
    outs = [np.zeros((2, 20), np.float32) for _ in range(5)]
    for threads, out in enumerate(outs, 1):
        products = NormProducts(
            *(70, 20, gain.ctypes.data, 1, address_of(matrix.table)),
            *(EPSILON, scratch.table),
        )
        table = Head(x.ctypes.data, out.ctypes.data, 2, products)
        kernels.head(address_of(table), threads)
        np.testing.assert_array_equal(out, outs[0])


def test_without_a_pool_the_same() -> None:
    rng = np.random.default_rng(0)
    matrix, scratch = random_matrix(rng, 20, 70, 8), Memory(2, 70)
    x, gain = rng.standard_normal((2, 70), np.float32), np.ones(70, np.float32)
    outs = []
    for alone in (True, False):
        out = np.zeros((2, 20), np.float32)
        products = NormProducts(
            *(70, 20, gain.ctypes.data, 1, address_of(matrix.table)),
            *(EPSILON, scratch.table),
        )
        table = Head(x.ctypes.data, out.ctypes.data, 2, products)
        build(kinds_here()[0], alone=alone).head(address_of(table), 3)
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
    assert "layers" in code
    # Neither a library that converts halves nor one that multiplies and adds.
    assert "__extendhfsf2" not in code
    assert "__truncsfhf2" not in code
    assert "fmaf" not in code
