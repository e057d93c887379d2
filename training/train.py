"""Trains the model on the tokenized corpus: Muon for the matrices, AdamW for the rest.
A checkpoint every few minutes holds all that a resumed run needs to go on with the same batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from training.dataset import Rows
from training.files import write_beside
from training.model import Llama
from training.muon import Muon
from training.recipe import Recipe

Batches = list[npt.NDArray[np.int64]]


def learning_rate(step: int, recipe: Recipe) -> float:
    """Give a step's factor: linear warm-up, plateau, linear fall to nothing over the last 55%."""
    left = (recipe.steps - step) / (0.55 * recipe.steps)
    return min(1.0, (step + 1) / recipe.warmup, left)


def optimizers(model: Llama, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Make Muon for the layers' matrices and AdamW for the embedding and the norms."""
    matrices = [p for p in model.blocks.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    muon = Muon(matrices, lr=recipe.muon_lr)
    groups: list[dict[str, Any]] = [{"params": [model.embedding.weight]}, {"params": norms}]
    adam = torch.optim.AdamW(
        groups,
        lr=recipe.adam_lr,
        betas=(0.9, 0.98),
        weight_decay=0.0,
    )
    return [muon, adam]


def weighted_loss(
    model: Llama, ids: Tensor, targets: Tensor, spoken: Tensor, prompt_weight: float
) -> tuple[Tensor, float, float]:
    """Sum the weighted loss of all spoken tokens and each fourth of the others; returns it,
    the sum of weights, and the mean loss of the spoken tokens, for the log."""
    scored = spoken | ((targets >= 0) & (torch.arange(ids.shape[1]) % 4 == 0))
    features, _ = model.features(ids)
    losses = functional.cross_entropy(
        model.logits(features[scored]), targets[scored], reduction="none"
    )
    speaks = spoken[scored]
    weights = torch.where(speaks, 1.0, prompt_weight)
    mean = losses.detach()[speaks].mean().item()
    return (losses * weights).sum(), weights.sum().item(), mean


class Run:
    """A training run that can be stopped at any time and picked up again."""

    def __init__(self, recipe: Recipe, begin: Path | None = None) -> None:
        """From the weights in ``begin``, or from nothing."""
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.recipe = recipe
        self.model = Llama(recipe.shape)
        if begin:
            self.model.load_state_dict(torch.load(begin, weights_only=True))
        self.optimizers = optimizers(self.model, recipe)
        self.base = [[group["lr"] for group in opt.param_groups] for opt in self.optimizers]
        self.rows = Rows(recipe.tokens)
        self.step = 0
        self.seconds = 0.0
        if recipe.checkpoint.exists():
            self.restore(torch.load(recipe.checkpoint, weights_only=True))

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint: weights, optimizers, step and seconds."""
        self.model.load_state_dict(state["model"])
        for opt, kept in zip(self.optimizers, state["optimizers"], strict=True):
            opt.load_state_dict(kept)
        self.step, self.seconds = state["step"], state["seconds"]
        print(f"resumed at step {self.step}", flush=True)

    def save(self) -> None:
        """Write the checkpoint that `restore` goes on from."""
        with write_beside(self.recipe.checkpoint) as path:
            torch.save(
                {
                    "model": self.model.state_dict(),
                    "optimizers": [opt.state_dict() for opt in self.optimizers],
                    "step": self.step,
                    "seconds": self.seconds,
                },
                path,
            )

    def update(self, batches: Batches) -> tuple[float, int]:
        """Take one step on batches of unlike lengths; returns the log's loss and the tokens."""
        tokens, total, shown = 0, 0.0, 0.0
        for rows in batches:
            ids, targets, spoken = map(torch.from_numpy, self.rows.batch(rows))
            loss, weight, mean = weighted_loss(
                self.model, ids, targets, spoken, self.recipe.prompt_weight
            )
            torch.autograd.backward(loss)
            tokens += int((targets >= 0).sum())
            total += weight
            shown += mean / len(batches)
        for weight_of in self.model.parameters():
            if weight_of.grad is not None:
                weight_of.grad /= total
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        factor = learning_rate(self.step, self.recipe)
        for opt, rates in zip(self.optimizers, self.base, strict=True):
            for group, rate in zip(opt.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            opt.step()
            opt.zero_grad(set_to_none=True)
        return shown, tokens

    def steps(self) -> Iterator[Batches]:
        """Yield the batches of every step from the current one to the last, epoch after epoch."""
        taken, epoch, size = 0, 0, self.recipe.batches
        while taken < self.recipe.steps:
            plan = self.rows.plan(self.recipe.batch_tokens, self.recipe.seed + epoch)
            for start in range(0, len(plan) - size + 1, size):
                if self.step <= taken < self.recipe.steps:
                    yield plan[start : start + size]
                taken += 1
            epoch += 1

    def run(self) -> None:
        """Train to the last step and write the final weights."""
        saved = tick = time.monotonic()
        tokens, shown = 0, 0.0
        for batches in self.steps():
            loss, count = self.update(batches)
            self.step += 1
            tokens += count
            shown = loss if shown == 0.0 else 0.95 * shown + 0.05 * loss
            now = time.monotonic()
            if self.step % 25 == 0:
                self.seconds += now - tick
                print(
                    f"step {self.step}/{self.recipe.steps} loss {shown:.4f} "
                    f"{tokens / (now - tick):.0f} tokens/s",
                    flush=True,
                )
                tick, tokens = now, 0
            if now - saved > self.recipe.checkpoint_seconds:
                self.save()
                saved = now
        self.save()
        with write_beside(self.recipe.weights) as path:
            torch.save(self.model.state_dict(), path)


def train(recipe: Recipe, begin: Path | None = None) -> None:
    """Train to the recipe's last step, from the weights in `begin` or from nothing."""
    run = Run(recipe, begin)
    rows = len(run.rows.starts) - 1
    print(f"{run.model.parameters_count() / 1e6:.2f}M parameters, {rows} rows", flush=True)
    run.run()
