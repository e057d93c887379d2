"""One round of one program on one model: this one, or llama.cpp in any of the forms it comes in.

    python -m benchmarks.peers PROGRAM MODEL -p 256 -n 48 -d 0,1024 -t 2

runs it in a process of its own and prints its seconds to load and its tokens per second as JSON.
llama.cpp runs with its defaults, but for the threads.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

OURS = "ours"
PACKAGES = {"llama-cpp-python": "llama_cpp", "xllamacpp": "xllamacpp"}
"""The forms of llama.cpp that are packages, and the modules that they bring."""


@dataclass(frozen=True)
class Tests:
    """How many tokens to read at once, how many to decode, and after how many; on what threads."""

    n_prompt: int
    n_decode: int
    depths: tuple[int, ...]
    threads: int

    @property
    def context(self) -> int:
        """How many tokens the longest test needs, with some to spare."""
        return max(self.n_prompt, max(self.depths) + self.n_decode) + 64

    @property
    def flags(self) -> list[str]:
        """Write them as arguments, which llama-bench takes as well."""
        depths = ",".join(map(str, self.depths))
        sizes = ["-p", str(self.n_prompt), "-n", str(self.n_decode), "-d", depths]
        return [*sizes, "-t", str(self.threads)]


class Model(Protocol):
    """A loaded model, to be timed."""

    def prefill(self, ids: Sequence[int]) -> float:
        """Read ids from an empty cache; returns seconds."""

    def decode(self, depth: int, n: int) -> float:
        """Decode ``n`` tokens, one at a time, after ``depth`` of them; returns seconds."""


def installed_peer() -> str:
    """Name the form of llama.cpp that is installed. Raises ``SystemExit`` where none is."""
    for name, module in PACKAGES.items():
        if importlib.util.find_spec(module):
            return name
    raise SystemExit("no llama.cpp here: pip install xllamacpp, or --peer PATH to a llama-bench")


def command_of(program: str, model: Path, tests: Tests) -> list[str]:
    """Return the command of one round of a program, by its name or its path."""
    if program == OURS or program in PACKAGES:
        return [sys.executable, "-m", "benchmarks.peers", program, str(model), *tests.flags]
    return [program, "-m", str(model), *tests.flags, "-r", "1", "-o", "json"]


def measured(printed: Any, tests: Tests) -> dict[str, float]:
    """Read what a round printed, llama-bench's as well: figures by test, and ``load`` if known."""
    if isinstance(printed, dict):
        return {name: float(figure) for name, figure in printed.items()}
    figures = {}
    for result in printed:
        depth, rate = result.get("n_depth", 0), float(result["avg_ts"])
        if result["n_prompt"] == tests.n_prompt and not result["n_gen"] and not depth:
            figures[prefill_name(tests.n_prompt)] = rate
        elif result["n_gen"] == tests.n_decode and not result["n_prompt"]:
            figures[decode_name(tests.n_decode, depth)] = rate
    return figures


def prefill_name(n: int) -> str:
    """Name a test as `llama2ncnn-chat bench` does."""
    return f"prefill {n}"


def decode_name(n: int, depth: int) -> str:
    """Name a test as `llama2ncnn-chat bench` does."""
    return f"decode {n}" + (f" at {depth:,}" if depth else "")


def ids_of(n: int) -> list[int]:
    """Make ids that mean nothing, the same for everyone."""
    return [7 + 31 * i % 1000 for i in range(n)]


class Ncnn:
    """This program's engine."""

    def __init__(self, stem: Path, tests: Tests) -> None:
        """Load the model."""
        from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

        self._engine = NcnnEngine(stem, threads=tests.threads, context_length=tests.context)

    def prefill(self, ids: Sequence[int]) -> float:
        """Read ids from an empty cache; returns seconds."""
        self._engine.rewind(0)
        start = time.perf_counter()
        self._engine.forward(ids)
        return time.perf_counter() - start

    def decode(self, depth: int, n: int) -> float:
        """Decode ``n`` tokens after ``depth`` of them; returns seconds."""
        self._engine.rewind(0)
        if depth:
            self._engine.forward(ids_of(depth))
        start = time.perf_counter()
        for token in ids_of(n):
            self._engine.forward([token])
        return time.perf_counter() - start


class XLlamaCpp:
    """llama.cpp's server, by its own clock. Its decode has its (greedy) sampling in it."""

    def __init__(self, path: Path, tests: Tests) -> None:
        """Load the model."""
        from benchmarks.llama_server import LlamaServer

        self._server = LlamaServer(path, context=tests.context, threads=tests.threads, exact=False)

    def prefill(self, ids: Sequence[int]) -> float:
        """Read ids from an empty cache; returns seconds."""
        return float(self._timings(ids, 1)["prompt_ms"]) / 1e3

    def decode(self, depth: int, n: int) -> float:
        """Decode ``n`` tokens after ``depth`` of them, 1 at least; returns seconds.

        The clock starts when the prompt's own token is there, which is one of the answer's.
        """
        timings = self._timings(ids_of(max(1, depth)), n + 1)
        assert timings["predicted_n"] == n + 1
        return float(timings["predicted_ms"]) / 1e3

    def _timings(self, ids: Sequence[int], n: int) -> dict[str, Any]:
        timings: dict[str, Any] = self._server.complete(ids, n, ignore_eos=True)["timings"]
        assert timings["prompt_n"] == len(ids)
        return timings


class LlamaCppPython:
    """llama.cpp's library, by the bindings of llama-cpp-python."""

    def __init__(self, path: Path, tests: Tests) -> None:
        """Load the model."""
        import llama_cpp as lib

        self._lib: Any = lib
        model = lib.llama_model_load_from_file(str(path).encode(), lib.llama_model_default_params())
        params = lib.llama_context_default_params()
        params.n_ctx = tests.context
        params.n_threads = params.n_threads_batch = tests.threads
        self._n_batch = params.n_batch
        self._context = lib.llama_init_from_model(model, params)

    def prefill(self, ids: Sequence[int]) -> float:
        """Read ids from an empty cache; returns seconds."""
        self._clear()
        start = time.perf_counter()
        self._feed(ids)
        return time.perf_counter() - start

    def decode(self, depth: int, n: int) -> float:
        """Decode ``n`` tokens after ``depth`` of them; returns seconds."""
        self._clear()
        if depth:
            self._feed(ids_of(depth))
        start = time.perf_counter()
        for token in ids_of(n):
            self._feed([token])
        return time.perf_counter() - start

    def _feed(self, ids: Sequence[int]) -> None:
        lib = self._lib
        for start in range(0, len(ids), self._n_batch):
            part = ids[start : start + self._n_batch]
            tokens = (lib.llama_token * len(part))(*part)
            if lib.llama_decode(self._context, lib.llama_batch_get_one(tokens, len(part))):
                raise RuntimeError("llama_decode failed")
        lib.llama_synchronize(self._context)

    def _clear(self) -> None:
        self._lib.llama_memory_clear(self._lib.llama_get_memory(self._context), True)


MODULES = {OURS: "llama2ncnn_chat.model.ncnn_engine", **PACKAGES}
"""What a program imports; a round does so before its clock starts."""

PROGRAMS: dict[str, Callable[[Path, Tests], Model]] = {
    OURS: Ncnn,
    "xllamacpp": XLlamaCpp,
    "llama-cpp-python": LlamaCppPython,
}


def main() -> None:
    """Run one round and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("program", choices=PROGRAMS)
    parser.add_argument("model", type=Path)
    for flag in ("-p", "-n", "-t"):
        parser.add_argument(flag, type=int, required=True)
    parser.add_argument("-d", required=True)
    args = parser.parse_args()
    tests = Tests(args.p, args.n, tuple(map(int, args.d.split(","))), args.t)
    importlib.import_module(MODULES[args.program])
    start = time.perf_counter()
    model = PROGRAMS[args.program](args.model, tests)
    figures = {"load": time.perf_counter() - start}
    model.prefill(ids_of(16))  # warm
    figures[prefill_name(args.p)] = args.p / model.prefill(ids_of(args.p))
    for depth in tests.depths:
        figures[decode_name(args.n, depth)] = args.n / model.decode(depth, args.n)
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
