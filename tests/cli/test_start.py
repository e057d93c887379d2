"""What isn't imported before the first picture: it would be waited for at every start."""

from __future__ import annotations

import subprocess
import sys

LIBRARIES = {
    *("numpy", "ncnn", "llvmlite", "sqlite3", "filelock", "safetensors", "huggingface_hub"),
    *("jinja2", "tokenizers", "prompt_toolkit", "markdown_it", "pygments", "rich.progress"),
}
"""Those that a model, a conversation, or another face needs."""

OURS = ("chat.chat", "storage", "model", "quality", "ui.oneshot", "ui.repl", "ui.tui.chat_screen")
THEIRS = ("convert.formats", "convert.sources", "convert.pipeline")
"""Rooms and modules for the same."""


def test_a_picture_stands_before_the_face_is_there() -> None:
    code = "import llama2ncnn_chat.cli, sys; print(*sys.modules)"
    imported = set(_printed(code).split())
    assert "llama2ncnn_chat.ui.first_picture" in imported
    assert not imported & {"textual", "rich", "asyncio"}


def test_the_screen_waits_for_no_model() -> None:
    code = "import llama2ncnn_chat.cli, llama2ncnn_chat.ui.tui.face, sys; print(*sys.modules)"
    imported = set(_printed(code).split())
    assert "textual" in imported
    late = LIBRARIES.union(THEIRS, (f"llama2ncnn_chat.{each}" for each in OURS))
    assert imported & late == set()


def _printed(code: str) -> str:
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout
