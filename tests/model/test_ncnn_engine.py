"""The engine against a float64 forward pass that shares no code with it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.desc import format_desc, read_desc
from convert.pipeline import convert
from llama2ncnn_chat.errors import ChatError, ModelError
from llama2ncnn_chat.model.ncnn_engine import ContextFullError, NcnnEngine
from llama2ncnn_chat.model.ncnn_memory import new_net, to_mat
from tests.tiny_model import TinyConfig, forward, random_weights, tiny_config, write_v0, write_v2

SHAPES = {
    "grouped": tiny_config(),
    "full heads": tiny_config(n_kv_heads=4),
    "one kv head": tiny_config(n_kv_heads=1),
    "separate classifier": tiny_config(tied=False),
    "odd sizes": tiny_config(dim=36, hidden_dim=50, n_heads=6, n_kv_heads=2, vocab_size=77),
    "context of 37": tiny_config(seq_len=37),
}


def make(tmp_path: Path, config: TinyConfig, weights: str = "fp32", theta: float = 1e4) -> Path:
    source = write_v0(tmp_path / "m.bin", config, random_weights(config, 1), theta=theta)
    convert(source, tmp_path / "m.ncnn", weights=weights)
    return tmp_path / "m.ncnn"


def ids_of(config: TinyConfig, n: int | None = None) -> list[int]:
    return list(
        map(int, np.random.default_rng(2).integers(0, config.vocab_size, n or config.seq_len))
    )


def relative(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.abs(got - want).max() / np.abs(want).max())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_position_agrees_whatever_the_chunking(
    tmp_path: Path, shape: str, threads: int
) -> None:
    config = SHAPES[shape]
    engine = NcnnEngine(make(tmp_path, config), threads=threads)
    ids = ids_of(config)  # as many as the context holds
    want = forward(config, random_weights(config, 1), ids)
    for chunk in (1, 2, 3, 7, 8, 16, len(ids)):
        engine.rewind(0)
        parts = [engine.forward_all(ids[i : i + chunk]) for i in range(0, len(ids), chunk)]
        for position, (got, row) in enumerate(zip(np.concatenate(parts), want, strict=True)):
            assert relative(got, row) < 1e-5, (chunk, position)


def test_more_than_one_batch(tmp_path: Path) -> None:
    config = tiny_config(seq_len=300)
    engine = NcnnEngine(make(tmp_path, config), threads=2)
    ids = ids_of(config)
    want = forward(config, random_weights(config, 1), ids)
    assert relative(engine.forward_all(ids), want) < 1e-5
    engine.rewind(0)
    assert relative(engine.forward(ids), want[-1]) < 1e-5


def test_theta_comes_out_of_the_tables(tmp_path: Path) -> None:
    config = tiny_config()
    engine = NcnnEngine(make(tmp_path, config, theta=500000.0))
    ids = ids_of(config)
    want = forward(config, random_weights(config, 1), ids, theta=500000.0)
    assert relative(engine.forward_all(ids), want) < 1e-5


def test_rewind_forgets_exactly_what_it_should(tmp_path: Path) -> None:
    config = tiny_config()
    engine = NcnnEngine(make(tmp_path, config))
    ids, other = ids_of(config), ids_of(config)[::-1]
    engine.forward(ids)
    for keep in (31, 17, 16, 9, 1, 0):
        engine.rewind(keep)
        sequence = ids[:keep] + other[keep:]
        got = engine.forward_all(sequence[keep:])
        want = forward(config, random_weights(config, 1), sequence)[keep:]
        assert relative(got, want) < 1e-5, keep
        engine.rewind(0)
        engine.forward(ids)


def test_rewinding_forward_or_below_zero_is_refused(tmp_path: Path) -> None:
    engine = NcnnEngine(make(tmp_path, tiny_config()))
    engine.forward([1, 2, 3])
    for position in (-1, 4):
        with pytest.raises(ValueError, match="rewind"):
            engine.rewind(position)
    assert engine.position == 3


@pytest.mark.parametrize("weights", ["fp32", "int8"])
def test_a_restored_cache_is_bit_identical(tmp_path: Path, weights: str) -> None:
    config = tiny_config(seq_len=45)
    stem = make(tmp_path, config, weights)
    engine, other = NcnnEngine(stem, threads=2), NcnnEngine(stem, threads=2)
    ids = ids_of(config)
    engine.forward(ids[:21])
    saved = engine.snapshot()
    want = [engine.forward([token]) for token in ids[21:40]]
    other.forward(ids[::-1])  # leaves rubbish behind
    other.restore(saved)
    assert other.position == 21
    got = [other.forward([token]) for token in ids[21:40]]
    assert np.array_equal(got, want)
    again = other.snapshot()
    assert np.array_equal(again.keys[:, :, :21], saved.keys)
    assert np.array_equal(again.values[:, :, :21], saved.values)


def test_a_snapshot_holds_keys_after_rope_in_plain_order(tmp_path: Path) -> None:
    config = tiny_config()
    engine = NcnnEngine(make(tmp_path, config))
    token = 5
    engine.forward([token] * 12)
    keys, values = engine.snapshot().keys[0], engine.snapshot().values[0]
    weights = {k: v.astype(np.float64) for k, v in random_weights(config, 1).items()}
    x = weights["embedding"][token]
    h = x / np.sqrt((x * x).mean() + 1e-5) * weights["rms_att"][0]
    v = (weights["wv"][0] @ h).reshape(config.n_kv_heads, config.head_dim)
    k = (weights["wk"][0] @ h).reshape(config.n_kv_heads, -1, 2)
    for t in range(12):
        assert relative(values[:, t], v) < 1e-5
        angles = t * 10000.0 ** (-np.arange(0, config.head_dim, 2) / config.head_dim)
        turned = (k[..., 0] + 1j * k[..., 1]) * np.exp(1j * angles)
        got = keys[:, t].reshape(config.n_kv_heads, -1, 2)
        assert relative(got[..., 0] + 1j * got[..., 1], turned) < 1e-5


def test_a_cut_moves_the_first_layers_keys_as_a_cold_prefill_has_them(tmp_path: Path) -> None:
    config = tiny_config(seq_len=64)
    stem = make(tmp_path, config)
    engine, cold = NcnnEngine(stem), NcnnEngine(stem)
    ids = ids_of(config, 50)
    engine.forward(ids)
    engine.cut(5, 22)
    cold.forward(ids[:5] + ids[22:])
    assert engine.position == cold.position == 33
    got, want = engine.snapshot(), cold.snapshot()
    assert relative(got.keys[0], want.keys[0]) < 1e-5
    assert relative(got.values[0], want.values[0]) < 1e-6
    # Beyond the first layer what stays still carries what it heard of the dropped text.
    assert relative(got.keys[1][:, :5], want.keys[1][:, :5]) < 1e-5
    assert relative(got.keys[1], want.keys[1]) > 1e-3
    engine.forward(ids[:10])
    assert engine.position == 43


def test_a_foreign_cache_is_refused(tmp_path: Path) -> None:
    engine = NcnnEngine(make(tmp_path, tiny_config()))
    (tmp_path / "b").mkdir()
    other = NcnnEngine(make(tmp_path / "b", tiny_config(n_kv_heads=4)))
    other.forward([1, 2])
    with pytest.raises(ValueError, match="isn't this model's"):
        engine.restore(other.snapshot())


def test_a_full_context_refuses_before_anything_is_fed(tmp_path: Path) -> None:
    engine = NcnnEngine(make(tmp_path, tiny_config()), context_length=10)
    engine.forward([1] * 8)
    with pytest.raises(ContextFullError, match=r"3 tokens after 8 exceed the context of 10"):
        engine.forward([1] * 3)
    assert engine.position == 8
    engine.forward([1, 2])
    assert engine.position == 10


@pytest.mark.parametrize("ids", [[], [-1], [96]])
def test_ids_that_are_none_are_refused(tmp_path: Path, ids: list[int]) -> None:
    with pytest.raises(ValueError, match="token"):
        NcnnEngine(make(tmp_path, tiny_config())).forward(ids)


def test_a_longer_context_than_the_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChatError, match="33 tokens: the model was trained for 32"):
        NcnnEngine(make(tmp_path, tiny_config()), context_length=33)


def test_threads_can_change_between_calls(tmp_path: Path) -> None:
    config = tiny_config()
    engine = NcnnEngine(make(tmp_path, config), threads=2)
    ids = ids_of(config)
    engine.forward(ids[:10])
    engine.threads = 1
    assert engine.threads == 1
    want = forward(config, random_weights(config, 1), ids)[10:]
    assert relative(engine.forward_all(ids[10:]), want) < 1e-5


@pytest.mark.parametrize(
    ("weights", "bound"), [("fp16", 1e-6), ("int8", 5e-3), ("q8", 2e-3), ("q6", 2e-2), ("q4", 0.3)]
)
def test_quantised_weights_stay_close(tmp_path: Path, weights: str, bound: float) -> None:
    config = tiny_config(hidden_dim=172)  # not a multiple of the block
    engine = NcnnEngine(make(tmp_path, config, weights))
    ids = ids_of(config)
    want = forward(config, random_weights(config, 1), ids)
    assert mean_kl(want, engine.forward_all(ids)) < bound


def test_v2_blocks_keep_what_the_checkpoint_says(tmp_path: Path) -> None:
    config = tiny_config(hidden_dim=192)
    weights = random_weights(config, 1)
    convert(write_v2(tmp_path / "q.bin", config, weights, 32), tmp_path / "q.ncnn")
    engine = NcnnEngine(tmp_path / "q.ncnn")
    assert (engine.desc.weights, engine.desc.block) == ("q8", 32)
    ids = ids_of(config)
    assert mean_kl(forward(config, weights, ids), engine.forward_all(ids)) < 2e-3


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
    ("key", "value"), [("n_heads", 2), ("n_kv_heads", 4), ("hidden_dim", 80), ("weights", "q9")]
)
def test_a_description_that_lies_consistently_is_refused(
    tmp_path: Path, key: str, value: Any
) -> None:
    """All sums right, and yet ncnn would read past its memory."""
    stem = make(tmp_path, tiny_config())
    lie = replace(read_desc(stem), **{key: value})
    stem.with_name("m.ncnn.desc").write_text(format_desc(lie))
    with pytest.raises(ModelError, match=r"isn't the graph|aren't known"):
        NcnnEngine(stem)


@given(data=st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
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


def mean_kl(want: np.ndarray, got: np.ndarray) -> float:
    """Mean over positions of KL(want || got), in nats; both are logits."""
    p, q = (log_softmax(x.astype(np.float64)) for x in (want, got))
    return float((np.exp(p) * (p - q)).sum(axis=1).mean())


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    result: np.ndarray = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return result


class TestStories260K:
    """A real, trained model, against what llama2.c's ``run`` prints."""

    @pytest.fixture(scope="class")
    def golden(self, shared_data: Path) -> list[dict[str, Any]]:
        cases: list[dict[str, Any]] = json.loads(
            (shared_data / "stories260K.golden.json").read_text()
        )["cases"]
        return cases

    def test_fp32_is_llama2c_token_for_token(
        self, tmp_path: Path, shared_data: Path, golden: list[dict[str, Any]]
    ) -> None:
        convert(shared_data / "stories260K.bin", tmp_path / "s", weights="fp32")
        engine = NcnnEngine(tmp_path / "s", threads=2)
        for case in golden:
            engine.rewind(0)
            ids, prompt = case["ids"], case["prompt_ids"]
            got, logits = list(prompt), engine.forward(prompt)
            while len(got) < len(ids):
                got.append(int(logits.argmax()))
                logits = engine.forward(got[-1:])
            assert got == ids
            engine.rewind(0)
            rows = engine.forward_all(ids)
            np.testing.assert_allclose(rows[-1], case["logits_last"], atol=3e-5)
            picked = log_softmax(rows.astype(np.float64))[np.arange(len(ids) - 1), ids[1:]]
            assert -picked.mean() == pytest.approx(case["nll"], abs=5e-5)

    @pytest.mark.parametrize(("weights", "bound"), [("int8", 0.003), ("q8", 0.003)])
    def test_eight_bits_stay_close(
        self,
        tmp_path: Path,
        shared_data: Path,
        golden: list[dict[str, Any]],
        weights: str,
        bound: float,
    ) -> None:
        engines = []
        for name in ("fp32", weights):
            convert(shared_data / "stories260K.bin", tmp_path / name, weights=name)
            engines.append(NcnnEngine(tmp_path / name))
        kls = []
        for case in golden:
            for engine in engines:
                engine.rewind(0)
            ids = case["ids"]
            kls.append(mean_kl(*(engine.forward_all(ids) for engine in engines)))
        assert np.mean(kls) < bound


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
    real_bytes, real_open = Path.read_bytes, open

    def refuse(path: object) -> None:
        if str(path) == f"{stem}{suffix}":
            raise PermissionError(13, "Permission denied", str(path))

    def read_bytes(path: Path) -> bytes:
        refuse(path)
        return real_bytes(path)

    def open_(path: Any, *args: Any, **kwargs: Any) -> Any:
        refuse(path)
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    monkeypatch.setattr("builtins.open", open_)
    with pytest.raises(ModelError, match=rf"{suffix}: can't read: Permission denied"):
        NcnnEngine(stem)


def test_nothing_is_computed_in_16_bits_on_any_cpu() -> None:
    option = new_net(2).opt
    names = [name for name in dir(option) if name.startswith(("use_fp16", "use_bf16"))]
    assert names
    assert not any(getattr(option, name) for name in names)


def test_a_cache_that_ncnn_has_moved_is_refused(tmp_path: Path) -> None:
    # What SDPA might do on a CPU where it copies its cache: no memory but for the tokens there.
    engine = NcnnEngine(make(tmp_path, tiny_config()))
    engine.forward([1, 2, 3])
    small = to_mat(np.zeros((engine.desc.n_kv_heads, 3, engine.desc.head_dim), np.float32))
    engine._cache[0] = small
    with pytest.raises(ChatError, match="can't be copied"):
        engine.snapshot()
