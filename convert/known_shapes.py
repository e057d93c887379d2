"""Shapes of well-known models by name, to make up weights of their size."""

from __future__ import annotations

from .shape import ModelShape

SHAPES = {
    "7b": ModelShape(4096, 11008, 32, 32, 32, 128, 32000, 4096, tied=False),
    "1.1b": ModelShape(2048, 5632, 22, 32, 4, 64, 32000, 2048, tied=False),
    "110m": ModelShape(768, 2048, 12, 12, 12, 64, 32000, 1024, tied=True),
    "15m": ModelShape(288, 768, 6, 6, 6, 48, 32000, 256, tied=True),
}
"""Llama-2-7B, TinyLlama-1.1B, and llama2.c's stories110M and stories15M."""
