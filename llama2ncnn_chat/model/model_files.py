"""What of a converted model's files an engine starts from besides the weights that ncnn reads.

Knows the files and their description; no ncnn.
"""

from __future__ import annotations

from pathlib import Path

from convert.decoder import param_of
from convert.desc import ModelDesc, sha256
from convert.errors import ConvertError
from convert.files import read_regular
from convert.stem import file_of

MAX_GRAPH = 1 << 26
"""Bytes: four times what the most layers take that a shape may have."""


def read_param(stem: Path, d: ModelDesc) -> str:
    """Return the graph of a model, which must be the one that its description means.

    A graph that says anything else could have ncnn read past its memory. Raises ``ConvertError``.
    """
    path = file_of(stem, ".param")
    expected = param_of(d)
    raw = read_regular(path, MAX_GRAPH, "a model's graph")
    if sha256(raw) != d.param_sha256:
        raise ConvertError(
            f"{path}: isn't the one that {stem.name}.desc describes", "convert the model again"
        )
    if raw != expected.encode():
        raise ConvertError(
            f"{path}: isn't the graph that {stem.name}.desc describes",
            "convert the model again",
        )
    return expected
