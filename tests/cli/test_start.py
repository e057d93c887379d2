"""What isn't imported before the first picture: it would be waited for at every start."""

from __future__ import annotations

import subprocess
import sys

LATE = (
    *("ncnn", "llvmlite", "huggingface_hub", "jinja2", "tokenizers", "prompt_toolkit"),
    *("llama2ncnn_chat.launch.open_chat", "llama2ncnn_chat.text.tokenizers.open"),
    *("llama2ncnn_chat.ui.oneshot", "llama2ncnn_chat.quality", "llama2ncnn_chat.ui.repl"),
)
"""Libraries and modules that open a model or are of another face."""


def test_the_screen_waits_for_no_model() -> None:
    code = "import llama2ncnn_chat.cli, llama2ncnn_chat.ui.tui.face, sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(run.stdout.split())
    assert "textual" in imported
    assert imported.isdisjoint(LATE)
