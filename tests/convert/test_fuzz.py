"""Damaged files of every kind: whatever the bytes say, it works or it is a ``ConvertError``."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.__main__ import main
from convert.desc import parse_desc, read_desc, verify
from convert.errors import ConvertError
from convert.format_names import FORMAT_NAMES
from convert.pipeline import convert
from convert.sources import open_source
from convert.stem import SUFFIXES, file_of
from tests.tiny_model import random_weights, tiny_config, write_v0, write_v1, write_v2

bounded = settings(max_examples=200, derandomize=True, database=None)

TINY = tiny_config(dim=32, hidden_dim=32, n_layers=1, n_heads=2, n_kv_heads=1, vocab_size=16)
INTERESTING = [0, 1, 2, 3, 4, 16, 31, 32, 33, 64, 255, 4096, 1 << 16, 1 << 17, 1 << 24, 2**31 - 1]
int32 = st.one_of(
    st.sampled_from([s * n for n in INTERESTING for s in (1, -1)]),
    st.integers(-(2**31), 2**31 - 1),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    w = random_weights(TINY, 0)
    write_v0(folder / "v0", TINY, w)
    write_v1(folder / "v1", TINY, w)
    write_v2(folder / "v2", TINY, w, 32)
    convert(folder / "v0", folder / "model")
    return folder


def converts_or_refuses(path: Path, weights: str) -> None:
    before = sorted(path.parent.iterdir())
    try:
        convert(path, path.parent / "out", weights=weights)
    except ConvertError:
        assert sorted(path.parent.iterdir()) == before
    else:
        for suffix in SUFFIXES:
            file_of(path.parent / "out", suffix).unlink()


@bounded
@given(
    version=st.integers(0, 2),
    fields=st.dictionaries(st.integers(0, 10), int32, min_size=1, max_size=3),
    weights=st.sampled_from(FORMAT_NAMES),
)
def test_headers(folder: Path, version: int, fields: dict[int, int], weights: str) -> None:
    raw = bytearray((folder / f"v{version}").read_bytes())
    for place, value in fields.items():
        raw[4 * place : 4 * place + 4] = value.to_bytes(4, "little", signed=True)
    (folder / "x").write_bytes(raw)
    converts_or_refuses(folder / "x", weights)


@bounded
@given(
    version=st.integers(0, 2),
    at=st.floats(0, 1),
    junk=st.binary(min_size=1, max_size=64),
    weights=st.sampled_from(FORMAT_NAMES),
)
def test_weights(folder: Path, version: int, at: float, junk: bytes, weights: str) -> None:
    raw = bytearray((folder / f"v{version}").read_bytes())
    start = int(at * (len(raw) - len(junk)))
    raw[start : start + len(junk)] = junk
    (folder / "x").write_bytes(raw)
    converts_or_refuses(folder / "x", weights)


@bounded
@given(version=st.integers(0, 2), size=st.floats(0, 1.2))
def test_lengths(folder: Path, version: int, size: float) -> None:
    raw = (folder / f"v{version}").read_bytes()
    n = int(size * len(raw))
    (folder / "x").write_bytes(raw[:n] + bytes(max(0, n - len(raw))))
    if n == len(raw):
        return
    with pytest.raises(ConvertError):
        open_source(folder / "x")


@bounded
@given(raw=st.binary(max_size=400))
def test_bytes_of_no_format(folder: Path, raw: bytes) -> None:
    (folder / "x").write_bytes(raw)
    with pytest.raises(ConvertError):
        open_source(folder / "x")


value = st.one_of(
    int32.map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.floats().map(str),
    st.sampled_from(["", "0", "-0", "1e999", "1_0", "0x10", "٣", "=", "\0", "\x85"]),
    st.text(max_size=12),
)


@bounded
@given(
    changes=st.dictionaries(st.integers(0, 40), value, min_size=1, max_size=3),
    drop=st.sets(st.integers(0, 40), max_size=1),
    keep_keys=st.booleans(),
)
def test_desc_lines(folder: Path, changes: dict[int, str], drop: set[int], keep_keys: bool) -> None:
    lines = file_of(folder / "model", ".desc").read_text().splitlines()
    for number, new in changes.items():
        key, sep, _ = lines[number % len(lines)].partition("=")
        lines[number % len(lines)] = f"{key}={new}" if sep and keep_keys else new
    text = "\n".join(line for i, line in enumerate(lines) if i not in drop)
    check_desc(folder, text.encode("utf-8", "surrogatepass"))


@bounded
@given(at=st.floats(0, 1), junk=st.binary(max_size=40), whole=st.booleans())
def test_desc_bytes(folder: Path, at: float, junk: bytes, whole: bool) -> None:
    raw = file_of(folder / "model", ".desc").read_bytes()
    start = int(at * len(raw))
    check_desc(folder, junk if whole else raw[:start] + junk + raw[start + len(junk) :])


def check_desc(folder: Path, raw: bytes) -> None:
    with contextlib.suppress(ConvertError):
        parse_desc(raw.decode("utf-8", "replace"), "x")
    for suffix in (".bin", ".param"):
        target = file_of(folder / "copy", suffix)
        if not target.exists():
            target.write_bytes(file_of(folder / "model", suffix).read_bytes())
    file_of(folder / "copy", ".desc").write_bytes(raw)
    assert main(["--inspect", "--verify", str(folder / "copy")]) in (0, 3)


@bounded
@given(
    suffix=st.sampled_from([".param", ".bin"]),
    at=st.floats(0, 1, exclude_max=True),
    flip=st.integers(1, 255),
    cut=st.integers(0, 1),
)
def test_a_changed_file_of_a_model_is_always_noticed(
    folder: Path, suffix: str, at: float, flip: int, cut: int
) -> None:
    path = file_of(folder / "model", suffix)
    good = path.read_bytes()
    bad = bytearray(good)
    bad[int(at * len(bad))] ^= flip
    try:
        path.write_bytes(bad[: len(bad) - cut])
        with pytest.raises(ConvertError):
            verify(folder / "model", read_desc(folder / "model"))
    finally:
        path.write_bytes(good)
