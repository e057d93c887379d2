"""A converted model whose files others replace while it is opened: one of the two, or an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convert.__main__ import main as converter
from convert.pipeline import convert
from convert.temporary import OLD, name_folder, put_back
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.errors import ModelError
from llama2ncnn_chat.launch.open_model import load, load_tokenizer
from llama2ncnn_chat.launch.show_model import show_model
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

WEIGHTS = ("q8", "fp32", "int8")
STEP = lambda _what: lambda _done, _total: None  # noqa: E731


@pytest.fixture
def put(tmp_path: Path) -> Callable[[int], Path]:
    """Puts the model of a number in the place of any other."""
    for i in range(3):
        config = tiny_config(vocab_size=300 + i)
        write_v0(tmp_path / f"{i}.bin", config, random_weights(config, i))
        write_tokenizer(tmp_path / f"{i}.tok", config.vocab_size)

    def put(i: int) -> Path:
        stem, tokenizer = tmp_path / "m", tmp_path / f"{i}.tok"
        convert(tmp_path / f"{i}.bin", stem, weights=WEIGHTS[i], tokenizer=tokenizer)
        return stem

    return put


def open_all(name: Path) -> tuple[int, np.ndarray]:
    model = find_model(str(name))
    vocabulary = load_tokenizer(model)
    engine = load(model, STEP, threads=1)
    logits = engine.forward([1, 2, 3])
    assert len(logits) == vocabulary.vocab_size
    return vocabulary.vocab_size, logits


def open_if_it_rests(name: Path) -> tuple[int, np.ndarray] | None:
    try:
        return open_all(name)
    except ModelError as e:
        if str(e).endswith("was being replaced while it was opened; try again"):
            return None
        raise


def test_a_tokenizer_is_never_used_with_the_weights_of_another(put: Callable[[int], Path]) -> None:
    model = find_model(str(put(0)))
    load_tokenizer(model)
    put(1)
    with pytest.raises(ModelError, match="was being replaced while it was opened; try again"):
        load(model, STEP)
    with pytest.raises(ModelError, match="was being replaced while it was opened; try again"):
        load_tokenizer(model)
    assert open_all(model.stem)[0] == 301


def test_whoever_opens_it_gets_one_of_them(put: Callable[[int], Path]) -> None:
    want = [open_all(put(i)) for i in range(3)]
    done, stem = threading.Event(), put(0)

    def replace() -> None:
        for i in range(24):
            put(i % 3)
        done.set()

    replacing = threading.Thread(target=replace)
    replacing.start()
    n = 0
    while not done.is_set():
        opened = open_if_it_rests(stem)
        if opened:
            np.testing.assert_array_equal(opened[1], want[opened[0] - 300][1])
            n += 1
    replacing.join()
    assert n > 3


def away(stem: Path) -> Path:
    """Take its files away, the description first, as a process does that replaces them."""
    folder = name_folder(stem.parent)
    (folder / OLD).mkdir(parents=True)
    files = sorted(stem.parent.glob(f"{stem.name}.*"), key=lambda file: file.suffix != ".desc")
    for i, file in enumerate(files):
        file.rename(folder / OLD / f"{len(files) - i}.{file.name}")
    return folder


@pytest.mark.parametrize("name", ["m", "m.desc"])
@pytest.mark.parametrize("show", [show_model, lambda name: converter([name, "--inspect"])])
def test_whoever_looks_at_it_waits_until_its_files_are_back(
    put: Callable[[int], Path],
    name: str,
    show: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stem = put(0)
    want = show(str(stem))
    folder = away(stem)
    monkeypatch.setattr(time, "sleep", lambda _: put_back(folder))
    assert show(str(stem.with_name(name))) == want
