"""A model in use: a checkpoint, and the description that the program before format 3 made of it."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_model import random_weights, tiny_config, write_v0


def write_old_checkpoint(path: Path) -> Path:
    """The checkpoint that was converted, to int8."""
    c = tiny_config()
    return write_v0(path, c, random_weights(c, 1), theta=500000.0)


OLD_DESC = """\
32
2
64
4
format=2
n_kv_heads=2
hidden_dim=160
vocab_size=96
rope_theta=500000.0
norm_eps=1e-05
tied=1
weights=int8
block=0
embedding_dtype=float16
embedding_offset=98560
weights_size=98504
param_size=5153
bin_size=110848
param_sha256=d8e3554deb111ec7b121d71f5a35552c4f06fad39913c2cb21d17a287868595d
bin_sha256=053683cb82dfc0e92515aab2e5c06065b44845f7818ea273a18fd1becffbcb89
source=llama2.c v0, 371996 bytes, sampled SHA-256 6a5bd3113af09d872c9c35a193573da550754d4358930dbbd423d7cfa372b12c
converter=llama2ncnn-convert 1
desc_sha256=e651839375f669d674dfcaad40844b7798984b97dc642a777acc51a6835dc89e
"""  # noqa: E501
