"""Says things about the program on standard error, a line each."""

from __future__ import annotations

import sys

from convert.streams import is_terminal, say


def tell(note: str) -> None:
    """Write a line about the program, and not of the conversation, to stderr."""
    say(f"llama2ncnn-chat: {note}")


def tell_writing(size: int) -> None:
    """Tell a person who waits that a KV cache of so many bytes is being written."""
    if is_terminal(sys.stderr):
        tell(f"keeping the KV cache, {size / 1e9:.1f} GB (--no-kv-cache keeps none)")
