"""The Llama-2 architecture in PyTorch, tensor for tensor what llama2.c's checkpoints hold.
`features` and then `logits` run it; a `Cache` makes generation one token at a time cheap."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.recipe import Shape

Cache = list[tuple[Tensor, Tensor]]


def rope_tables(shape: Shape) -> tuple[Tensor, Tensor]:
    """Compute cosines and sines, each (seq_len, head_dim / 2)."""
    half = torch.arange(0, shape.head_dim, 2).float() / shape.head_dim
    angles = torch.outer(torch.arange(shape.seq_len).float(), shape.rope_theta**-half)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the interleaved pairs of (batch, heads, time, head_dim)."""
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
    return turned.flatten(-2)


class Attention(nn.Module):
    """Causal grouped-query attention with rotary positions."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.wq = nn.Linear(shape.dim, shape.dim, bias=False)
        self.wk = nn.Linear(shape.dim, shape.kv_dim, bias=False)
        self.wv = nn.Linear(shape.dim, shape.kv_dim, bias=False)
        self.wo = nn.Linear(shape.dim, shape.dim, bias=False)

    def heads(self, x: Tensor) -> Tensor:
        """Part (batch, time, n * head_dim) into (batch, n, time, head_dim)."""
        batch, time, _ = x.shape
        return x.view(batch, time, -1, self.shape.head_dim).transpose(1, 2)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attend from (batch, time, dim) to the past and to itself; returns the result, of the
        same shape, and the keys and values with the past before them."""
        q = rotate(self.heads(self.wq(x)), cos, sin)
        k = rotate(self.heads(self.wk(x)), cos, sin)
        v = self.heads(self.wv(x))
        if past is not None:
            k, v = torch.cat((past[0], k), dim=2), torch.cat((past[1], v), dim=2)
        group = self.shape.n_heads // self.shape.n_kv_heads
        keys, values = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        time, total = q.shape[2], k.shape[2]
        if time == total:
            y = functional.scaled_dot_product_attention(q, keys, values, is_causal=True)
        else:
            mask = torch.ones(time, total, dtype=torch.bool).tril(total - time)
            y = functional.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        return self.wo(y.transpose(1, 2).flatten(2)), (k, v)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.w1 = nn.Linear(shape.dim, shape.hidden_dim, bias=False)
        self.w2 = nn.Linear(shape.hidden_dim, shape.dim, bias=False)
        self.w3 = nn.Linear(shape.dim, shape.hidden_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute w2(silu(w1 x) * w3 x) for (batch, time, dim)."""
        out: Tensor = self.w2(functional.silu(self.w1(x)) * self.w3(x))
        return out


class Block(nn.Module):
    """One decoder layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.rms_att = nn.RMSNorm(shape.dim, eps=shape.norm_eps)
        self.rms_ffn = nn.RMSNorm(shape.dim, eps=shape.norm_eps)
        self.attention = Attention(shape)
        self.feed_forward = FeedForward(shape)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Add attention and feed-forward to (batch, time, dim); returns it with keys and values."""
        y, kept = self.attention(self.rms_att(x), cos, sin, past)
        x = x + y
        return x + self.feed_forward(self.rms_ffn(x)), kept


class Llama(nn.Module):
    """The whole model, its classifier tied to its embedding."""

    cos: Tensor
    sin: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.dim)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.n_layers))
        self.rms_final = nn.RMSNorm(shape.dim, eps=shape.norm_eps)
        cos, sin = rope_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialise()

    def initialise(self) -> None:
        """Draw the matrices normally distributed, narrower for those that feed the residual."""
        for name, weight in self.named_parameters():
            if weight.dim() < 2:
                continue
            residual = name.endswith(("wo.weight", "w2.weight"))
            nn.init.normal_(weight, std=0.02 / (2 * self.shape.n_layers) ** (0.5 * residual))

    def features(self, ids: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """Compute the normed last hidden states of (batch, time) ids, and the grown cache."""
        start = cache[0][0].shape[2] if cache else 0
        cos = self.cos[start : start + ids.shape[1]]
        sin = self.sin[start : start + ids.shape[1]]
        x, kept = self.embedding(ids), []
        for layer, block in enumerate(self.blocks):
            x, pair = block(x, cos, sin, cache[layer] if cache else None)
            kept.append(pair)
        return self.rms_final(x), kept

    def logits(self, features: Tensor) -> Tensor:
        """Compute the logits of features, (..., dim) to (..., vocab_size)."""
        return functional.linear(features, self.embedding.weight)

    def parameters_count(self) -> int:
        """Count the parameters; the tied classifier counts once."""
        return sum(weight.numel() for weight in self.parameters())
