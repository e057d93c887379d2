"""Meta's folders, their pickles written opcode by opcode: parts that join, and what is refused."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.pipeline import convert
from convert.sources import open_source
from convert.sources.pickled import read_pickled
from convert.sources.source import InputFile
from tests.convert.test_logits import IDS, TOLERANCE, logits_of, relative_error
from tests.folders import (
    state_pickle,
    tensor_pickle,
    text_of,
    torch_zip,
    tuple_of,
    whole,
    write_meta,
    write_pth,
)
from tests.tiny_model import forward, random_weights, tiny_config

C = tiny_config(tied=False, n_kv_heads=4)
W = {name: x.astype(np.float16).astype(np.float32) for name, x in random_weights(C, 0).items()}


def error_for(path: Path) -> str:
    with pytest.raises(ConvertError) as caught:
        open_source(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize("by_rows", [True, False])
def test_parts_join(tmp_path: Path, parts: int, by_rows: bool) -> None:
    write_meta(tmp_path / "meta", C, W, parts, by_rows=by_rows)
    d = convert(tmp_path / "meta", tmp_path / "out", weights="fp32")
    assert d.source.startswith(f"Meta's, {parts} part{'s' * (parts > 1)} (float16)")
    want = forward(C, W, IDS)
    assert relative_error(logits_of(tmp_path / "out", IDS), want) < TOLERANCE["fp32"]


@pytest.mark.parametrize(("tokens", "template"), [(32_000, "llama2"), (128_256, "llama3")])
def test_the_vocabulary_tells_which_familys_template_it_is(
    tmp_path: Path, tokens: int, template: str
) -> None:
    c = tiny_config(tied=True, vocab_size=tokens, dim=8, n_heads=2, n_kv_heads=2, hidden_dim=8)
    write_meta(tmp_path / "meta", c, random_weights(c, 0), 1)
    assert convert(tmp_path / "meta", tmp_path / "out").template == template


@pytest.mark.parametrize("at", [(0, 160), (0, 1), (79, 81), (40, 120), (159, 160)])
def test_any_rows_of_a_joined_matrix(tmp_path: Path, at: tuple[int, int]) -> None:
    write_meta(tmp_path / "meta", C, W, 4)
    with open_source(tmp_path / "meta") as source:
        np.testing.assert_array_equal(source.rows("w1", 1, *at), W["w1"][1][slice(*at)])
        assert source.tensor_bytes("w1") == 2 * W["w1"][1].size
        np.testing.assert_array_equal(source.rows("w2", 0, 5, 9), W["w2"][0][5:9])


def params(folder: Path, **changes: Any) -> None:
    path = folder / "params.json"
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: x for name, x in values.items() if x is not None}))


@pytest.mark.parametrize(
    ("says", "context", "rope"),
    [
        ({}, 4096, ("default", 1e4, 1.0)),
        ({"norm_eps": 1e-6}, 2048, ("default", 1e4, 1.0)),
        ({"rope_theta": 1e6}, 16384, ("default", 1e6, 1.0)),
        ({"rope_theta": 5e5}, 8192, ("default", 5e5, 1.0)),
        ({"rope_theta": 5e5, "use_scaled_rope": True}, 131072, ("llama3", 5e5, 32.0)),
        (
            {"rope_theta": 5e5, "use_scaled_rope": True, "rope_scaling_factor": 8},
            131072,
            ("llama3", 5e5, 8.0),
        ),
        ({"max_seq_len": 77}, 77, ("default", 1e4, 1.0)),
    ],
)
def test_context_and_rope_are_the_familys(
    tmp_path: Path, says: dict[str, Any], context: int, rope: tuple[str, float, float]
) -> None:
    params(write_meta(tmp_path / "meta", C, W, 1), **says)
    with open_source(tmp_path / "meta") as source:
        got = source.shape.rope
        assert source.shape.context_length == context
        assert (got.rule, got.theta, got.factor) == rope
        assert got.interleaved


@pytest.mark.parametrize(
    ("says", "word"),
    [
        ({"dim": None}, "dim is missing"),
        ({"n_heads": 0}, "n_heads 0"),
        ({"n_layers": 1}, "isn't known in such a model"),
        ({"n_layers": 3}, "layers.2.attention_norm.weight isn't in all of its files"),
        ({"n_kv_heads": 2}, "attention.wk.weight has shape"),
        ({"moe": {"num_experts": 8}}, "moe belongs to a model that isn't known"),
    ],
)
def test_what_params_cannot_mean(tmp_path: Path, says: dict[str, Any], word: str) -> None:
    params(write_meta(tmp_path / "meta", C, W, 2), **says)
    assert word in error_for(tmp_path / "meta")


def test_missing_parts_are_named(tmp_path: Path) -> None:
    folder = write_meta(tmp_path / "meta", C, W, 4)
    (folder / "consolidated.03.pth").unlink()
    assert "is a file missing" in error_for(folder)
    (folder / "consolidated.01.pth").unlink()
    assert "consolidated.01.pth: is missing" in error_for(folder)
    for path in folder.glob("*.pth"):
        path.unlink()
    assert "consolidated.00.pth: is missing" in error_for(folder)


# Pickles

ONE = np.arange(6, dtype=np.float32)
GOOD = tensor_pickle("0", (2, 3), "FloatStorage", 6)


def read(path: Path) -> dict[str, Any]:
    file = InputFile(path)
    try:
        return {name: x.rows(0, x.matrix_shape[0]) for name, x in read_pickled(file).items()}
    finally:
        file.close()


def test_a_state_is_its_tensors(tmp_path: Path) -> None:
    parameter = b"ctorch._utils\n_rebuild_parameter\n" + tuple_of(GOOD, b"\x88", b"}") + b"R"
    typed = (
        b"ctorch._tensor\n_rebuild_from_type_v2\n"
        + tuple_of(
            b"ctorch._utils\n_rebuild_tensor_v2\n",
            b"ctorch.nn.parameter\nParameter\n",
            GOOD.removeprefix(b"ctorch._utils\n_rebuild_tensor_v2\n").removesuffix(b"R"),
            b"N",
        )
        + b"R"
    )
    items = {"a": GOOD, "b": parameter, "c": typed, "step": whole(7), "name": text_of("x")}
    got = read(torch_zip(tmp_path / "x", state_pickle(items), [ONE.tobytes()]))
    assert sorted(got) == ["a", "b", "c"]
    for values in got.values():
        np.testing.assert_array_equal(values, ONE.reshape(2, 3))


EVIL = b"cposix\nsystem\n" + tuple_of(text_of("touch {}")) + b"R"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (EVIL, "wants 'posix system'"),
        (b"cbuiltins\neval\n", "wants 'builtins eval'"),
        (b"ctorch\nload\n", "wants 'torch load'"),
        (b"(iposix\nsystem\n", "wants 'INST'"),
        (b"ctorch\nFloatStorage\n)\x81", "wants 'NEWOBJ'"),
        (b"ctorch\nFloatStorage\n)R", "wants 'torch FloatStorage'"),
        (b"\x82\x01", "wants 'EXT1'"),
        (tensor_pickle("1", (2, 3), "FloatStorage", 6), "isn't in it"),
        (tensor_pickle("0", (2, 4), "FloatStorage", 6), "larger than its data"),
        (tensor_pickle("0", (2, 3), "FloatStorage", 6, [1, 2]), "isn't stored row by row"),
        (tensor_pickle("0", (2, 3), "FloatStorage", 6, [3]), "damaged"),
        (tensor_pickle("0", (-2, -3), "FloatStorage", 6), "damaged"),
        (tensor_pickle("0", (1,) * 9, "FloatStorage", 6), "damaged"),
        (b"h\x07", "damaged"),  # a memo that isn't there
        (b"j\xff\xff\xff\xff", "damaged"),
        (b"X\xff\xff\xff\xffabc", "damaged"),  # a length beyond the end
        (b"\x8a\xff", "damaged"),
        (b"u", "damaged"),
        (b"", "damaged"),
        (b"(((" + b"t" * 9, "damaged"),
    ],
)
def test_no_pickle_does_anything_else(tmp_path: Path, value: bytes, word: str) -> None:
    path = torch_zip(tmp_path / "x", state_pickle({"a": value}), [ONE.tobytes()])
    with pytest.raises(ConvertError, match=word):
        read(path)


def test_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = b"cposix\nsystem\n" + tuple_of(text_of(f"touch {mark}")) + b"R"
    with pytest.raises(ConvertError, match="nothing of it was run"):
        read(torch_zip(tmp_path / "x", state_pickle({"a": evil}), []))
    assert not mark.exists()


def test_deep_pickles_are_no_trouble(tmp_path: Path) -> None:
    deep = b")" + b"\x85" * 200_000  # a tuple in a tuple in a ...
    path = torch_zip(tmp_path / "x", state_pickle({"a": deep, "b": GOOD}), [ONE.tobytes()])
    assert list(read(path)) == ["b"]
    keyed = b"\x80\x02}" + deep + b"Ns."
    with pytest.raises(ConvertError, match="damaged"):
        read(torch_zip(tmp_path / "x", keyed, []))


def test_zips_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")  # torch.save before 1.6
    with pytest.raises(ConvertError, match=r"before 1\.6"):
        read(path)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("a", "b")
    with pytest.raises(ConvertError, match=r"without data\.pkl"):
        read(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("archive/data.pkl", state_pickle({"a": GOOD}) * 9)
    with pytest.raises(ConvertError, match="is compressed"):
        read(path)
    torch_zip(path, state_pickle({"a": GOOD}), [ONE.tobytes()])
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"little", b"biggie"))
    with pytest.raises(ConvertError, match="little-endian"):
        read(path)
    for cut in (1, 22, 60, len(raw) // 2, len(raw) - 4):
        path.write_bytes(raw[:-cut])
        with pytest.raises(ConvertError, match="damaged"):
            read(path)


def as_zip64(raw: bytes, n: int) -> bytes:
    """The same zip with its numbers where files beyond 4 GB have them."""
    end = raw.rfind(b"PK\5\6")
    _, _, _, _, count, _size, at, _ = struct.unpack_from("<4s4H2LH", raw, end)
    directory, place = b"", at
    for _ in range(n):
        fixed = bytearray(raw[place : place + 46])
        packed, whole_size = struct.unpack_from("<2L", fixed, 20)
        n_name, n_extra = struct.unpack_from("<2H", fixed, 28)
        (header,) = struct.unpack_from("<L", fixed, 42)
        name = raw[place + 46 : place + 46 + n_name]
        place += 46 + n_name + n_extra
        extra = struct.pack("<2H3Q", 1, 24, whole_size, packed, header)
        struct.pack_into("<2L", fixed, 20, 0xFFFFFFFF, 0xFFFFFFFF)
        struct.pack_into("<H", fixed, 30, len(extra) + 5)
        struct.pack_into("<L", fixed, 42, 0xFFFFFFFF)
        directory += bytes(fixed) + name + struct.pack("<2HB", 0x7777, 1, 0) + extra
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), at)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + len(directory), 1)
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return raw[:at] + directory + end64 + locator + tail


def test_zip64(tmp_path: Path) -> None:
    path = torch_zip(tmp_path / "x", state_pickle({"a": GOOD}), [ONE.tobytes()])
    path.write_bytes(as_zip64(path.read_bytes(), 3))
    np.testing.assert_array_equal(read(path)["a"], ONE.reshape(2, 3))
    with zipfile.ZipFile(path) as z:  # Python's own reader agrees that it is one
        assert z.read("archive/data/0") == ONE.tobytes()


def test_a_state_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="no tensors by name"):
        read(torch_zip(tmp_path / "x", b"\x80\x02N.", []))
    assert read(write_pth(tmp_path / "y", {})) == {}
