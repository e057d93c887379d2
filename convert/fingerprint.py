"""What tells a converted model from all others, for whom its caches and snapshots are no good.

Weights alone don't: RoPE and a window stand in the description, and change keys and values.
"""

from __future__ import annotations

from dataclasses import replace

from .desc import ModelDesc, flat, sha256
from .shape import ModelShape


def fingerprint_of(desc: ModelDesc) -> str:
    """Return a hash of the model's weights and of how they are used, in hex.

    Of a model as llama2.c's are it is that of the weights, by which earlier versions knew it.
    """
    s = desc.shape
    sizes = (s.dim, s.hidden_dim, s.n_layers, s.n_heads, s.n_kv_heads, s.head_dim, s.vocab_size)
    if s == ModelShape(*sizes, s.context_length, s.tied):
        return desc.bin_sha256
    # A longer context is more of the same.
    used = sorted(flat(replace(s, context_length=0)).items())
    return sha256(f"{desc.bin_sha256} {used}".encode())
