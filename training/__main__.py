"""`python -m training` runs the whole recipe: corpus, tokenizer, training, export, evaluation.
A step whose output is already there is skipped, so an interrupted run goes on where it stopped."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from training.corpus.dialogues import write_corpus
from training.dataset import tokenize
from training.evaluate import evaluate
from training.export import export_fp32, export_q8, load
from training.recipe import Recipe
from training.tokenizer import export_tokenizer, train_tokenizer
from training.train import train


def learn(recipe: Recipe, begin: Path | None = None) -> None:
    """Make corpus, tokenizer and weights, from the weights in `begin` or from nothing."""
    if not recipe.corpus.exists():
        write_corpus(recipe)
    if not recipe.spm.exists():
        train_tokenizer(recipe)
    if not recipe.tokens.exists():
        tokenize(recipe)
    if not recipe.weights.exists():
        train(recipe, begin)


def run(recipe: Recipe, fp32: Path | None) -> None:
    """Run every step whose output is missing; `fp32` is where to write float32 weights too."""
    learn(recipe)
    last = recipe.last_stretch()
    if not last.spm.exists():
        last.out.mkdir(exist_ok=True)
        shutil.copyfile(recipe.spm, last.spm)
    learn(last, begin=recipe.weights)
    export_tokenizer(recipe.spm, recipe.tokenizer)
    model = load(last.weights, recipe.shape)
    export_q8(model, recipe.model)
    if fp32 is not None:
        export_fp32(model, fp32)
    if not recipe.report.exists():
        evaluate(recipe, last.weights)


def main() -> None:
    """Read the command line and run the recipe."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/demo"), help="output directory")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="optimizer steps")
    parser.add_argument("--dialogues", type=int, default=Recipe.dialogues)
    parser.add_argument("--threads", type=int, default=Recipe.threads)
    parser.add_argument("--fp32", type=Path, help="also write a version 0 float32 checkpoint here")
    options = parser.parse_args()
    recipe = Recipe(
        options.out,
        steps=options.steps,
        dialogues=options.dialogues,
        threads=options.threads,
    )
    run(recipe, options.fp32)


if __name__ == "__main__":
    main()
