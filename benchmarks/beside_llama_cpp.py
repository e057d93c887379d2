"""Speed, load time and memory beside llama.cpp's, for models of one shape in several formats.

    pip install xllamacpp gguf    # or llama-cpp-python, which compiles llama.cpp for this machine
    python -m benchmarks.beside_llama_cpp [--shape 1.1b] [--ours int8 q8 q4]
        [--theirs Q8_0 Q4_0 Q4_K_M] [--peer PATH/llama-bench] [-r 5] [--json FILE]

Rounds alternate between the programs and the formats, each in a process of its own, and every
round gives one ratio, so that a slow minute of the machine hits both sides of it. The weights are
random, the tensors of llama.cpp's files of the types that its own quantiser chooses. It runs with
its defaults, but for the threads. The wheel of xllamacpp is built for AVX2 alone: where the CPU
has more, hold figures against a llama-bench that was built for it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.peers import OURS, PACKAGES, Tests, command_of, installed_peer, measured
from benchmarks.random_gguf import KINDS, write_random_gguf
from convert.choosing import choose_format
from convert.format_names import BLOCKS, FORMAT_NAMES
from convert.known_shapes import SHAPES
from convert.pipeline import convert_tensors
from convert.shape import ModelShape
from convert.sources.synthetic import SyntheticCheckpoint
from llama2ncnn_chat.ui.bench import read_bandwidth

BESIDE = {"q4": ("Q4_0", "Q4_K_M")}
"""Which of their formats each of ours is held against; the others against Q8_0."""

UNITS = {"load": ("s", 1.0), "resident": ("GB", 1e9), "mapped": ("GB", 1e9), "file": ("GB", 1e9)}
"""How figures are shown that aren't tokens a second."""

Rounds = dict[str, list[dict[str, float]]]
"""Of each format, what every round measured."""


def make_models(
    folder: Path, shape: ModelShape, ours: list[str], theirs: list[str], block: int
) -> dict[str, Path]:
    """Write a model in every format; returns what opens each."""
    models = {}
    source = SyntheticCheckpoint(shape)
    for weights in ours:
        models[weights] = folder / weights
        convert_tensors(source, models[weights], choose_format(source, weights, block))
    for kind in theirs:
        models[kind] = write_random_gguf(folder / f"{kind}.gguf", shape, kind)
    return models


def play_round(models: dict[str, Path], peer: str, tests: Tests) -> Iterator[tuple[str, Any]]:
    """Run every format once; yields its name and what was measured."""
    for name, model in models.items():
        program = OURS if name in FORMAT_NAMES else peer
        printed, memory = machine.run_watched(command_of(program, model, tests))
        path = model.with_suffix(".bin") if program == OURS else model
        figures = measured(printed, tests) | asdict(memory) | {"file": path.stat().st_size}
        yield name, {test: float(figure) for test, figure in figures.items()}


def alternating(models: dict[str, Path]) -> dict[str, Path]:
    """Order the formats so that those that are compared run soon after each other."""
    ours = [name for name in models if name in FORMAT_NAMES]
    theirs = [name for name in models if name not in FORMAT_NAMES]
    order = [each for name in ours for each in (name, *beside(name, theirs))]
    return {name: models[name] for name in dict.fromkeys([*order, *theirs])}


def beside(ours: str, theirs: list[str]) -> list[str]:
    """Choose those of their formats that one of ours is held against."""
    return [kind for kind in BESIDE.get(ours, ("Q8_0",)) if kind in theirs]


def ratios(rounds: Rounds) -> dict[str, dict[str, list[float]]]:
    """Divide ours by theirs, round by round: for "q4 to Q4_0" and the like, of every test."""
    theirs = [name for name in rounds if name not in FORMAT_NAMES]
    found = {}
    for ours in rounds:
        for kind in beside(ours, theirs) if ours in FORMAT_NAMES else ():
            pairs = list(zip(rounds[ours], rounds[kind], strict=True))
            tests = [test for test in pairs[0][0] if test in pairs[0][1] and test not in UNITS]
            found[f"{ours} to {kind}"] = {t: [a[t] / b[t] for a, b in pairs] for t in tests}
    return found


def show(title: str, rounds: Rounds, console: Console) -> None:
    """Print the medians of all formats, then the ratios with those of the rounds."""
    table = Table("", title=title)
    for name in rounds:
        table.add_column(name, justify="right")
    tests = dict.fromkeys(test for results in rounds.values() for test in results[0])
    for test in tests:
        unit, scale = UNITS.get(test, ("tok/s", 1.0))
        figures = [[r[test] / scale for r in results if test in r] for results in rounds.values()]
        cells = [f"{median(each):.4g}" if each else "" for each in figures]
        table.add_row(f"{test}, {unit}", *cells)
    console.print(table)
    table = Table("", "test", title="ratios, ours to theirs")
    for column in ("median", "rounds"):
        table.add_column(column, justify="right")
    for pair, by_test in ratios(rounds).items():
        for test, each in by_test.items():
            table.add_row(pair, test, f"{median(each):.2f}", " ".join(f"{x:.2f}" for x in each))
    console.print(table)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--shape", choices=SHAPES, default="1.1b")
    parser.add_argument("--ours", choices=FORMAT_NAMES, nargs="+", default=["int8", "q8", "q4"])
    parser.add_argument("--theirs", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--block", type=int, choices=BLOCKS, default=32, help="of q8, q6 and q4")
    parser.add_argument(
        "--peer",
        metavar="PROGRAM",
        help=f"{' or '.join(PACKAGES)} (default: what is installed), or the path of a llama-bench",
    )
    parser.add_argument("-p", type=int, default=256, metavar="N", help="tokens of the prefill")
    parser.add_argument("-n", type=int, default=48, metavar="N", help="tokens decoded")
    parser.add_argument("-d", default="0,1024", metavar="N,N", help="depths to decode at")
    parser.add_argument("-r", type=int, default=5, metavar="N", help="rounds")
    parser.add_argument("-t", type=int, default=2, metavar="N", help="threads")
    parser.add_argument("--folder", type=Path, help="where to put the temporary folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file")
    return parser.parse_args()


def main() -> None:
    """Measure the formats round by round and print the tables."""
    args, console = parsed(), Console()
    peer = args.peer or installed_peer()
    tests = Tests(args.p, args.n, tuple(map(int, args.d.split(","))), args.t)
    shape = SHAPES[args.shape]
    shape = replace(shape, context_length=max(shape.context_length, tests.context))
    rounds: Rounds = {}
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        models = make_models(Path(name), shape, args.ours, args.theirs, args.block)
        bandwidth, watch = read_bandwidth(args.t), machine.Watch()
        for _ in range(args.r):
            for format_name, figures in play_round(alternating(models), peer, tests):
                rounds.setdefault(format_name, []).append(figures)
        quiet = watch.report()
    title = f"{args.shape}, {args.t} threads, medians of {args.r} rounds; llama.cpp: {peer}"
    show(title, rounds, console)
    console.print(f"read bandwidth {bandwidth / 1e9:.3g} GB/s; {machine.in_words(quiet)}")
    if args.json:
        report = {
            **{"shape": args.shape, "peer": peer, "tests": asdict(tests), "block": args.block},
            **{"read_bandwidth": bandwidth, "machine": quiet},
            **{"rounds": rounds, "ratios": ratios(rounds)},
        }
        args.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
