"""The converter's command with a model that it has to fetch first."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.__main__ import main
from convert.desc import read_desc
from tests.chat_folder import write_chat_folder
from tests.hub_server import Hub, Repo
from tests.tiny_model import random_weights, tiny_config, write_v0

Out = pytest.CaptureFixture[str]


@pytest.fixture
def tiny(hub: Hub, tmp_path: Path) -> Hub:
    c = tiny_config()
    write_chat_folder(tmp_path / "tiny")
    files = {path.name: path.read_bytes() for path in (tmp_path / "tiny").iterdir()}
    # A file is known by its content, whatever it is called.
    files["sub/m.gguf"] = write_v0(tmp_path / "m", c, random_weights(c, 0)).read_bytes()
    hub.repos["owner/tiny"] = Repo(files)
    return hub


def test_a_model_of_the_hub_is_fetched_and_converted(
    tiny: Hub, tmp_path: Path, capsys: Out
) -> None:
    stem = tmp_path / "out.ncnn"
    assert main(["hf:owner/tiny@v1", str(stem)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert " fetched " in err
    assert "{tokenizer.bin,chat.json,param,bin,desc}: q8" in err
    assert read_desc(stem).source.startswith("Hugging Face llama (float32)")
    tiny.asked.clear()
    assert main(["--quiet", "hf:owner/tiny/sub/m.gguf", str(stem)]) == 0
    assert capsys.readouterr() == ("", "")
    assert read_desc(stem).source.startswith("llama2.c v0")
    assert tiny.fetched() == ["sub/m.gguf"]


def test_what_is_in_the_cache_is_inspected(tiny: Hub, tmp_path: Path, capsys: Out) -> None:
    assert main(["--inspect", "hf:owner/tiny"]) == 3
    assert "isn't in the Hub's cache" in capsys.readouterr().err
    assert tiny.asked == []
    assert main(["--quiet", "hf:owner/tiny", str(tmp_path / "out")]) == 0
    assert main(["--inspect", "hf:owner/tiny"]) == 0
    assert "Hugging Face llama" in capsys.readouterr().out


def test_what_can_not_be_fetched_is_one_line(tiny: Hub, tmp_path: Path, capsys: Out) -> None:
    for name, why in {
        "hf:owner/none": "the Hub has no such model",
        "hf:tiny": "no name of a model on the Hub; hf:OWNER/NAME",
    }.items():
        assert main([name, str(tmp_path / "out")]) == 3
        err = capsys.readouterr().err
        assert why in err
        assert err.count("\n") == 1
    assert not list(tmp_path.glob("out*"))
