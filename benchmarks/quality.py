"""What weight formats cost: KL divergence from fp32, and perplexity, over a text of one's choice.

    python -m benchmarks.quality MODEL [--text FILE | --golden FILE.json] [--weights q8 q4]
        [--theirs Q8_0 Q4_0] [--server]

MODEL is whatever can be converted. Without a text it is what the fp32 model samples itself, or the
ids of a golden file (``cases[].ids``). ``--theirs`` puts weights rounded by llama.cpp's rules
through the same fp32 engine: that is the divergence of the weights alone, where ours have that of
the activations in them. With ``--server`` (a GGUF, and the package xllamacpp) llama.cpp computes
with those weights itself, in a second row; that is slow, for it tells all chances of one token at
a time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.gguf_copies import WRITTEN, copy_gguf
from benchmarks.llama_server import LlamaServer, log_probabilities
from benchmarks.rounded import FINE, Rounded
from convert.formats import BLOCKS, FORMAT_NAMES, codec_of
from convert.pipeline import convert, convert_tensors
from convert.sources import open_source
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.generation.sampling import make_sampler
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.launch.open_model import load_tokenizer
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
LogitsOf = Callable[[list[int]], Float64]
"""Gives the logits, or the log-probabilities, after each id of a text."""


@dataclass(frozen=True)
class Candidate:
    """A format: its name, the bits of its file per weight, and what it makes of a text."""

    name: str
    bits: float
    logits_of: LogitsOf


def main() -> None:
    """Compare every format with fp32 on the same texts and print the table."""
    args = parsed()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = next(ours(args.model, folder, ["fp32"], None))
        texts = texts_of(args, folder / "fp32")
        reference = [log_softmax(base.logits_of(ids)).astype(np.float32) for ids in texts]
        table = Table("weights", title=f"{args.model.name}, {sum(map(len, texts))} tokens")
        for column in ("bits", "mean KL", "99% KL", "largest KL", "perplexity", "same top token"):
            table.add_column(column, justify="right")
        for each in candidates(args, folder):
            mine = (log_softmax(each.logits_of(ids)) for ids in texts)
            table.add_row(each.name, f"{each.bits:.2f}", *compare(reference, mine, texts))
    Console().print(table)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", type=Path)
    text = parser.add_mutually_exclusive_group()
    text.add_argument("--text", type=Path, metavar="FILE", help="a text, cut into --texts pieces")
    text.add_argument("--golden", type=Path, metavar="FILE.json")
    parser.add_argument("--texts", type=int, default=8, metavar="N")
    parser.add_argument("--tokens", type=int, default=200, metavar="N", help="of each text")
    parser.add_argument("--weights", choices=FORMAT_NAMES, nargs="*", default=FORMAT_NAMES[::-1])
    parser.add_argument("--block", type=int, choices=BLOCKS, help="of q8, q6 and q4")
    parser.add_argument("--theirs", choices=WRITTEN, nargs="*", default=[])
    parser.add_argument("--server", action="store_true", help="ask llama.cpp as well")
    return parser.parse_args()


def candidates(args: argparse.Namespace, folder: Path) -> Iterator[Candidate]:
    """Open one format after the other."""
    yield from ours(args.model, folder, args.weights, args.block)
    for kind in args.theirs:
        yield rounded(args.model, folder, kind)
        if args.server:
            yield from served(args.model, folder, kind)


def ours(model: Path, folder: Path, formats: list[str], block: int | None) -> Iterator[Candidate]:
    """Convert the model to each of our formats and open the result."""
    for weights in formats:
        desc = convert(model, folder / weights, weights=weights, block=block)
        engine = NcnnEngine(folder / weights)
        bits = 8 * desc.bin_size / desc.shape.n_parameters
        yield Candidate(weights, bits, partial(logits_of, engine))
        engine.close()


def rounded(model: Path, folder: Path, kind: str) -> Candidate:
    """Round the weights to one of ggml's types and put them through our fp32 engine."""
    with open_source(model) as source:
        weights = Rounded(source, kind)
        convert_tensors(weights, folder / kind, codec_of("fp32"))
        bits = 8 * weights.n_bytes / source.shape.n_parameters
    return Candidate(f"{kind}, weights alone", bits, partial(logits_of, NcnnEngine(folder / kind)))


def served(model: Path, folder: Path, kind: str) -> Iterator[Candidate]:
    """Let llama.cpp's server open a copy in one of ggml's types; its cache is in float32."""
    path = copy_gguf(model, folder / f"{kind}.gguf", kind, classifier=FINE)
    with open_source(path) as source:
        n_vocab, n_weights = source.shape.vocab_size, source.shape.n_parameters
    with LlamaServer(path, threads=2, context=4096) as server:
        bits = 8 * path.stat().st_size / n_weights
        yield Candidate(f"{kind}, llama.cpp", bits, partial(asked, server, n_vocab))


def asked(server: LlamaServer, n_vocab: int, ids: list[int]) -> Float64:
    """Ask a server for all log-probabilities after each id of a text, one request an id."""
    rows = np.full((len(ids), n_vocab), np.nan)
    for i in range(len(ids)):
        answer = server.complete(ids[: i + 1], 1, n_probs=n_vocab, cache_prompt=True)
        chances = log_probabilities(answer)[0]
        rows[i, list(chances)] = list(chances.values())
    if np.isnan(rows).any():
        raise RuntimeError("the server doesn't tell the chances of all tokens")
    return rows


def texts_of(args: argparse.Namespace, stem: Path) -> list[list[int]]:
    """Choose the texts, as ids."""
    if args.golden:
        return [case["ids"] for case in json.loads(args.golden.read_text())["cases"]]
    if args.text:
        vocabulary = load_tokenizer(find_model(str(stem)))
        ids, opening = vocabulary.encode(args.text.read_text(), bos=False), vocabulary.opening
        size = args.tokens - len(opening)
        return [[*opening, *ids[i * size : (i + 1) * size]] for i in range(args.texts)]
    return sampled(NcnnEngine(stem), args.texts, args.tokens)


def sampled(engine: NcnnEngine, n_texts: int, n_tokens: int) -> list[list[int]]:
    """Sample texts from the model at temperature 1, with a fixed seed; returns their ids."""
    sampler = make_sampler(Sampling(temperature=1.0), np.random.default_rng(0))
    texts = []
    for _ in range(n_texts):
        engine.rewind(0)
        ids = [1]
        while len(ids) < min(n_tokens, engine.context_length):
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
    reference: list[Float32], mine: Iterable[Float64], texts: list[list[int]]
) -> tuple[str, ...]:
    """Reduce log probabilities to the table's cells: mean, 99th percentile and largest KL
    divergence from the reference in nats, perplexity, and how often the top token is the same."""
    kl, nll, same = [], [], []
    for stored, q, ids in zip(reference, mine, texts, strict=True):
        p = stored.astype(np.float64)
        kl.append((np.exp(p) * (p - q)).sum(axis=1))
        nll.append(-q[np.arange(len(ids) - 1), ids[1:]])
        same.append(p.argmax(axis=1) == q.argmax(axis=1))
    divergence = np.concatenate(kl)
    return (
        f"{divergence.mean():.5f}",
        f"{np.quantile(divergence, 0.99):.4f}",
        f"{divergence.max():.4f}",
        f"{np.exp(np.concatenate(nll).mean()):.4f}",
        f"{np.concatenate(same).mean():.1%}",
    )


if __name__ == "__main__":
    main()
