"""In which order heads stand: a text settles it or leaves it, a person settles it, both travel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from convert.__main__ import main as convert_main
from convert.desc import read_desc
from convert.stated import AUTO, OTHER_ORDER, Stated
from llama2ncnn_chat.catalogue.bundled import DEMO_CHECKPOINT
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import Callbacks, FoundModel, find_model
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.quality.rope_order import makes_sense_alone, settled
from tests.folders import config_of, hf_tensors, write_hf
from tests.heads import write_in_halves
from tests.program import write_tokenizer
from tests.tiny_model import random_weights, tiny_config, write_v0

KNOWN_STORY = (
    "Once upon a time there lived a clumsy koala called Lucy, who lived in a small village. Every "
    "night Lucy dreamed of one thing: to find the lost key. But Lucy had looked everywhere twice."
)
"""Such as the bundled model tells."""

PROMPT = ("Once upon a time", "60", "--temp", "0")


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """The bundled model in the other order, its tokenizer beside it."""
    shutil.copy(DEMO_CHECKPOINT.with_name("demo.tokenizer.bin"), tmp_path / "tokenizer.bin")
    return write_in_halves(tmp_path / "halves.bin", DEMO_CHECKPOINT)


def test_a_text_that_a_model_knows_settles_it(halves: Path) -> None:
    told: list[tuple[int, int]] = []
    stated = Stated(norm_eps=1e-6)
    got = settled(stated, halves, None, lambda *x: told.append(x), KNOWN_STORY)
    assert got == Stated(norm_eps=1e-6, rope_order="halves")
    size = halves.stat().st_size
    assert told[-1] == (size, size)
    tokenizer = DEMO_CHECKPOINT.with_name("demo.tokenizer.bin")
    assert settled(Stated(), DEMO_CHECKPOINT, tokenizer, text=KNOWN_STORY) == Stated()


def test_a_text_that_a_model_does_not_know_settles_nothing(halves: Path) -> None:
    assert settled(Stated(), halves) == Stated()
    assert settled(Stated(), DEMO_CHECKPOINT) == Stated()


def test_who_says_the_order_is_not_asked(halves: Path, tmp_path: Path) -> None:
    for order in ("halves", "interleaved"):
        stated = Stated(rope_order=order)
        assert settled(stated, halves, text=KNOWN_STORY) is stated
    c = tiny_config()
    folder = write_hf(tmp_path / "hf", config_of(c), hf_tensors(c, random_weights(c, 0)))
    assert settled(Stated(), folder, halves.with_name("tokenizer.bin")) == Stated()


@pytest.mark.parametrize("tokenizer", [None, b"no tokenizer", "of another size"])
def test_without_a_tokenizer_that_fits_nothing_is_tried(
    halves: Path, tokenizer: bytes | str | None
) -> None:
    path = halves.with_name("tokenizer.bin")
    if tokenizer is None:
        path.unlink()
    elif isinstance(tokenizer, bytes):
        path.write_bytes(tokenizer)
    else:
        write_tokenizer(path, 300)
    told: list[tuple[int, int]] = []
    assert settled(Stated(), halves, None, lambda *x: told.append(x), KNOWN_STORY) == Stated()
    assert told == []


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scale", [0.3, 1, 4])
def test_random_weights_settle_nothing(tmp_path: Path, seed: int, scale: float) -> None:
    c = tiny_config(vocab_size=300, seq_len=64, n_layers=1 + seed % 3, tied=bool(seed % 2))
    w = {name: np.float32(scale) * values for name, values in random_weights(c, seed).items()}
    if seed == 11:
        w["wq"][0, 0, 0] = np.nan
    write_tokenizer(tmp_path / "tokenizer.bin", 300)
    assert settled(Stated(), write_v0(tmp_path / "m.bin", c, w)) == Stated()


def test_clear_is_what_chance_does_not_explain() -> None:
    rng = np.random.default_rng(0)
    others, noise = rng.gamma(2, 2, 63), rng.standard_normal(63)
    makes_sense = partial(makes_sense_alone, others=others, guessing=9.0)
    assert not makes_sense(others)
    assert not makes_sense(others + noise)
    assert not makes_sense(others + 2)
    assert makes_sense(others - 2 + noise)
    assert not makes_sense(others - 2 + 8 * noise)
    assert not makes_sense_alone(others - 2 + noise, others, guessing=2.0)  # it knows no such text
    for bad in (np.nan, np.inf, -np.inf):
        assert not makes_sense(np.array([bad, *others[1:] - 9]))
    assert not makes_sense_alone(np.array([1.0]), np.array([9.0]), 9.0)
    assert not makes_sense_alone(np.array([]), np.array([]), 9.0)


# As a person meets it


@pytest.fixture
def stories(shared_data: Path, tmp_path: Path) -> SimpleNamespace:
    """A real model that knows stories, in both orders."""
    folder = tmp_path / "stories"
    folder.mkdir()
    shutil.copy(shared_data / "tok512.bin", folder / "tokenizer.bin")
    original = folder / "original.bin"
    shutil.copy(shared_data / "stories260K.bin", original)
    return SimpleNamespace(
        original=original, halves=write_in_halves(folder / "halves.bin", original)
    )


Told = Callable[..., tuple[str, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def told(model: Path, *flags: str) -> tuple[str, str]:
        capsys.readouterr()
        assert main(["complete", str(model), *PROMPT, *flags]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    return told


def test_a_chat_finds_the_order(stories: SimpleNamespace, told: Told) -> None:
    story, silence = told(stories.original)
    assert silence == ""
    found, said = told(stories.halves)
    assert found == story
    assert OTHER_ORDER in said
    assert told(stories.halves) == (story, "")  # converted already
    assert told(stories.halves, "--rope-order", "halves") == (story, "")
    garbled, _ = told(stories.halves, "--rope-order", "interleaved")
    assert garbled != story
    assert told(stories.original, "--rope-order", "halves")[0] not in (story, garbled)


def test_the_converter_finds_the_order(
    stories: SimpleNamespace, tmp_path: Path, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    story, stem = told(stories.original)[0], tmp_path / "out"
    for flags, order, notes in (
        ([], "halves", 1),
        (["--rope-order", "auto"], "halves", 1),
        (["--rope-order", "halves"], "halves", 0),
        (["--rope-order", "interleaved"], "interleaved", 0),
    ):
        assert convert_main(["--quiet", str(stories.halves), str(stem), *flags]) == 0
        assert capsys.readouterr().err.count(OTHER_ORDER) == notes
        assert read_desc(stem).shape.rope.order == order
        assert convert_main(["--inspect", str(stem)]) == 0
        assert f"RoPE order  {order}\n" in capsys.readouterr().out
        assert (told(stem)[0] == story) == (order == "halves")
    assert convert_main(["--inspect", str(stories.halves)]) == 0
    assert "RoPE order  interleaved, unless a text tells" in capsys.readouterr().out
    assert convert_main([str(stories.original), str(stem)]) == 0
    assert OTHER_ORDER not in capsys.readouterr().err
    assert read_desc(stem).shape.rope.order == "interleaved"


def test_a_conversion_in_the_cache_is_of_its_tokenizer_and_its_order(halves: Path) -> None:
    asked: list[Stated] = []

    def settle(stated: Stated, path: Path, tokenizer: Path | None) -> Stated:
        asked.append(stated)
        return settled(stated, path, tokenizer, text=KNOWN_STORY)

    def find(order: str = AUTO, keep: Path | None = None) -> FoundModel:
        conversion = Conversion("q8", keep=keep, stated=Stated(rope_order=order))
        return find_model(str(halves), conversion, callbacks=Callbacks(settle=settle))

    tokenizer = halves.with_name("tokenizer.bin")
    right = tokenizer.read_bytes()
    tokenizer.write_bytes(b"of another model")
    wrong = find()
    tokenizer.write_bytes(right)
    found = [wrong, find(), find("halves"), find("interleaved")]
    orders = [each.desc.shape.rope.order for each in found]
    assert orders == ["interleaved", "halves", "halves", "interleaved"]
    assert [each.notes for each in found] == [(), (OTHER_ORDER,), (), ()]
    assert len({each.stem for each in found}) == 4
    kept = halves.with_name("kept")
    for notes in ((OTHER_ORDER,), ()):  # the second time it is there
        assert find(keep=kept).notes == notes
        assert read_desc(kept).shape.rope.order == "halves"
    before = len(asked)
    assert [find().stem, find(keep=kept).stem] == [found[1].stem, kept]
    assert len(asked) == before
    assert find("interleaved", kept).desc.shape.rope.order == "interleaved"


def test_what_settles_its_order_takes_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    c = tiny_config()
    folder = write_hf(tmp_path / "hf", config_of(c), hf_tensors(c, random_weights(c, 0)))
    stem = str(tmp_path / "out")
    assert convert_main([str(folder), stem, "--rope-order", "interleaved"]) == 3
    assert "settles the order of heads itself" in capsys.readouterr().err
    assert convert_main(["--quiet", str(folder), stem, "--rope-order", "auto"]) == 0
    assert read_desc(Path(stem)).shape.rope.order == "halves"
    assert convert_main(["--inspect", str(folder), "--rope-order", "halves"]) == 2
    assert convert_main([str(folder), stem, "--rope-order", "sideways"]) == 2
