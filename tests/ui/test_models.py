"""``llama2ncnn-chat models``, as a person and as a program sees it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from convert.format_names import FORMAT_NAMES
from convert.pipeline import convert
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.catalogue.good_models import GOOD_MODELS
from llama2ncnn_chat.cli import main
from tests.tiny_model import random_weights, tiny_config, write_v0

CONFIG = tiny_config()
Out = pytest.CaptureFixture[str]


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tokenizer.bin").write_bytes(b"never opened here")
    checkpoint = write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))
    monkeypatch.chdir(tmp_path)
    return checkpoint


class Typed(io.StringIO):
    """A terminal at which this is typed."""

    def isatty(self) -> bool:
        return True


def listed(capsys: Out) -> dict[str, list[dict[str, object]]]:
    assert main(["models", "--json"]) == 0
    found: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return found


def test_everything_is_listed_by_where_it_is(checkpoint: Path, capsys: Out) -> None:
    convert(checkpoint, checkpoint.with_name("made.ncnn"), weights="b8")
    stem = find_model(str(checkpoint)).stem
    found = listed(capsys)
    [conversion] = found["converted"]
    size = sum(path.stat().st_size for path in stem.parent.iterdir())
    assert conversion == {
        "model": str(stem),
        "name": "m.bin",
        "format": "ncnn q8 in blocks of 32",
        "size": size,
        "where": stem.parent.name,
    }
    assert [m["name"] for m in found["here"]] == ["made.ncnn", "m.bin"]
    assert [m["name"] for m in found["bundled"]] == ["demo"]
    assert found["hub"] == []
    assert [m["model"] for m in found["to_fetch"]] == [m.model for m in GOOD_MODELS]
    assert found["to_fetch"][0]["memory"] == {w: GOOD_MODELS[0].memory(w) for w in FORMAT_NAMES}
    assert main(["models"]) == main(["models", "list"]) == 0
    text = capsys.readouterr().out
    for line in ("m.bin", "made.ncnn", "demo", stem.parent.name, GOOD_MODELS[-1].model):
        assert text.count(f"{line}  ") or text.count(f"{line}\n")


def test_removing_asks_first(
    checkpoint: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = find_model(str(checkpoint)).stem.parent
    for answer in ("", "\n", "n\n", "what?\n"):
        monkeypatch.setattr(sys, "stdin", Typed(answer))
        assert main(["models", "rm", "m.bin"]) == 0
        out, err = capsys.readouterr()
        assert out == "nothing removed\n"
        assert "Remove " in err
        assert folder.name in err
        assert folder.exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["models", "rm", "m.bin"]) == 2
    assert "--yes removes without asking" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdin", Typed("y\n"))
    assert main(["models", "rm", "m.bin"]) == 0
    assert "freed" in capsys.readouterr().out
    assert not folder.exists()


def test_one_is_shown(capsys: Out) -> None:
    assert main(["models", "show", "demo"]) == 0
    text = capsys.readouterr().out
    for words in (
        "llama2.c v2",
        "without loss",
        "template    llama2",
        "A reply ends at <s> or </s>.",
    ):
        assert words in text
    assert main(["models", "show", "demo", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["chat"]["sample"] in text
    assert told["chat"]["end_names"] == ["<s>", "</s>"]


def test_pruning_says_what_and_how_much(checkpoint: Path, capsys: Out) -> None:
    assert main(["models", "prune"]) == 0
    assert capsys.readouterr() == ("nothing removed\n", "")
    folder = find_model(str(checkpoint)).stem.parent
    size = sum(path.stat().st_size for path in folder.iterdir())
    checkpoint.unlink()
    assert main(["models", "prune", "--yes", "--json"]) == 0
    removed = {"name": f"m.bin ({folder.name})", "why": "its source is gone", "size": size}
    assert json.loads(capsys.readouterr().out) == {"removed": [removed], "size": size}
    assert not folder.exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["rm"], "which model?"),
        (["show"], "which model?"),
        (["rm", "none"], "no converted model of that name"),
        (["prune", "m.bin"], "prune takes no name"),
        (["remove"], "is none of list, show, rm, prune"),
    ],
)
def test_what_can_not_be_is_one_line(typed: list[str], said: str, capsys: Out) -> None:
    assert main(["models", *typed]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert (out, err.count("\n")) == ("", 1)
