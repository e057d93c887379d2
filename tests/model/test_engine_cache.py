"""The engine's KV cache: rewound, copied out, restored and cut."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.model.engine import CalledOffError
from llama2ncnn_chat.model.graph_cache import GraphCache
from llama2ncnn_chat.model.ncnn_engine import ContextFullError, NcnnEngine
from llama2ncnn_chat.model.ncnn_memory import to_mat
from tests.model.tiny_engine import ids_of, make, relative
from tests.tiny_model import forward, random_weights, tiny_config


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


@pytest.mark.parametrize("weights", ["fp32", "int8", "q8"])
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


def test_a_cache_that_ncnn_has_moved_is_refused(tmp_path: Path) -> None:
    # What SDPA might do on a CPU where it copies its cache: no memory but for the tokens there.
    engine = NcnnEngine(make(tmp_path, tiny_config()))
    engine.forward([1, 2, 3])
    small = to_mat(
        np.zeros((engine.desc.shape.n_kv_heads, 3, engine.desc.shape.head_dim), np.float32)
    )
    assert isinstance(engine._cache, GraphCache)
    engine._cache._mats[0] = small
    with pytest.raises(ChatError, match="can't be copied"):
        engine.snapshot()


@pytest.mark.parametrize("weights", ["fp32", "int8", "q8"])
def test_a_pass_that_is_called_off_half_way_leaves_no_trace(tmp_path: Path, weights: str) -> None:
    config = tiny_config()
    stem = make(tmp_path, config, weights)
    engine, other = NcnnEngine(stem), NcnnEngine(stem)
    ids = ids_of(config)
    engine.forward(ids[:7])
    other.forward(ids[:7])
    for layers in range(config.n_layers):
        polls = iter([False] * layers + [True])
        with pytest.raises(CalledOffError):
            engine.forward(ids[::-1][:11], lambda polls=polls: next(polls))  # type: ignore[misc]
        assert engine.position == 7
        assert list(polls) == []
    assert np.array_equal(engine.snapshot().keys, other.snapshot().keys)
    got = engine.forward(ids[7:20], lambda: False)
    assert np.array_equal(got, other.forward(ids[7:20]))
    assert np.array_equal(engine.snapshot().values, other.snapshot().values)


INTERRUPTED = """
import signal, sys
from pathlib import Path
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

def interrupt(*_):
    raise KeyboardInterrupt

engine = NcnnEngine(Path(sys.argv[1]))
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.05)
try:
    while True:
        engine.rewind(0)
        engine.forward([5] * 60)
except KeyboardInterrupt as e:  # its frames live as long as it does
    engine.close()
    print("closed")
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_net_can_be_closed_while_an_error_out_of_it_is_handled(tmp_path: Path) -> None:
    config = tiny_config(dim=256, hidden_dim=512, n_heads=4, n_kv_heads=2, seq_len=64)
    stem = make(tmp_path, config)
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, str(stem)], capture_output=True, text=True
        )
        assert (done.stdout, done.stderr, done.returncode) == ("closed\n", "", 0)
