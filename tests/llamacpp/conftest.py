from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.llama_server import LlamaServer
from tests.llamacpp.miniature import write_miniature

N_CONTEXT = 1024


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_miniature(tmp_path_factory.mktemp("model") / "m.gguf", N_CONTEXT)


@pytest.fixture(scope="module")
def server(gguf: Path) -> Iterator[str]:
    with LlamaServer(gguf) as running:
        yield running.address
