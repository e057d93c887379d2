"""What differs between CPUs: products of bytes, halves, and what fills the registers.

Each kind writes the same sums in the instructions that it has. Knows no layout and no layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import llvmlite.ir as ir

from .values import F32, I16, I32, Value, constant, outside, together, vector


class Tile(NamedTuple):
    """What is computed at once: some panels side by side, times some rows of activations."""

    panels: int
    rows: int


class Cpu(Protocol):
    """How one kind of CPU multiplies bytes.

    Weights are vectors of unsigned bytes, activations of signed ones, as long; a lane of the sums
    stands for four of them. 8-bit weights are stored 128 too high.
    """

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles that keep its registers busy, the greatest first, down to one of each."""

    @property
    def lanes(self) -> int:
        """How many float32 a register holds, or some few of them together."""

    @property
    def queries(self) -> tuple[int, ...]:
        """How many queries are best held against keys at once, the most first, down to one."""

    @property
    def excess(self) -> int:
        """How much too high 8-bit weights still are in what ``dot8`` adds up."""

    def dot8(self, total: Value, weights: Value, activations: Value) -> Value:
        """Add the products of 8-bit weights to ``total``."""

    def dot4(self, total: Value, weights: Value, activations: Value) -> Value:
        """Add the products of weights from 0 to 15 to ``total``, which is of ``sums4``."""

    def sums4(self, lanes: int) -> ir.Type:
        """Name what ``dot4`` adds up in, over a block: int32, or as many int16 if they hold it."""

    def whole4(self, total: Value) -> Value:
        """Make int32, one a lane, of what ``dot4`` has added up."""

    def in_turn(self, totals: list[Value]) -> list[Value]:
        """Keep sums of a column from being mixed with the next one's, where registers are few."""

    def half(self, halves: Value) -> Value:
        """Convert the bits of float16 to float32."""

    def to_half(self, floats: Value) -> Value:
        """Convert float32, none of them beyond float16's range, to the bits of float16."""


class PlainSums:
    """Sums that are int32 from the start, in whatever order LLVM finds best."""

    def sums4(self, lanes: int) -> ir.Type:
        """Name int32."""
        return vector(I32, lanes)

    def whole4(self, total: Value) -> Value:
        """Take them as they are."""
        return total

    def in_turn(self, totals: list[Value]) -> list[Value]:
        """Leave them as they are."""
        return totals


@dataclass(frozen=True)
class Vnni(PlainSums):
    """One instruction multiplies unsigned by signed bytes and adds four at a time."""

    tiles: tuple[Tile, ...]
    lanes: int
    queries: tuple[int, ...]

    excess = 128

    def dot8(self, total: Value, weights: Value, activations: Value) -> Value:
        """Write ``vpdpbusd``."""
        name = f"llvm.x86.avx512.vpdpbusd.{8 * weights.lanes}"
        return outside(total.builder, name, total.ir.type, total, weights, activations)

    dot4 = dot8

    def half(self, halves: Value) -> Value:
        """Write ``vcvtph2ps``."""
        return halves.half_to_float()

    def to_half(self, floats: Value) -> Value:
        """Write ``vcvtps2ph``."""
        return floats.float_to_half()


@dataclass(frozen=True)
class Avx2:
    """Two instructions: byte products are added in pairs to 16 bits, those in pairs to 32."""

    tiles: tuple[Tile, ...] = (Tile(1, 4), Tile(1, 1))
    lanes: int = 8
    queries: tuple[int, ...] = (4, 1)

    excess = 0

    def dot8(self, total: Value, weights: Value, activations: Value) -> Value:
        """Multiply magnitudes by activations that took the weights' signs."""
        # With weights as they stand, 255 * 127 twice would be more than 16 bits hold.
        signed = weights ^ -128
        magnitude = signed.above(signed.like(0) - signed)
        sign = "llvm.x86.avx2.psign.b"
        turned = outside(total.builder, sign, signed.ir.type, activations, signed)
        return total + self.whole4(self._pairs(magnitude, turned))

    def dot4(self, total: Value, weights: Value, activations: Value) -> Value:
        """Write ``vpmaddubsw``: a block's 8 sums of two products up to 15 * 127 fit 16 bits."""
        return total + self._pairs(weights, activations)

    def sums4(self, lanes: int) -> ir.Type:
        """Name two int16 for a lane."""
        return vector(I16, 2 * lanes)

    def whole4(self, total: Value) -> Value:
        """Write ``vpmaddwd``."""
        lanes, ones = vector(I32, total.lanes // 2), constant(total.builder, total.ir.type, 1)
        return outside(total.builder, "llvm.x86.avx2.pmadd.wd", lanes, total, ones)

    def in_turn(self, totals: list[Value]) -> list[Value]:
        """Have them together before the next column: else half of them would go to memory."""
        return together(totals, "x") if len(totals) > 1 else totals

    def _pairs(self, weights: Value, activations: Value) -> Value:
        words = vector(I16, weights.lanes // 2)
        return outside(weights.builder, "llvm.x86.avx2.pmadd.ub.sw", words, weights, activations)

    def half(self, halves: Value) -> Value:
        """Write ``vcvtph2ps``."""
        return halves.half_to_float()

    def to_half(self, floats: Value) -> Value:
        """Write ``vcvtps2ph``."""
        return floats.float_to_half()


@dataclass(frozen=True)
class Portable(PlainSums):
    """Plain arithmetic, which LLVM turns into what the CPU has."""

    tiles: tuple[Tile, ...] = (Tile(1, 4), Tile(1, 1))
    lanes: int = 8
    queries: tuple[int, ...] = (4, 1)

    excess = 0

    def dot8(self, total: Value, weights: Value, activations: Value) -> Value:
        """Multiply in 16 bits, add in 32."""
        return self.dot4(total, weights ^ -128, activations)

    def dot4(self, total: Value, weights: Value, activations: Value) -> Value:
        """Multiply in 16 bits, add in 32."""
        products = weights.widen(I16, signed=True) * activations.widen(I16, signed=True)
        wide = products.widen(I32, signed=True)
        for t in range(4):
            total = total + wide.lanes_of(list(range(t, wide.lanes, 4)))
        return total

    def half(self, halves: Value) -> Value:
        """Move the bits to where float32 has them, and mend the exponent by a product."""
        # Not LLVM's conversion: without an instruction for it, it calls a library.
        bits = halves.widen(I32, signed=False)
        floats = vector(F32, halves.lanes)
        magnitude = ((bits & 0x7FFF) << 13).bits_as(floats) * float(2**112)
        return (magnitude.bits_as(bits.ir.type) | (bits & 0x8000) << 16).bits_as(floats)

    def to_half(self, floats: Value) -> Value:
        """Mend the exponent by a product, and round the bits to those that float16 has."""
        bits = floats.bits_as(floats.integers)
        magnitude = (floats.magnitude() * float(2**-112)).bits_as(bits.ir.type)
        # To the nearest, to even where two are as near.
        rounded = (magnitude + 0xFFF + (magnitude >> 13 & 1)) >> 13
        return (rounded | bits >> 16 & 0x8000).narrow(I16)
