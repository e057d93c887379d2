"""What the weight formats are called. What each is, ``formats`` tells."""

from __future__ import annotations

BLOCK_FORMATS = {"b8": 8, "b6": 6, "b4": 4}
PANEL_FORMATS = {"q8": 8, "q4": 4}

MIXED_FORMATS = tuple(name for name, bits in PANEL_FORMATS.items() if bits < 8)
"""The formats in which some matrices may keep 8 bits."""

PLAIN_NAMES = ("int8", *BLOCK_FORMATS, "fp16", "fp32")
"""The formats of models that any ncnn program can load."""
SLOW_NAMES = ("b6", "b4")
"""Of these, those that ncnn has no fast product for on x86."""
FORMAT_NAMES = (*PANEL_FORMATS, *PLAIN_NAMES)
DEFAULT_BLOCK = 64

BLOCKS = (32, 64, 128)
"""The sizes of block that ncnn's Gemm knows."""
