"""The engine against a float64 forward pass that shares no code with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.pipeline import convert
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.model.ncnn_memory import new_net
from tests.model.tiny_engine import ids_of, log_softmax, make, mean_kl, relative
from tests.tiny_model import forward, random_weights, tiny_config, write_v2

SHAPES = {
    "grouped": tiny_config(),
    "full heads": tiny_config(n_kv_heads=4),
    "one kv head": tiny_config(n_kv_heads=1),
    "separate classifier": tiny_config(tied=False),
    "odd sizes": tiny_config(dim=36, hidden_dim=50, n_heads=6, n_kv_heads=2, vocab_size=77),
    "context of 37": tiny_config(seq_len=37),
}


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


@pytest.mark.parametrize("ids", [[], [-1], [96]])
def test_ids_that_are_none_are_refused(tmp_path: Path, ids: list[int]) -> None:
    with pytest.raises(ValueError, match="token"):
        NcnnEngine(make(tmp_path, tiny_config())).forward(ids)


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
    ("weights", "bound"), [("fp16", 1e-6), ("int8", 5e-3), ("b8", 2e-3), ("b6", 2e-2), ("b4", 0.3)]
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
    source = write_v2(tmp_path / "q.bin", config, weights, 32)
    convert(source, tmp_path / "q.ncnn", weights="b8")
    engine = NcnnEngine(tmp_path / "q.ncnn")
    assert (engine.desc.weights, engine.desc.block) == ("b8", 32)
    ids = ids_of(config)
    assert mean_kl(forward(config, weights, ids), engine.forward_all(ids)) < 2e-3


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

    @pytest.mark.parametrize(("weights", "bound"), [("int8", 0.003), ("b8", 0.003)])
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


def test_nothing_is_computed_in_16_bits_on_any_cpu() -> None:
    option = new_net(2).opt
    names = [name for name in dir(option) if name.startswith(("use_fp16", "use_bf16"))]
    assert names
    assert not any(getattr(option, name) for name in names)
