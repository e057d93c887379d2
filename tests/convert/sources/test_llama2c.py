"""Checkpoints that an independent writer wrote are read back bit for bit; the rest is refused."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.sources import open_source
from convert.sources.llama2c import Llama2cCheckpoint
from tests.tiny_model import (
    TinyConfig,
    Weights,
    header_v0,
    header_v1,
    quantise_q80,
    random_weights,
    tables,
    tiny_config,
    write_v0,
    write_v1,
    write_v2,
)

FIELDS = (
    *("dim", "hidden_dim", "n_layers", "n_heads"),
    *("n_kv_heads", "vocab_size", "context_length"),
)
CONFIGS = [
    tiny_config(),
    tiny_config(tied=False, n_kv_heads=4),
    tiny_config(dim=48, hidden_dim=100, n_heads=3, n_kv_heads=1, vocab_size=33, seq_len=1),
]


def expect_equal(ck: Llama2cCheckpoint, w: Weights) -> None:
    for name, values in w.items():
        stacked = values if values.ndim == 3 or name.startswith("rms_") else values[None]
        stacked = stacked[None] if name == "rms_final" else stacked
        for layer, want in enumerate(stacked):
            want = np.atleast_2d(want)
            rows = len(want)
            tensor = ck.shape.tensors[name]
            assert (tensor.rows, tensor.cols) == want.shape
            np.testing.assert_array_equal(ck.rows(name, layer, 0, rows), want)
            part = ck.rows(name, layer, rows // 3, rows // 2 + 1)
            np.testing.assert_array_equal(part, want[rows // 3 : rows // 2 + 1])


def expect_shape(ck: Llama2cCheckpoint, c: TinyConfig) -> None:
    got = ck.shape
    assert (got.dim, got.hidden_dim, got.n_layers) == (c.dim, c.hidden_dim, c.n_layers)
    assert (got.n_heads, got.n_kv_heads) == (c.n_heads, c.n_kv_heads)
    assert (got.vocab_size, got.context_length) == (c.vocab_size, c.seq_len)
    assert got.tied == c.tied


@pytest.mark.parametrize("c", CONFIGS)
@pytest.mark.parametrize(("version", "write"), [(0, write_v0), (1, write_v1)])
def test_float_checkpoints_are_read_back(
    tmp_path: Path, c: TinyConfig, version: int, write: Callable[[Path, TinyConfig, Weights], Path]
) -> None:
    w = random_weights(c, 1)
    with Llama2cCheckpoint(write(tmp_path / "m.bin", c, w)) as ck:
        assert (ck.version, ck.block) == (version, 0)
        assert ck.shape.n_parameters == sum(values.size for values in w.values())
        expect_shape(ck, c)
        expect_equal(ck, w)


@pytest.mark.parametrize("group_size", [16, 32])
@pytest.mark.parametrize("tied", [True, False])
def test_quantised_rows_are_what_was_written(tmp_path: Path, group_size: int, tied: bool) -> None:
    c = tiny_config(tied=tied)
    w = random_weights(c, 2)
    with Llama2cCheckpoint(write_v2(tmp_path / "m.bin", c, w, group_size)) as ck:
        assert (ck.version, ck.block) == (2, group_size)
        expect_shape(ck, c)
        expect_equal(ck, {name: w[name] for name in ("rms_att", "rms_ffn", "rms_final")})
        for name in ("embedding", "wq", "wk", "wv", "wo", "w1", "w2", "w3", "classifier"):
            if name not in w:
                continue
            matrices = w[name] if w[name].ndim == 3 else w[name][None]
            for layer, matrix in enumerate(matrices):
                q, steps = quantise_q80(matrix, group_size)
                stored = ck.quantised_rows(name, layer, 3, 9, 8, group_size)
                assert stored is not None
                got_q, got_steps = stored.values, stored.steps
                start, stop = 3 * matrix.shape[1], 9 * matrix.shape[1]
                np.testing.assert_array_equal(got_q.ravel(), q.ravel()[start:stop])
                per_group = slice(start // group_size, stop // group_size)
                np.testing.assert_array_equal(got_steps.ravel(), steps[per_group])
                want = (q * steps[:, None]).reshape(matrix.shape)[3:9]
                np.testing.assert_array_equal(ck.rows(name, layer, 3, 9), want)


@pytest.mark.parametrize("of_2023", [False, True])
@pytest.mark.parametrize(
    ("dim", "hidden_dim", "group_size"), [(64, 172, 64), (64, 36, 64), (48, 100, 32), (64, 160, 32)]
)
@pytest.mark.parametrize("tied", [True, False])
def test_groups_may_run_across_rows_and_scales_stand_at_the_end(
    tmp_path: Path, dim: int, hidden_dim: int, group_size: int, tied: bool, of_2023: bool
) -> None:
    c = tiny_config(dim=dim, hidden_dim=hidden_dim, tied=tied)
    w = random_weights(c, 2)
    path = write_v2(tmp_path / "m.bin", c, w, group_size, of_2023=of_2023)
    with Llama2cCheckpoint(path) as ck:
        read = {}
        for name, values in w.items():
            if name.startswith("rms_"):
                read[name] = values
                continue
            matrices = values if values.ndim == 3 else values[None]
            quantised = (quantise_q80(matrix, group_size) for matrix in matrices)
            back = [(q * steps[:, None]).reshape(matrices[0].shape) for q, steps in quantised]
            read[name] = np.stack(back) if values.ndim == 3 else back[0]
            stored = ck.quantised_rows(name, 0, 0, 1, 8, group_size)
            assert (stored is None) == bool(values.shape[-1] % group_size)
        expect_equal(ck, read)


def test_a_group_that_runs_across_layers_is_refused(tmp_path: Path) -> None:
    c = tiny_config(dim=64, hidden_dim=33)
    raw = header_v1(c, 2, struct.pack("<i", 128)) + bytes(1 << 20)
    (tmp_path / "m.bin").write_bytes(raw)
    refused(tmp_path / "m.bin", "a layer of w1 has 2,112 values", "group size 128")


@pytest.mark.parametrize("theta", [10000.0, 500000.0, 1e6])
def test_theta_is_read_out_of_the_tables(tmp_path: Path, theta: float) -> None:
    c = tiny_config(dim=128, n_heads=2)
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0), theta=theta)
    with Llama2cCheckpoint(path) as ck:
        assert ck.shape.rope.theta == theta


def test_zero_tables_mean_the_default_theta(tmp_path: Path) -> None:
    c = tiny_config()
    with Llama2cCheckpoint(
        write_v0(tmp_path / "m", c, random_weights(c, 0), zero_tables=True)
    ) as ck:
        assert ck.shape.rope.theta == 10000


@pytest.mark.parametrize(
    "spoil", ["scaled", "swapped", "noise", "nan", "infinite", "one", "half-zero"]
)
def test_tables_that_no_theta_explains_are_refused(tmp_path: Path, spoil: str) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    cos, sin = tables(c, 10000)
    if spoil == "scaled":  # position interpolation: every angle a quarter
        angle = np.arctan2(sin[1], cos[1]) / 4 * np.arange(c.seq_len)[:, None]
        cos, sin = np.cos(angle).astype("<f4"), np.sin(angle).astype("<f4")
    elif spoil == "swapped":
        cos, sin = sin, cos
    elif spoil == "noise":
        cos = np.random.default_rng(0).standard_normal(cos.shape, np.float32)
    elif spoil in ("nan", "infinite"):
        cos[1, -1] = np.nan if spoil == "nan" else np.inf
    elif spoil == "one":
        sin[2, 0] = np.nan
    else:
        sin = np.zeros_like(sin)
    raw = path.read_bytes()
    table = cos.astype("<f4").tobytes() + sin.astype("<f4").tobytes()
    path.write_bytes(raw[: -len(table)] + table)
    with pytest.raises(ConvertError, match=r"RoPE table"):
        Llama2cCheckpoint(path)


# Hostile files: each is one clear error, and none makes the reader allocate or wait.


def refused(path: Path | str, *words: str) -> None:
    with pytest.raises(ConvertError) as caught:
        open_source(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(("write", "head"), [(write_v0, 28), (write_v1, 256)])
def test_every_wrong_length_is_refused_with_both_numbers(
    tmp_path: Path, write: Callable[[Path, TinyConfig, Weights], Path], head: int
) -> None:
    c = tiny_config(n_layers=1, tied=False)
    path = write(tmp_path / "m.bin", c, random_weights(c, 0))
    raw = path.read_bytes()
    for size in (head, head + 1, head + 4, len(raw) // 2, len(raw) - 4, len(raw) - 1):
        path.write_bytes(raw[:size])
        refused(path, "truncated", f"{len(raw):,} bytes", f"{size:,}")
    for extra in (1, 4, 4096):
        path.write_bytes(raw + bytes(extra))
        refused(path, "too long", f"{len(raw):,} bytes", f"{len(raw) + extra:,}")


@pytest.mark.parametrize("size", [1, 3, 4, 27])
def test_files_shorter_than_any_header_are_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(header_v0(tiny_config())[:size])
    refused(path, f"{size} bytes", "28")


@pytest.mark.parametrize("size", [28, 36, 255])
def test_a_v1_file_shorter_than_its_header_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(header_v1(tiny_config())[:size])
    refused(path, "truncated", "256")


@pytest.mark.parametrize("value", [0, -1, -(2**31), 2**31 - 1])
@pytest.mark.parametrize("place", range(7))
@pytest.mark.parametrize("version", [0, 1])
def test_hostile_header_values_are_refused_by_name(
    tmp_path: Path, version: int, place: int, value: int
) -> None:
    if version == 0 and place == 5 and value == -1:
        value = 0  # a negative vocabulary is v0's way to say "separate classifier"
    c = tiny_config()
    raw = bytearray(header_v0(c) if version == 0 else header_v1(c))
    struct.pack_into("<i", raw, 4 * place + (0 if version == 0 else 8), value)
    path = tmp_path / "m.bin"
    path.write_bytes(bytes(raw) + bytes(1000))
    refused(path, FIELDS[place], str(abs(value)))


@pytest.mark.parametrize(
    ("c", "words"),
    [
        (tiny_config(dim=66), ("dim 66", "n_heads 4")),
        (tiny_config(n_kv_heads=3), ("n_heads 4", "n_kv_heads 3")),
        (tiny_config(dim=60), ("head_dim 15", "odd")),
        (tiny_config(n_kv_heads=8), ("n_heads 4", "n_kv_heads 8")),
    ],
)
def test_indivisible_shapes_are_refused(
    tmp_path: Path, c: TinyConfig, words: tuple[str, ...]
) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(header_v0(c) + bytes(1000))
    refused(path, *words)


def test_the_largest_header_costs_nothing(tmp_path: Path) -> None:
    # 2**17 x 2**24 weights and more: refused by length, before anything of that size exists.
    path = tmp_path / "m.bin"
    numbers = (1 << 17, 1 << 20, 1 << 12, 1 << 12, 1 << 12, 1 << 24, 1 << 24)
    path.write_bytes(struct.pack("<7i", *numbers))
    refused(path, "truncated", "28")


def test_unknown_versions_flags_and_group_sizes_are_refused(tmp_path: Path) -> None:
    c, path = tiny_config(), tmp_path / "m.bin"
    for version in (0, 3, -1):
        path.write_bytes(header_v1(c, version))
        refused(path, f"version {version}")
    raw = bytearray(header_v1(c))
    raw[36] = 2
    path.write_bytes(bytes(raw))
    refused(path, "classifier flag is 2")
    for group in (0, -32, 2**31 - 1):
        path.write_bytes(header_v1(c, 2, struct.pack("<i", group)) + bytes(1000))
        refused(path, f"group size {group}")
    path.write_bytes(header_v1(c, 2, struct.pack("<i", 48)) + bytes(1000))
    refused(path, "4,096 values", "group size 48")


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    refused(tmp_path, "a folder without config.json or params.json")
    refused(tmp_path / "absent.bin", "No such file")
    refused("a\0b", "not a file name")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a regular file")
    refused("/dev/zero", "not a regular file")
    refused(tmp_path / ("x" * 300), "too long")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(b"x")
    path.chmod(0)
    refused(path, "Permission denied")


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    with Llama2cCheckpoint(path) as ck:
        os.truncate(path, 1000)
        with pytest.raises(ConvertError, match="changed while it was read"):
            ck.rows("w2", 1, 0, 4)


def test_a_file_system_that_gives_little_at_once(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 0)

    class Slow:
        def __init__(self, file: Any) -> None:
            self.seek, self.close, self._file = file.seek, file.close, file

        def readinto(self, buffer: memoryview) -> int:
            return int(self._file.readinto(buffer[:1000]))

    with Llama2cCheckpoint(write_v0(tmp_path / "m.bin", c, w)) as ck:
        ck._file._file = Slow(ck._file._file)  # type: ignore[assignment]
        assert np.array_equal(ck.rows("w1", 1, 0, c.hidden_dim), w["w1"][1])
