"""Where llvmlite isn't there, or can't be loaded, the engine is there without kernels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("module", ["raise ImportError('none')", "raise OSError('no libLLVM')"])
def test_the_engine_is_there(tmp_path: Path, module: str) -> None:
    (tmp_path / "llvmlite").mkdir()
    (tmp_path / "llvmlite" / "__init__.py").write_text(module)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import llama2ncnn_chat.model.ncnn_engine;"
    )
    program += "from llama2ncnn_chat.model.kernels.choose import NoKernelsError, kernels\n"
    program += "try: kernels('')\nexcept NoKernelsError as e: sys.exit(str(e))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "llvmlite can't be loaded: is there too little memory?\n"
