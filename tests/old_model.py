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

FIRST_DESC = """\
32
2
64
4
format=3
hidden_dim=160
n_kv_heads=2
head_dim=16
vocab_size=96
tied=1
norm_eps=1e-05
qkv_bias=0
o_bias=0
mlp_bias=0
qk_norm=0
window=0
no_rope_interval=0
rope.rule=default
rope.theta=500000.0
rope.interleaved=1
rope.attention_factor=1.0
rope.factor=1.0
rope.original_context=0
rope.low_freq_factor=1.0
rope.high_freq_factor=4.0
rope.beta_fast=32.0
rope.beta_slow=1.0
rope.truncate=1
rope.divisors=
graph_version=1
weights=q4
block=64
embedding_dtype=float16
embedding_offset=53376
weights_size=53376
param_size=3933
bin_size=65664
param_sha256=3b9ff6d7691523995d4bf84a136d4554edc71e5186ee0ae01eb3d8d883530b6f
bin_sha256=2c6098690893162882cbd0f9be6ca6fe0df016b081827815d5c4f46921784584
source=llama2.c v0, 371996 bytes, sampled SHA-256 6a5bd3113af09d872c9c35a193573da550754d4358930dbbd423d7cfa372b12c
converter=llama2ncnn-convert 1
template=llama2
desc_sha256=7c7e289d594bdf0be646b60be958399eebb943ec12c886a2322e8bc561478c04
"""  # noqa: E501
"""What the program before our own layers made of the same checkpoint in 4 bits, blocks of 64."""
