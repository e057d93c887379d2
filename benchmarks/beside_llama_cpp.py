"""Prefill and decode speed beside llama.cpp's, for a model of one shape: int8 here, Q8_0 there.

    pip install llama-cpp-python gguf    # compiles llama.cpp for this machine
    python -m benchmarks.beside_llama_cpp [--shape 1.1b] [-p 256] [-n 32] [-d 0,1024] [-r 5]

Rounds alternate between the two programs, each in a process of its own, and every round gives one
ratio, so that a slow minute of the machine hits both sides of it. The weights are random and of the
same sizes. llama.cpp runs with its defaults, but for the threads and for flash attention, which is
off, its faster side on a CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.models import random_model
from convert.sources.synthetic import SHAPES, SyntheticCheckpoint

LAYER_NAMES = {
    "rms_att": "attn_norm",
    "wq": "attn_q",
    "wk": "attn_k",
    "wv": "attn_v",
    "wo": "attn_output",
    "rms_ffn": "ffn_norm",
    "w1": "ffn_gate",
    "w2": "ffn_down",
    "w3": "ffn_up",
}


def write_gguf(path: Path, shape: str) -> None:
    """Write random weights of the same shape as GGUF, Q8_0, without a vocabulary."""
    import gguf
    from gguf.quants import quantize

    config, source = SHAPES[shape], SyntheticCheckpoint(SHAPES[shape])
    q8_0 = gguf.GGMLQuantizationType.Q8_0
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=True)
    writer.add_context_length(config.context_length)
    writer.add_embedding_length(config.dim)
    writer.add_block_count(config.n_layers)
    writer.add_feed_forward_length(config.hidden_dim)
    writer.add_head_count(config.n_heads)
    writer.add_head_count_kv(config.n_kv_heads)
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("none")

    def add(name: str, theirs: str, layer: int = 0) -> None:
        tensor = config.tensors[name]
        values = source.rows(name, layer, 0, tensor.rows)
        if tensor.rows == 1:
            writer.add_tensor(theirs, values.reshape(tensor.cols))
        else:
            writer.add_tensor(theirs, quantize(values, q8_0), raw_dtype=q8_0)

    add("embedding", "token_embd.weight")
    add("rms_final", "output_norm.weight")
    if not config.tied:
        add("classifier", "output.weight")
    for layer in range(config.n_layers):
        for ours, theirs in LAYER_NAMES.items():
            add(ours, f"blk.{layer}.{theirs}.weight", layer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def theirs(path: Path, n_prompt: int, n_decode: int, depths: list[int], threads: int) -> None:
    """Run one round of llama.cpp in this process; prints {test: tokens per second}."""
    import llama_cpp as lib

    model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
    params = lib.llama_context_default_params()
    params.n_ctx = max(n_prompt, max(depths) + n_decode) + 64
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = 0  # disabled
    context = lib.llama_init_from_model(model, params)

    def feed(n: int) -> None:
        tokens = (lib.llama_token * n)(*(7 + 31 * i % 1000 for i in range(n)))
        for start in range(0, n, params.n_batch):
            part = (lib.llama_token * min(n - start, params.n_batch))(
                *tokens[start:][: params.n_batch]
            )
            if lib.llama_decode(context, lib.llama_batch_get_one(part, len(part))):
                raise RuntimeError("llama_decode failed")
        lib.llama_synchronize(context)

    def clear() -> None:
        lib.llama_memory_clear(lib.llama_get_memory(context), True)

    rates = {}
    feed(16)  # warm
    clear()
    start = time.perf_counter()
    feed(n_prompt)
    rates[f"prefill {n_prompt}"] = n_prompt / (time.perf_counter() - start)
    for depth in depths:
        clear()
        if depth:
            feed(depth)
        start = time.perf_counter()
        for _ in range(n_decode):
            feed(1)
        rates[test_name(n_decode, depth)] = n_decode / (time.perf_counter() - start)
    sys.stdout.write(json.dumps(rates))


def test_name(n_decode: int, depth: int) -> str:
    """Name a decode test as `llama2ncnn-chat bench` does."""
    return f"decode {n_decode}" + (f" at {depth:,}" if depth else "")


def run(*command: str) -> Any:
    """Run a Python command in a process of its own; returns the JSON that it prints."""
    done = subprocess.run([sys.executable, *command], check=True, capture_output=True, timeout=1800)
    return json.loads(done.stdout)


def main() -> None:
    """Measure both programs round by round and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=SHAPES, default="1.1b")
    parser.add_argument("-p", type=int, default=256, metavar="N", help="tokens of the prefill")
    parser.add_argument("-n", type=int, default=32, metavar="N", help="tokens decoded")
    parser.add_argument("-d", default="0,1024", metavar="N,N", help="depths to decode at")
    parser.add_argument("-r", type=int, default=5, metavar="N", help="rounds")
    parser.add_argument("-t", type=int, default=2, metavar="N", help="threads")
    parser.add_argument("--theirs", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    depths = [int(depth) for depth in args.d.split(",")]
    if args.theirs:
        theirs(args.theirs, args.p, args.n, depths, args.t)
        return
    sizes = ["-p", str(args.p), "-n", str(args.n), "-d", args.d, "-t", str(args.t)]
    rates: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stem, other = random_model(folder, args.shape), folder / "other.gguf"
        write_gguf(other, args.shape)
        for _ in range(args.r):
            report = run("-m", "llama2ncnn_chat", "bench", str(stem), *sizes, "-r", "1", "--json")
            ours = {r["test"]: r["tokens_per_second"] for r in report["results"]}
            other_rates = run("-m", "benchmarks.beside_llama_cpp", "--theirs", str(other), *sizes)
            for test, rate in other_rates.items():
                rates[test].append((ours[test], rate))
    table = Table("test", title=f"{args.shape}, {args.t} threads, medians of {args.r} rounds")
    for column in ("int8 here, tok/s", "Q8_0 there, tok/s", "ratio", "ratios of the rounds"):
        table.add_column(column, justify="right")
    for test, pairs in rates.items():
        ratios = [a / b for a, b in pairs]
        table.add_row(
            test,
            f"{median(a for a, _ in pairs):.1f}",
            f"{median(b for _, b in pairs):.1f}",
            f"{median(ratios):.2f}",
            " ".join(f"{ratio:.2f}" for ratio in ratios),
        )
    Console().print(table)


if __name__ == "__main__":
    main()
