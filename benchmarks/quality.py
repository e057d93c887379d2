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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.gguf_copies import WRITTEN, copy_gguf
from benchmarks.llama_server import LlamaServer, log_probabilities
from benchmarks.rounded import FINE, Rounded
from convert.format_names import BLOCKS, FORMAT_NAMES
from convert.formats import codec_of
from convert.pipeline import convert, convert_tensors
from convert.sources import open_source
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.launch.open_model import load_tokenizer
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.quality.fidelity import Fidelity, Rows, compare, log_softmax, logits_of
from llama2ncnn_chat.quality.texts import sampled_texts, texts_of_file

LogitsOf = Callable[[list[int]], Rows]
"""Gives the logits, or the log-probabilities, after each id of a text."""

BOS = 1
"""Of llama2.c's models and those of Llama 2."""


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
            fidelity = compare(reference, map(each.logits_of, texts), texts)
            table.add_row(each.name, f"{each.bits:.2f}", *cells(fidelity))
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


def asked(server: LlamaServer, n_vocab: int, ids: list[int]) -> Rows:
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
        return texts_of_file(args.text, vocabulary, args.texts, args.tokens)
    return sampled_texts(NcnnEngine(stem), [BOS], args.texts, args.tokens)


def cells(f: Fidelity) -> tuple[str, ...]:
    """Write a comparison as the cells of a row."""
    return (
        f"{f.mean_kl:.5f}",
        f"{f.kl_99:.4f}",
        f"{f.largest_kl:.4f}",
        f"{f.perplexity:.4f}",
        f"{f.same_top:.1%}",
    )


if __name__ == "__main__":
    main()
