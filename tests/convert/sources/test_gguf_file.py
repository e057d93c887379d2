"""GGUF's header, key-values and tensors: files written by hand, whole, split and hostile."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.sources.gguf.file import is_gguf
from convert.sources.gguf.parts import Gguf
from tests.gguf_writer import F16, F32, Q8_0, Tensor, gguf_bytes, text, write_split

VALUES = {
    "a.text": "Grüße\n",
    "a.flag": True,
    "a.half": 0.7,
    "a.u8": np.uint8(200),
    "a.i8": np.int8(-3),
    "a.u16": np.uint16(50000),
    "a.i16": np.int16(-2),
    "a.i32": np.int32(-1),
    "a.u64": np.uint64(2**63),
    "a.i64": np.int64(-(2**62)),
    "a.f64": np.float64(0.1),
    "a.texts": ["", "x", "日本"],
    "a.numbers": np.arange(5, dtype="<i4"),
    "a.flags": np.array([True, False, True]),
    "a.floats": np.array([0.5, -1], "<f4"),
    "a.none": np.array([], "<u4"),
}
TENSORS = [
    Tensor("one", (3,), F32, np.arange(3, dtype="<f4").tobytes()),
    Tensor("two", (32, 5), Q8_0, bytes(5 * 34)),
    Tensor("three", (4, 2, 3), F16, bytes(48)),
]


def opened(folder: Path, raw: bytes, name: str = "m") -> Gguf:
    (folder / name).write_bytes(raw)
    return Gguf(folder / name)


def refusal(folder: Path, raw: bytes) -> str:
    with pytest.raises(ConvertError) as e:
        opened(folder, raw)
    assert e.value.exit_code == 3
    assert "\n" not in str(e.value)
    return str(e.value)


@pytest.mark.parametrize("version", [2, 3])
def test_values_of_every_type(tmp_path: Path, version: int) -> None:
    gguf = opened(tmp_path, gguf_bytes(VALUES, TENSORS, version=version))
    assert gguf.version == version
    assert list(gguf.metadata) == list(VALUES)
    for key, want in VALUES.items():
        got = gguf.metadata[key]
        if isinstance(want, np.ndarray):
            assert isinstance(got, np.ndarray)
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
        else:
            assert got == want
            assert type(got) is type(want.item() if isinstance(want, np.generic) else want)
    assert "a.other" not in gguf.metadata
    with pytest.raises(KeyError):
        gguf.metadata["a.other"]
    gguf.close()


def test_tensors_lie_where_they_say(tmp_path: Path) -> None:
    raw = gguf_bytes({"general.alignment": 64}, TENSORS, alignment=64)
    gguf = opened(tmp_path, raw)
    assert list(gguf.tensors) == ["one", "two", "three"]
    one, two, three = gguf.tensors.values()
    assert (one.shape, two.shape, three.shape) == ((3,), (5, 32), (3, 2, 4))
    assert (one.type.name, two.type.name, three.type.name) == ("F32", "Q8_0", "F16")
    assert [t.offset % 64 for t in gguf.tensors.values()] == [0, 0, 0]
    assert [t.n_bytes for t in gguf.tensors.values()] == [12, 170, 48]
    assert raw[one.offset : one.offset + 12] == TENSORS[0].data
    gguf.close()


def test_long_arrays_of_texts_cross_every_window(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["x" * int(n) for n in rng.integers(0, 40, 100_000)]
    words[5000] = "long" * 400_000  # more than a window
    gguf = opened(tmp_path, gguf_bytes({"t": words, "after": 7}, []))
    assert gguf.metadata["after"] == 7
    assert gguf.metadata["t"] == words
    gguf.close()


def test_bytes_that_are_no_text_lose_nothing_else(tmp_path: Path) -> None:
    gguf = opened(tmp_path, gguf_bytes({"t": [b"a\xff", b"b"]}, []))
    assert gguf.metadata["t"] == ["a\ufffd", "b"]
    gguf.close()


def test_typed_questions(tmp_path: Path) -> None:
    gguf = opened(tmp_path, gguf_bytes(VALUES, []))
    m = gguf.metadata
    assert (m.integer("a.u16"), m.number("a.u16"), m.text("a.text")) == (50000, 50000.0, "Grüße\n")
    assert (m.integer("x", 3), m.number("x", 0.5), m.text("x", "y")) == (3, 0.5, "y")
    with pytest.raises(ConvertError, match="x is missing"):
        m.integer("x")
    with pytest.raises(ConvertError, match=r"a.text is 'Gr"):
        m.integer("a.text")
    with pytest.raises(ConvertError, match=r"a.texts is an array"):
        m.number("a.texts")
    with pytest.raises(ConvertError, match=r"a.i8 is -3"):
        m.text("a.i8")
    gguf.close()


def test_a_file_that_shrinks_is_said(tmp_path: Path) -> None:
    gguf = opened(tmp_path, gguf_bytes({"t": ["word"] * 1000}, []))
    (tmp_path / "m").write_bytes(b"GGUF")
    with pytest.raises(ConvertError, match=r"t wants .* changed while it was read"):
        gguf.metadata["t"]
    gguf.close()


def header(n_tensors: int, n_values: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_values) + rest


def value(code: int, payload: bytes) -> bytes:
    return header(0, 1, text("k") + struct.pack("<I", code) + payload)


def info(
    name: str = "t",
    dims: tuple[int, ...] = (4,),
    kind: int = F32,
    offset: int = 0,
    n_dims: int | None = None,
) -> bytes:
    n = len(dims) if n_dims is None else n_dims
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", n, *dims, kind, offset)


HUGE = [1 << 20, 1 << 32, 1 << 61, (1 << 64) - 1]
HOSTILE = {
    "short": (b"GGUF\3\0\0\0", "shorter than a GGUF header"),
    "version 1": (header(0, 0, version=1), "version 1"),
    "version 4": (header(0, 0, version=4), "version 4"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "key at the end": (header(0, 1), "key 0 goes beyond"),
    "unknown type": (value(13, bytes(8)), "type 13"),
    "array of arrays": (value(9, struct.pack("<IQ", 9, 1) + bytes(12)), "type 9"),
    "control character": (header(0, 1, text("\x1b[2J") + bytes(5)), "key 0 is no name"),
    "twice": (
        header(0, 2, (text("k") + struct.pack("<IB", 0, 1)) * 2),
        "k stands there twice",
    ),
    "no dimensions": (header(1, 0, info(dims=())), "0 dimensions"),
    "many dimensions": (header(1, 0, info(n_dims=1 << 31)), "2147483648 dimensions"),
    "an empty axis": (header(1, 0, info(dims=(4, 0))), r"shape \(0, 4\)"),
    "half a block": (header(1, 0, info(dims=(33,), kind=Q8_0) + bytes(64)), "can't be Q8_0"),
    "a type not read": (header(1, 0, info(kind=16)), "IQ2_XXS.*get the model as"),
    "a type not known": (header(1, 0, info(kind=999)), "type 999"),
    "no data": (header(1, 0, info()), "ends at byte"),
    "far away": (header(1, 0, info(offset=1 << 62)), "ends at byte"),
    "unaligned": (header(1, 0, info(offset=8) + bytes(99)), "can't lie at"),
    "overlapping": (header(2, 0, info("t") + info("u") + bytes(99)), "can't lie at"),
    **{f"{n} tensors": (header(n, 0), "tensors|goes beyond") for n in HUGE},
    **{f"{n} values": (header(0, n), "key-values|goes beyond") for n in HUGE},
    **{f"key of {n}": (header(0, 1, struct.pack("<Q", n)), "is no name") for n in HUGE},
    **{f"text of {n}": (value(8, struct.pack("<Q", n)), "k goes beyond") for n in HUGE},
    **{
        f"array of {n} of type {kind}": (value(9, struct.pack("<IQ", kind, n)), "k goes beyond")
        for n in HUGE
        for kind in (0, 8, 12)
    },
    **{f"axis of {n}": (header(1, 0, info(dims=(n, n))), "ends at byte") for n in HUGE},
    **{
        f"alignment {n}": (gguf_bytes({"general.alignment": np.int64(n)}, []), "alignment is")
        for n in (0, -32, 48, 1 << 40)
    },
    "alignment in words": (gguf_bytes({"general.alignment": "32"}, []), "alignment is"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_headers(tmp_path: Path, what: str) -> None:
    raw, message = HOSTILE[what]
    with pytest.raises(ConvertError, match=message):
        opened(tmp_path, raw)
    refusal(tmp_path, raw)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    raw = gguf_bytes(VALUES, TENSORS)
    for n in range(4, len(raw), 7):
        refusal(tmp_path, raw[:n])


def test_only_the_first_bytes_tell_what_it_is(tmp_path: Path) -> None:
    for raw, want in ((b"GGUF", True), (b"GGU", False), (b"", False), (b"ggml", False)):
        (tmp_path / "x.bin").write_bytes(raw)
        assert is_gguf(tmp_path / "x.bin") is want
    with pytest.raises(ConvertError, match="can't open"):
        is_gguf(tmp_path / "missing")


def test_a_split_model_opens_by_any_part(tmp_path: Path) -> None:
    paths = write_split(tmp_path, VALUES, TENSORS, 3)
    for path in paths:
        gguf = Gguf(path)
        assert gguf.metadata["a.text"] == "Grüße\n"
        assert set(gguf.tensors) == {"one", "two", "three"}
        assert [file.path for file in gguf.inputs] == paths
        gguf.close()


def test_parts_that_dont_belong_together(tmp_path: Path) -> None:
    def fails(match: str, i: int = 1) -> None:
        with pytest.raises(ConvertError, match=match):
            Gguf(paths[i])
        write_split(tmp_path, VALUES, TENSORS, 3)

    paths = write_split(tmp_path, VALUES, TENSORS, 3)
    paths[2].unlink()
    fails("part 3 of 3 can't be used: .*00003-of-00003.gguf: can't open.* into one folder")
    paths[2].write_bytes(paths[0].read_bytes())
    fails("says that it is part 1 of 3, and its name that it is 3 of 3")
    twice = [TENSORS[0], TENSORS[1], TENSORS[1]]
    write_split(tmp_path, VALUES, twice, 3)
    fails("two stands in another part too")
    own = {
        "split.no": np.uint16(2),
        "split.count": np.uint16(3),
        "split.tensors.count": np.int32(3),
    }
    paths[2].write_bytes(gguf_bytes(own, []))
    fails("have 2 tensors, and 3 were split")
    moved = paths[1].rename(tmp_path / "renamed.gguf")
    with pytest.raises(ConvertError, match=r"part 2 of 3, and its name doesn't; name the parts"):
        Gguf(moved)
    paths[1].write_bytes(gguf_bytes({"split.count": np.uint64(2**63)}, []))
    fails("and its name doesn't")
