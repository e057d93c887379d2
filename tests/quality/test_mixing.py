"""Which matrices keep 8 bits: a planted one, the budget's bytes, and trials against conversions."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.__main__ import main
from convert.decoder import matrices_of
from convert.desc import read_desc
from convert.formats import codec_of
from convert.formats.mixture import Matrices
from convert.pipeline import convert, matrix_bits
from convert.sources import open_source
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.model.kernels.choose import VARIABLE
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.quality.mixing import Group, budget_of, choose, groups_of, measured_mixture
from llama2ncnn_chat.quality.texts import OWN_TEXT
from tests.chat_folder import write_chat_folder
from tests.folders import config_of, hf_tensors, write_hf
from tests.model.tiny_engine import ids_of
from tests.tiny_model import TinyConfig, random_weights
from tests.weights_source import shape_of

pytest.importorskip("llvmlite")

PLANTED = ("w2", 1)
EVERYTHING = {"qkv_bias": True, "o_bias": True, "mlp_bias": True, "qk_norm": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "hf")
    return tmp_path / "hf"


def write_model(folder: Path) -> TinyConfig:
    """A chat model of three layers, with a matrix that 4 bits lose.

    Large weights stand in each of its blocks, for what is always zero.
    """
    c = replace(write_chat_folder(folder), n_layers=3, tied=False)
    w = random_weights(c, 0)
    w["w2"][1][:, ::32] = 12 * np.abs(w["w2"]).max()
    w["w3"][1][::32] = 0
    write_hf(folder, config_of(c), hf_tensors(c, w))
    return c


def test_the_matrix_that_4_bits_lose_comes_first(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_source(folder) as source:
        shape = source.shape
    target = matrix_bits(shape, codec_of("q4", eight_bits=frozenset({PLANTED}))) + 1e-6
    assert main([str(folder), str(tmp_path / "m"), "--target-bits", f"{target}"]) == 0
    assert read_desc(tmp_path / "m").eight_bits == "w2:1"
    assert f"{target:.2f} bits a weight, 8 of them in w2:1; KL" in capsys.readouterr().err
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_a_larger_budget_comes_nearer(folder: Path, tmp_path: Path) -> None:
    found = [measured_mixture(folder, bits, OWN_TEXT, None, tmp_path) for bits in (5.7, 6.5, 8)]
    kls = [found[0].kl_few, *(mixture.kl for mixture in found)]
    assert kls == sorted(kls, reverse=True)
    assert kls[-1] < 0.2 * kls[0]
    assert [mixture.bits for mixture in found] == sorted(mixture.bits for mixture in found)


@pytest.mark.parametrize("tied", [True, False])
def test_a_trial_is_the_conversion_that_it_stands_for(tmp_path: Path, tied: bool) -> None:
    c = replace(write_chat_folder(tmp_path / "hf"), n_layers=3, tied=tied, **EVERYTHING)
    source = write_hf(tmp_path / "hf", config_of(c, "qwen3"), hf_tensors(c, random_weights(c, 1)))
    last = ("embedding" if tied else "classifier", 0)
    mixture = frozenset({("wq", 0), ("wv", 2), ("wo", 1), ("w1", 0), ("w3", 1), ("w2", 2), last})
    few, many, mixed = (tmp_path / name for name in ("few", "many", "mixed"))
    convert(source, many, weights="q8")
    convert(source, few, weights="q4", eight_bits=frozenset())
    convert(source, mixed, weights="q4", eight_bits=mixture)
    trial, lender, real = (NcnnEngine(stem, threads=1) for stem in (few, many, mixed))
    alone = trial.forward_all(ids_of(c, 9))
    for eight_bits, want in ((mixture, real), (matrices_of(real.desc.shape), lender)):
        trial.borrow(lender, eight_bits)
        for engine in (trial, want):
            engine.rewind(0)
        np.testing.assert_array_equal(
            trial.forward_all(ids_of(c, 9)), want.forward_all(ids_of(c, 9))
        )
    trial.borrow(lender, frozenset())
    trial.rewind(0)
    np.testing.assert_array_equal(trial.forward_all(ids_of(c, 9)), alone)
    os.utime(tmp_path / "many.bin")
    with pytest.raises(ModelError, match=r"many\.bin: was changed"):
        trial.forward([1])
    for engine in (trial, lender, real):
        engine.close()


def test_the_budget_holds_to_the_byte(folder: Path) -> None:
    c, bits = write_model(folder), 6.2
    shape = shape_of(c)
    groups = groups_of(matrices_of(shape), shape.n_layers)
    gains = {group: float(i) for i, group in enumerate(groups)}
    chosen = choose(shape, gains, budget_of(shape, frozenset(), bits))
    n_values = sum(shape.tensors[n].rows * shape.tensors[n].cols for n, _ in matrices_of(shape))

    def taken(eight_bits: Matrices) -> float:
        return matrix_bits(shape, codec_of("q4", eight_bits=eight_bits)) * n_values / 8

    assert taken(chosen) <= bits * n_values / 8
    left = {matrix for group in groups[1:] for matrix in group} - chosen
    assert all(taken(chosen | {matrix}) > bits * n_values / 8 for matrix in left)


def test_what_brings_most_for_its_bytes_is_taken(folder: Path) -> None:
    shape = shape_of(write_model(folder))
    small, large, worse = ("wv", 0), ("w2", 0), ("wo", 0)
    gains: dict[Group, float] = {(large,): 0.4, (small,): 0.3, (worse,): -0.1}
    most = budget_of(shape, frozenset(), 8)
    assert choose(shape, gains, most) == {small, large}
    rows, cols = shape.tensors["wv"].rows, shape.tensors["wv"].cols
    room = codec_of("q8").disk_bytes(rows, cols) - codec_of("q4").disk_bytes(rows, cols)
    assert choose(shape, gains, room) == {small}
    assert choose(shape, gains, room - 1) == frozenset()


def test_groups_are_thirds_of_a_tensor() -> None:
    layers = [("w2", layer) for layer in range(7)]
    assert [len(group) for group in groups_of([*layers, ("classifier", 0)], 7)] == [1, 3, 2, 2]


@pytest.mark.parametrize("bits", ["4.8", "9", "nan", "inf", "-1"])
def test_bits_that_can_not_be_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], bits: str
) -> None:
    assert main([str(folder), str(tmp_path / "m"), f"--target-bits={bits}"]) == 3
    assert "q4 keeps these matrices in" in capsys.readouterr().err


def test_without_kernels_nothing_is_measured(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    assert main([str(folder), str(tmp_path / "m"), "--target-bits", "6"]) == 3
    assert "--target-bits takes kernels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--weights", "q8"], "--target-bits goes with --weights q4"),
        (["--inspect"], "--target-bits doesn't go with --inspect"),
        (["--report"], "--target-bits doesn't go with --report"),
    ],
)
def test_flags_that_make_no_sense_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], says: str
) -> None:
    assert main(["model", str(tmp_path / "m"), "--target-bits", "6", *flags]) == 2
    assert says in capsys.readouterr().err


def test_who_stops_it_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(tmp_path.iterdir())

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(NcnnEngine, "borrow", stop)
    with pytest.raises(KeyboardInterrupt):
        measured_mixture(folder, 6, OWN_TEXT, None, tmp_path)
    assert sorted(tmp_path.iterdir()) == before
