"""Checkpoints of made-up models, written and read back; what the format can't say is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.known_shapes import SHAPES
from convert.rope import Rope
from convert.shape import ModelShape
from convert.sources.llama2c import Llama2cCheckpoint
from convert.sources.llama2c_export import write_v0
from convert.sources.synthetic import SyntheticCheckpoint


@pytest.mark.parametrize("tied", [True, False])
def test_synthetic_checkpoint_is_exported_and_read_back(tmp_path: Path, tied: bool) -> None:
    shape = ModelShape(64, 160, 2, 4, 2, 16, 96, 32, tied=tied, rope=Rope(theta=500000.0))
    source = SyntheticCheckpoint(shape)
    write_v0(source, tmp_path / "m.bin")
    with Llama2cCheckpoint(tmp_path / "m.bin") as ck:
        assert ck.shape == shape
        for name in ("embedding", "rms_att", "wq", "wk", "w1", "w2", "rms_final"):
            rows = shape.tensors[name].rows
            want = source.rows(name, 0, 0, rows)
            np.testing.assert_array_equal(ck.rows(name, 0, 0, rows), want)
        classifier = "embedding" if tied else "classifier"
        np.testing.assert_array_equal(
            ck.rows(classifier, 0, 90, 96), source.rows(classifier, 0, 90, 96)
        )


@pytest.mark.parametrize(
    "change",
    [
        {"head_dim": 32},
        {"rope": Rope(interleaved=False)},
        {"rope": Rope("linear", factor=2.0)},
        {"qkv_bias": True},
        {"window": 8},
    ],
)
def test_what_the_format_can_not_say_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    shape = replace(SHAPES["15m"], **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"dim / n_heads, interleaved"):
        write_v0(SyntheticCheckpoint(shape), tmp_path / "m.bin")
    assert list(tmp_path.iterdir()) == []
