"""What columns meet, against the float64 decoder; what a calibration leaves; what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.__main__ import main
from convert.desc import read_desc
from convert.errors import ConvertError
from convert.formats.panels import decode
from convert.graph import Panels
from convert.pipeline import convert
from convert.places import places_of
from convert.stem import file_of
from convert.temporary import is_temporary
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.quality.calibration import calibrate, mean_squares
from llama2ncnn_chat.quality.texts import OWN_TEXT
from tests.chat_folder import write_chat_folder
from tests.folders import config_of, hf_tensors, write_hf
from tests.model.tiny_engine import ids_of, make
from tests.tiny_model import TinyConfig, forward, random_weights, tiny_config, write_v0

PLAIN = tiny_config()
OTHERS = tiny_config(tied=False, qkv_bias=True, o_bias=True, mlp_bias=True, qk_norm=True)
TEXTS = [[1, 5, 90, 33, 7, 7, 60, 2, 11], [1, 44]]
NAMES = ("wq", "wk", "wv", "wo", "w1", "w2", "w3")


@pytest.mark.parametrize("c", [PLAIN, replace(PLAIN, tied=False)])
@pytest.mark.parametrize(("weights", "tolerance"), [("fp32", 1e-4), ("int8", 0.1)])
def test_the_squares_are_those_of_float64(
    tmp_path: Path, c: TinyConfig, weights: str, tolerance: float
) -> None:
    w = random_weights(c, 1)
    met: list[dict[tuple[str, int], Any]] = [{}, {}]
    for inputs, ids in zip(met, TEXTS, strict=True):
        forward(c, w, ids, met=inputs)
    engine = NcnnEngine(make(tmp_path, c, weights), threads=1)
    got = mean_squares(engine, TEXTS)
    engine.close()
    last = ("embedding" if c.tied else "classifier", 0)
    assert got.keys() == {last, *((name, i) for name in NAMES for i in range(c.n_layers))}
    for key, squares in got.items():
        known = ("classifier", 0) if key == last else key
        want = np.mean(np.concatenate([inputs[known] for inputs in met]) ** 2, axis=0)
        np.testing.assert_allclose(squares, want, rtol=0, atol=tolerance * want.max())


def test_biases_and_norms_of_heads_change_no_names(tmp_path: Path) -> None:
    tensors = hf_tensors(OTHERS, random_weights(OTHERS, 1))
    source = write_hf(tmp_path / "hf", config_of(OTHERS, "qwen3"), tensors)
    convert(source, tmp_path / "m", weights="int8")
    engine = NcnnEngine(tmp_path / "m", threads=1)
    assert len(mean_squares(engine, TEXTS)) == 7 * OTHERS.n_layers + 1
    engine.close()


def test_watching_leaves_no_trace(tmp_path: Path) -> None:
    engine = NcnnEngine(make(tmp_path, PLAIN), threads=1)
    ids = ids_of(PLAIN, 9)
    want = engine.forward(ids[:6]), engine.forward(ids[6:])
    engine.rewind(0)
    first = engine.forward(ids[:6])
    seen: list[str] = []
    engine.watch([3, 4, 5], ["l0.att_norm"], ["final_norm"], lambda blob, _: seen.append(blob))
    assert seen == ["l0.att_norm", "final_norm"]
    assert engine.position == 6
    np.testing.assert_array_equal(first, want[0])
    np.testing.assert_array_equal(engine.forward(ids[6:]), want[1])
    engine.close()


def test_an_error_while_watching_lets_go_of_the_net(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = NcnnEngine(make(tmp_path, PLAIN), threads=1)

    def seen(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        engine.watch([3, 4, 5], ["l0.att_norm"], [], seen)
    except KeyboardInterrupt:
        engine.close()  # while the error still has its frames
    assert capfd.readouterr().err == ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_chat_folder(tmp_path / "hf")
    return tmp_path / "hf"


def text_of(path: Path, text: str | bytes = "The quick brown fox jumps over it.\n" * 20) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_errors_of_columns_that_meet_much_weigh_more(folder: Path, tmp_path: Path) -> None:
    text = text_of(tmp_path / "text")
    importance = calibrate(folder, text, None, tmp_path)
    errors = []
    for stem, known in (("a", None), ("b", importance)):
        convert(folder, tmp_path / stem, weights="q4", importance=known)
        errors.append(weighted_error(tmp_path / stem, importance))
    assert errors[1] < 0.97 * errors[0]
    assert main(["--quiet", str(folder), str(tmp_path / "c"), "--calibrate", str(text)]) == 0
    b, c = (file_of(tmp_path / stem, ".bin").read_bytes() for stem in "bc")
    assert b == c
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def weighted_error(stem: Path, importance: Any) -> float:
    """The squares of what w2 and wo get wrong, each column times what it meets."""
    d = read_desc(stem)
    raw, plan = np.fromfile(file_of(stem, ".bin"), np.uint8), places_of(d)
    w, total = random_weights(config_like(d), 0), 0.0
    for name in ("wo", "w2"):
        place = plan.of[name, 0]
        assert isinstance(place.weights, Panels)
        m = place.weights
        got = decode(raw[place.offset : place.offset + place.size], m.rows, m.cols, m.bits)
        total += float((((got - w[name][0]) ** 2).sum(axis=0) * importance[name, 0]).sum())
    return total


def config_like(d: Any) -> TinyConfig:
    return tiny_config(vocab_size=d.shape.vocab_size, n_layers=1, tied=True)


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.name not in ("hf", "home"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "text: "),
        (b"\xff\xfe\x00\x80" * 99, "is no text"),
        ("", "no text"),
        ("a few words", "too few to measure by"),
    ],
)
def test_a_text_that_is_none_is_refused(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | bytes | None,
    says: str,
) -> None:
    path = tmp_path / "text" if text is None else text_of(tmp_path / "text", text)
    before = left(tmp_path)
    assert main([str(folder), str(tmp_path / "out"), "--quiet", "--calibrate", str(path)]) == 3
    assert says in capsys.readouterr().err
    assert left(tmp_path) == before


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    model = write_v0(tmp_path / "m.bin", PLAIN, random_weights(PLAIN, 0))
    with pytest.raises(ConvertError, match=r"no tokenizer.*--tokenizer"):
        calibrate(model, OWN_TEXT, None, tmp_path)


def test_a_folder_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    args = [str(folder), str(tmp_path / "none" / "out"), "--quiet", "--calibrate"]
    assert main(args) == 1


def test_who_stops_it_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[str]] = []

    def watch(_: NcnnEngine, ids: Sequence[int], *__: object) -> None:
        found.append(left(tmp_path))
        raise KeyboardInterrupt

    monkeypatch.setattr(NcnnEngine, "watch", watch)
    with pytest.raises(KeyboardInterrupt):
        calibrate(folder, OWN_TEXT, None, tmp_path)
    assert is_temporary(found[0][0])
    assert left(tmp_path) == []


def test_the_own_text_is_read_by_any_tokenizer(folder: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    importance = calibrate(folder, OWN_TEXT, None, tmp_path, lambda *x: told.append(x))
    assert all(np.isfinite(x).all() and (x >= 0).all() for x in importance.values())
    assert all(0 < done <= total for done, total, _ in told)
    assert told[-1][0] == told[-1][1]
    assert left(tmp_path) == []


@pytest.mark.parametrize("weights", ["q8", "int8", "fp16"])
def test_only_what_is_searched_is_calibrated(
    weights: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["m", "out", "--weights", weights, "--calibrate"]) == 2
    assert "--calibrate goes with --weights q4" in capsys.readouterr().err
    assert main(["m", "--inspect", "--calibrate"]) == 2
