"""How fast models convert, and in how much memory: made-up weights, every weight format.

    python -m benchmarks.conversion --shape 110m -r 3
    python -m benchmarks.conversion --shape 1.1b --source hf --weights int8 q8

Writes into a temporary folder alone. Each conversion is a process of its own, so that its peak of
resident memory is its own; MB/s are of the source's bytes, fsync included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.hf_folder import write_hf_folder
from convert.format_names import FORMAT_NAMES
from convert.known_shapes import SHAPES
from convert.sources import open_source
from convert.sources.llama2c_export import write_v0
from convert.sources.synthetic import SyntheticCheckpoint

SOURCES = ("v0", "hf")
SHARD_BYTES = 500_000_000

CHILD = """if True:
    import json, re, resource, sys, time
    from pathlib import Path
    from convert.pipeline import convert

    def peak():
        status = Path("/proc/self/status")
        if status.exists():  # Linux hands getrusage's peak down from the parent process
            return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes

    before, wall, cpu = peak(), time.perf_counter(), time.process_time()
    d = convert(sys.argv[1], sys.argv[2], weights=sys.argv[3])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    figures = {"wall": wall, "cpu": cpu, "rss": peak() - before, "size": d.bin_size}
    sys.stdout.write(json.dumps(figures))
"""


def measure(source: Path, folder: Path, name: str) -> dict[str, float]:
    """Convert once; returns seconds (`wall`, `cpu`) and bytes (`rss` above the imports, `size`)."""
    with tempfile.TemporaryDirectory(dir=folder) as out:
        command = [sys.executable, "-c", CHILD, str(source), str(Path(out) / "model"), name]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(run.stdout)
    return figures


def main() -> None:
    """Convert to every format that was asked for and print the table."""
    parser = argparse.ArgumentParser(description="Measure the converter.")
    parser.add_argument("--shape", choices=SHAPES, default="110m")
    parser.add_argument(
        "--source",
        choices=SOURCES,
        default="v0",
        help="a llama2.c v0 file (float32), or a folder of the Hub (bfloat16, sharded)",
    )
    parser.add_argument("--weights", choices=FORMAT_NAMES, nargs="*", default=FORMAT_NAMES)
    parser.add_argument("-r", "--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to put the temporary folder")
    args = parser.parse_args()
    table = Table("weights", "MB/s", "MB/s of CPU", "seconds", "peak MB above imports", "MB out")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        made_up, source = SyntheticCheckpoint(SHAPES[args.shape]), folder / "source"
        if args.source == "hf":
            write_hf_folder(made_up, source, SHARD_BYTES)
        else:
            write_v0(made_up, source)
        with open_source(source) as tensors:
            size, kind = tensors.size, tensors.format
        for weights in args.weights:
            runs = [measure(source, folder, weights) for _ in range(args.runs)]
            m = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            speeds = (size / m["wall"] / 1e6, size / m["cpu"] / 1e6)
            cells = (*(f"{x:.0f}" for x in speeds), f"{m['wall']:.2f}")
            table.add_row(weights, *cells, f"{m['rss'] / 1e6:.0f}", f"{m['size'] / 1e6:.0f}")
    table.title = f"{args.shape}: {kind}, {size / 1e6:.0f} MB, median of {args.runs}"
    Console().print(table)


if __name__ == "__main__":
    main()
