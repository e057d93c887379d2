"""Whole conversions: the files' bytes, what they say of themselves, and what is refused."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from convert.desc import read_desc
from convert.errors import ConvertError, WriteError
from convert.format_names import FORMAT_NAMES
from convert.formats import codec_of
from convert.pipeline import (
    Progress,
    bin_bytes,
    convert,
    convert_tensors,
)
from convert.places import places
from convert.shape import ModelShape
from convert.sources import open_source
from convert.sources.synthetic import SyntheticCheckpoint
from convert.stem import SUFFIXES, file_of
from tests.convert.tables import embedding_of
from tests.tiny_model import (
    quantise_q80,
    random_weights,
    tiny_config,
    write_v0,
    write_v1,
    write_v2,
)

Float32 = npt.NDArray[np.float32]


def test_a_quantised_checkpoint_keeps_its_own_blocks(tmp_path: Path) -> None:
    c = tiny_config(tied=False)
    w = random_weights(c, 5)
    path = write_v2(tmp_path / "m.bin", c, w, 32)
    d = convert(path, tmp_path / "out", weights="b8")
    assert (d.weights, d.block) == ("b8", 32)
    q, steps = zip(*(quantise_q80(w[name][0], 32) for name in ("wq", "wk", "wv")), strict=True)
    packed = b"".join(part.tobytes() for part in q)
    raw = file_of(tmp_path / "out", ".bin").read_bytes()
    start = raw.index(packed)  # as they stand in the checkpoint, bit for bit
    n = sum(part.size for part in steps)
    inverse = np.frombuffer(raw, "<f4", n, start + len(packed))
    np.testing.assert_array_equal(inverse, np.float32(1) / np.concatenate(steps))


def test_steps_that_have_no_inverse_stand_for_zeros(tmp_path: Path) -> None:
    c = tiny_config(n_layers=1)
    w = random_weights(c, 7)
    path = write_v2(tmp_path / "m.bin", c, w, 32)
    q, steps = quantise_q80(w["wq"][0], 32)
    raw = path.read_bytes()
    at = raw.index(steps.tobytes())
    steps[3:5] = 0, 1e-42  # one over either is infinite
    path.write_bytes(raw[:at] + steps.tobytes() + raw[at + steps.nbytes :])
    convert(path, tmp_path / "out", weights="b8")
    q[3:5] = 0
    steps[3:5] = 1
    out = file_of(tmp_path / "out", ".bin").read_bytes()
    assert q.tobytes() in out
    assert (np.float32(1) / steps).tobytes() in out


@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("tied", [True, False])
def test_the_description_tells_the_files(tmp_path: Path, name: str, tied: bool) -> None:
    c = tiny_config(tied=tied, vocab_size=97)
    w = random_weights(c, 8)
    path = write_v0(tmp_path / "m.bin", c, w)
    stem = tmp_path / "out"
    d = convert(path, stem, weights=name)
    assert read_desc(stem) == d
    raw, param = (file_of(stem, suffix).read_bytes() for suffix in (".bin", ".param"))
    assert (d.bin_size, d.param_size) == (len(raw), len(param))
    assert d.bin_sha256 == hashlib.sha256(raw).hexdigest()
    assert d.param_sha256 == hashlib.sha256(param).hexdigest()
    assert re.fullmatch(
        rf"llama2\.c v0, {path.stat().st_size} bytes, sampled SHA-256 \w{{64}}", d.source
    )
    half = w["embedding"].astype(np.float16).astype(np.float32)
    want = w["embedding"] if name == "fp32" else half
    if tied and name == "q8":  # the classifier is the table as well, and rounded
        blocks = w["embedding"].reshape(len(want), -1, 32)
        error = embedding_of(stem, d).reshape(blocks.shape) - blocks
        # Half a step, and that in float16.
        assert (np.abs(error).max(axis=2) < np.abs(blocks).max(axis=2) / 127 * 0.57).all()
    else:
        np.testing.assert_array_equal(embedding_of(stem, d), want)
    with open_source(path) as source:
        codec = codec_of(name)
        assert bin_bytes(source.shape, codec) == d.bin_size
        assert places(source.shape, codec).loaded == d.weights_size
    if tied and name in ("fp16", "fp32"):
        assert d.bin_size == d.weights_size  # the classifier is the embedding, kept once
    else:
        assert d.embedding_offset % 64 == 0
    assert d.weights_size <= len(raw)


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v1(tmp_path / "m.bin", c, random_weights(c, 9))
    for name in ("a", "b"):
        convert(path, tmp_path / name)
    for suffix in SUFFIXES:
        a, b = (file_of(tmp_path / name, suffix).read_bytes() for name in ("a", "b"))
        assert a == b


def test_progress_ends_at_all_and_never_goes_back(tmp_path: Path) -> None:
    shape = ModelShape(512, 1024, 2, 8, 8, 64, 4096, 128, tied=True)  # slices within tensors
    told: list[Progress] = []
    source = SyntheticCheckpoint(shape)
    convert_tensors(source, tmp_path / "out", codec_of("int8"), progress=told.append)
    bytes_, tensors = [p.bytes for p in told], [p.tensors for p in told]
    assert bytes_ == sorted(bytes_)
    assert tensors == sorted(tensors)
    last = told[-1]
    assert (last.bytes, last.tensors) == (last.n_bytes, last.n_tensors)
    assert last.n_tensors == 2 * 9 + 3  # the embedding is read as classifier and as itself
    assert last.n_bytes == source.size + 4 * 4096 * 512


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("name", ["embedding", "rms_att", "wv", "w2", "rms_final"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_damaged_weight_is_named_and_nothing_is_left(
    tmp_path: Path, version: int, name: str, bad: float
) -> None:
    c = tiny_config(n_layers=1)
    w = random_weights(c, 10)
    path = tmp_path / "m.bin"
    if version == 2:
        write_v2(path, c, w, 32)
        values = w[name] if name.startswith("rms_") else quantise_q80(w[name], 32)[1]
    else:
        values = w[name]
        (write_v0, write_v1)[version](path, c, w)
    old = values.ravel()[:2].astype("<f4").tobytes()
    raw = path.read_bytes()
    assert raw.count(old) == 1
    path.write_bytes(raw.replace(old, np.array([bad, 1], "<f4").tobytes()))
    with pytest.raises(ConvertError, match=f"{name} of layer 0: .* not a finite number"):
        convert(path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["m.bin"]


def test_a_damaged_embedding_is_refused_in_every_format(tmp_path: Path) -> None:
    c = tiny_config(tied=False)
    w = random_weights(c, 10)
    w["embedding"][95, 63] = np.nan
    path = write_v0(tmp_path / "m.bin", c, w)
    for name in FORMAT_NAMES:
        with pytest.raises(ConvertError, match=r"embedding of layer 0: .* not a finite number"):
            convert(path, tmp_path / "out", weights=name)


@pytest.mark.parametrize("suffix", [".bin", ".param", ".desc", ".tokenizer.bin"])
@pytest.mark.parametrize("link", [False, True])
def test_the_input_is_never_overwritten(tmp_path: Path, suffix: str, link: bool) -> None:
    c = tiny_config()
    path = tmp_path / f"m{suffix}"
    real = tmp_path / "real.data" if link else path
    raw = write_v0(real, c, random_weights(c, 0)).read_bytes()
    if link:
        path.symlink_to(real)
    for source in {path, real}:
        with pytest.raises(WriteError, match="is the input itself"):
            convert(source, tmp_path / "m")
    assert real.read_bytes() == raw
    assert set(tmp_path.iterdir()) == {path, real}


def test_a_symlinked_input_is_read(tmp_path: Path) -> None:
    c = tiny_config()
    write_v0(tmp_path / "real.bin", c, random_weights(c, 0))
    (tmp_path / "link.bin").symlink_to("real.bin")
    convert(tmp_path / "link.bin", tmp_path / "out")
    assert read_desc(tmp_path / "out").shape.dim == c.dim


def test_outputs_that_cannot_be_are_refused(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    for folder, reason in (("absent", "No such file"), ("m.bin", "Not a directory")):
        with pytest.raises(WriteError, match=f"{folder}.*: {reason}"):
            convert(path, tmp_path / folder / "out")
    with pytest.raises(WriteError, match="not a file name"):
        convert(path, str(tmp_path / "a\0b"))
    assert [p.name for p in tmp_path.iterdir()] == ["m.bin"]


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    with pytest.raises(ConvertError, match=r"unknown weights 'q5'.*int8"):
        convert(path, tmp_path / "out", weights="q5")
    with pytest.raises(ConvertError, match="block 48 isn't one of 32, 64, 128"):
        convert(path, tmp_path / "out", weights="b8", block=48)


def test_no_room_is_told_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    c = tiny_config()
    path = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    usage = type("Usage", (), {"free": 1234})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(WriteError, match=r"takes [\d,]+ bytes and .* has 1,234 free"):
        convert(path, tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["m.bin"]


def test_a_weight_too_large_for_a_half_says_what_can_hold_it(tmp_path: Path) -> None:
    c = tiny_config()
    w = random_weights(c, 0)
    w["embedding"][3, 4] = 1e5
    source = write_v0(tmp_path / "m.bin", c, w)
    with pytest.raises(ConvertError, match=r"float16.*--weights fp32"):
        convert(source, tmp_path / "out", weights="fp16")
    convert(source, tmp_path / "out", weights="fp32")
