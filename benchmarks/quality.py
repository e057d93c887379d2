"""What each weight format costs: KL divergence from fp32, and perplexity, over a model's own texts.

    python -m benchmarks.quality CHECKPOINT [--golden FILE.json]

The texts are those of a golden file (``cases[].ids``), else what the fp32 model samples itself.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from convert.formats import FORMAT_NAMES
from convert.pipeline import convert
from llama2ncnn_chat.generation.sampling import make_sampler
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

Float64 = npt.NDArray[np.float64]


def main() -> None:
    """Compare every weight format with fp32 on the same texts and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--golden", type=Path)
    parser.add_argument("--texts", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_of(args.checkpoint, Path(folder), "fp32")
        texts = golden_texts(args.golden) if args.golden else sampled(engine, args)
        reference = [log_softmax(logits_of(engine, ids)) for ids in texts]
        table = Table("weights", title=f"{args.checkpoint.name}, {sum(map(len, texts))} tokens")
        for name in ("mean KL", "largest KL", "perplexity", "same top token"):
            table.add_column(name, justify="right")
        for name in reversed(FORMAT_NAMES):
            engine = engine_of(args.checkpoint, Path(folder), name)
            mine = [log_softmax(logits_of(engine, ids)) for ids in texts]
            table.add_row(name, *compare(reference, mine, texts))
    Console().print(table)


def engine_of(checkpoint: Path, folder: Path, weights: str) -> NcnnEngine:
    """Convert the checkpoint to a weight format and open the result."""
    stem = folder / weights
    convert(checkpoint, stem, weights=weights)
    return NcnnEngine(stem)


def golden_texts(path: Path) -> list[list[int]]:
    """Read the token ids of every case of a golden file."""
    return [case["ids"] for case in json.loads(path.read_text())["cases"]]


def sampled(engine: NcnnEngine, args: argparse.Namespace) -> list[list[int]]:
    """Sample texts from the model at temperature 1, with a fixed seed; returns their ids."""
    sampler = make_sampler(Sampling(temperature=1.0), np.random.default_rng(0))
    texts = []
    for _ in range(args.texts):
        engine.rewind(0)
        ids = [1]
        while len(ids) < min(args.tokens, engine.context_length):
            ids.append(sampler(engine.forward(ids[-1:]), []))
        texts.append(ids)
    return texts


def logits_of(engine: NcnnEngine, ids: list[int]) -> Float64:
    """Compute the logits after each id of one text, (time, vocab_size)."""
    engine.rewind(0)
    return engine.forward_all(ids).astype(np.float64)


def log_softmax(x: Float64) -> Float64:
    """Turn rows of logits into log probabilities."""
    x = x - x.max(axis=1, keepdims=True)
    result: Float64 = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return result


def compare(
    reference: list[Float64], mine: list[Float64], texts: list[list[int]]
) -> tuple[str, ...]:
    """Reduce log probabilities to the table's cells: mean and largest KL divergence from the
    reference in nats, perplexity, and how often the most probable token is the same."""
    kl = np.concatenate(
        [(np.exp(p) * (p - q)).sum(axis=1) for p, q in zip(reference, mine, strict=True)]
    )
    nll = np.concatenate(
        [-q[np.arange(len(ids) - 1), ids[1:]] for q, ids in zip(mine, texts, strict=True)]
    )
    same = np.concatenate(
        [p.argmax(axis=1) == q.argmax(axis=1) for p, q in zip(reference, mine, strict=True)]
    )
    perplexity = float(np.exp(nll.mean()))
    return f"{kl.mean():.5f}", f"{kl.max():.4f}", f"{perplexity:.4f}", f"{same.mean():.1%}"


if __name__ == "__main__":
    main()
