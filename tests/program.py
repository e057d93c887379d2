"""The program as a process of its own, and a tokenizer for the tiny models that it runs."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from tests.tiny_model import tiny_config

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tiny_config(vocab_size=300, seq_len=64)


def write_tokenizer(path: Path, vocab_size: int = CONFIG.vocab_size) -> None:
    """A ``tokenizer.bin`` of control tokens, bytes, ASCII and made-up pieces."""
    pieces = [b"<unk>", b"\n<s>\n", b"\n</s>\n", *(b"<0x%02X>" % i for i in range(256))]
    pieces += [b" ", *(bytes([c]) for c in range(97, 123))]
    pieces += [b"z" * (i + 2) for i in range(vocab_size - len(pieces))]
    entries = b"".join(struct.pack("<fi", -i, len(p)) + p for i, p in enumerate(pieces))
    path.write_bytes(struct.pack("<i", max(map(len, pieces))) + entries)


def run(*args: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "llama2ncnn_chat", *map(str, args)]
    if stdin is None:
        return subprocess.run(command, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL)
    return subprocess.run(command, cwd=ROOT, capture_output=True, input=stdin)
