"""What the converter's command said to the person who called it."""

from __future__ import annotations

import os

import pytest


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr, its prefix taken off; stdout must be empty."""
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    prefix = "llama2ncnn-convert: error: "
    assert lines[0].startswith(prefix)
    return lines[0].removeprefix(prefix)


def read_all(fd: int) -> bytes:
    """All that comes out of a pipe or a terminal until its other end is closed."""
    out = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:  # EIO: the other end of a terminal is closed
            part = b""
        if not part:
            os.close(fd)
            return out
        out += part
