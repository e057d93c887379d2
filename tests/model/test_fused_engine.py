"""Models in panels: with our kernels, and on ncnn's own layers where there are none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import ncnn
import numpy as np
import pytest

from convert.stem import file_of
from llama2ncnn_chat.errors import ModelError, UsageError
from llama2ncnn_chat.model.kernels.choose import VARIABLE
from llama2ncnn_chat.model.kernels.guard import ON_THIS_SYSTEM
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.model.weights_file import WeightsFile
from tests.model.tiny_engine import ids_of, make, mean_kl
from tests.tiny_model import TinyConfig, forward, random_weights, tiny_config

SHAPES = {
    "grouped": tiny_config(),
    "separate classifier": tiny_config(tied=False),
    "odd sizes": tiny_config(dim=36, hidden_dim=50, n_heads=6, n_kv_heads=2, vocab_size=77),
    "more than one batch": tiny_config(seq_len=300),
}
OURS, NCNN = "", "off"


def logits(stem: Path, config: TinyConfig) -> np.ndarray:
    engine = NcnnEngine(stem, threads=2)
    found = engine.forward_all(ids_of(config))
    engine.close()
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("weights", "bound"), [("q8", 1e-3), ("q4", 0.2)])
@pytest.mark.parametrize("kernels", [OURS, NCNN])
def test_both_ways_are_near_float64(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: str,
    weights: str,
    bound: float,
    kernels: str,
) -> None:
    monkeypatch.setenv(VARIABLE, kernels)
    config = SHAPES[shape]
    got = logits(make(tmp_path, config, weights), config)
    want = forward(config, random_weights(config, 1), ids_of(config))
    assert mean_kl(want, got) < bound


@pytest.mark.parametrize("weights", ["q8", "q4"])
def test_both_ways_read_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str
) -> None:
    config = SHAPES["separate classifier"]
    stem = make(tmp_path, config, weights)
    ours = logits(stem, config)
    monkeypatch.setenv(VARIABLE, NCNN)
    # Both round activations, each in its own way.
    assert mean_kl(ours, logits(stem, config)) < 2e-3


@pytest.mark.parametrize("weights", ["q8", "q4"])
def test_a_batch_and_one_by_one_are_the_same(tmp_path: Path, weights: str) -> None:
    config = SHAPES["more than one batch"]
    engine = NcnnEngine(make(tmp_path, config, weights), threads=2)
    ids = ids_of(config)
    batch = engine.forward_all(ids)
    engine.rewind(0)
    engine.threads = 1
    single = np.stack([engine.forward([i]) for i in ids])
    np.testing.assert_array_equal(batch, single)


def test_what_a_cut_leaves_is_what_a_cold_prefill_has(tmp_path: Path) -> None:
    config = tiny_config(n_layers=1, seq_len=64)
    engine = NcnnEngine(make(tmp_path, config, "q8"))
    ids = ids_of(config, 50)
    engine.forward(ids)
    engine.cut(5, 22)
    cut = engine.snapshot()
    engine.rewind(0)
    engine.forward(ids[:5] + ids[22:])
    cold = engine.snapshot()
    assert cut.keys.dtype == cut.values.dtype == np.float16
    np.testing.assert_array_equal(cut.values, cold.values)
    # Turned twice, and rounded to float16 twice.
    assert np.abs(cut.keys - cold.keys).max() <= 2**-9 * np.abs(cold.keys).max()


def test_kernels_are_chosen_and_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = make(tmp_path, tiny_config(), "q8")
    assert NcnnEngine(stem).note == ""
    monkeypatch.setenv(VARIABLE, "portable")
    portable = NcnnEngine(stem)
    assert (portable.note, portable.computed_by) == ("", "portable kernels")
    monkeypatch.setenv(VARIABLE, "off")
    without = NcnnEngine(stem)
    assert f"{VARIABLE} is off" in without.note
    assert without.computed_by.startswith(f"ncnn {ncnn.__version__} ")
    monkeypatch.setenv(VARIABLE, "sse9")
    with pytest.raises(UsageError, match="'sse9', which isn't a kind"):
        NcnnEngine(stem)


def test_without_llvmlite_it_runs_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = make(tmp_path, tiny_config(), "q8")
    monkeypatch.delitem(sys.modules, "llama2ncnn_chat.model.kernels.build")
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    engine = NcnnEngine(stem)
    assert "pip install llvmlite" in engine.note
    assert engine.forward([1, 2]).shape == (engine.vocab_size,)


def test_a_file_that_changes_is_noticed_before_it_is_used(tmp_path: Path) -> None:
    stem = make(tmp_path, tiny_config(), "q8")
    engine = NcnnEngine(stem)
    engine.forward([1])
    path = file_of(stem, ".bin")
    os.utime(path, ns=(0, 0))
    with pytest.raises(ModelError, match="was changed while it was in use"):
        engine.forward([2])
    assert engine.position == 1


def test_another_file_under_the_name_changes_nothing(tmp_path: Path) -> None:
    stem = make(tmp_path, tiny_config(), "q8")
    engine = NcnnEngine(stem)
    before = engine.forward([1])
    path = file_of(stem, ".bin")
    other = tmp_path / "other"
    other.write_bytes(bytes(path.stat().st_size))
    other.replace(path)
    engine.rewind(0)
    np.testing.assert_array_equal(engine.forward([1]), before)


def refused_when_cut(engine: NcnnEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the file right after a pass has looked whether it changed."""
    path, check = file_of(engine.stem, ".bin"), WeightsFile.refuse_change

    def cut_after(file: WeightsFile) -> None:
        check(file)
        os.truncate(path, 0)

    monkeypatch.setattr(WeightsFile, "refuse_change", cut_after)
    with pytest.raises(ModelError, match="was changed while it was in use"):
        engine.forward([2])
    assert engine.position == 1


@pytest.mark.skipif(not ON_THIS_SYSTEM, reason="nothing is guarded on this system")
def test_a_file_that_is_cut_short_in_the_middle_of_a_pass_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem = make(tmp_path, tiny_config(dim=256, hidden_dim=512), "q8")
    engine = NcnnEngine(stem)
    engine.forward([1])
    refused_when_cut(engine, monkeypatch)


PLAIN = [("fp32", ""), ("fp16", ""), ("int8", ""), ("b8", ""), ("q8", "off"), ("q4", "off")]


@pytest.mark.parametrize(("weights", "kernels"), PLAIN)
def test_so_it_is_where_nothing_is_guarded(
    tmp_path: Path, weights: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without kernels no page of the file is touched, so none can be missing."""
    monkeypatch.setenv("LLAMA2NCNN_KERNELS", kernels)
    stem = make(tmp_path, tiny_config(dim=256, hidden_dim=512), weights)
    engine = NcnnEngine(stem)
    engine.forward([1])
    assert "bytes" not in vars(engine._loaded.file)
    refused_when_cut(engine, monkeypatch)


@pytest.mark.parametrize(("weights", "kernels"), PLAIN)
def test_a_file_that_is_cut_short_while_it_is_loaded_is_refused(
    tmp_path: Path, weights: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA2NCNN_KERNELS", kernels)
    stem = make(tmp_path, tiny_config(dim=256, hidden_dim=512), weights)
    path = file_of(stem, ".bin")

    def cut(done: int, _total: int) -> None:
        if done:
            os.truncate(path, 4096)

    with pytest.raises(ModelError, match=r"was changed while it was in use|and gave up"):
        NcnnEngine(stem, progress=cut)


@pytest.mark.parametrize(("weights", "kernels"), PLAIN)
def test_another_file_that_comes_while_it_is_loaded_changes_nothing(
    tmp_path: Path, weights: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers and the table of tokens are of one file: it is opened once."""
    monkeypatch.setenv("LLAMA2NCNN_KERNELS", kernels)
    stem = make(tmp_path, tiny_config(), weights)
    path, before = file_of(stem, ".bin"), NcnnEngine(stem).forward([1])

    def swap(_done: int, _total: int) -> None:
        other = tmp_path / "other"
        other.write_bytes(bytes(path.stat().st_size))
        other.replace(path)

    np.testing.assert_array_equal(NcnnEngine(stem, progress=swap).forward([1]), before)
    assert not any(path.read_bytes())
