"""Arithmetic on single activations, a vector of them at a time or one: exp and SiLU.

Source of the exp: reduction to a power of two and a Taylor polynomial, as in Cephes' ``expf``.
"""

from __future__ import annotations

import math

from .activations import TO_WHOLE
from .values import Value

LOG2_E = 1 / math.log(2)
LN2_HIGH = 0.693359375  # few bits, so that a product with a small whole number is exact
LN2_LOW = math.log(2) - LN2_HIGH


def silu(x: Value) -> Value:
    """Return ``x * sigmoid(x)``."""
    return x / (exp(x.like(0.0) - x) + 1.0)


def exp(x: Value) -> Value:
    """Return e to the power of ``x``, within some 2e-7 of it; ends are cut at float32's."""
    x = x.above(-87.0).below(88.0)
    whole = (x * LOG2_E + TO_WHOLE) - TO_WHOLE
    rest = x - whole * LN2_HIGH - whole * LN2_LOW
    total = x.like(1 / math.factorial(7))
    for power in range(6, -1, -1):
        total = total * rest + 1 / math.factorial(power)
    exponent = (whole.to_int() + 127) << 23
    return total * exponent.bits_as(x.ir.type)
