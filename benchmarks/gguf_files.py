"""How fast GGUF files open and convert: made-up models with a vocabulary of 49,000 in ggml's types.

    python -m benchmarks.gguf_files --shape 110m --types Q4_K Q8_0 -r 3

Writes into a temporary folder alone. MB/s are of the file's bytes, fsync included; each conversion
is a process of its own, so that its peak of resident memory is its own.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter
from rich.console import Console
from rich.table import Table

from benchmarks.conversion import measure
from benchmarks.random_gguf import add_shape
from convert.known_shapes import SHAPES
from convert.shape import ModelShape
from convert.sources.gguf.checkpoint import GgufCheckpoint
from convert.sources.gguf.shape import NAMES

N_TOKENS, N_MERGES = 49_152, 48_900


def write(path: Path, shape: ModelShape, kind: GGMLQuantizationType) -> None:
    """Write a model of that shape: random integers in every block, one small step in all."""
    writer = GGUFWriter(path, "llama")
    add_shape(writer, shape)
    writer.add_token_list([f"token{i}" for i in range(N_TOKENS)])
    writer.add_token_merges([f"left{i} right{i}" for i in range(N_MERGES)])
    values, size = GGML_QUANT_SIZES[kind]
    rng = np.random.default_rng(0)
    for name, tensor in shape.tensors.items():
        for i in range(tensor.layers):
            called = NAMES[name].format(i)
            if tensor.rows == 1:
                writer.add_tensor(called, np.ones(tensor.cols, np.float32))
                continue
            blocks = rng.integers(0, 256, (tensor.rows, tensor.cols // values, size), np.uint8)
            blocks[:, :, :2] = np.frombuffer(np.float16(1e-3).tobytes(), np.uint8)
            if kind == GGMLQuantizationType.Q4_K:  # a step of the minima as well
                blocks[:, :, 2:4] = blocks[:, :, :2]
            writer.add_tensor(called, blocks.reshape(tensor.rows, -1), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def opening_ms(path: Path) -> tuple[float, float]:
    """Measure opening the file, and reading its tokens and merges, in milliseconds."""
    start = time.perf_counter()
    with GgufCheckpoint(path) as source:
        opened = time.perf_counter()
        for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges"):
            _ = source.metadata[key]
        read = time.perf_counter()
    return 1e3 * (opened - start), 1e3 * (read - opened)


def main() -> None:
    """Write, open and convert a file of every type, and print the table."""
    parser = argparse.ArgumentParser(description="Measure the GGUF reader.")
    parser.add_argument("--shape", choices=SHAPES, default="110m")
    parser.add_argument("--types", nargs="*", choices=("Q4_K", "Q8_0"), default=("Q4_K", "Q8_0"))
    parser.add_argument("--weights", nargs="*", default=("q4", "q8"))
    parser.add_argument("-r", "--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to put the temporary folder")
    args = parser.parse_args()
    columns = ("MB/s", "MB/s of CPU", "seconds", "peak MB above imports")
    table = Table("type", "MB", "open ms", "texts ms", "weights", *columns)
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        for kind in args.types:
            path = folder / f"{kind}.gguf"
            write(path, SHAPES[args.shape], GGMLQuantizationType[kind])
            size = path.stat().st_size
            times = [opening_ms(path) for _ in range(args.runs)]
            opening = [f"{statistics.median(t[i] for t in times):.0f}" for i in (0, 1)]
            for weights in args.weights:
                runs = [measure(path, folder, weights) for _ in range(args.runs)]
                m = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
                speeds = [f"{size / m[key] / 1e6:.0f}" for key in ("wall", "cpu")]
                cells = (*speeds, f"{m['wall']:.2f}", f"{m['rss'] / 1e6:.0f}")
                table.add_row(kind, f"{size / 1e6:.0f}", *opening, weights, *cells)
    table.title = f"{args.shape}, {N_TOKENS:,} tokens in the vocabulary; median of {args.runs}"
    Console().print(table)


if __name__ == "__main__":
    main()
