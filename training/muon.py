"""Muon: momentum whose step for a matrix is replaced by its nearest orthogonal matrix.
Matrices of one shape are stacked, so that the iterations are a few batched products."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def orthogonal(stack: Tensor, rounds: int = 5) -> Tensor:
    """Iterate (Newton-Schulz) to about the orthogonal factor of each (rows, columns) matrix."""
    tall = stack.shape[-2] > stack.shape[-1]
    x: Tensor = stack.mT if tall else stack
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """For 2-D weights only; everything else belongs to another optimizer."""

    def __init__(
        self, weights: Iterable[Tensor], lr: float, momentum: float = 0.95, decay: float = 0.05
    ) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "decay": decay})

    def averaged(self, weight: Tensor, momentum: float) -> Tensor:
        """Update the running average of a weight's gradients; returns the Nesterov average."""
        assert weight.grad is not None
        state = self.state[weight]
        if "average" not in state:
            state["average"] = torch.zeros_like(weight)
        average: Tensor = state["average"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(average, momentum)

    # PyTorch's signature also allows a closure, which nothing here needs.
    # The ignore is unused where torch isn't installed.
    def step(self, closure: None = None) -> None:  # type: ignore[override, unused-ignore]
        """Move every weight by its averaged gradient; a `closure` is refused."""
        assert closure is None
        with torch.no_grad():
            for group in self.param_groups:
                self.update(group)

    def update(self, group: dict[str, Any]) -> None:
        """Move one group's weights, all matrices of a shape at once."""
        alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for weight in group["params"]:
            alike[weight.shape].append(weight)
        for shape, weights in alike.items():
            stack = torch.stack([self.averaged(w, group["momentum"]) for w in weights])
            rate = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
            for weight, step in zip(weights, orthogonal(stack), strict=True):
                weight.mul_(1 - group["lr"] * group["decay"])
                weight.add_(step, alpha=-rate)
