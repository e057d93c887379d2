"""What the engine loads, and what it refuses to."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.desc import format_desc, read_desc
from llama2ncnn_chat.errors import ChatError, ModelError
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.model.tiny_engine import ids_of, make, relative
from tests.tiny_model import forward, random_weights, tiny_config


def test_a_context_may_be_longer_than_the_models(tmp_path: Path) -> None:
    config = tiny_config(seq_len=32)
    engine = NcnnEngine(make(tmp_path, config), context_length=70)
    ids = ids_of(config, 70)
    want = forward(config, random_weights(config, 1), ids)
    assert relative(engine.forward_all(ids), want) < 1e-5
    with pytest.raises(ChatError, match="70"):
        engine.forward(ids[:1])
    with pytest.raises(ChatError, match="choose 1 to 16,777,216"):
        NcnnEngine(engine.stem, context_length=1 << 25)


def test_a_file_from_another_conversion_is_refused(tmp_path: Path) -> None:
    stem = make(tmp_path, tiny_config())
    (tmp_path / "b").mkdir()
    other = make(tmp_path / "b", tiny_config(n_layers=3))
    param = stem.with_name("m.ncnn.param")
    good = param.read_bytes()
    param.write_bytes(other.with_name("m.ncnn.param").read_bytes())
    with pytest.raises(ModelError, match=r"m\.ncnn\.param.*don't belong together"):
        NcnnEngine(stem)
    param.write_bytes(good.replace(b"=0 ", b"=1 ", 1))  # the right size, the wrong text
    with pytest.raises(ModelError, match=r"isn't the one that m\.ncnn\.desc describes"):
        NcnnEngine(stem)


def test_a_damaged_bin_is_found_on_demand(tmp_path: Path) -> None:
    stem = make(tmp_path, tiny_config())
    path = stem.with_name("m.ncnn.bin")
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 1
    path.write_bytes(raw)
    NcnnEngine(stem).close()
    with pytest.raises(ModelError, match="SHA-256"):
        NcnnEngine(stem, check=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [("n_heads", 2), ("n_kv_heads", 4), ("head_dim", 8), ("hidden_dim", 80), ("weights", "q9")],
)
def test_a_description_that_lies_consistently_is_refused(
    tmp_path: Path, key: str, value: Any
) -> None:
    """All sums right, and yet ncnn would read past its memory."""
    stem = make(tmp_path, tiny_config())
    d = read_desc(stem)
    if key == "weights":
        lie = replace(d, weights=value)
    else:
        lie = replace(d, shape=replace(d.shape, **{key: value}))
    stem.with_name("m.ncnn.desc").write_text(format_desc(lie))
    with pytest.raises(ModelError, match=r"isn't the graph|aren't known"):
        NcnnEngine(stem)


@given(data=st.data())
@settings(max_examples=300, derandomize=True)
def test_a_changed_description_is_refused_or_makes_no_difference(
    small: tuple[Path, bytes], data: st.DataObject
) -> None:
    """Above all: it never reaches ncnn, which would read past its memory."""
    stem, good = small
    raw = bytearray(good)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    stem.with_name("m.ncnn.desc").write_bytes(raw)
    with contextlib.suppress(ModelError):
        engine = NcnnEngine(stem)
        assert engine.forward([1, 2, 3]).shape == (96,)
        engine.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    stem = make(tmp_path_factory.mktemp("small"), tiny_config())
    return stem, stem.with_name("m.ncnn.desc").read_bytes()


def test_a_truncated_bin_is_refused(tmp_path: Path) -> None:
    stem = make(tmp_path, tiny_config())
    path = stem.with_name("m.ncnn.bin")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ModelError, match=r"m\.ncnn\.bin: [\d,]+ bytes, but m\.ncnn\.desc says"):
        NcnnEngine(stem)


def test_a_model_of_the_original_port_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "old.desc").write_text("256\n6\n288\n6\n")
    with pytest.raises(ModelError, match=r"original.*convert the checkpoint again"):
        NcnnEngine(tmp_path / "old")


def test_loading_tells_how_far_it_is(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    stem = make(tmp_path, tiny_config())
    engine = NcnnEngine(stem, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (engine.desc.weights_size, engine.desc.weights_size)


def test_closing_twice_does_no_harm(tmp_path: Path) -> None:
    engine = NcnnEngine(make(tmp_path, tiny_config()))
    engine.close()
    engine.close()


def test_no_number_of_threads_brings_openmp_down(tmp_path: Path) -> None:
    engine = NcnnEngine(make(tmp_path, tiny_config()), threads=10**6)
    assert engine.threads == 256
    engine.threads = 10**6
    assert engine.threads == 256
    engine.threads = 0
    assert engine.threads == 1
    engine.forward([1])


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_a_file_that_can_not_be_read_is_an_error(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is acted."""
    stem = make(tmp_path, tiny_config())
    real_open = open

    def open_(path: Any, *args: Any, **kwargs: Any) -> Any:
        if str(path) == f"{stem}{suffix}":
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", open_)
    with pytest.raises(ModelError, match=rf"{suffix}: can't (open|read): Permission denied"):
        NcnnEngine(stem)
