"""``llama2ncnn-chat bench``: prefill and decode speed, load time, memory, and the machine's limit.

In the way of llama-bench: every test is repeated, medians are shown. A decode step reads all
weights once, so the memory's read bandwidth bounds it; the share of that bound is the figure that
can be compared between machines.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from convert import pipeline
from convert.choosing import choose_format
from convert.decoder import cache_bytes, codec_of_model
from convert.desc import PANELS, ModelDesc, read_desc
from convert.known_shapes import SHAPES
from convert.sources.synthetic import SyntheticCheckpoint
from convert.streams import Styled, json_of, printable, put
from convert.temporary import temporary_folder

from ..catalogue.find import FoundModel
from ..errors import UsageError
from ..launch.open_model import find, load
from ..launch.options import BenchOptions
from ..model.engine import Engine
from ..quality.speed import decode_rates, prefill_rates, warm_up
from .progress import Steps
from .telling import tell

SCAN_BYTES = 256 << 20


@dataclass(frozen=True)
class Result:
    """One test: tokens per second, the median and all runs; ``share`` of the bandwidth, 0 to 1."""

    test: str
    tokens_per_second: float
    runs: tuple[float, ...]
    share: float | None = None


def bench(options: BenchOptions) -> int:
    """Run the tests and show them; returns the exit code."""
    with _model(options) as model:
        _refuse_too_long(options, model.desc.shape.context_length)
        start = time.perf_counter()
        with Steps() as steps:
            engine = load(model, steps.step, threads=options.threads)
        load_seconds = time.perf_counter() - start
        peak = peak_resident()  # now: what follows needs little, but the scan of the memory does
        bandwidth = read_bandwidth(engine.threads)
        results = list(_run(engine, model.desc, options, bandwidth))
        report = {
            "model": model.name,
            "weights": model.desc.weights,
            "threads": engine.threads,
            "load_seconds": round(load_seconds, 3),
            "weights_bytes": _weights_bytes(model.desc),
            "peak_resident_bytes": peak,
            "read_bandwidth": round(bandwidth),
            "results": [asdict(r) for r in results],
        }
        engine.close()
    if options.json:
        put(json_of(report) + "\n")
    else:
        _show(report, results)
    return 0


def read_bandwidth(threads: int, repeats: int = 5) -> float:
    """Bytes per second that this many threads read from memory together: the best of ``repeats``.

    A maximum over integers: the cheapest scan that numpy does with all of a vector unit's width.
    """
    arrays = [np.ones(SCAN_BYTES // 4, np.int32) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(repeats):
            start = time.perf_counter()
            list(pool.map(np.max, arrays))
            best = max(best, threads * SCAN_BYTES / (time.perf_counter() - start))
    return best


def peak_resident() -> int | None:
    """The most memory that this process has had, in bytes; None where the system doesn't say.

    Of Linux's two answers, ``getrusage`` begins with the parent's peak; ``VmHWM`` doesn't.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _refuse_too_long(options: BenchOptions, context_length: int) -> None:
    need = max(options.n_prompt, max(options.depths) + options.n_decode)
    if need > context_length:
        raise UsageError(
            f"the tests need {need:,} tokens and the context has {context_length:,}",
            "choose smaller -p, -n or -d",
        )


@contextlib.contextmanager
def _model(options: BenchOptions) -> Iterator[FoundModel]:
    if options.model is not None and options.shape is None:
        with Steps() as steps:
            model = find(options.model, options.tokenizer, options.conversion, steps.step)
        for note in model.notes:
            tell(note)
        yield model
        return
    if options.shape is None or options.model is not None:
        raise UsageError("bench wants a model or a --shape", f"--shape {'|'.join(SHAPES)}")
    source = SyntheticCheckpoint(SHAPES[options.shape])
    fmt = choose_format(source, options.weights, options.block)
    with temporary_folder() as folder, Steps() as steps:
        stem = folder / options.shape
        step = steps.step(f"making a {options.shape} model")
        pipeline.convert_tensors(source, stem, fmt, progress=lambda p: step(p.bytes, p.n_bytes))
        yield FoundModel(f"{options.shape} (random)", stem, read_desc(stem), Path())


def _run(
    engine: Engine, desc: ModelDesc, options: BenchOptions, bandwidth: float
) -> Iterator[Result]:
    warm_up(engine)
    if options.n_prompt:
        runs = prefill_rates(engine, options.n_prompt, options.repeats)
        yield Result(f"prefill {options.n_prompt}", median(runs), runs)
    for depth in options.depths if options.n_decode else ():
        runs = decode_rates(engine, options.n_decode, options.repeats, depth)
        codec, middle = codec_of_model(desc), depth + options.n_decode // 2
        step_bytes = _weights_bytes(desc) + cache_bytes(desc.shape, codec, middle)
        rate = median(runs)
        at = f" at {depth:,}" if depth else ""
        test = f"decode {options.n_decode}{at}"
        yield Result(test, rate, runs, rate * step_bytes / bandwidth)


def _weights_bytes(desc: ModelDesc) -> int:
    """Count what a decode step reads: all but the embedding, where that stands by itself."""
    if desc.embedding_dtype == PANELS:
        return desc.bin_size
    return max(desc.weights_size, desc.embedding_offset)


def _show(report: dict[str, object], results: list[Result]) -> None:
    table = Table("test", title=Text(printable(f"{report['model']}, {report['weights']}")))
    for name in ("tok/s", "runs", "of the bandwidth"):
        table.add_column(name, justify="right")
    for r in results:
        runs = " ".join(f"{x:.4g}" for x in r.runs)
        share = "" if r.share is None else f"{r.share:.0%}"
        table.add_row(r.test, f"{r.tokens_per_second:.4g}", runs, share)
    console = Console()
    with console.capture() as drawn:
        console.print(table)
    put(Styled(drawn.get()))
    peak = report["peak_resident_bytes"]
    assert isinstance(report["weights_bytes"], int)
    assert isinstance(report["read_bandwidth"], int)
    put(
        f"{report['threads']} threads; loaded in {report['load_seconds']} s; weights "
        f"{report['weights_bytes'] / 1e9:.3g} GB; peak resident memory "
        + (f"{peak / 1e9:.3g} GB" if isinstance(peak, int) else "unknown")
        + f"; read bandwidth {report['read_bandwidth'] / 1e9:.3g} GB/s\n"
    )
