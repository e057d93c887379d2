"""A preset in all faces: as a flag of the program, and as a command in both conversations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llama2ncnn_chat.cli import main
from llama2ncnn_chat.paths import config_file
from tests.chatting import make_chat
from tests.ui.repl.talking import talk
from tests.ui.tui import scripted
from tests.ui.tui.stage import Stage, play


def write_config(text: str) -> Path:
    file = config_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_one_shot(stem: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_config(f"[preset.mine]\nmodel = '{stem}'\nmax_tokens = 3\nseed = 7\nsystem = 'Hi.'")
    assert main(["--preset", "mine", "-p", "hello", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["model"], result["seed"]) == ("m.ncnn", 7)
    assert result["timings"]["predicted_n"] == 3


def test_completion_tells_what_a_modelfile_has_besides(
    stem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Modelfile"
    file.write_text("FROM ./m.ncnn.desc\nPARAMETER num_predict 3\nTEMPLATE x")
    assert main(["complete", stem, "hello", "--preset", str(file), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["timings"]["predicted_n"] == 3
    assert err == f"llama2ncnn-chat: {file}: not taken over: TEMPLATE\n"


def test_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    file = write_config("[preset.mine]\ntop_k = 7")
    chat = make_chat()
    talk(chat, "/preset mine\n/preset save other\n/preset other\n/preset none\n")
    out, err = capsys.readouterr()
    assert "preset mine: top_k 7" in out + err
    assert f"saved in {file}; --preset other begins with it" in out + err
    assert "no preset 'none'" in err
    assert chat.settings.sampling.top_k == 7


def test_on_the_screen() -> None:
    file = write_config("# mine\n[preset.mine]\ntop_k = 7\n")

    async def scene(stage: Stage) -> None:
        await stage.send("/preset mine")
        assert "preset mine: top_k 7" in stage.notices[-1]
        await stage.send("/preset save mine")
        await stage.press("y")
        await stage.until(lambda: "saved in" in stage.notices[-1])

    play(scripted.make_chat(scripted.Script(["Yes."])), scene)
    text = file.read_text()
    assert text.startswith("# mine\n[preset.mine]\ntop_k = 7\n")
    assert "min_p = 0.05" in text
