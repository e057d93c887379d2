"""``.desc`` text: there and back, what is missing or wrong by name, and files that don't belong."""

from __future__ import annotations

import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from convert.desc import ModelDesc, format_desc, parse_desc, read_desc, verify
from convert.errors import ConvertError
from convert.pipeline import convert
from convert.rope import Rope
from convert.shape import ModelShape
from convert.stem import file_of, stem_of
from tests.old_model import FIRST_DESC, OLD_DESC, write_old_checkpoint
from tests.tiny_model import random_weights, tiny_config, write_v0

GOOD = ModelDesc(
    shape=ModelShape(64, 160, 2, 4, 2, 16, 96, 32, tied=True, norm_eps=1e-5, rope=Rope()),
    graph_version=4,
    weights="int8",
    block=0,
    eight_bits="",
    embedding_dtype="float16",
    embedding_offset=1024,
    weights_size=1000,
    param_size=10,
    bin_size=1024 + 2 * 96 * 64,
    param_sha256="ab" * 32,
    bin_sha256="cd" * 32,
    source="llama2.c v0, 12345 bytes",
    converter="llama2ncnn-convert 1",
    template="llama2",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    c = tiny_config()
    source = write_v0(tmp_path / "m.bin", c, random_weights(c, 0))
    convert(source, tmp_path / "out")
    return tmp_path / "out"


def test_the_text_opens_with_the_original_four_lines() -> None:
    lines = format_desc(GOOD).splitlines()
    assert lines[:5] == ["32", "2", "64", "4", "format=3"]
    assert "rope.theta=10000.0" in lines
    assert "rope.interleaved=1" in lines
    assert "tied=1" in lines
    assert "head_dim=16" in lines


@pytest.mark.parametrize(
    "d",
    [
        GOOD,
        replace(GOOD, source=""),
        replace(GOOD, shape=replace(GOOD.shape, tied=False)),
        replace(GOOD, shape=replace(GOOD.shape, head_dim=128)),
        replace(GOOD, shape=replace(GOOD.shape, qkv_bias=True, qk_norm=True, window=4096)),
        replace(GOOD, shape=replace(GOOD.shape, o_bias=True, mlp_bias=True, no_rope_interval=4)),
        replace(GOOD, shape=replace(GOOD.shape, rope=Rope(theta=1234567.891))),
        replace(GOOD, shape=replace(GOOD.shape, rope=Rope("default", 5e5, False, 1.25))),
        replace(
            GOOD,
            shape=replace(
                GOOD.shape, rope=Rope("yarn", 1e6, False, 1.14, 4.0, 32768, truncate=False)
            ),
        ),
        replace(
            GOOD,
            shape=replace(GOOD.shape, rope=Rope("divisors", divisors=(1.0, 1 / 3, *[8.0] * 6))),
        ),
    ],
)
def test_there_and_back(d: ModelDesc) -> None:
    assert parse_desc(format_desc(d), "x") == d


def test_unknown_keys_are_kept() -> None:
    text = format_desc(GOOD) + "flavour=mint=fresh\n\n".rstrip("\n") + "\n"
    d = parse_desc(text, "x")
    assert d.extra == {"flavour": "mint=fresh"}
    assert format_desc(d) == text


KEYS = [line.partition("=")[0] for line in format_desc(GOOD).splitlines()[5:]]


def test_every_value_has_a_key() -> None:
    own = {f.name for f in fields(ModelDesc)} - {"shape", "extra"}
    shape = {f.name for f in fields(ModelShape)} - {"rope"} | {
        f"rope.{f.name}" for f in fields(Rope)
    }
    head = {"context_length", "n_layers", "dim", "n_heads"}
    assert sorted(KEYS) == sorted((own | shape | {"desc_sha256"}) - head)


@pytest.mark.parametrize("name", KEYS)
def test_a_missing_key_is_named(name: str) -> None:
    lines = [x for x in format_desc(GOOD).splitlines() if not x.startswith(f"{name}=")]
    with pytest.raises(ConvertError, match=f"here.desc: {name} is missing"):
        parse_desc("\n".join(lines), "here.desc")


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("n_kv_heads", "0", "n_kv_heads is 0"),
        ("n_kv_heads", "3", "n_kv_heads"),
        ("hidden_dim", "-5", "hidden_dim is -5"),
        ("hidden_dim", "many", "not a int"),
        ("vocab_size", "9" * 30, "vocab_size"),
        ("vocab_size", "97", "beyond the file"),
        ("tied", "2", "tied is '2'"),
        ("head_dim", "15", "head_dim 15 is odd"),
        ("qk_norm", "yes", "qk_norm is 'yes'"),
        ("window", "-1", "window is -1"),
        ("rope.theta", "nan", "rope.theta is nan"),
        ("rope.theta", "inf", "rope.theta is inf"),
        ("rope.rule", "yarm", "rope.rule 'yarm'"),
        ("rope.divisors", "1.0,", "rope.divisors is '1.0,'"),
        ("rope.interleaved", "2", "rope.interleaved is '2'"),
        ("rope.attention_factor", "0", "rope.attention_factor is 0"),
        ("norm_eps", "0", "norm_eps is 0"),
        ("embedding_dtype", "int4", "int4"),
        ("embedding_offset", "-64", "-64"),
        ("embedding_offset", "1022", "unaligned"),
        ("embedding_offset", "1028", "beyond the file"),
        ("weights_size", "99999", "weights_size"),
        ("weights_size", "-1", "weights_size is -1"),
        (
            "graph_version",
            "5",
            "made by a later version of this program (graph version 5, now it is 4);"
            " convert the model again",
        ),
        ("format", "4", "format is '4'"),
    ],
)
def test_a_wrong_value_is_named(key: str, value: str, word: str) -> None:
    text = format_desc(GOOD)
    old = next(x for x in text.splitlines() if x.startswith(f"{key}="))
    with pytest.raises(ConvertError) as caught:
        parse_desc(text.replace(old, f"{key}={value}"), "here.desc")
    assert str(caught.value).startswith("here.desc: ")
    assert word in str(caught.value)


@pytest.mark.parametrize("version", [2, 3])
def test_an_older_graph_of_ncnns_own_layers_is_the_same(version: int) -> None:
    text = format_desc(replace(GOOD, graph_version=version))
    assert parse_desc(text, "x") == GOOD
    fused = format_desc(replace(GOOD, graph_version=version, weights="q8", block=32))
    with pytest.raises(ConvertError, match=f"graph version {version}"):
        parse_desc(fused, "x")


def test_a_model_of_the_original_program_is_told_from_rubbish() -> None:
    with pytest.raises(ConvertError, match=r"original C\+\+ .* convert the checkpoint again"):
        parse_desc("256\n6\n288\n6\n", "x")
    for text in ("", "256\n6\n", "a\nb\nc\nd\n"):
        with pytest.raises(ConvertError, match="too few"):
            parse_desc(text, "x")
    with pytest.raises(ConvertError, match="line 6 is not key=value"):
        parse_desc("1\n2\n3\n4\nformat=3\nhello\n", "x")


@pytest.mark.parametrize("suffix", ["", ".param", ".bin", ".desc", ".tokenizer.bin", ".chat.json"])
def test_a_stem_is_meant_by_any_of_its_files(suffix: str) -> None:
    assert stem_of(f"/models/7b.ncnn{suffix}") == Path("/models/7b.ncnn")
    assert file_of(Path("/models/7b.ncnn"), ".bin") == Path("/models/7b.ncnn.bin")


def test_a_bare_suffix_is_a_name() -> None:
    assert stem_of("/models/.bin") == Path("/models/.bin")


def test_a_whole_model_is_read_and_verified(model: Path) -> None:
    d = read_desc(model)
    told: list[int] = []
    verify(model, d, told.append)
    assert told[-1] == d.bin_size


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_a_changed_size_or_byte_is_found(model: Path, suffix: str) -> None:
    path = file_of(model, suffix)
    raw = bytearray(path.read_bytes())
    path.write_bytes(raw[:-1])
    with pytest.raises(ConvertError, match=f"{len(raw) - 1:,} bytes.* says {len(raw):,}"):
        read_desc(model)
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ConvertError, match="SHA-256 is"):
        verify(model, read_desc(model))
    path.unlink()
    with pytest.raises(ConvertError, match="No such file"):
        read_desc(model)
    with pytest.raises(ConvertError, match="No such file"):
        verify(model, parse_desc(file_of(model, ".desc").read_text(), "x"))


def test_a_desc_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="No such file"):
        read_desc(tmp_path / "absent")
    (tmp_path / "big.desc").write_bytes(b"1\n" * 50_000)
    with pytest.raises(ConvertError, match=r"100,000 bytes, and .* at most 65,536"):
        read_desc(tmp_path / "big")
    os.mkfifo(tmp_path / "pipe.desc")
    with pytest.raises(ConvertError, match="not a regular file"):
        read_desc(tmp_path / "pipe")
    (tmp_path / "bytes.desc").write_bytes(bytes(range(256)))
    with pytest.raises(ConvertError):
        read_desc(tmp_path / "bytes")


def test_a_description_of_the_format_before_is_read(tmp_path: Path) -> None:
    now = convert(write_old_checkpoint(tmp_path / "m.bin"), tmp_path / "out", weights="int8")
    # Its own sums of the files say that the old program wrote the same bytes.
    assert parse_desc(OLD_DESC, "x") == now
    file_of(tmp_path / "out", ".desc").write_text(OLD_DESC)
    assert read_desc(tmp_path / "out") == now
    verify(tmp_path / "out", now)


def test_a_description_of_the_first_graph_is_read(tmp_path: Path) -> None:
    source = write_old_checkpoint(tmp_path / "m.bin")
    now = convert(source, tmp_path / "out", weights="b4", block=64)
    assert parse_desc(FIRST_DESC, "x") == now
    file_of(tmp_path / "out", ".desc").write_text(FIRST_DESC)
    verify(tmp_path / "out", read_desc(tmp_path / "out"))
    with pytest.raises(ConvertError, match="was changed"):
        parse_desc(FIRST_DESC.replace("weights=q4", "weights=b4"), "x")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("rope_theta=500000.0", "rope_theta=10000.0", "was changed"),
        ("n_kv_heads=2", "n_kv_heads=1", "was changed"),
        ("rope_theta=500000.0\n", "", "rope.theta is missing"),
        ("32\n2\n64\n4\n", "32\n2\n64\n5\n", "dim 64 isn't a multiple of n_heads 5"),
        ("32\n2\n64\n4\n", "32\n2\n64\n0\n", "dim 64 isn't a multiple of n_heads 0"),
        ("weights_size=", "weight_size=", "weights_size is missing"),
    ],
)
def test_a_damaged_description_of_the_format_before_is_refused(
    old: str, new: str, word: str
) -> None:
    assert old in OLD_DESC
    with pytest.raises(ConvertError, match=word):
        parse_desc(OLD_DESC.replace(old, new), "x")


def test_unknown_keys_of_the_format_before_are_kept() -> None:
    assert parse_desc(OLD_DESC + "flavour=mint\n", "x").extra == {"flavour": "mint"}


def test_a_graph_that_no_memory_holds_is_refused_before_it_is_planned() -> None:
    """With a right checksum, it would be gigabytes of a graph."""
    lie = format_desc(replace(GOOD, shape=replace(GOOD.shape, n_layers=1 << 30)))
    with pytest.raises(ConvertError, match=r"n_layers is 1073741824, outside 1\.\.4096"):
        parse_desc(lie, "x")


def test_a_shape_that_no_file_holds_is_refused_before_it_is_planned(tmp_path: Path) -> None:
    """With a right checksum, it would be thousands of layers of a graph."""
    config = tiny_config()
    write_v0(tmp_path / "c.bin", config, random_weights(config, 1))
    d = convert(tmp_path / "c.bin", tmp_path / "m")
    lie = replace(d, shape=replace(d.shape, n_layers=4096))
    (tmp_path / "m.desc").write_text(format_desc(lie))
    with pytest.raises(ConvertError, match=rf"weights, which {d.bin_size:,} bytes can't hold"):
        read_desc(tmp_path / "m")
