"""llama.cpp's server, by the package xllamacpp: what tests and benchmarks ask.

    python -m benchmarks.llama_server FILE [--port N] [--fast]

It runs in this process, or in one of its own. Knows no model of ours, and answers on loopback
alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class LlamaServer:
    """A GGUF file, opened by llama.cpp; a context manager that closes it."""

    def __init__(
        self, path: Path, *, context: int = 0, threads: int = 1, port: int = 0, exact: bool = True
    ) -> None:
        """Load the model; ``context`` 0 is its own, ``port`` 0 any that is free.

        ``exact`` keeps keys and values in float32 and leaves flash attention out, so that float32
        weights make float32 arithmetic; without, all is as llama.cpp has it by default.
        """
        import xllamacpp  # late: tests skip where it isn't installed

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_gpu_layers = params.cache_ram_mib = 0
        params.port = port
        params.fit_params = params.ui = params.warmup = False
        params.verbosity = 1  # errors
        if exact:
            params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
            off = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
            params.flash_attn_type = off
        self._server: Any = xllamacpp.Server(params)

    def __enter__(self) -> LlamaServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """The URL that it answers at."""
        address: str = self._server.listening_address
        return address

    def close(self) -> None:
        """End the server; returns when its thread has ended."""
        self._server = None

    def ask(self, what: str, **body: Any) -> Any:
        """Post a request to one of its addresses; returns the JSON that it answers."""
        request = urllib.request.Request(
            f"{self.address}/{what}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=1800) as response:
            return json.load(response)

    def encode(self, text: str, *, add_special: bool = False, controls: bool = False) -> list[int]:
        """Return the ids of a text; with ``controls``, what looks like a control token is one."""
        answer = self.ask("tokenize", content=text, add_special=add_special, parse_special=controls)
        ids: list[int] = answer["tokens"]
        return ids

    def complete(self, ids: Sequence[int], n: int, **more: Any) -> dict[str, Any]:
        """Go on from ids greedily, for at most ``n`` tokens; returns its answer as it is.

        The ids are in ``tokens``, the seconds in ``timings``, and with ``n_probs`` the likeliest of
        every step in ``completion_probabilities``.
        """
        body = {"temperature": 0, "return_tokens": True, "cache_prompt": False, **more}
        answer: dict[str, Any] = self.ask("completion", prompt=list(ids), n_predict=n, **body)
        return answer


def log_probabilities(answer: dict[str, Any]) -> list[dict[int, float]]:
    """Read the log-probabilities of the likeliest tokens, by id, for every step of an answer."""
    return [
        {each["id"]: each["logprob"] for each in step["top_logprobs"]}
        for step in answer["completion_probabilities"]
    ]


@contextmanager
def apart(
    path: Path, *, port: int = 0, exact: bool = True
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve a file in a process of its own; yields its URL and the process, which ends at last."""
    command = [sys.executable, "-m", "benchmarks.llama_server", str(path), "--port", str(port)]
    if not exact:
        command.append("--fast")
    pipe, root = subprocess.PIPE, Path(__file__).parents[1]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root) as process:
        try:
            assert process.stdout
            address = next((line for line in process.stdout if line.startswith("http")), None)
            if address is None:
                raise RuntimeError(f"llama.cpp doesn't serve {path}")
            yield address.strip(), process
        finally:
            process.kill()


def main() -> None:
    """Serve a file until standard input ends; says where once it answers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.llama_server")
    parser.add_argument("file", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--fast", action="store_true", help="as llama.cpp has it by default")
    args = parser.parse_args()
    with LlamaServer(args.file, port=args.port, exact=not args.fast) as server:
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
